//! Which of many expressions can match at all.

use std::cell::Cell;

use regex_automata::meta;
use regex_automata::{Input, MatchKind, PatternSet};

use super::Pattern;

/// Some of the expressions of a list, as one automaton that says which of them match. nginx tries one
/// after the other.
#[derive(Debug)]
pub(crate) struct Filter {
    automaton: meta::Regex,
    /// Places in the list, in order, of what the automaton knows.
    known: Vec<usize>,
    /// Places of the others.
    unknown: Vec<usize>,
    /// On longer texts nginx may give up.
    longest: usize,
}

/// Fewer are tried one by one in the same time.
const FEW: usize = 4;

/// Expressions that are bounded on shorter texts only would make a filter for nothing.
const USUAL_LENGTH: usize = 256;

impl Filter {
    /// A filter for the expressions of this list; `None` if it would not pay.
    pub(crate) fn new<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Option<Self> {
        let mut known = Vec::new();
        let mut unknown = Vec::new();
        let mut plain = Vec::new();
        let mut longest = usize::MAX;
        for (place, pattern) in patterns.enumerate() {
            match &pattern.plain {
                Some(one) if pattern.longest >= USUAL_LENGTH => {
                    known.push(place);
                    plain.push(one.hir());
                    longest = longest.min(pattern.longest);
                }
                _ => unknown.push(place),
            }
        }
        if plain.len() < FEW {
            return None;
        }
        let config = meta::Config::new()
            .utf8_empty(false)
            .match_kind(MatchKind::All);
        let automaton = meta::Builder::new()
            .configure(config)
            .build_many_from_hir(&plain)
            .ok()?;
        Some(Self {
            automaton,
            known,
            unknown,
            longest,
        })
    }

    /// Calls `visit` with the place of each expression that may match `text`, in their own order,
    /// until it gives something; `None` if the filter cannot tell, so that all have to be tried.
    pub(crate) fn candidates<T>(
        &self,
        text: &[u8],
        mut visit: impl FnMut(usize) -> Option<T>,
    ) -> Option<Option<T>> {
        // PCRE's `$` is also before a final newline.
        if text.ends_with(b"\n") || text.len() > self.longest {
            return None;
        }
        let mut found = FOUND
            .take()
            .filter(|found| found.capacity() == self.known.len())
            .unwrap_or_else(|| PatternSet::new(self.known.len()));
        found.clear();
        self.automaton
            .which_overlapping_matches(&Input::new(text), &mut found);
        let mut unknown = self.unknown.iter().copied().peekable();
        let matching = found.iter().map(|pattern| self.known[pattern.as_usize()]);
        let mut visited = None;
        for place in matching.map(Some).chain([None]) {
            while visited.is_none()
                && let Some(earlier) =
                    unknown.next_if(|earlier| place.is_none_or(|place| *earlier < place))
            {
                visited = visit(earlier);
            }
            if visited.is_none()
                && let Some(place) = place
            {
                visited = visit(place);
            }
            if visited.is_some() {
                break;
            }
        }
        FOUND.set(Some(found));
        Some(visited)
    }
}

thread_local! {
    /// Where a thread's automaton writes what it found.
    static FOUND: Cell<Option<PatternSet>> = const { Cell::new(None) };
}
