//! What a configuration says that its author may not mean: looked for without any failure.

use crate::case::{Case, split};
use crate::cause::{
    CONNECT_CLOCK, Cause, FORWARDED_PROTO, GROUP_NAME_HOST, GROUP_NAME_TOLD, HEADERS_LOST,
    KEEPALIVE_UNUSED, NOT_VERIFIED, Severity, UPGRADE_ALWAYS,
};
use crate::configuration::{Group, Passing, address_of};
use crate::finding::{Confidence, Finding};

/// A location with the group that it passes to, if that is one.
struct Looked<'a> {
    case: &'a Case,
    passing: &'a Passing,
    group: Option<&'a Group>,
}

/// A rule: what it says where it is broken, and how grave that is.
type Rule = fn(&Looked<'_>) -> Option<(String, Severity)>;

/// The rules, with what breaking them is called.
const RULES: [(&Cause, Rule); 8] = [
    (&UPGRADE_ALWAYS, upgrade_always),
    (&KEEPALIVE_UNUSED, keepalive_unused),
    (&GROUP_NAME_TOLD, group_name_told),
    (&GROUP_NAME_HOST, group_name_host),
    (&HEADERS_LOST, headers_lost),
    (&FORWARDED_PROTO, forwarded_proto),
    (&CONNECT_CLOCK, connect_clock),
    (&NOT_VERIFIED, not_verified),
];

/// A finding for each rule that is broken, with every place where it is.
pub(super) fn all(case: &Case) -> Vec<Finding> {
    let proxied = case
        .passing
        .iter()
        .filter(|passing| passing.directive == "proxy_pass");
    let looked: Vec<Looked<'_>> = proxied
        .map(|passing| Looked {
            case,
            passing,
            group: case
                .groups
                .iter()
                .find(|group| group.name == passing.authority()),
        })
        .collect();
    RULES
        .iter()
        .filter_map(|(cause, rule)| broken(cause, *rule, &looked))
        .collect()
}

fn broken(cause: &'static Cause, rule: Rule, looked: &[Looked<'_>]) -> Option<Finding> {
    let mut finding = Finding::of(cause);
    finding.confidence = Confidence::High;
    for one in looked {
        if let Some((text, severity)) = rule(one) {
            finding.severity = finding.severity.max(severity);
            finding.read(text, &one.passing.place);
        }
    }
    (!finding.evidence.is_empty()).then_some(finding)
}

impl Looked<'_> {
    /// The value of a header that is set for the upstream.
    fn header(&self, name: &str) -> Option<&str> {
        let own = |(own, _): &&(String, String)| own.eq_ignore_ascii_case(name);
        let found = self.passing.headers.iter().find(own);
        found.map(|(_, value)| value.as_str())
    }

    fn is(&self, name: &str, default: &str, value: &str) -> bool {
        self.passing.setting(name, default).value == value
    }

    /// How it is told which location is meant.
    fn name(&self) -> String {
        match self.passing.location.is_empty() {
            true => format!("server {}", self.passing.server),
            false => format!("location {}", self.passing.location),
        }
    }
}

fn upgrade_always(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let value = looked.header("connection")?;
    let is_fixed = value.eq_ignore_ascii_case("upgrade");
    // A location of WebSockets alone is named like one.
    let name = looked.passing.location.to_ascii_lowercase();
    let is_meant = ["ws", "socket", "signalr", "hub", "live", "cable", "stream"]
        .iter()
        .any(|word| name.contains(word));
    (is_fixed && !is_meant).then(|| {
        let text = format!(
            "proxy_set_header Connection \"{value}\"; in {}",
            looked.name()
        );
        (text, Severity::Note)
    })
}

fn keepalive_unused(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let group = looked.group.filter(|group| group.keepalive.is_some())?;
    if looked.case.speaks_http_11() {
        return None;
    }
    let is_new = !looked.is("proxy_http_version", "1.0", "1.0");
    let ends = match looked.header("connection") {
        None => true,
        Some(value) => value.eq_ignore_ascii_case("close") || value.eq_ignore_ascii_case("upgrade"),
    };
    (!is_new || ends).then(|| {
        let lacks = match (is_new, ends) {
            (false, true) => "proxy_http_version 1.1 and the empty Connection header are",
            (false, false) => "proxy_http_version 1.1 is",
            (true, _) => "the empty Connection header is",
        };
        let text = format!(
            "{} passes to {}, which has keepalive; {lacks} missing",
            looked.name(),
            group.name
        );
        (text, Severity::Note)
    })
}

fn group_name_told(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let group = looked.group.filter(|_| looked.passing.is_https())?;
    let is_named = looked.passing.has("proxy_ssl_name");
    let verified = looked.is("proxy_ssl_verify", "off", "on");
    let told = looked.is("proxy_ssl_server_name", "off", "on");
    // A group that is named as a host is meant as one.
    let is_host = group.name.contains('.');
    (!is_named && !is_host && (verified || told)).then(|| {
        let text = format!("proxy_pass {}; in {}", looked.passing.target, looked.name());
        let severity = if verified {
            Severity::Warning
        } else {
            Severity::Note
        };
        (text, severity)
    })
}

