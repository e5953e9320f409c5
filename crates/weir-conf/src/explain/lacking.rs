//! All that a configuration asks for and weir does not have, in one list.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Fault, Place};

/// A line for each thing that weir lacks, with its places; empty unless there are several.
pub(super) fn list(faults: &[Fault]) -> String {
    let lacking: Vec<_> = faults.iter().filter_map(Lacking::of).collect();
    if lacking.len() < 2 {
        return String::new();
    }
    let width = lacking.iter().map(|one| one.name.len()).max();
    let width = width.unwrap_or_default();
    let mut text = "not in weir yet:\n".to_owned();
    for (at, one) in lacking.iter().enumerate() {
        if lacking[..at].iter().any(|other| other.name == one.name) {
            continue;
        }
        let places = lacking.iter().filter(|other| other.name == one.name);
        let places = together(places.filter_map(|other| other.place));
        // Writing to a String cannot fail.
        let _ = write!(text, "  {:<width$}  {places}", one.name);
        if let Some(hint) = one.hint {
            let _ = write!(text, " ({hint})");
        }
        text.push('\n');
    }
    text
}

struct Lacking<'a> {
    name: &'a str,
    place: Option<&'a Place>,
    hint: Option<&'a str>,
}

impl<'a> Lacking<'a> {
    fn of(fault: &'a Fault) -> Option<Self> {
        Some(Self {
            name: fault.lacking.as_deref()?,
            place: fault.about.as_ref().or(fault.place.as_ref()),
            hint: fault.hint.as_deref(),
        })
    }
}

/// `FILE:1, 3, 5, OTHER:2`.
fn together<'a>(places: impl Iterator<Item = &'a Place>) -> String {
    let mut text = String::new();
    let mut last: Option<&Path> = None;
    for place in places {
        if !text.is_empty() {
            text.push_str(", ");
        }
        // Writing to a String cannot fail.
        let _ = match last {
            Some(file) if file == &*place.file => write!(text, "{}", place.line),
            _ => write!(text, "{place}"),
        };
        last = Some(&place.file);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, file: &str, line: u32) -> Fault {
        let place = Place {
            file: Path::new(file).into(),
            line,
        };
        Fault::lacking("directive", name, Some(place)).with_hint(format!("no {name}"))
    }

    #[test]
    fn things_come_once_with_all_their_places() {
        let mut faults = vec![fault("a", "x", 1)];
        assert_eq!(list(&faults), "");
        faults.extend([fault("bcd", "x", 2), fault("a", "x", 7), fault("a", "y", 3)]);
        faults.push(Fault::emerg("another", None));
        assert_eq!(
            list(&faults),
            "not in weir yet:\n  a    x:1, 7, y:3 (no a)\n  bcd  x:2 (no bcd)\n"
        );
    }
}
