//! Records about configurations that are refused.

use serde_json::json;

use super::bed::Prefix;
use super::compare::{Difference, compare};
use super::logs::Normal;
use super::proxy::Target;
use crate::record::Record;
use crate::version::Version;

/// Runs the target with `-t` and compares exit status, stderr and error log.
pub(crate) async fn check(
    target: &Target,
    record: &Record,
    version: Version,
    prefix: &Prefix,
) -> Result<Vec<Difference>, String> {
    let ended = target
        .test(prefix)
        .await
        .map_err(|fault| format!("-t: {fault}"))?;
    let normal = Normal::new(prefix.path(), version);
    let mut stderr = normal.stderr_lines(&ended.stderr);
    // Behind an empty line weir goes on to explain; nginx prints none.
    if let Some(end) = stderr.iter().position(String::is_empty) {
        stderr.truncate(end);
    }
    // The records keep complaints only.
    stderr.retain(|line| !line.ends_with(" syntax is ok") && !line.ends_with(" is successful"));
    let error_log = json!(normal.error_lines(&prefix.log("error.log")));
    let mut differences = compare("exit", &json!(record.exit), &json!(ended.exit));
    differences.extend(compare(
        "stderr",
        &record.expected("stderr", version),
        &json!(stderr),
    ));
    differences.extend(compare(
        "error_log",
        &record.expected("error_log", version),
        &error_log,
    ));
    Ok(differences)
}
