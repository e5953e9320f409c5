//! Active health checks: what is asked of the servers of a group, and what their answers are to be.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::pattern::{MatchFault, Pattern};
use crate::{Place, Template};

/// A `health_check`.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// From the end of a check to the start of the next.
    pub interval: Duration,
    /// By how much more a check may be delayed, at random.
    pub jitter: Duration,
    /// Failures in a row that make a server unhealthy.
    pub fails: u32,
    /// Passes in a row that make it healthy again.
    pub passes: u32,
    /// What is asked for.
    pub uri: Box<[u8]>,
    /// A server gets requests only once it has passed.
    pub mandatory: bool,
    /// A reload does not ask that anew of a server that was healthy.
    pub persistent: bool,
    /// What the answer is to be: an index in `Http::matches`; `None`: its status is 2xx or 3xx.
    pub tests: Option<usize>,
    /// The port that is asked instead of the server's own.
    pub port: Option<u16>,
    /// How long one connection serves checks; `None`: each has its own.
    pub keepalive_time: Option<Duration>,
    /// Where it stands.
    pub place: Place,
}

impl HealthCheck {
    /// Most checks of one group.
    pub const MOST: usize = 32;

    /// `health_check;` (`ngx_http_upstream_hc_module`).
    pub(crate) fn new(place: Place) -> Self {
        Self {
            interval: Duration::from_secs(5),
            jitter: Duration::ZERO,
            fails: 1,
            passes: 1,
            uri: b"/".as_slice().into(),
            mandatory: false,
            persistent: false,
            tests: None,
            port: None,
            keepalive_time: None,
            place,
        }
    }
}

/// A `match` block: an answer passes if it passes all of these tests.
#[derive(Clone, Debug, Default)]
pub struct ResponseMatch {
    /// Its name, for log lines.
    pub name: String,
    /// What its status is to be; `None`: it does not matter.
    pub status: Option<StatusTest>,
    /// What its head is to have.
    pub headers: Vec<HeaderTest>,
    /// What its body is to say.
    pub bodies: Vec<BodyTest>,
    /// Variables that are to be true.
    pub required: Vec<Template>,
}

impl ResponseMatch {
    /// Whether there is no test.
    pub(crate) fn is_empty(&self) -> bool {
        let tests = self.headers.len() + self.bodies.len() + self.required.len();
        self.status.is_none() && tests == 0
    }
}

/// `status [!] CODE|RANGE...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusTest {
    negated: bool,
    ranges: Vec<RangeInclusive<u16>>,
}

impl StatusTest {
    pub(crate) fn new(negated: bool, ranges: Vec<RangeInclusive<u16>>) -> Self {
        Self { negated, ranges }
    }

    /// What holds without a `match`: 2xx or 3xx.
    pub fn usual(status: u16) -> bool {
        (200..400).contains(&status)
    }

    /// Whether an answer of this status passes.
    pub fn passes(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status)) != self.negated
    }
}

/// `header NAME`, `header ! NAME` or `header NAME OPERATOR VALUE`.
#[derive(Clone, Debug)]
pub struct HeaderTest {
    /// The field's name.
    pub name: Box<[u8]>,
    wanted: Wanted,
}

/// What a field is to be.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Present,
    Absent,
    Equal(Box<[u8]>),
    Different(Box<[u8]>),
    Matching(Pattern),
    NotMatching(Pattern),
}

impl HeaderTest {
    pub(crate) fn new(name: &[u8], wanted: Wanted) -> Self {
        Self {
            name: name.into(),
            wanted,
        }
    }

    /// Whether an answer passes whose fields of this name have these values. All but the tests for presence
    /// want one at least; that a value is not there, is asked of all of them.
    ///
    /// # Errors
    ///
    /// PCRE gave up.
    pub fn passes<'a>(
        &self,
        mut values: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<bool, Box<MatchFault>> {
        let any = values.clone().next().is_some();
        Ok(match &self.wanted {
            Wanted::Present => any,
            Wanted::Absent => !any,
            Wanted::Equal(wanted) => values.any(|value| *value == **wanted),
            Wanted::Different(refused) => any && !values.any(|value| *value == **refused),
            Wanted::Matching(pattern) => any_matches(pattern, values)?,
            Wanted::NotMatching(pattern) => any && !any_matches(pattern, values)?,
        })
    }
}

fn any_matches<'a>(
    pattern: &Pattern,
    values: impl Iterator<Item = &'a [u8]>,
) -> Result<bool, Box<MatchFault>> {
    for value in values {
        if pattern.matches(value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `body ~ PATTERN` or `body !~ PATTERN`.
#[derive(Clone, Debug)]
pub struct BodyTest {
    negated: bool,
    pattern: Pattern,
}

impl BodyTest {
    pub(crate) fn new(negated: bool, pattern: Pattern) -> Self {
        Self { negated, pattern }
    }

    /// Whether an answer with this body passes.
    ///
    /// # Errors
    ///
    /// PCRE gave up.
    pub fn passes(&self, body: &[u8]) -> Result<bool, Box<MatchFault>> {
        Ok(self.pattern.matches(body)? != self.negated)
    }
}
