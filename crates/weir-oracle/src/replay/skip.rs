//! Records that need what the lab or the proxy cannot do yet.

use weir_lab::bed::Binary;
use weir_lab::script::ClientStep;

use super::Options;
use crate::record::Record;

/// Directives that the proxy may lack, and the reason that is given then.
const DIRECTIVES: [(&str, &str); 1] = [("proxy_cache", "proxy_cache")];

/// Why `record` is not replayed; None if it is. nginx has every directive, and is asked for all
/// that the lab can play.
pub(crate) fn reason(record: &Record, options: &Options, target: &Binary) -> Option<String> {
    if record
        .request
        .iter()
        .any(|step| matches!(step, ClientStep::Tls { .. }))
    {
        return Some("TLS of clients".to_owned());
    }
    let uses = |&&(directive, _): &&(&str, &str)| record.conf.all().any(|t| t.contains(directive));
    let (_, reason) = DIRECTIVES.iter().find(uses)?;
    let included = options.include.iter().any(|included| included == reason);
    (!included && !target.is_nginx()).then(|| (*reason).to_owned())
}
