//! Records about configurations that are refused.

use serde_json::json;
use weir_lab::bed::compare::{Difference, Extent, compare};
use weir_lab::bed::logs::Normal;
use weir_lab::bed::names::Names;
use weir_lab::bed::prefix::Prefix;
use weir_lab::bed::{Binary, Field, Seen};
use weir_lab::version::Version;

use crate::record::Record;

/// Runs the target with `-t` and compares exit status, stderr and error log.
pub(crate) async fn check(
    target: &Binary,
    record: &Record,
    version: Version,
    prefix: &Prefix,
) -> Result<Vec<Difference>, String> {
    let seen = shows(target, version, prefix).await?;
    let parts = [
        ("exit", json!(record.exit), Field::Ended),
        (
            "stderr",
            record.expected("stderr", version),
            Field::Responses,
        ),
        (
            "error_log",
            record.expected("error_log", version),
            Field::ErrorLog,
        ),
    ];
    let differences = parts.iter().flat_map(|(name, expected, field)| {
        compare(name, expected, seen.field(*field), Extent::Recorded)
    });
    Ok(differences.collect())
}

/// What `-t` shows: stderr as what came back, the exit status as the end.
pub(crate) async fn shows(
    target: &Binary,
    version: Version,
    prefix: &Prefix,
) -> Result<Seen, String> {
    let ended = target
        .test(prefix)
        .await
        .map_err(|fault| format!("-t: {fault}"))?;
    let normal = Normal::new(Names::default(), prefix.path(), version.as_str());
    let mut stderr = normal.stderr_lines(&ended.stderr);
    // Behind an empty line weir goes on to explain; nginx prints none.
    if let Some(end) = stderr.iter().position(String::is_empty) {
        stderr.truncate(end);
    }
    // The records keep complaints only.
    stderr.retain(|line| !line.ends_with(" syntax is ok") && !line.ends_with(" is successful"));
    let fields = [
        (Field::Ended, json!(ended.exit)),
        (Field::Responses, json!(stderr)),
        (
            Field::ErrorLog,
            json!(normal.error_lines(&prefix.log("error.log"))),
        ),
    ];
    Ok(Seen {
        fields: fields.into(),
        ..Seen::default()
    })
}
