//! TLS with upstreams, spoken where it should not be, or not where it should.

use std::net::SocketAddr;

use super::becomes;
use crate::case::{Case, split};
use crate::cause::{
    CLOSED, INVALID_HEADER, NOT_HTTP, PLAIN_TO_TLS, RESET, TLS_ALERT, TLS_CLOSED, TLS_NAME,
    TLS_PLAIN, TLS_SNI, TLS_UNTRUSTED,
};
use crate::configuration::Passing;
use crate::finding::{Confidence, Finding, Source};
use crate::logs::errors::Incident;
use crate::patch;
use crate::probe::{Greeting, greet};

pub(super) fn look(case: &Case, incident: &Incident, leading: &[&Passing], finding: &mut Finding) {
    let cause = incident.cause;
    let address = incident.address().parse::<SocketAddr>().ok();
    let first = leading
        .iter()
        .find(|passing| !passing.is_variable())
        .copied();
    if [&CLOSED, &RESET, &NOT_HTTP, &INVALID_HEADER].contains(&cause)
        && incident.upstream.starts_with("http://")
    {
        plain_to_tls(case, address, first, finding);
        return;
    }
    let Some(passing) = first else {
        return;
    };
    if cause == &TLS_PLAIN {
        finding.confidence = Confidence::High;
        let diff = patch::replace(&passing.place, "https://", "http://");
        finding.cure_first(
            "Speak plain HTTP to it, if it is on this machine or in a trusted network:",
            diff,
        );
    }
    if [&TLS_SNI, &TLS_ALERT, &TLS_CLOSED, &TLS_NAME].contains(&cause) {
        name(case, address, passing, cause == &TLS_SNI, finding);
    }
    if cause == &TLS_UNTRUSTED {
        finding.confidence = Confidence::High;
        for name in [
            "proxy_ssl_verify",
            "proxy_ssl_trusted_certificate",
            "proxy_ssl_verify_depth",
        ] {
            let setting = passing.setting(name, "");
            if let Some(place) = &setting.place {
                finding.read(format!("{name} {};", setting.value), place);
            }
        }
    }
}

/// Plain HTTP was sent: is it TLS that is spoken there?
fn plain_to_tls(
    case: &Case,
    address: Option<SocketAddr>,
    passing: Option<&Passing>,
    finding: &mut Finding,
) {
    let Some(address) = address.filter(|_| case.live) else {
        return;
    };
    let told = match greet(address, Some("localhost")) {
        Greeting::Spoken => "it speaks TLS".to_owned(),
        Greeting::Refused(alert) => format!("it speaks TLS (and answers {alert})"),
        Greeting::NotTls | Greeting::Silent(_) => return,
    };
    becomes(finding, &PLAIN_TO_TLS, Confidence::High);
    finding.saw(Source::Probe, format!("{address} from here: {told}"));
    if let Some(passing) = passing {
        let diff = patch::replace(&passing.place, "http://", "https://");
        finding.cure_first("Speak TLS to it:", diff);
    }
}

/// Does the upstream want to be told a name?
fn name(
    case: &Case,
    address: Option<SocketAddr>,
    passing: &Passing,
    is_sure: bool,
    finding: &mut Finding,
) {
    let tells = passing.setting("proxy_ssl_server_name", "off");
    let name = passing.setting("proxy_ssl_name", "$proxy_host");
    let host = split(passing.authority()).0.to_owned();
    let is_group = case.groups.iter().any(|group| group.name == host);
    let is_name =
        host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !is_group && !host.contains(':');
    let text = format!(
        "proxy_ssl_server_name {}; proxy_ssl_name {};",
        tells.value, name.value
    );
    match tells.place.as_ref().or(name.place.as_ref()) {
        Some(place) => finding.read(text, place),
        None => finding.saw(Source::Config, format!("{text} (the defaults)")),
    }
    let mut without = None;
    if let Some(address) = address.filter(|_| case.live) {
        let greeting = greet(address, None);
        finding.saw(
            Source::Probe,
            format!("{address} without a name: {}", words(&greeting)),
        );
        without = Some(greeting);
        if is_name {
            let greeting = greet(address, Some(&host));
            finding.saw(
                Source::Probe,
                format!("{address} with the name {host}: {}", words(&greeting)),
            );
        }
    }
    let wants = is_sure || matches!(without, Some(Greeting::Refused(_) | Greeting::Silent(_)));
    if tells.value != "on" && wants {
        if !is_sure {
            becomes(finding, &TLS_SNI, Confidence::Medium);
        } else {
            finding.confidence = Confidence::High;
        }
        let diff = match &tells.place {
            Some(place) => patch::replace(place, "off", "on"),
            None => patch::insert_behind(&passing.place, &["proxy_ssl_server_name on;".to_owned()]),
        };
        let diff = diff.filter(|_| !passing.in_if);
        let text = match is_name || name.place.is_some() {
            true => "Tell it the name:",
            false => {
                "Tell it the name, and say which in `proxy_ssl_name`, as this one is none of its:"
            }
        };
        finding.cure_first(text, diff);
    }
}

fn words(greeting: &Greeting) -> String {
    match greeting {
        Greeting::Spoken => "TLS stands".to_owned(),
        Greeting::Refused(alert) => format!("refused, {alert}"),
        Greeting::NotTls => "no TLS".to_owned(),
        Greeting::Silent(why) => format!("no answer ({why})"),
    }
}
