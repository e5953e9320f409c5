//! Logs that cannot be read, and files and sockets that may not be used.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::case::Case;
use crate::cause::{FILE_FORBIDDEN, LOG_UNREADABLE, PERMISSION, SOCKET_MISSING};
use crate::finding::{Confidence, Finding, Source};
use crate::logs::errors::Incident;
use crate::probe;

/// A finding for each log that cannot be read.
pub(super) fn unreadable(case: &Case) -> Vec<Finding> {
    let all = case.unreadable.iter().map(|fault| {
        let mut finding = Finding::of(&LOG_UNREADABLE);
        finding.confidence = Confidence::High;
        finding.saw(Source::Host, fault.to_string());
        if fault.source.kind() == ErrorKind::NotFound {
            finding.cures.clear();
            let text = "It is not there: start the proxy with this configuration, or name its log with --log FILE.";
            finding.cure_first(text, None);
        }
        finding
    });
    all.collect()
}

pub(super) fn look(case: &Case, incident: &Incident, finding: &mut Finding) {
    let cause = incident.cause;
    if !case.live || ![&PERMISSION, &SOCKET_MISSING, &FILE_FORBIDDEN].contains(&cause) {
        return;
    }
    let path = match incident.upstream.split_once("unix:") {
        Some((_, path)) => path,
        None => quoted(&incident.line).unwrap_or_default(),
    };
    if path.is_empty() {
        return;
    }
    for text in way_to(Path::new(path)) {
        finding.saw(Source::Host, text);
    }
    if incident.upstream.contains("unix:") {
        as_worker(case, Path::new(path), finding);
    }
    let user = case
        .configuration
        .as_ref()
        .and_then(|configuration| configuration.main("user"));
    if let Some(user) = user {
        finding.read(format!("user {};", user.args.join(" ")), &user.place);
    }
}

/// Whether the worker's user reaches the socket now, and who that is.
fn as_worker(case: &Case, path: &Path, finding: &mut Finding) {
    let Some(worker) = &case.worker else {
        return;
    };
    let groups: Vec<String> = worker.groups.iter().map(u32::to_string).collect();
    let who = format!(
        "the worker runs as user {}, group {}, others {}",
        worker.user,
        worker.group,
        if groups.is_empty() {
            "none".to_owned()
        } else {
            groups.join(" ")
        }
    );
    match case.as_worker(|| probe::connect_unix(path)) {
        Some(reached) => {
            if reached.outcome.is_err() {
                finding.confidence = Confidence::High;
            }
            finding.saw(Source::Probe, format!("{who}: {}", reached.words()));
        }
        None => finding.saw(Source::Host, who),
    }
}

/// What stands between the first quotation marks.
fn quoted(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('"')?;
    rest.split_once('"').map(|(text, _)| text)
}

/// Every folder on the way to a path and the path itself, that not everybody may pass or use.
fn way_to(path: &Path) -> Vec<String> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    let mut said = Vec::new();
    for part in parts {
        let Ok(data) = part.metadata() else {
            said.push(format!("{} does not exist", part.display()));
            break;
        };
        let mode = data.permissions().mode() & 0o7777;
        let open = if data.is_dir() { 0o001 } else { 0o006 };
        if mode & open != open {
            said.push(format!(
                "{}: mode {mode:04o}, user {}, group {}",
                part.display(),
                data.uid(),
                data.gid()
            ));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bars_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let private = std::fs::Permissions::from_mode(0o700);
        let set = std::fs::set_permissions(folder.path(), private);
        assert!(set.is_ok());
        let inner = folder.path().join("a/b");
        let said = way_to(&inner);
        assert!(
            said.last()
                .is_some_and(|last| last.ends_with("/a does not exist")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|line| line.contains("mode 0700")),
            "{said:?}"
        );
    }
}
