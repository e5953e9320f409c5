use std::collections::BTreeSet;

use super::*;
use crate::bed::DEFAULT_BACKEND;

fn check(what: impl Fn(&Fault) -> bool) {
    let wrong: Vec<&str> = all()
        .iter()
        .filter(|fault| !what(fault))
        .map(|fault| fault.name.as_str())
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn names_are_unique_and_in_kebab_case() {
    let mut names = BTreeSet::new();
    check(|fault| {
        let words = fault.name.split('-');
        let plain = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        words.clone().count() > 0 && words.clone().all(plain)
    });
    for fault in all() {
        assert!(names.insert(&fault.name), "{} twice", fault.name);
    }
}

#[test]
fn entries_survive_writing_and_reading() {
    check(|fault| {
        let text = toml::to_string(fault).unwrap();
        let again: Fault = toml::from_str(&text).unwrap();
        Fault {
            phase: fault.phase,
            ..again
        } == *fault
    });
}

#[test]
fn entries_are_scenarios() {
    for fault in all() {
        let text = toml::to_string(&fault.scenario()).unwrap();
        let read = crate::scenario::Scenario::parse(&text, fault.name.as_ref());
        assert!(read.is_ok(), "{}: {:?}\n{text}", fault.name, read.err());
    }
}

#[test]
fn texts_are_one_line_without_a_full_stop() {
    check(|fault| {
        [&fault.summary, &fault.answer, &fault.wild]
            .into_iter()
            .all(|text| !text.is_empty() && !text.contains('\n') && !text.ends_with('.'))
    });
}

#[test]
fn every_backend_is_passed_to() {
    check(|fault| {
        let default = fault.config.passes_to_default();
        fault.backend.keys().all(|name| fault.config.names(name))
            && (!default || fault.backend.contains_key(DEFAULT_BACKEND))
    });
}

#[test]
fn every_phase_has_faults() {
    for phase in Phase::ALL {
        assert!(all().iter().any(|fault| fault.phase == phase), "{phase:?}");
    }
}

/// Phases of the fault matrix, and where the catalogue has them, or why it has not.
const MATRIX: [(&str, Result<&[Phase], &str>); 13] = [
    ("connect", Ok(&[Phase::Connect, Phase::Unix, Phase::Retry])),
    ("send", Ok(&[Phase::Request])),
    (
        "header",
        Ok(&[
            Phase::Waiting,
            Phase::ResponseHead,
            Phase::Framing,
            Phase::Interim,
            Phase::Upgrade,
        ]),
    ),
    ("body", Ok(&[Phase::ResponseBody, Phase::Chunked])),
    ("keepalive", Ok(&[Phase::KeepAlive])),
    ("next", Ok(&[Phase::Retry])),
    (
        "client",
        Ok(&[Phase::ClientHead, Phase::ClientBody, Phase::ClientEnd]),
    ),
    ("misc", Ok(&[Phase::Connect, Phase::ResponseHead])),
    (
        "startup",
        Err("a wrong configuration is no fault of a peer"),
    ),
    ("tls", Err("the lab speaks no TLS yet")),
    ("pages", Err("how a failure is shown, not one")),
    ("logs", Err("how a failure is logged, not one")),
    ("limits", Err("the proxy's own refusal")),
];

#[test]
fn every_phase_of_the_matrix_is_covered_or_excepted() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fault-matrix.jsonl"
    );
    let records = std::fs::read_to_string(path).unwrap();
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let phase = record["phase"].as_str().unwrap();
        assert!(MATRIX.iter().any(|(name, _)| *name == phase), "{phase}");
    }
    let covered: BTreeSet<Phase> = all().iter().map(|fault| fault.phase).collect();
    for phase in MATRIX.iter().filter_map(|(_, here)| here.ok()).flatten() {
        assert!(covered.contains(phase), "{phase:?}");
    }
}

#[test]
fn a_misspelt_name_gets_the_right_one() {
    let fault = named("refusd").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "no fault is called \"refusd\"; did you mean \"refused\"?"
    );
    assert_eq!(named("xyzzy").unwrap_err().alike, [""; 0]);
}
