//! `map`: a value by another value.

use super::{Captures, ServerNames};
use crate::Template;
use crate::pattern::{Filter, MatchFault, Pattern};

/// A `map`.
#[derive(Debug)]
pub struct Map {
    /// What is looked up.
    pub text: Template,
    /// Whether the value is looked up anew at each use.
    pub volatile: bool,
    /// What holds where nothing else does.
    pub default: Template,
    /// Whether keys are host names, which may be looked up with a final dot.
    hostnames: bool,
    /// Indices of `values` by the keys, in small letters; without `hostnames` none has an asterisk.
    keys: ServerNames,
    regexes: Vec<(Pattern, usize)>,
    /// Tells which regular expressions to try, where there are many.
    filter: Option<Filter>,
    values: Vec<Template>,
}

/// What a look-up found: the value, and the groups of the regular expression that matched.
pub type FoundInMap<'a> = (&'a Template, Option<Captures>);

impl Map {
    pub(crate) fn new(
        text: Template,
        volatile: bool,
        default: Template,
        (hostnames, keys): (bool, ServerNames),
        regexes: Vec<(Pattern, usize)>,
        values: Vec<Template>,
    ) -> Self {
        Self {
            text,
            volatile,
            default,
            hostnames,
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
        let key = match text {
            [name @ .., b'.'] if self.hostnames => name,
            text => text,
        };
        if let Some(value) = self.find_key(key) {
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

    /// Letters may be of either case.
    fn find_key(&self, key: &[u8]) -> Option<usize> {
        if key.iter().any(u8::is_ascii_uppercase) {
            self.keys.find_text(&key.to_ascii_lowercase())
        } else {
            self.keys.find_text(key)
        }
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
