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

#[test]
fn a_misspelt_name_gets_the_right_one() {
    let fault = named("refusd").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "no fault is called \"refusd\"; did you mean \"refused\"?"
    );
    assert_eq!(named("xyzzy").unwrap_err().alike, None);
}
