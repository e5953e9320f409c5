//! `map`: a value by another value.

use std::collections::HashMap;

use super::ServerNames;
use crate::Template;
use crate::pattern::{Filter, MatchFault, Pattern};

use super::Captures;

/// A `map`.
#[derive(Debug)]
pub struct Map {
    /// What is looked up.
    pub text: Template,
    /// Whether the value is looked up anew at each use.
    pub volatile: bool,
    /// What holds where nothing else does.
    pub default: Template,
    keys: Keys,
    regexes: Vec<(Pattern, usize)>,
    /// Tells which regular expressions to try, where there are many.
    filter: Option<Filter>,
    values: Vec<Template>,
}

/// Texts that are looked for as they are, in any case of letters.
#[derive(Debug)]
pub(crate) enum Keys {
    Texts(HashMap<Box<[u8]>, usize>),
    /// `hostnames`: some may have an asterisk at one end.
    Hostnames(ServerNames),
}

/// What a look-up found: the value, and the groups of the regular expression that matched.
pub type FoundInMap<'a> = (&'a Template, Option<Captures>);

impl Map {
    pub(crate) fn new(
        text: Template,
        volatile: bool,
        default: Template,
        keys: Keys,
        regexes: Vec<(Pattern, usize)>,
        values: Vec<Template>,
    ) -> Self {
        Self {
            text,
            volatile,
            default,
            keys,
            filter: Filter::new(regexes.iter().map(|(pattern, _)| pattern)),
            regexes,
            values,
        }
    }

    /// The value for `text`: an exact key, then the longest that begins with an asterisk, then the longest
    /// that ends with one, then the first regular expression (`ngx_http_map_find`).
    ///
    /// # Errors
    ///
    /// A regular expression gave no answer.
    pub fn find(&self, text: &[u8]) -> Result<FoundInMap<'_>, Box<MatchFault>> {
        let mut key = text;
        if let (Keys::Hostnames(_), [name @ .., b'.']) = (&self.keys, text) {
            key = name;
        }
        if let Some(value) = self.keys.find(key) {
            return Ok((self.value(value), None));
        }
        if key.is_empty() {
            return Ok((&self.default, None));
        }
        Ok(match self.find_regex(key)? {
            Some((value, captures)) => (self.value(value), Some(captures)),
            None => (&self.default, None),
        })
    }

    fn value(&self, index: usize) -> &Template {
        self.values.get(index).unwrap_or(&self.default)
    }

    fn find_regex(&self, text: &[u8]) -> Result<Option<(usize, Captures)>, Box<MatchFault>> {
        let attempt = |place: usize| {
            let (pattern, value) = self.regexes.get(place)?;
            let captures = pattern.captures(text).transpose()?;
            Some(captures.map(|captures| (*value, captures)))
        };
        let filter = self.filter.as_ref();
        filter
            .and_then(|filter| filter.candidates(text, attempt))
            .unwrap_or_else(|| (0..self.regexes.len()).find_map(attempt))
            .transpose()
    }
}

impl Keys {
    fn find(&self, text: &[u8]) -> Option<usize> {
        let is_lower = !text.iter().any(u8::is_ascii_uppercase);
        if is_lower {
            return self.find_lower(text);
        }
        self.find_lower(&text.to_ascii_lowercase())
    }

    fn find_lower(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Texts(texts) => texts.get(text).copied(),
            Self::Hostnames(names) => names.find_text(text),
        }
    }
}
