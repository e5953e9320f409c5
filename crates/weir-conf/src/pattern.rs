//! Regular expressions over bytes, as near to PCRE as weir's engines come.

use std::ops::Range;
use std::sync::Arc;

use regex_automata::meta;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternID, PatternSet};
use smallvec::{SmallVec, smallvec};

use crate::model::Captures;

/// A compiled regular expression. Easy patterns run on an automaton, those with look-around or
/// back-references on a backtracking engine.
#[derive(Clone, Debug)]
pub struct Pattern {
    engine: Engine,
    names: Arc<[(Box<str>, u16)]>,
    source: Box<str>,
    ignore_case: bool,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.source, self.ignore_case) == (&other.source, other.ignore_case)
    }
}

type Spans = SmallVec<[Option<Range<u32>>; 4]>;

#[derive(Clone, Debug)]
enum Engine {
    Automaton(Box<meta::Regex>),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Whether letters match both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Kept,
    Ignored,
}

/// A text that is no regular expression. nginx prints PCRE's own words here, which differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pcre2_compile() failed: {reason} in \"{pattern}\"")]
pub struct PatternFault {
    pattern: String,
    reason: String,
}

impl Pattern {
    /// Compiles `source`.
    pub(crate) fn compile(source: &str, case: Case) -> Result<Self, PatternFault> {
        let ignore = case == Case::Ignored;
        let engine = match automaton(source, ignore) {
            Some(regex) => Engine::Automaton(Box::new(regex)),
            None => Engine::Backtracking(Box::new(backtracking(source, ignore)?)),
        };
        let names = match &engine {
            Engine::Automaton(regex) => {
                let info = regex.group_info();
                numbered(info.pattern_names(PatternID::ZERO))
            }
            Engine::Backtracking(regex) => numbered(regex.capture_names()),
        };
        Ok(Self {
            engine,
            names,
            source: source.into(),
            ignore_case: ignore,
        })
    }

    /// The pattern as one of a set; `None` if it needs backtracking.
    fn for_set(&self) -> Option<String> {
        let case = if self.ignore_case { "(?i)" } else { "" };
        match self.engine {
            Engine::Automaton(_) => Some(format!("{case}{}", self.source)),
            Engine::Backtracking(_) => None,
        }
    }

    /// Names of the groups that have one.
    pub(crate) fn group_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| &**name)
    }

    /// Whether there are groups besides the whole match.
    pub(crate) fn has_groups(&self) -> bool {
        match &self.engine {
            Engine::Automaton(regex) => regex.group_info().group_len(PatternID::ZERO) > 1,
            Engine::Backtracking(regex) => regex.captures_len() > 1,
        }
    }

    /// The text of the pattern.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The groups of the leftmost match in `text`. As in PCRE, `$` also matches before a final
    /// newline. Backtracking engines see UTF-8 only: in any other text they find nothing.
    pub fn captures(&self, text: &[u8]) -> Option<Captures> {
        let found = self.spans(text);
        let spans = match (found, text.split_last()) {
            (None, Some((b'\n', before))) => self.spans(before)?,
            (found, _) => found?,
        };
        Some(Captures {
            spans,
            names: Arc::clone(&self.names),
        })
    }

    fn spans(&self, text: &[u8]) -> Option<Spans> {
        match &self.engine {
            Engine::Automaton(regex) => {
                let whole = regex.find(text)?;
                let groups = regex.group_info().group_len(PatternID::ZERO);
                if groups == 1 {
                    return Some(smallvec![Some(whole.start() as u32..whole.end() as u32)]);
                }
                let mut found = regex.create_captures();
                regex.captures(text, &mut found);
                let group = |i| found.get_group(i).map(|s| s.start as u32..s.end as u32);
                Some((0..groups).map(group).collect())
            }
            Engine::Backtracking(regex) => {
                let text = std::str::from_utf8(text).ok()?;
                let found = regex.captures(text).ok()??;
                let group = |i| found.get(i).map(|m| m.start() as u32..m.end() as u32);
                Some((0..found.len()).map(group).collect())
            }
        }
    }
}

/// Many patterns tried at once.
#[derive(Clone, Debug)]
pub(crate) struct RegexSet {
    regex: meta::Regex,
}

/// The set cannot tell; try one by one.
#[derive(Debug)]
pub(crate) struct Undecided;

impl RegexSet {
    /// A set of at least a few patterns that all run on an automaton.
    pub(crate) fn new<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Option<Self> {
        const FEW: usize = 4;
        let sources: Option<Vec<String>> = patterns.map(Pattern::for_set).collect();
        let sources = sources.filter(|sources| sources.len() >= FEW)?;
        let config = meta::Config::new()
            .utf8_empty(false)
            .match_kind(MatchKind::All);
        let regex = meta::Builder::new()
            .syntax(bytes_syntax())
            .configure(config)
            .build_many(&sources)
            .ok()?;
        Some(Self { regex })
    }

    /// The number of the first pattern, in their own order, that occurs anywhere in `text`.
    pub(crate) fn first(&self, text: &[u8]) -> Result<Option<usize>, Undecided> {
        if text.ends_with(b"\n") {
            return Err(Undecided);
        }
        let mut found = PatternSet::new(self.regex.pattern_len());
        self.regex
            .which_overlapping_matches(&Input::new(text), &mut found);
        Ok(found.iter().next().map(|pattern| pattern.as_usize()))
    }
}

fn bytes_syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

fn automaton(source: &str, ignore_case: bool) -> Option<meta::Regex> {
    let syntax = bytes_syntax().case_insensitive(ignore_case);
    let config = meta::Config::new().utf8_empty(false);
    meta::Builder::new()
        .syntax(syntax)
        .configure(config)
        .build(source)
        .ok()
}

fn backtracking(source: &str, ignore_case: bool) -> Result<fancy_regex::Regex, PatternFault> {
    fancy_regex::RegexBuilder::new(source)
        .case_insensitive(ignore_case)
        .backtrack_limit(100_000)
        .build()
        .map_err(|error| PatternFault {
            pattern: source.to_owned(),
            reason: error.to_string(),
        })
}

fn numbered<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Arc<[(Box<str>, u16)]> {
    names
        .enumerate()
        .filter_map(|(number, name)| Some((name?.into(), u16::try_from(number).ok()?)))
        .collect()
}
