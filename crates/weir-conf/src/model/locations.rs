//! Finding the location of a URI.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Handler, Location, LocationKind};
use crate::pattern::{Filter, MatchFault, Pattern};

/// The locations of a server or of a location.
#[derive(Debug, Default)]
pub struct Locations {
    /// Exact and prefix locations sorted by name.
    fixed: Vec<Fixed>,
    /// Whether any location is proxied and ends in a slash.
    redirects: bool,
    /// Tells which regular expressions to try, where there are many.
    filter: Option<Filter>,
    regexes: Vec<(Pattern, Arc<Location>)>,
    named: HashMap<String, Arc<Location>>,
}

/// The exact and the prefix location of one name; at least one of them.
#[derive(Debug)]
struct Fixed {
    name: Box<[u8]>,
    exact: Option<Arc<Location>>,
    prefix: Option<Arc<Location>>,
    /// Whether the URI without the name's final slash is answered with a redirect.
    redirects: bool,
    /// Index of the longest other entry whose name this one starts with.
    shorter: Option<usize>,
}

/// The groups of a matched regular expression, as byte ranges of the text it was tried on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Captures {
    /// Group 0 is the whole match; up to the last group that took part, those that did not are empty.
    pub spans: SmallVec<[Range<u32>; 4]>,
    /// Variables, as indices of `Http::variables`, and the groups whose texts become their values. Of a
    /// variable that stands twice the last holds.
    pub variables: Arc<[(u32, u16)]>,
}

impl Captures {
    /// The range of group `number`; `None` if neither it nor a later one took part.
    pub fn number(&self, number: usize) -> Option<Range<usize>> {
        let span = self.spans.get(number)?;
        Some(span.start as usize..span.end as usize)
    }

    /// The variables with the ranges of their texts, empty ones of groups that took no part.
    pub fn variables(&self) -> impl Iterator<Item = (u32, Range<usize>)> {
        self.variables.iter().map(|(variable, group)| {
            let range = self.number(usize::from(*group));
            (*variable, range.unwrap_or_default())
        })
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
    /// A regular expression gave no answer, which is 500 by the settings of the location found so far.
    Failed(Option<&'a Arc<Location>>, Box<MatchFault>),
}

impl Locations {
    /// All locations of this level, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Location>> {
        let fixed = self
            .fixed
            .iter()
            .flat_map(|entry| entry.exact.iter().chain(&entry.prefix));
        let regexes = self.regexes.iter().map(|(_, location)| location);
        fixed.chain(regexes).chain(self.named.values())
    }

    /// The location called `name`, which starts with `@`.
    pub fn named(&self, name: &str) -> Option<&Arc<Location>> {
        self.named.get(name)
    }

    /// The location of `uri`, the decoded and normalised path without arguments, in nginx's order
    /// (`ngx_http_core_find_location`): exact, longest prefix, then what is nested in it, then
    /// regular expressions unless the prefix is `^~`.
    pub fn find(&self, uri: &[u8]) -> Found<'_> {
        match self.search(uri) {
            Search::Redirect(location) => Found::AutoRedirect(location),
            Search::Final(location, captures) => Found::Location { location, captures },
            Search::Prefix(location) => Found::Location {
                location,
                captures: None,
            },
            Search::Nothing => Found::None,
            Search::Failed(location, fault) => Found::Failed(location, fault),
        }
    }

    fn search(&self, uri: &[u8]) -> Search<'_> {
        let mut best = self.search_fixed(uri);
        let mut regexes = true;
        match best {
            Search::Final(..) | Search::Redirect(_) | Search::Failed(..) => return best,
            Search::Prefix(location) => {
                regexes = location.kind != LocationKind::PrefixNoRegex;
                match location.nested.search(uri) {
                    Search::Nothing => {}
                    inner @ Search::Prefix(_) => best = inner,
                    done => return done.or_within(location),
                }
            }
            Search::Nothing => {}
        }
        if !regexes {
            return best;
        }
        let (location, captures) = match self.search_regexes(uri) {
            Ok(Some(found)) => found,
            Ok(None) => return best,
            Err(fault) => return Search::Failed(best.location(), fault),
        };
        match location.nested.search(uri) {
            Search::Nothing => Search::Final(location, Some(captures)),
            Search::Prefix(inner) => Search::Final(inner, Some(captures)),
            Search::Final(inner, None) => Search::Final(inner, Some(captures)),
            done => done.or_within(location),
        }
    }

    /// The exact location of `uri`, else the longest that it starts with
    /// (`ngx_http_core_find_static_location`).
    fn search_fixed(&self, uri: &[u8]) -> Search<'_> {
        let after = self.fixed.partition_point(|entry| *entry.name <= *uri);
        let mut prefix = None;
        let mut next = after.checked_sub(1);
        while let Some(entry) = next.and_then(|index| self.fixed.get(index)) {
            if uri.starts_with(&entry.name) {
                if entry.name.len() == uri.len()
                    && let Some(exact) = &entry.exact
                {
                    return Search::Final(exact, None);
                }
                if let Some(location) = &entry.prefix {
                    prefix = Some((entry, location));
                    break;
                }
            }
            next = entry.shorter;
        }
        match prefix {
            Some((entry, location)) if entry.name.len() == uri.len() => Search::Prefix(location),
            found => match (self.redirect(uri, after), found) {
                (Some(location), _) => Search::Redirect(location),
                (None, Some((_, location))) => Search::Prefix(location),
                (None, None) => Search::Nothing,
            },
        }
    }

    /// The proxied location whose name is `uri` and a slash; sorted, it stands at or after `from`.
    fn redirect(&self, uri: &[u8], from: usize) -> Option<&Arc<Location>> {
        if !self.redirects {
            return None;
        }
        let is_name = |name: &[u8]| name.split_last() == Some((&b'/', uri));
        let later = self.fixed.get(from..)?;
        let offset = later.partition_point(|entry| {
            entry
                .name
                .iter()
                .copied()
                .lt(uri.iter().copied().chain([b'/']))
        });
        let entry = later.get(offset).filter(|entry| is_name(&entry.name))?;
        entry
            .redirects
            .then(|| entry.exact.as_ref().or(entry.prefix.as_ref()))?
    }

    /// The first regular expression that matches.
    fn search_regexes(&self, uri: &[u8]) -> Matched<'_> {
        let attempt = |place: usize| {
            let (pattern, location) = self.regexes.get(place)?;
            let captures = pattern.captures(uri).transpose()?;
            Some(captures.map(|captures| (location, captures)))
        };
        let filter = self.filter.as_ref();
        filter
            .and_then(|filter| filter.candidates(uri, attempt))
            .unwrap_or_else(|| (0..self.regexes.len()).find_map(attempt))
            .transpose()
    }
}

