//! `sub_filter`: texts that are searched for and replaced.

use crate::Flush;
use crate::chain::{ROOM, Step};

/// What is searched for, and what is put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubPattern {
    /// In lower case; never empty.
    pub pattern: Vec<u8>,
    /// As it is sent; empty until it is known.
    pub replacement: Vec<u8>,
    /// Which of the directives said it.
    pub rule: usize,
}

/// A body being searched, ASCII letters alike in both cases (`ngx_http_sub_body_filter`).
///
/// At each place the first pattern that fits counts. As in nginx, where one that fits so far is cut off by the
/// body's end, a shorter one behind it is not tried.
#[derive(Debug)]
pub struct Sub {
    patterns: Box<[SubPattern]>,
    tables: Tables,
    /// `sub_filter_once`: patterns that have been replaced are not searched for any more.
    once: bool,
    replaced: Vec<bool>,
    /// The end of what came, which may be the beginning of a match.
    held: Vec<u8>,
    /// Where the search goes on: a place in `held`, and the first pattern to try there.
    at: usize,
    first: usize,
}

/// How far the search may leap (`ngx_http_sub_init_tables`).
#[derive(Debug)]
struct Tables {
    /// Bytes of the shortest pattern.
    shortest: usize,
    /// By the byte under the shortest pattern's end.
    leap: [u8; 256],
}

/// How far a search came.
struct Settled {
    /// Bytes of the text that are done with.
    end: usize,
    /// It ended for lack of room.
    is_full: bool,
}

/// What was found at a place.
enum Found {
    /// This pattern.
    Match(usize),
    /// What may become this one once more has come.
    Beginning(usize),
    Nothing,
}

impl Sub {
    /// A search for `patterns`, of which there is at least one.
    pub fn new(patterns: Box<[SubPattern]>, once: bool) -> Self {
        Self {
            tables: Tables::of(&patterns),
            replaced: vec![false; patterns.len()],
            patterns,
            once,
            held: Vec::new(),
            at: 0,
            first: 0,
        }
    }

    /// Sets what is put in place of the patterns, by the directives that said them.
    pub(crate) fn set_replacements(&mut self, text_of: impl Fn(usize) -> Vec<u8>) {
        for pattern in &mut self.patterns {
            pattern.replacement = text_of(pattern.rule);
        }
    }

    /// Takes of `piece` what becomes some [`ROOM`] bytes. Unless more is to come soon, what is held may be the
    /// beginning of a match.
    pub(crate) fn pass(&mut self, piece: &[u8], flush: Flush, out: &mut Vec<u8>) -> Step {
        let waits = flush == Flush::No || piece.is_empty();
        let before = self.held.len();
        let settled = if before == 0 {
            self.search(piece, waits, out)
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(piece);
            let settled = self.search(&text, waits, out);
            self.held = text;
            settled
        };
        self.at -= settled.end;
        let taken = match settled.is_full {
            // The rest of the piece is looked at when there is room.
            true => settled.end.saturating_sub(before),
            false => piece.len(),
        };
        if before == 0 {
            self.held.extend_from_slice(&piece[settled.end..taken]);
        } else {
            self.held.truncate(before + taken);
            self.held.drain(..settled.end);
        }
        let step = Step {
            taken,
            has_more: settled.is_full && taken == piece.len(),
        };
        if flush == Flush::End && taken == piece.len() && !step.has_more {
            out.append(&mut self.held);
        }
        step
    }

    /// Whether everything has been replaced that may be.
    fn is_over(&self) -> bool {
        self.once && self.replaced.iter().all(|&replaced| replaced)
    }

    /// Searches `text` from `self.at` on, and writes what is settled: but for what nothing can be said of yet, if it
    /// `waits` for more.
    fn search(&mut self, text: &[u8], waits: bool, out: &mut Vec<u8>) -> Settled {
        let mut written = 0;
        let mut is_full = false;
        while let Some(&end) = text.get(self.at + self.tables.shortest - 1) {
            if self.is_over() {
                self.at = text.len();
                break;
            }
            let leap = self.tables.leap[usize::from(end.to_ascii_lowercase())];
            if leap > 0 {
                self.at += usize::from(leap);
                continue;
            }
            match self.find(text) {
                Found::Match(index) => {
                    let pattern = &self.patterns[index];
                    out.extend_from_slice(&text[written..self.at]);
                    out.extend_from_slice(&pattern.replacement);
                    self.replaced[index] = true;
                    self.at += pattern.pattern.len();
                    written = self.at;
                    self.first = 0;
                    if out.len() >= ROOM {
                        is_full = true;
                        break;
                    }
                }
                Found::Beginning(index) => {
                    self.first = index;
                    break;
                }
                Found::Nothing => {
                    self.at += 1;
                    self.first = 0;
                }
            }
        }
        if is_full {
            return Settled {
                end: self.at,
                is_full,
            };
        }
        if self.is_over() {
            self.at = text.len();
        } else if !waits {
            self.skip_what_begins_nothing(text);
        }
        let end = self.at.min(text.len());
        out.extend_from_slice(&text[written..end]);
        Settled { end, is_full }
    }

    fn skip_what_begins_nothing(&mut self, text: &[u8]) {
        while self.at < text.len() && !self.begins(&text[self.at..]) {
            self.at += 1;
            self.first = 0;
        }
    }

