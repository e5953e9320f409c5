//! The health checks of a configuration, by the pools whose peers they ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use weir_conf::{Handler, HealthCheck, Http, Location, ProxyPass, ProxyTarget, ResponseMatch};
use weir_upstream::{CheckId, CheckSet, Patience, Schedule};

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
    /// Index of the server, whose log is told.
    pub(crate) server: usize,
    /// The location, by whose settings peers are asked.
    pub(crate) location: Arc<Location>,
    /// What the answer is to be; `None`: 2xx or 3xx.
    pub(crate) tests: Option<Arc<ResponseMatch>>,
    rules: HealthCheck,
    pass: Arc<ProxyPass>,
}

impl Checks {
    pub(super) fn of(http: &Http) -> Self {
        let mut all: Vec<Arc<Check>> = Vec::new();
        for (server, location) in http.checking_locations() {
            let (Some(rules), Handler::Proxy(pass)) = (&location.health_check, &location.handler)
            else {
                continue;
            };
            let ProxyTarget::Fixed { upstream, .. } = &pass.target else {
                continue;
            };
            let earlier = all.iter().filter(|check| check.pool == *upstream).count();
            // More are refused when the configuration is read.
            let Some(id) = CheckId::new(earlier) else {
                continue;
            };
            all.push(Arc::new(Check {
                pool: *upstream,
                id,
                server: server.index,
                location: location.clone(),
                tests: rules.tests.map(|index| http.matches[index].clone()),
                rules: HealthCheck::clone(rules),
                pass: pass.clone(),
            }));
        }
        Self {
            all,
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
    pub(crate) fn of_pool(&self, pool: usize, are: impl Fn(&HealthCheck) -> bool) -> CheckSet {
        let mut set = CheckSet::default();
        let own = self.all.iter().filter(|check| check.pool == pool);
        for check in own.filter(|check| are(&check.rules)) {
            set.insert(check.id);
        }
        set
    }
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
