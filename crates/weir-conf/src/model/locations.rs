//! Finding the location of a URI.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Location, LocationKind};
use crate::pattern::Pattern;

/// The locations of a server or of a location.
#[derive(Debug, Default)]
pub struct Locations {
    /// Exact and prefix locations sorted by name.
    fixed: Vec<Fixed>,
    regexes: Vec<(Pattern, Arc<Location>)>,
    named: HashMap<String, Arc<Location>>,
}

/// The exact and the prefix location of one name; at least one of them.
#[derive(Debug)]
struct Fixed {
    name: Box<[u8]>,
    exact: Option<Arc<Location>>,
    prefix: Option<Arc<Location>>,
    /// Index of the longest other entry whose name this one starts with.
    shorter: Option<usize>,
}

/// The groups of a matched regular expression, as byte ranges of the text it was tried on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Captures {
    /// Group 0 is the whole match; a group that took no part is `None`.
    pub spans: SmallVec<[Option<Range<u32>>; 4]>,
    /// Names of groups, with their numbers.
    pub names: Arc<[(Box<str>, u16)]>,
}

impl Captures {
    /// The range of group `number`.
    pub fn number(&self, number: usize) -> Option<Range<usize>> {
        let span = self.spans.get(number)?.as_ref()?;
        Some(span.start as usize..span.end as usize)
    }

    /// The range of the group called `name`.
    pub fn named(&self, name: &str) -> Option<Range<usize>> {
        let (_, number) = self.names.iter().find(|(group, _)| **group == *name)?;
        self.number(usize::from(*number))
    }
}

/// What [`Locations::find`] found.
#[derive(Debug)]
pub enum Found<'a> {
    /// A location, with the groups of its regular expression if it has one.
    Location {
        /// The innermost location.
        location: &'a Arc<Location>,
        /// Spans over the URI.
        captures: Option<Captures>,
    },
    /// The URI lacks only the final slash of a proxied prefix: answer 301 to the URI with it.
    AutoRedirect(&'a Arc<Location>),
    /// No location: the server's own settings hold.
    None,
}

impl Locations {
    /// The location called `name`, which starts with `@`.
    pub fn named(&self, name: &str) -> Option<&Arc<Location>> {
        self.named.get(name)
    }

    /// The location of `uri`, the decoded and normalised path without arguments, in nginx's order
    /// (`ngx_http_core_find_location`): exact, longest prefix, then what is nested in it, then
    /// regular expressions unless the prefix is `^~`.
    pub fn find(&self, uri: &[u8]) -> Found<'_> {
        let mut found = match self.find_fixed(uri) {
            Static::Exact(location) => {
                return Found::Location {
                    location,
                    captures: None,
                };
            }
            Static::Redirect(location) => return Found::AutoRedirect(location),
            Static::Prefix(location) => Some(location),
            Static::None => None,
        };
        let mut captures = None;
        let mut regexes = true;
        if let Some(location) = found {
            regexes = location.kind != LocationKind::PrefixNoRegex;
            match location.nested.find(uri) {
                Found::None => {}
                Found::Location {
                    location,
                    captures: None,
                } if !matches!(location.kind, LocationKind::Exact) => {
                    regexes &= location.kind != LocationKind::PrefixNoRegex;
                    found = Some(location);
                }
                other => return other,
            }
        }
        if regexes && let Some((location, groups)) = self.find_regex(uri) {
            captures = Some(groups);
            match location.nested.find(uri) {
                Found::None => found = Some(location),
                Found::Location {
                    location,
                    captures: None,
                } => found = Some(location),
                other => return other,
            }
        }
        match found {
            Some(location) => Found::Location { location, captures },
            None => Found::None,
        }
    }

    fn find_fixed(&self, _uri: &[u8]) -> Static<'_> {
        Static::None
    }

    fn find_regex(&self, uri: &[u8]) -> Option<(&Arc<Location>, Captures)> {
        self.regexes
            .iter()
            .find_map(|(pattern, location)| Some((location, pattern.captures(uri)?)))
    }
}

/// The best exact or prefix location.
enum Static<'a> {
    Exact(&'a Arc<Location>),
    Redirect(&'a Arc<Location>),
    Prefix(&'a Arc<Location>),
    None,
}
