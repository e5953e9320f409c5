//! The health checks of a configuration, by the pools whose peers they ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use weir_conf::{Handler, HealthCheck, Http, Location, ProxyPass, ProxyTarget, ResponseMatch};
use weir_upstream::{CheckId, CheckSet, Patience, Schedule};

use super::check_numbers::{CheckKey, number};

/// All checks.
#[derive(Default)]
pub(crate) struct Checks {
    all: Vec<Arc<Check>>,
    /// Some worker has begun with them.
    begun: AtomicBool,
}

/// A `health_check` and where it stands.
pub(crate) struct Check {
    /// Index of the pool in `Http::upstreams`.
    pub(crate) pool: usize,
    /// Which of the pool's checks it is.
    pub(crate) id: CheckId,
    /// It was there before a reload, too.
    pub(crate) is_known: bool,
    /// Index of the server, whose log is told.
    pub(crate) server: usize,
    /// The location, by whose settings peers are asked.
    pub(crate) location: Arc<Location>,
    /// What the answer is to be; `None`: 2xx or 3xx.
    pub(crate) tests: Option<Arc<ResponseMatch>>,
    rules: HealthCheck,
    pass: Arc<ProxyPass>,
    key: CheckKey,
}

/// A `health_check` that can be made, and where it stands.
struct Found<'a> {
    pool: usize,
    server: usize,
    location: &'a Arc<Location>,
    rules: &'a HealthCheck,
    pass: &'a Arc<ProxyPass>,
}

impl Checks {
    /// The checks of a configuration; those that were there `before` a reload go on.
    pub(super) fn of(http: &Http, before: Option<&Self>) -> Self {
        let (found, keys): (Vec<_>, Vec<_>) = found(http).unzip();
        let before = before.map_or(&[][..], Self::all).iter();
        let before: Vec<_> = before.map(|check| (&check.key, check.id)).collect();
        let numbers = number(&keys, &before);
        let numbered = found.into_iter().zip(keys).zip(numbers);
        // More than there are numbers are refused when the configuration is read.
        let all = numbered.filter_map(|((found, key), number)| {
            let number = number?;
            let tests = found.rules.tests;
            Some(Arc::new(Check {
                pool: found.pool,
                id: number.id,
                is_known: number.is_known,
                server: found.server,
                location: found.location.clone(),
                tests: tests.map(|index| http.matches[index].clone()),
                rules: found.rules.clone(),
                pass: found.pass.clone(),
                key,
            }))
        });
        Self {
            all: all.collect(),
            begun: AtomicBool::new(false),
        }
    }

    /// All of them, in the order written.
    pub(crate) fn all(&self) -> &[Arc<Check>] {
        &self.all
    }

    /// Notes that a worker begins with them; whether it is the first one.
    pub(crate) fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::Relaxed)
    }

    /// The checks of a pool that `are`.
    pub(crate) fn of_pool(&self, pool: usize, are: impl Fn(&Check) -> bool) -> CheckSet {
        let mut set = CheckSet::default();
        let own = self.all.iter().filter(|check| check.pool == pool);
        for check in own.filter(|check| are(check)) {
            set.insert(check.id);
        }
        set
    }
}

/// The lines of a configuration, in the order written.
fn found(http: &Http) -> impl Iterator<Item = (Found<'_>, CheckKey)> {
    let checking = http.checking_locations().into_iter();
    checking.filter_map(|(server, location)| {
        let (Some(rules), Handler::Proxy(pass)) = (&location.health_check, &location.handler)
        else {
            return None;
        };
        let ProxyTarget::Fixed { upstream, .. } = &pass.target else {
            return None;
        };
        let found = Found {
            pool: *upstream,
            server: server.index,
            location,
            rules,
            pass,
        };
        let key = CheckKey::new(http, server, location, rules, *upstream);
        Some((found, key))
    })
}

impl Check {
    /// What the line says.
    pub(crate) fn rules(&self) -> &HealthCheck {
        &self.rules
    }

    /// Where the location passes requests to.
    pub(crate) fn pass(&self) -> &ProxyPass {
        &self.pass
    }

    /// How many answers count.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            fails: self.rules.fails,
            passes: self.rules.passes,
        }
    }

    /// When peers are asked.
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule {
            interval: self.rules.interval,
            jitter: self.rules.jitter,
        }
    }
}
