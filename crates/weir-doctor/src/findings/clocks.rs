//! The clocks of each location, against what its upstreams took.

use std::fmt::Write as _;

use serde::Serialize;

use crate::case::Case;
use crate::cause::CLOCK_NEAR;
use crate::configuration::{Passing, Place, Setting};
use crate::finding::{Finding, Source};
use crate::logs::access::Upstream;

/// A location that passes requests on: its clocks, sizes, and what its upstreams took.
#[derive(Clone, Debug, Serialize)]
pub struct LocationClocks {
    /// The first name of its server.
    pub server: String,
    /// Its own name, with its modifier.
    pub location: String,
    /// `proxy_pass http://app`.
    pub passes: String,
    /// Where that stands.
    pub place: Place,
    /// To connect, to send between two writes, to read between two reads; then what may be tried again, and how long.
    pub settings: Vec<Setting>,
    /// What the access log tells of its upstreams.
    pub upstreams: Vec<Took>,
}

/// How long the tries of an upstream took: milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Took {
    /// Its address.
    pub address: String,
    /// How many there were.
    pub tries: u64,
    /// Half of them.
    pub half: u64,
    /// 99 of 100.
    pub most: u64,
    /// All.
    pub longest: u64,
}

/// Directives of a family that are clocks or sizes, with nginx's defaults.
const SETTINGS: [(&str, &str); 8] = [
    ("connect_timeout", "60s"),
    ("send_timeout", "60s"),
    ("read_timeout", "60s"),
    ("next_upstream", "error timeout"),
    ("next_upstream_timeout", "0"),
    ("buffer_size", "4k"),
    ("buffers", "8 4k"),
    ("busy_buffers_size", "8k"),
];

/// Those that memcached's and gRPC's families have, too.
const FEW: usize = 6;

/// Every location that passes requests on.
pub fn all(case: &Case) -> Vec<LocationClocks> {
    let of = |passing: &Passing| {
        let family = passing.directive.trim_end_matches("_pass");
        let count = match family {
            "grpc" | "memcached" => FEW,
            _ => SETTINGS.len(),
        };
        let settings = SETTINGS[..count].iter();
        LocationClocks {
            server: passing.server.clone(),
            location: passing.location.clone(),
            passes: format!("{} {}", passing.directive, passing.target),
            place: passing.place.clone(),
            settings: settings
                .map(|(name, default)| passing.setting(&format!("{family}_{name}"), default))
                .collect(),
            upstreams: took(case, passing),
        }
    };
    case.passing.iter().map(of).collect()
}

/// What the access log tells of the upstreams that a location leads to.
fn took(case: &Case, passing: &Passing) -> Vec<Took> {
    let Some(log) = &case.access else {
        return Vec::new();
    };
    let mut found: Vec<Took> = log
        .upstreams
        .iter()
        .filter(|(_, upstream)| upstream.times.count() > 0)
        .filter_map(|(address, upstream)| {
            let address = String::from_utf8_lossy(address).into_owned();
            let leads = case
                .leading_to(&address)
                .iter()
                .any(|other| other.place == passing.place);
            leads.then(|| Took::of(address, upstream))
        })
        .collect();
    found.sort_by(|one, other| one.address.cmp(&other.address));
    found
}

impl Took {
    fn of(address: String, upstream: &Upstream) -> Self {
        let at = |thousandths| upstream.times.at(thousandths).unwrap_or(0);
        Self {
            address,
            tries: upstream.times.count(),
            half: at(500),
            most: at(990),
            longest: upstream.times.longest,
        }
    }
}

/// All of them for people, a paragraph each.
pub fn text(locations: &[LocationClocks]) -> String {
    let mut out = String::new();
    for location in locations {
        let name = match location.location.is_empty() {
            true => String::new(),
            false => format!(", location {}", location.location),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "\nserver {}{name}: {} ({})",
            location.server, location.passes, location.place
        );
        for setting in &location.settings {
            let place = setting
                .place
                .as_ref()
                .map_or_else(|| "default".to_owned(), Place::to_string);
            let _ = writeln!(out, "   {:<30} {:<20} {place}", setting.name, setting.value);
        }
        for took in &location.upstreams {
            let _ = writeln!(
                out,
                "   {}: {} tries, half within {} ms, 99 % within {} ms, the longest {} ms",
                took.address, took.tries, took.half, took.most, took.longest
            );
        }
    }
    out
}

/// Tries below which a hundredth says nothing.
const FEWEST: u64 = 200;

/// A finding for the locations whose slowest answers take four fifths of their clock, and were no time-outs.
pub(super) fn near(case: &Case) -> Option<Finding> {
    let mut finding = Finding::of(&CLOCK_NEAR);
    for location in all(case) {
        let Some(clock) = location
            .settings
            .iter()
            .find(|setting| setting.name.ends_with("read_timeout"))
        else {
            continue;
        };
        let Some(time) = weir_conf::parse_time(clock.value.as_bytes()) else {
            continue;
        };
        let limit = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let is_near = |took: &&Took| {
            let timed_out = case
                .tries_of(&took.address)
                .is_some_and(|upstream| upstream.time_outs.count() * 100 > upstream.tries);
            took.tries >= FEWEST && took.most >= limit / 5 * 4 && !timed_out
        };
        for took in location.upstreams.iter().filter(is_near) {
            let text = format!(
                "of {} tries of {} 99 % ended within {} ms, the longest took {} ms",
                took.tries, took.address, took.most, took.longest
            );
            finding.saw(Source::Access, text);
            let text = format!(
                "{} is {} in location {}",
                clock.name, clock.value, location.location
            );
            finding.read(text, clock.place.as_ref().unwrap_or(&location.place));
        }
    }
    (!finding.evidence.is_empty()).then_some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;
    use crate::logs::Since;
    use crate::logs::access::{AccessLog, Format};

    #[test]
    fn a_clock_that_nearly_ran_out_is_told() {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        let text = "events {}\nhttp { server { location / {\nproxy_pass http://127.0.0.1:81;\nproxy_read_timeout 5s;\n} } }\n";
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let configuration = Configuration::read(&path, folder.path());
        for (slow, told) in [("4.100", true), ("3.000", false)] {
            let format = "$status $upstream_addr $upstream_status $upstream_response_time";
            let mut log = AccessLog::new(Format::of(format));
            for number in 0..300 {
                let time = if number % 50 == 0 { slow } else { "0.010" };
                let line = format!("200 127.0.0.1:81 200 {time}");
                log.take(line.as_bytes(), Since::default());
            }
            let case = Case {
                passing: configuration.passing(),
                access: Some(log),
                ..Case::default()
            };
            let locations = all(&case);
            assert_eq!(locations[0].upstreams[0].half, 10);
            assert_eq!(
                locations[0].settings[2]
                    .place
                    .as_ref()
                    .map(|place| place.line),
                Some(4)
            );
            assert_eq!(near(&case).is_some(), told, "{slow}");
        }
    }
}
