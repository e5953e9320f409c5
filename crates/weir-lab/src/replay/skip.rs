//! Records that need what the proxy cannot do yet.

use crate::record::Record;
use crate::script::{BackendScript, BackendStep, ClientStep};

/// Directives, and why a configuration with them is left out.
const DIRECTIVES: [(&str, &str); 10] = [
    ("ssl", "TLS"),
    ("https://", "TLS"),
    ("resolver", "resolver"),
    ("resolve;", "resolver"),
    ("limit_req", "limit_req"),
    ("limit_conn", "limit_conn"),
    ("rewrite", "rewrite"),
    ("mirror", "mirror"),
    ("auth_request", "auth_request"),
    ("gzip", "gzip"),
];

/// Why `record` is not replayed; None if it is.
pub(crate) fn reason(record: &Record) -> Option<&'static str> {
    if record.conf.all().any(|text| text.contains("proxy_cache")) {
        return Some("proxy_cache");
    }
    if needs_tls(record) {
        return Some("TLS");
    }
    if !record.dns.is_empty() || record.id.starts_with("resolve-") {
        return Some("resolver");
    }
    let directive = DIRECTIVES
        .iter()
        .find(|(name, _)| record.conf.all().any(|t| t.contains(name)));
    directive.map(|&(_, reason)| reason)
}

fn needs_tls(record: &Record) -> bool {
    let speaks =
        |steps: &[BackendStep]| steps.iter().any(|step| matches!(step, BackendStep::Tls(_)));
    let backends = record.backend.values().any(|script| match script {
        BackendScript::Plain(conns) => conns.iter().any(|steps| speaks(steps)),
        BackendScript::Tuned(scripted) => scripted.conns.iter().any(|steps| speaks(steps)),
        BackendScript::Refusing(_) => false,
    });
    backends
        || record
            .request
            .iter()
            .any(|step| matches!(step, ClientStep::Tls(..)))
}
