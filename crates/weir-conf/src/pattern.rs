//! Regular expressions over bytes, as near to PCRE as weir's engines come.

use std::sync::Arc;

use regex_automata::PatternID;
use smallvec::SmallVec;

use crate::model::Captures;

/// A compiled regular expression. Easy patterns run on an automaton, those with look-around or
/// back-references on a backtracking engine.
#[derive(Clone, Debug)]
pub struct Pattern {
    engine: Engine,
    names: Arc<[(Box<str>, u16)]>,
    source: Box<str>,
}

#[derive(Clone, Debug)]
enum Engine {
    Automaton(Box<regex_automata::meta::Regex>),
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
        })
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

    /// Whether the pattern occurs in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.captures(text).is_some()
    }

    /// The groups of the leftmost match in `text`.
    pub fn captures(&self, text: &[u8]) -> Option<Captures> {
        match &self.engine {
            Engine::Automaton(regex) => {
                let mut found = regex.create_captures();
                regex.captures(text, &mut found);
                if !found.is_match() {
                    return None;
                }
                let spans = (0..found.group_len())
                    .map(|i| found.get_group(i).map(|s| s.start as u32..s.end as u32))
                    .collect::<SmallVec<_>>();
                Some(Captures {
                    spans,
                    names: Arc::clone(&self.names),
                })
            }
            Engine::Backtracking(regex) => {
                let text = std::str::from_utf8(text).ok()?;
                let found = regex.captures(text).ok()??;
                let spans = (0..found.len())
                    .map(|i| found.get(i).map(|m| m.start() as u32..m.end() as u32))
                    .collect::<SmallVec<_>>();
                Some(Captures {
                    spans,
                    names: Arc::clone(&self.names),
                })
            }
        }
    }
}

fn automaton(source: &str, ignore_case: bool) -> Option<regex_automata::meta::Regex> {
    let syntax = regex_automata::util::syntax::Config::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(ignore_case);
    let config = regex_automata::meta::Config::new().utf8_empty(false);
    regex_automata::meta::Builder::new()
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
