//! Upstreams asked once, as their locations ask them.

use std::net::IpAddr;

use super::becomes;
use crate::case::{Case, split};
use crate::cause::{
    BODY_CHUNKS, BODY_CUT, BODY_RESET, BODY_STALLED, CLOSED, CONNECT_TIMEOUT, Cause, HEADER_SIZE,
    IDLE_CLOSED, INVALID_HEADER, NOT_HTTP, PERMISSION, PLAIN_TO_TLS, READ_TIMEOUT, REFUSED, RESET,
    SOCKET_MISSING, Severity, TLS_ALERT, UNREACHABLE,
};
use crate::configuration::{Client, Passing, sent};
use crate::finding::{Confidence, Finding, Source};
use crate::logs::errors::Incident;
use crate::probe::http::{self, Answer, Body, Heard};
use crate::probe::{self, Greeting, Target};
use crate::url::Url;

/// Failures behind a connection that stands.
const ANSWERS: [&Cause; 11] = [
    &CLOSED,
    &RESET,
    &IDLE_CLOSED,
    &READ_TIMEOUT,
    &INVALID_HEADER,
    &NOT_HTTP,
    &HEADER_SIZE,
    &BODY_CUT,
    &BODY_RESET,
    &BODY_STALLED,
    &BODY_CHUNKS,
];

/// Asks the upstream of an incident what the log says that it was asked, without a query: where GET was logged, that path; else
/// the beginning of the location.
pub(super) fn again(case: &Case, incident: &Incident, leading: &[&Passing], finding: &mut Finding) {
    let is_about_answers = ANSWERS.iter().any(|cause| cause.code == finding.code);
    let target = Target::of(incident.address());
    let (Some(target), Some(passing)) = (target, leading.first()) else {
        return;
    };
    if !case.asks || !is_about_answers || passing.directive != "proxy_pass" {
        return;
    }
    let asked = incident.asked.as_ref().filter(|asked| {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        asked.path.starts_with('/') && is_plain(&asked.path) && is_plain(&asked.host)
    });
    let client = Client {
        newest: case.speaks_http_11(),
        host: asked.map_or(&*incident.server, |asked| &asked.host),
        path: asked.map_or("/", |asked| &asked.path),
    };
    let Some(heard) = ask(case, passing, &target, client, finding) else {
        return;
    };
    match cause_of(&heard, &target, room(passing)) {
        Some(cause) if cause.code == finding.code => finding.confidence = Confidence::High,
        Some(cause) if cause == &PLAIN_TO_TLS => becomes(finding, cause, Confidence::High),
        Some(_) | None => {}
    }
    if let Answer::Head { length, .. } = heard.answer {
        finding.head = Some(length);
    }
}

/// Asks, and says so.
fn ask(
    case: &Case,
    passing: &Passing,
    target: &Target,
    client: Client<'_>,
    finding: &mut Finding,
) -> Option<Heard> {
    let configuration = case.configuration.as_ref()?;
    let sent = sent(configuration, passing, client);
    let asked = || http::ask(target, &sent.speech);
    // A unix socket may be open to the worker and not to the doctor, or the other way.
    let heard = match target {
        Target::Unix(_) => case.as_worker(asked).unwrap_or_else(asked),
        Target::Tcp(_) => asked(),
    };
    let path = client.path.split('?').next().unwrap_or_default();
    let place = match passing.location.is_empty() {
        true => "this server".to_owned(),
        false => format!("location {}", passing.location),
    };
    let without = match sent.left_out.is_empty() {
        true => String::new(),
        false => format!(", without {}", sent.left_out.join(", ")),
    };
    finding.saw(
        Source::Probe,
        format!(
            "GET {path} of {target}, as {place} sends it{without}: {}",
            heard.words()
        ),
    );
    Some(heard)
}

/// How long a head this location takes: bytes.
fn room(passing: &Passing) -> usize {
    let size = passing.setting("proxy_buffer_size", "4k").value;
    weir_conf::parse_size(size.as_bytes()).unwrap_or(4096)
}

/// The cause that nginx would log where a head has so much room; `None`: all is well, as far as is seen.
fn cause_of(heard: &Heard, target: &Target, room: usize) -> Option<&'static Cause> {
    use std::io::ErrorKind;
    match &heard.answer {
        Answer::Unreached(error) => Some(match error.kind() {
            ErrorKind::ConnectionRefused => &REFUSED,
            ErrorKind::TimedOut => &CONNECT_TIMEOUT,
            ErrorKind::NotFound => &SOCKET_MISSING,
            ErrorKind::PermissionDenied => &PERMISSION,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => &UNREACHABLE,
            _ => &TLS_ALERT,
        }),
        Answer::Closed(_) | Answer::Reset(_) if speaks_tls(target) => Some(&PLAIN_TO_TLS),
        Answer::NotHttp(_) if speaks_tls(target) => Some(&PLAIN_TO_TLS),
        Answer::Closed(_) => Some(&CLOSED),
        Answer::Reset(_) => Some(&RESET),
        Answer::NotHttp(_) => Some(&NOT_HTTP),
        Answer::Refused(_) => Some(&INVALID_HEADER),
        Answer::TooLong => Some(&HEADER_SIZE),
        Answer::Late(_) => Some(&READ_TIMEOUT),
        Answer::Head { length, .. } if *length > room => Some(&HEADER_SIZE),
        Answer::Head { body, .. } => match body {
            Body::Whole(_) | Body::Unfinished(..) => None,
            Body::Cut(..) => Some(&BODY_CUT),
            Body::NoChunks => Some(&BODY_CHUNKS),
        },
    }
}

