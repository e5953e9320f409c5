//! What nginx 1.31.5 (and 1.22.1, which does the same) said to 194 inputs, and logged.

use super::{PREFACE, Site, opening, told};
use crate::limits::Limits;

/// One line: name, configuration, what was sent, frames received, whether the connection was closed,
/// log lines up to " while ".
struct Record {
    name: &'static str,
    configuration: &'static str,
    sent: Vec<u8>,
    frames: Vec<&'static str>,
    closed: bool,
    lines: Vec<&'static str>,
}

fn records() -> Vec<Record> {
    let text = include_str!("recorded.tsv");
    text.lines().map(record).collect()
}

fn record(line: &'static str) -> Record {
    let columns: Vec<&str> = line.split('\t').collect();
    let [name, configuration, sent, frames, end, lines] = columns[..] else {
        panic!("{line}");
    };
    let list = |text: &'static str, by| text.split(by).filter(|part| !part.is_empty()).collect();
    Record {
        name,
        configuration,
        sent: sent.split_whitespace().flat_map(octets).collect(),
        frames: list(frames, ", "),
        closed: end == "closed",
        lines: list(lines, " | "),
    }
}

/// `go` (the opening), `preface`, or octets in hex, perhaps several times.
fn octets(token: &str) -> Vec<u8> {
    match token {
        "go" => return opening(),
        "preface" => return PREFACE.to_vec(),
        _ => {}
    }
    let (hex, times) = token.split_once('*').unwrap_or((token, "1"));
    let octets = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    let octets: Vec<u8> = octets
        .map(|hex| u8::from_str_radix(hex, 16).unwrap())
        .collect();
    octets.repeat(times.parse().unwrap())
}

/// What the configurations of the records say.
fn site(configuration: &str) -> Site {
    let limits = Limits::default();
    let narrow = Limits {
        preread: 1000,
        ..limits
    };
    match configuration {
        "plain" | "tls" => Site::new(limits, 1000, 8192),
        "one" => Site::new(limits, 1, 8192),
        "two" => Site::new(
            Limits {
                concurrent_streams: 2,
                ..limits
            },
            1000,
            8192,
        ),
        "small" => Site::new(
            Limits {
                field: 1024,
                fields: 2048,
                ..limits
            },
            1000,
            8192,
        ),
        "narrow" => Site::new(narrow, 1000, 8192),
        "buffer" => Site::new(narrow, 1000, 2000),
        _ => panic!("{configuration}"),
    }
}

fn check(record: &Record, piece: usize) {
    let mut site = site(record.configuration);
    site.connection.begin_read().expect("few wakes");
    for piece in record.sent.chunks(piece) {
        site.receive(piece);
    }
    site.refill();
    let mut frames = told(site.connection.output());
    if !record.name.starts_with("begin") {
        frames.drain(..2);
    }
    let found = (frames, site.connection.is_over(), site.lines);
    let frames: Vec<_> = record
        .frames
        .iter()
        .map(|frame| (*frame).to_owned())
        .collect();
    let lines: Vec<_> = record.lines.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(
        found,
        (frames, record.closed, lines),
        "{}, in pieces of {piece}",
        record.name
    );
}

#[test]
fn frames_and_lines_are_nginx_s() {
    let records = records();
    assert!(records.len() > 180);
    for record in &records {
        check(record, usize::MAX);
    }
}

#[test]
fn pieces_do_not_matter() {
    for piece in [1, 2, 3, 5, 8, 9, 10, 50] {
        for record in &records() {
            check(record, piece);
        }
    }
}
