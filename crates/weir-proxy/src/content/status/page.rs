//! The state of things as a page for people: whole without a script, which only fetches it again.

use std::fmt::Write as _;

use weir_log::LogTime;

use super::snapshot::{FailureCount, PeerState, Snapshot, UpstreamState};

const HEAD: &str = include_str!("head.html");
const FOOT: &str = include_str!("foot.html");

/// The page.
pub(super) fn text(snapshot: &Snapshot) -> String {
    let mut out = HEAD.to_owned();
    // Writing to a String cannot fail.
    let _ = write(&mut out, snapshot);
    out.push_str(FOOT);
    out
}

fn write(out: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let configuration = &snapshot.configuration;
    let files = if configuration.files == 1 {
        "1 file"
    } else {
        &format!("{} files", configuration.files)
    };
    writeln!(
        out,
        "<p class=\"about\">weir {} as nginx {} · <time>{}</time> · configuration {} ({files}) since <time>{}</time></p>",
        snapshot.version,
        snapshot.nginx,
        moment(snapshot.now),
        configuration.generation,
        moment(configuration.loaded),
    )?;
    let connections = &snapshot.connections;
    out.push_str("<ul class=\"numbers\">\n");
    for (name, value) in [
        ("requests", snapshot.requests),
        ("connections", connections.active),
        ("reading", connections.reading),
        ("writing", connections.writing),
        ("waiting", connections.waiting),
        ("accepted", connections.accepted),
    ] {
        writeln!(out, "<li><b>{value}</b> {name}</li>")?;
    }
    out.push_str("</ul>\n");
    failures(out, &snapshot.failures)?;
    let (blocks, others): (Vec<_>, Vec<_>) = snapshot
        .upstreams
        .iter()
        .partition(|upstream| upstream.is_block);
    for one in blocks.into_iter().chain(others) {
        upstream(out, one)?;
    }
    Ok(())
}

fn failures(out: &mut String, failures: &[FailureCount]) -> std::fmt::Result {
    let mut seen: Vec<&FailureCount> = failures
        .iter()
        .filter(|failure| failure.total > 0)
        .collect();
    seen.sort_by_key(|failure| std::cmp::Reverse((failure.last_hour, failure.total)));
    out.push_str("<h2>Failed tries</h2>\n");
    if seen.is_empty() {
        out.push_str("<p>None so far.</p>\n");
        return Ok(());
    }
    out.push_str("<table><thead><tr><th scope=\"col\">reason</th><th scope=\"col\">last hour</th><th scope=\"col\">in all</th></tr></thead><tbody>\n");
    for failure in seen {
        let class = if failure.last_hour > 0 {
            " class=\"bad\""
        } else {
            ""
        };
        writeln!(
            out,
            "<tr{class}><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            failure.reason, failure.last_hour, failure.total
        )?;
    }
    out.push_str("</tbody></table>\n");
    Ok(())
}

/// Columns of a group's table.
const COLUMNS: [&str; 10] = [
    "server",
    "state",
    "weight",
    "under way",
    "requests",
    "failed",
    "last failure",
    "half within",
    "90 %",
    "99 %",
];

fn upstream(out: &mut String, upstream: &UpstreamState) -> std::fmt::Result {
    let kind = if upstream.is_block {
        "upstream"
    } else {
        "proxy_pass"
    };
    let queued = upstream
        .queued
        .filter(|queued| *queued > 0)
        .map_or(String::new(), |queued| format!(", {queued} wait"));
    writeln!(
        out,
        "<h2>{kind} {}{queued}</h2>\n<table><thead><tr>",
        escaped(&upstream.name)
    )?;
    for name in COLUMNS {
        let class = if name == "state" {
            " class=\"state\""
        } else {
            ""
        };
        write!(out, "<th scope=\"col\"{class}>{name}</th>")?;
    }
    out.push_str("</tr></thead><tbody>\n");
    for one in &upstream.peers {
        peer(out, one)?;
    }
    out.push_str("</tbody></table>\n");
    Ok(())
}

fn peer(out: &mut String, peer: &PeerState) -> std::fmt::Result {
    let class = match peer.state {
        "up" => "good",
        "down" | "unavail" | "unhealthy" => "bad",
        _ => "so-so",
    };
    let backup = if peer.backup { " (backup)" } else { "" };
    let since = peer
        .since_failure
        .map_or_else(|| "–".to_owned(), |seconds| format!("{seconds} s ago"));
    let within = |bound: Option<u64>| match (bound, peer.answers.count) {
        (_, 0) => "–".to_owned(),
        (Some(millis), _) => format!("{millis} ms"),
        (None, _) => "more".to_owned(),
    };
    let answers = &peer.answers;
    writeln!(
        out,
        "<tr class=\"{class}\"><th scope=\"row\">{}{backup}</th><td class=\"state\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{since}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escaped(&peer.name),
        peer.state,
        peer.weight,
        peer.active,
        peer.requests,
        peer.failed,
        within(answers.half),
        within(answers.most),
        within(answers.nearly_all),
    )
}

fn moment(second: i64) -> String {
    String::from_utf8_lossy(LogTime::new(second).iso8601()).into_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