/// A location whose regular expression matches.
type Matched<'a> = Result<Option<(&'a Arc<Location>, Captures)>, Box<MatchFault>>;

/// What a search came to.
enum Search<'a> {
    /// The end: an exact name or a regular expression.
    Final(&'a Arc<Location>, Option<Captures>),
    /// The end: a slash is missing.
    Redirect(&'a Arc<Location>),
    /// A prefix, which a regular expression may still beat.
    Prefix(&'a Arc<Location>),
    /// The end: an expression gave no answer.
    Failed(Option<&'a Arc<Location>>, Box<MatchFault>),
    Nothing,
}

impl<'a> Search<'a> {
    /// What was found, if anything.
    fn location(&self) -> Option<&'a Arc<Location>> {
        match self {
            Self::Final(location, _) | Self::Redirect(location) | Self::Prefix(location) => {
                Some(*location)
            }
            Self::Failed(location, _) => *location,
            Self::Nothing => None,
        }
    }

    /// A failure inside `outer` that had found nothing there happens to `outer`.
    fn or_within(self, outer: &'a Arc<Location>) -> Self {
        match self {
            Self::Failed(None, fault) => Self::Failed(Some(outer), fault),
            done => done,
        }
    }
}

/// The exact and the prefix location of one name.
type Pair = (Option<Arc<Location>>, Option<Arc<Location>>);

/// Collects the locations of a block.
#[derive(Debug, Default)]
pub(crate) struct LocationsBuilder {
    fixed: BTreeMap<Box<[u8]>, Pair>,
    regexes: Vec<(Pattern, Arc<Location>)>,
    named: HashMap<String, Arc<Location>>,
}

impl LocationsBuilder {
    /// Adds a location, with its pattern if it has one; gives it back if there is one of that name
    /// and kind already.
    pub(crate) fn add(
        &mut self,
        location: Arc<Location>,
        pattern: Option<Pattern>,
    ) -> Result<(), Arc<Location>> {
        if let Some(pattern) = pattern {
            self.regexes.push((pattern, location));
            return Ok(());
        }
        if location.kind == LocationKind::Named {
            // nginx looks through the list and takes the first.
            self.named.entry(location.name.clone()).or_insert(location);
            return Ok(());
        }
        let entry = self
            .fixed
            .entry(location.name.as_bytes().into())
            .or_default();
        let slot = match location.kind {
            LocationKind::Exact => &mut entry.0,
            _ => &mut entry.1,
        };
        if slot.is_some() {
            return Err(location);
        }
        *slot = Some(location);
        Ok(())
    }

    pub(crate) fn build(self) -> Locations {
        let mut fixed: Vec<Fixed> = Vec::with_capacity(self.fixed.len());
        for (name, (exact, prefix)) in self.fixed {
            // Names that this one starts with stand before it, the longest nearest along the chain.
            let mut shorter = fixed.len().checked_sub(1);
            while let Some(entry) = shorter.and_then(|index| fixed.get(index)) {
                if name.starts_with(&entry.name) {
                    break;
                }
                shorter = entry.shorter;
            }
            let proxied = |l: &Arc<Location>| matches!(l.handler, Handler::Proxy(_));
            let redirects =
                name.ends_with(b"/") && [&exact, &prefix].into_iter().flatten().any(proxied);
            fixed.push(Fixed {
                name,
                exact,
                prefix,
                redirects,
                shorter,
            });
        }
        let redirects = fixed.iter().any(|entry| entry.redirects);
        let filter = Filter::new(self.regexes.iter().map(|(pattern, _)| pattern));
        Locations {
            fixed,
            redirects,
            filter,
            regexes: self.regexes,
            named: self.named,
        }
    }
}
