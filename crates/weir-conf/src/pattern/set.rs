//! Which of many expressions can match at all.

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::{Input, MatchKind, PatternSet};

use regex_syntax::hir::Hir;

use super::Pattern;

/// Some of the expressions of a list, as one automaton that says which of them match. nginx tries one
/// after the other.
#[derive(Debug)]
pub(crate) struct Filter {
    automaton: DFA,
    /// What threads have found of it so far.
    caches: Pool<Cache, NewCache>,
    /// Places in the list, in order, of what the automaton knows.
    known: Vec<usize>,
    /// Places of the others.
    unknown: Vec<usize>,
    /// On longer texts nginx may give up.
    longest: usize,
}

type NewCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// Bytes of the states that a thread keeps for each expression, and at least for all. A thousand expressions of the
/// kind `^/item7/[a-z]+-\d+` need six million; with too few the automaton gives up, and nothing is won.
const CACHE_OF_ONE: usize = 16 * 1024;
const CACHE: usize = 2 * 1024 * 1024;

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
        let automaton = automaton(&plain)?;
        let new_cache: NewCache = {
            let automaton = automaton.clone();
            Box::new(move || automaton.create_cache())
        };
        Some(Self {
            automaton,
            caches: Pool::new(new_cache),
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
        let mut cache = self.caches.get();
        let looked =
            self.automaton
                .try_which_overlapping_matches(&mut cache, &Input::new(text), &mut found);
        if looked.is_err() {
            // The texts are of too many kinds.
            FOUND.set(Some(found));
            return None;
        }
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

/// One automaton for all expressions. It gives up where its cache fills again and again for few bytes of text, as
/// regex-automata's own searches do.
fn automaton(plain: &[Hir]) -> Option<DFA> {
    const CLEARED: usize = 3;
    const BYTES_FOR_A_STATE: usize = 10;
    let nfa = thompson::Config::new()
        .utf8(false)
        .which_captures(WhichCaptures::None);
    let nfa = thompson::Compiler::new()
        .configure(nfa)
        .build_many_from_hir(plain)
        .ok()?;
    let config = DFA::config()
        .match_kind(MatchKind::All)
        .cache_capacity(CACHE.max(plain.len() * CACHE_OF_ONE))
        .minimum_cache_clear_count(Some(CLEARED))
        .minimum_bytes_per_state(Some(BYTES_FOR_A_STATE));
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

thread_local! {
    /// Where a thread's automaton writes what it found.
    static FOUND: Cell<Option<PatternSet>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Case;

    fn filter(patterns: impl Iterator<Item = String>) -> Filter {
        let patterns: Vec<_> = patterns
            .map(|text| {
                Pattern::compile(text.as_bytes(), Case::Kept, false).expect("an expression")
            })
            .collect();
        Filter::new(patterns.iter()).expect("enough of them")
    }

    #[test]
    fn a_thousand_expressions_are_told_apart_at_once() {
        let filter = filter((0..1000).map(|number| format!(r"^/item{number}/[a-z]+-\d+\.html$")));
        for number in 0..1000 {
            let text = format!("/item{number}/lamp-{number}.html");
            let found = filter.candidates(text.as_bytes(), Some);
            assert_eq!(found, Some(Some(number)), "{text}");
        }
    }
}
