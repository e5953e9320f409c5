//! What is meant by a name that no fault has.

use super::Fault;

/// Names that are told at most.
const MOST: usize = 5;

/// The names of `faults` that `wanted` may mean: those spelt nearly so, else those that have it in
/// them, and then those of faults that are described with its words.
pub(super) fn names<'a>(wanted: &str, faults: &'a [Fault]) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let words: Vec<&str> = words(&wanted).collect();
    let name = words.join("-");
    if name.is_empty() {
        return Vec::new();
    }
    let typed = best(faults, |fault| mistakes(&name, &fault.name));
    if !typed.is_empty() {
        return typed;
    }
    best(faults, |fault| {
        if fault.name.contains(&name) {
            return Some(fault.name.len());
        }
        let text = description(fault);
        // Behind those that have it in their names.
        words
            .iter()
            .all(|word| text.contains(word))
            .then_some(usize::MAX)
    })
}

/// For an error's words: what was meant.
pub(super) fn suggestion(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [first @ .., last] => format!("; did you mean {} or {last}?", first.join(", ")),
    }
}

/// The names with the lowest marks; in the order of the catalogue where these are equal.
fn best(faults: &[Fault], mark: impl Fn(&Fault) -> Option<usize>) -> Vec<&str> {
    let marked = faults
        .iter()
        .filter_map(|fault| Some((mark(fault)?, fault.name.as_str())));
    let mut marked: Vec<_> = marked.collect();
    marked.sort_by_key(|(mark, _)| *mark);
    marked
        .into_iter()
        .map(|(_, name)| name)
        .take(MOST)
        .collect()
}

/// How many typing mistakes make `wanted` out of `name`, if not more than one for every four letters.
fn mistakes(wanted: &str, name: &str) -> Option<usize> {
    let mistakes = strsim::damerau_levenshtein(wanted, name);
    (mistakes <= (wanted.len() / 4).max(1)).then_some(mistakes)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn description(fault: &Fault) -> String {
    let reasons = fault.verdict.reason.as_slice().join(" ");
    let text = [
        &fault.name,
        &fault.summary,
        &fault.answer,
        &fault.wild,
        &reasons,
    ];
    text.map(|text| text.to_lowercase()).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::all;

    #[test]
    fn a_name_that_is_meant_comes_first() {
        let check = |wanted: &str, expected: &str| {
            let names = names(wanted, all());
            assert_eq!(
                names.first().copied().unwrap_or_default(),
                expected,
                "{wanted}: {names:?}"
            );
            assert!(names.len() <= MOST);
        };
        check("refusd", "refused");
        check("Refused", "refused");
        check("dribbled_head", "dribbled-head");
        check("reset", "put-reset");
        check("connection refused", "refused");
        check("connection_refused", "refused");
        check("timeout", "kept-timeout-answer");
        check("kept dead", "");
        check("xyzzy", "");
        check("", "");
        check("--", "");
    }

    #[test]
    fn several_names_are_one_question() {
        assert_eq!(suggestion(&[]), "");
        assert_eq!(suggestion(&["a"]), "; did you mean \"a\"?");
        assert_eq!(
            suggestion(&["a", "b", "c"]),
            "; did you mean \"a\", \"b\" or \"c\"?"
        );
    }
}