    /// Whether a pattern begins with all of `rest`.
    fn begins(&self, rest: &[u8]) -> bool {
        let begins = |pattern: &SubPattern| {
            let start = pattern.pattern.get(..rest.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(rest))
        };
        self.patterns.iter().any(begins)
    }

    /// The first pattern that fits at `self.at`.
    fn find(&self, text: &[u8]) -> Found {
        let rest = &text[self.at..];
        for (index, pattern) in self.patterns.iter().enumerate().skip(self.first) {
            if self.once && self.replaced[index] {
                continue;
            }
            let length = pattern.pattern.len().min(rest.len());
            if !pattern.pattern[..length].eq_ignore_ascii_case(&rest[..length]) {
                continue;
            }
            return match length == pattern.pattern.len() {
                true => Found::Match(index),
                false => Found::Beginning(index),
            };
        }
        Found::Nothing
    }
}

impl Tables {
    fn of(patterns: &[SubPattern]) -> Self {
        let lengths = patterns.iter().map(|pattern| pattern.pattern.len());
        // As nginx keeps it in a byte.
        let shortest = lengths.min().unwrap_or(1).clamp(1, usize::from(u8::MAX));
        let mut leap = [u8::try_from(shortest).unwrap_or(u8::MAX); 256];
        for pattern in patterns {
            for (index, &byte) in pattern.pattern.iter().take(shortest).enumerate() {
                let to_end = u8::try_from(shortest - 1 - index).unwrap_or(u8::MAX);
                let leap = &mut leap[usize::from(byte)];
                *leap = to_end.min(*leap);
            }
        }
        Self { shortest, leap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sub(pairs: &[(&str, &str)], once: bool) -> Sub {
        let pattern = |(pattern, replacement): &(&str, &str)| SubPattern {
            pattern: pattern.as_bytes().to_vec(),
            replacement: replacement.as_bytes().to_vec(),
            rule: 0,
        };
        Sub::new(pairs.iter().map(pattern).collect(), once)
    }

    /// Passes a piece until all is made of it.
    fn pass(sub: &mut Sub, mut piece: &[u8], flush: Flush, out: &mut Vec<u8>) {
        loop {
            let mut made = Vec::new();
            let step = sub.pass(piece, flush, &mut made);
            out.append(&mut made);
            piece = &piece[step.taken..];
            if piece.is_empty() && !step.has_more {
                return;
            }
        }
    }

    fn replaced(mut sub: Sub, pieces: &[&[u8]], flush: Flush) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces {
            pass(&mut sub, piece, flush, &mut out);
        }
        pass(&mut sub, b"", Flush::End, &mut out);
        out
    }

    #[test]
    fn texts_are_replaced_as_nginx_replaces_them() {
        for (pairs, once, body, expected) in [
            (&[("a", "b")][..], false, "banana", "bbnbnb"),
            (&[("a", "b")], true, "banana", "bbnana"),
            (&[("an", ""), ("na", "x")], false, "banana", "ba"),
            (&[("an", ""), ("na", "x")], true, "banana", "bax"),
            (
                &[("<head>", "<HEAD>")],
                true,
                "<HeAd></head>",
                "<HEAD></head>",
            ),
            (&[("aab", "x")], false, "aaab", "ax"),
            // The first pattern that fits counts, be there a longer one.
            (&[("ab", "1"), ("abc", "2")], false, "abc", "1c"),
            (&[("abc", "2"), ("ab", "1")], false, "abcab", "2ab"),
            (&[("abc", "2"), ("ab", "1")], false, "abcabd", "21d"),
        ] {
            for flush in [Flush::No, Flush::Recycled, Flush::Now] {
                for size in 1..=body.len() {
                    let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
                    let seen = replaced(sub(pairs, once), &pieces, flush);
                    let seen = String::from_utf8_lossy(&seen).into_owned();
                    assert_eq!(seen, expected, "{pairs:?} in {body}, pieces of {size}");
                }
            }
        }
    }

    #[test]
    fn only_the_beginning_of_a_match_is_held() {
        let mut sub = sub(&[("</body>", "!")], false);
        let mut out = Vec::new();
        pass(&mut sub, b"text </bo", Flush::Recycled, &mut out);
        assert_eq!(out, b"text ");
        pass(&mut sub, b"x", Flush::Recycled, &mut out);
        assert_eq!(out, b"text </box");
    }

    proptest! {
        #[test]
        fn cuts_and_flushes_change_nothing(
            body in "[abAB]{0,60}",
            patterns in proptest::collection::vec("[ab]{1,4}", 1..4),
            once in proptest::bool::ANY,
            cuts in proptest::collection::vec((1..7_usize, proptest::bool::ANY), 0..12),
        ) {
            let pairs: Vec<_> = patterns.iter().map(|text| (text.as_str(), "-")).collect();
            let whole = replaced(sub(&pairs, once), &[body.as_bytes()], Flush::No);
            let (mut cut, mut out, mut rest) = (sub(&pairs, once), Vec::new(), body.as_bytes());
            for (length, flushed) in cuts {
                let (piece, behind) = rest.split_at(length.min(rest.len()));
                pass(&mut cut, piece, if flushed { Flush::Now } else { Flush::No }, &mut out);
                rest = behind;
            }
            pass(&mut cut, rest, Flush::End, &mut out);
            prop_assert_eq!(out, whole);
        }
    }
}