/// Whether TLS is spoken there. Who refuses a greeting with an alert speaks it, too.
fn speaks_tls(target: &Target) -> bool {
    match target {
        Target::Tcp(address) => matches!(
            probe::greet(*address, Some("localhost")),
            Greeting::Spoken | Greeting::Refused(_)
        ),
        Target::Unix(_) => false,
    }
}

/// Servers of a group that are asked for a URL.
const SERVERS: usize = 8;

/// What becomes of the URL that fails for its user, where the logs have not told already.
pub(super) fn by_url(case: &Case, told: &[Finding]) -> Vec<Finding> {
    let (Some(url), Some(configuration)) = (&case.url, &case.configuration) else {
        return Vec::new();
    };
    let Some(route) = configuration.route(split(&url.host).0, url.port, &url.path) else {
        return Vec::new();
    };
    let own = case
        .passing
        .iter()
        .filter(|passing| route.leads_to(passing));
    let mut findings: Vec<Finding> = own
        .filter(|passing| passing.directive == "proxy_pass" && !passing.in_if)
        .flat_map(|passing| asked_for(case, url, passing))
        .collect();
    let is_told = |finding: &Finding| {
        finding.severity > Severity::Note && told.iter().any(|other| other.code == finding.code)
    };
    findings.retain(|finding| !is_told(finding));
    findings
}

/// A finding for each server of this location's upstream: of those that answer well, a note.
fn asked_for(case: &Case, url: &Url, passing: &Passing) -> Vec<Finding> {
    let client = Client {
        newest: case.speaks_http_11(),
        host: &url.host,
        path: &passing.mapped(&url.path),
    };
    let targets = targets(case, passing);
    let asked = targets.into_iter().take(SERVERS).filter(|_| case.asks);
    asked
        .filter_map(|target| {
            let mut finding = Finding::of(&crate::cause::ANSWERS);
            finding.confidence = Confidence::High;
            let place = format!("{}, which takes this URL", passing.location);
            finding.read(
                format!(
                    "{} {}; in location {place}",
                    passing.directive, passing.target
                ),
                &passing.place,
            );
            let heard = ask(case, passing, &target, client, &mut finding)?;
            match cause_of(&heard, &target, room(passing)) {
                Some(cause) if cause == &READ_TIMEOUT => late(passing, &mut finding),
                Some(cause) => becomes(&mut finding, cause, Confidence::High),
                None => {}
            }
            if let Answer::Head { length, .. } = heard.answer {
                finding.head = Some(length);
            }
            if finding.code == HEADER_SIZE.code {
                super::answers::sizes(&[passing], &mut finding);
            }
            Some(finding)
        })
        .collect()
}

/// No answer in the time that the doctor has: a 504 if the location has not more.
fn late(passing: &Passing, finding: &mut Finding) {
    let clock = passing.setting("proxy_read_timeout", "60s");
    let time = weir_conf::parse_time(clock.value.as_bytes());
    let is_over = time.is_some_and(|time| time <= http::PATIENCE);
    becomes(
        finding,
        &READ_TIMEOUT,
        if is_over {
            Confidence::High
        } else {
            Confidence::Low
        },
    );
    if !is_over {
        finding.severity = Severity::Warning;
    }
    match &clock.place {
        Some(place) => finding.read(format!("proxy_read_timeout {};", clock.value), place),
        None => finding.saw(Source::Config, "proxy_read_timeout is 60s (the default)"),
    }
}

/// The addresses that a location passes to, as the system resolves them now.
pub(super) fn targets(case: &Case, passing: &Passing) -> Vec<Target> {
    if passing.is_variable() {
        return Vec::new();
    }
    let authority = passing.authority();
    let group = case.groups.iter().find(|group| group.name == authority);
    let written: Vec<&str> = match group {
        Some(group) => {
            let up = group.servers.iter().filter(|server| !server.down);
            up.map(|server| &*server.address).collect()
        }
        None => vec![authority],
    };
    let usual = if passing.is_https() { 443 } else { 80 };
    written
        .into_iter()
        .flat_map(|written| addresses(written, usual))
        .collect()
}

fn addresses(written: &str, usual: u16) -> Vec<Target> {
    if let Some(target) = Target::of(written) {
        return vec![target];
    }
    let (host, port) = split(written);
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(usual);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => vec![Target::Tcp((ip, port).into())],
        Err(_) => {
            let found = probe::resolve(host, port).unwrap_or_default();
            found.into_iter().map(Target::Tcp).collect()
        }
    }
}