fn group_name_host(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let name = looked.passing.proxy_host();
    let is_invalid = name.contains('_') && !looked.passing.is_variable();
    (is_invalid && looked.header("host").is_none()).then(|| {
        let text = format!("Host: {name} is sent in {}", looked.name());
        (text, Severity::Note)
    })
}

fn headers_lost(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let lost = &looked.passing.headers_lost;
    (!lost.is_empty()).then(|| {
        let text = format!("{} in {}", lost.join(", "), looked.name());
        (text, Severity::Note)
    })
}

fn forwarded_proto(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let says = [
        "x-forwarded-proto",
        "forwarded",
        "x-forwarded-ssl",
        "x-scheme",
        "x-forwarded-protocol",
    ]
    .iter()
    .any(|name| looked.header(name).is_some());
    let is_lost = looked.passing.over_tls && !looked.passing.is_https() && !says;
    is_lost.then(|| (looked.name(), Severity::Note))
}

fn connect_clock(looked: &Looked<'_>) -> Option<(String, Severity)> {
    const LONGEST: u64 = 75;
    let clock = looked.passing.setting("proxy_connect_timeout", "60s");
    let time = weir_conf::parse_time(clock.value.as_bytes())?;
    (time.as_secs() > LONGEST).then(|| {
        let text = format!(
            "proxy_connect_timeout {}; in {}",
            clock.value,
            looked.name()
        );
        (text, Severity::Note)
    })
}

fn not_verified(looked: &Looked<'_>) -> Option<(String, Severity)> {
    let verified = looked.is("proxy_ssl_verify", "off", "on");
    let authority = looked.passing.authority();
    let written = match looked.group {
        Some(group) => group.servers.first().map(|server| &*server.address),
        None => Some(authority),
    };
    // What stays on the machine is trusted.
    let is_here = |written: &str| {
        split(written).0 == "localhost"
            || written.starts_with("unix:")
            || address_of(written).is_some_and(|address| address.ip().is_loopback())
    };
    let is_away = written.is_some_and(|written| !is_here(written));
    (looked.passing.is_https() && !verified && is_away).then(|| {
        let text = format!("proxy_pass {}; in {}", looked.passing.target, looked.name());
        (text, Severity::Note)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    /// The codes that a configuration's locations are told, with lines.
    fn told(text: &str) -> Vec<(&'static str, Vec<u32>)> {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        let text = format!("events {{}} http {{\n{text}\n}}\n");
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let configuration = Configuration::read(&path, folder.path());
        let case = Case {
            passing: configuration.passing(),
            groups: configuration.groups(),
            configuration: Some(configuration),
            ..Case::default()
        };
        let line = |finding: &Finding| {
            let places = finding.evidence.iter().filter_map(|one| one.place.as_ref());
            places.map(|place| place.line).collect()
        };
        all(&case)
            .iter()
            .map(|finding| (finding.code, line(finding)))
            .collect()
    }

    #[test]
    fn rules_are_broken_where_they_are() {
        let none: Vec<(&str, Vec<u32>)> = Vec::new();
        let server = |location: &str| format!("server {{ location / {{\n{location}\n}} }}");
        for (text, is) in [
            (server("proxy_pass http://app:8080;"), none.clone()),
            (
                server("proxy_pass http://app:1; proxy_set_header Connection upgrade;"),
                vec![("WEIR-CONF-UPGRADE", vec![3])],
            ),
            (
                "server { location /socket.io/ {\nproxy_pass http://app:1; proxy_set_header Connection upgrade;\n} }".to_owned(),
                none.clone(),
            ),
            (
                "upstream a.b { server c; keepalive 4; }\nserver { location / {\nproxy_pass http://a.b;\n} }".to_owned(),
                vec![("WEIR-CONF-KEEPALIVE", vec![4])],
            ),
            (
                "upstream a.b { server c; keepalive 4; }\nserver { location / {\nproxy_pass http://a.b; proxy_http_version 1.1; proxy_set_header Connection '';\n} }"
                    .to_owned(),
                none.clone(),
            ),
            (
                "upstream app { server 127.0.0.1:1; }\nserver { location / {\nproxy_pass https://app; proxy_ssl_server_name on;\n} }".to_owned(),
                vec![("WEIR-CONF-GROUP-NAME", vec![4])],
            ),
            (
                "upstream my_app { server c; }\nserver { location / {\nproxy_pass http://my_app;\n} }".to_owned(),
                vec![("WEIR-CONF-HOST", vec![4])],
            ),
            (
                "proxy_set_header Host $host; proxy_set_header X-A b;\nserver { location / {\nproxy_pass http://a:1; proxy_set_header x-a c;\n} }".to_owned(),
                vec![("WEIR-CONF-HEADERS-LOST", vec![4])],
            ),
            (
                "server { listen 443 ssl; location / {\nproxy_pass http://a:1;\n} }".to_owned(),
                vec![("WEIR-CONF-FORWARDED-PROTO", vec![3])],
            ),
            (
                server("proxy_pass http://a:1; proxy_connect_timeout 300;"),
                vec![("WEIR-CONF-CONNECT-CLOCK", vec![3])],
            ),
            (
                server("proxy_pass https://a.test;"),
                vec![("WEIR-CONF-NOT-VERIFIED", vec![3])],
            ),
            (server("proxy_pass https://127.0.0.1:8443;"), none.clone()),
        ] {
            assert_eq!(told(&text), is, "{text}");
        }
    }
}
