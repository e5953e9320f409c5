//! Looks up the names of pools whose addresses change while they are in use.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use weir_conf::{ResolverSpec, Upstream};
use weir_dns::{Code, Failure, MOST_ADDRESSES};
use weir_io::clock;
use weir_log::Level;
use weir_upstream::{Found, FoundService, Name, NameSource, Pool};

use crate::names::{Addresses, ServiceAnswer};
use crate::plan::Generation;

/// How long the system is left alone that had no answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a name may take unless the configuration says otherwise.
const RESOLVER_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest time between two questions about a name.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// Keeps all names of the plan up to date for as long as `duties` run.
pub(super) fn begin(duties: &mut JoinSet<()>, generation: &Rc<Generation>) {
    let upstreams = generation
        .config()
        .http
        .iter()
        .flat_map(|http| &http.upstreams);
    for (upstream, pool) in upstreams.zip(generation.pools()) {
        for (number, name) in pool.names().iter().enumerate() {
            if name.spec().source == NameSource::Resolver
                && let Some(resolver) = &upstream.resolver
            {
                let watch = Watch {
                    generation: generation.clone(),
                    pool: pool.clone(),
                    number,
                    resolver: resolver.clone(),
                    timeout: patience(upstream),
                };
                duties.spawn_local(watch.run());
            }
        }
    }
    duties.spawn_local(await_system(generation.clone()));
}

fn patience(upstream: &Upstream) -> Duration {
    upstream.resolver_timeout.unwrap_or(RESOLVER_TIMEOUT)
}

/// One name of a pool, and who is asked about it.
struct Watch {
    generation: Rc<Generation>,
    pool: Arc<Pool>,
    number: usize,
    resolver: Arc<ResolverSpec>,
    timeout: Duration,
}

/// An answer about a name.
struct Answer {
    found: Vec<Found>,
    valid_until: u64,
}

impl Watch {
    /// Asks again whenever the answer is too old (`ngx_http_upstream_zone_resolve_timer`).
    async fn run(self) {
        let valid = self.name().valid();
        tokio::time::sleep(valid.saturating_sub(monotonic())).await;
        loop {
            let rest = match self.ask().await {
                Ok(answer) => self.take(&answer.found, answer.valid_until),
                Err(failure) => {
                    self.tell(failure.code);
                    match failure.code {
                        Code::HostNotFound => self.take(&[], failure.valid_until),
                        // Its addresses stay until somebody knows better.
                        Code::FormatError
                        | Code::ServerFailure
                        | Code::Unimplemented
                        | Code::Refused
                        | Code::TimedOut => self.timeout.max(SHORTEST_REST),
                    }
                }
            };
            tokio::time::sleep(rest).await;
        }
    }

    fn name(&self) -> &Name {
        &self.pool.names()[self.number]
    }

    async fn ask(&self) -> Result<Answer, Failure> {
        let resolver = self.generation.resolver(&self.resolver);
        let spec = self.name().spec();
        let host = spec.host.as_bytes();
        match &spec.service {
            None => resolver.lookup(host, self.timeout).await.map(plain),
            Some(service) => {
                let service = service.as_bytes();
                let ServiceAnswer { found, failed } =
                    resolver.lookup_service(service, host, self.timeout).await;
                for (name, code) in failed {
                    self.tell_of_server(&name, code);
                }
                found.map(|found| Answer {
                    found: found.addresses.iter().map(served).collect(),
                    valid_until: found.valid_until,
                })
            }
        }
    }

    /// The pool has these addresses from now on; how long they hold (`ngx_http_upstream_zone_resolve_handler`).
    fn take(&self, found: &[Found], valid_until: u64) -> Duration {
        self.pool.set_addresses(self.number, found);
        if found.len() >= MOST_ADDRESSES {
            let group = self.pool.name();
            let line = format!("cannot add new server to upstream \"{group}\", memory exhausted");
            self.log(line.as_bytes());
        }
        let valid = Duration::from_secs(valid_until);
        self.name().hold_until(valid);
        let now = Duration::from_secs(monotonic().as_secs());
        match valid > now {
            true => valid - now + SHORTEST_REST,
            false => SHORTEST_REST,
        }
    }

    fn tell(&self, code: Code) {
        let spec = self.name().spec();
        let text = match &spec.service {
            None => format!("{} could not be resolved ({code})", spec.host),
            Some(service) => {
                let host = &spec.host;
                format!("service {service} of {host} could not be resolved ({code})")
            }
        };
        self.log(text.as_bytes());
    }

    /// A server of the service has no address.
    fn tell_of_server(&self, server: &[u8], code: Code) {
        let spec = self.name().spec();
        let service = spec.service.as_deref().unwrap_or_default();
        let rest = format!(
            " could not be resolved ({code}) while resolving service {service} of {}",
            spec.host
        );
        self.log(&[server, rest.as_bytes()].concat());
    }

    fn log(&self, line: &[u8]) {
        weir_log::emit(self.generation.main_sinks(), Level::Error, None, line);
    }
}

fn monotonic() -> Duration {
    clock::monotonic(clock::now())
}

fn plain(answer: Addresses) -> Answer {
    let found = answer.addresses.iter().map(|address| Found {
        address: SocketAddr::new(*address, 0),
        service: None,
    });
    Answer {
        found: found.collect(),
        valid_until: answer.valid_until,
    }
}

fn served(server: &weir_dns::ServiceAddress) -> Found {
    Found {
        address: server.address,
        service: Some(FoundService {
            host: String::from_utf8_lossy(&server.name).into_owned(),
            priority: server.priority,
            weight: u32::from(server.weight),
        }),
    }
}

/// Asks the system for the addresses of names that had none at the start, one after the other, until it has them all.
async fn await_system(generation: Rc<Generation>) {
    let pools = generation.pools().iter();
    let mut missing: Vec<(&Arc<Pool>, usize)> = pools
        .flat_map(|pool| (0..pool.names().len()).map(move |number| (pool, number)))
        .filter(|(pool, number)| pool.names()[*number].spec().source == NameSource::System)
        .collect();
    while !missing.is_empty() {
        let mut left = Vec::new();
        for (pool, number) in missing {
            if !try_system(&generation, pool, number).await {
                left.push((pool, number));
            }
        }
        missing = left;
        if !missing.is_empty() {
            tokio::time::sleep(PATIENCE).await;
        }
    }
}

/// Whether the system knows the name now.
async fn try_system(generation: &Generation, pool: &Pool, number: usize) -> bool {
    let name = &pool.names()[number];
    let found = ask_system(name).await;
    if found.is_empty() {
        return false;
    }
    pool.set_addresses(number, &found);
    let text = format!(
        "host found in upstream \"{}\": the server is in use, with {} addresses",
        name.spec().server,
        found.len()
    );
    weir_log::emit(
        generation.main_sinks(),
        Level::Notice,
        None,
        text.as_bytes(),
    );
    true
}

/// The system's answer may be long in coming: a thread waits for it that nobody waits for when the worker ends.
async fn ask_system(name: &Name) -> Vec<Found> {
    let (answer, answered) = oneshot::channel();
    let host = name.spec().host.clone();
    let asker = std::thread::Builder::new().name("names".into());
    let asked = asker.spawn(move || {
        // It fails if nobody wants to know any more.
        let _ = answer.send(weir_conf::resolve(&host));
    });
    if asked.is_err() {
        return Vec::new();
    }
    let addresses = answered.await.unwrap_or_default();
    let found = addresses.into_iter().map(|address| Found {
        address: SocketAddr::new(address, name.spec().port),
        service: None,
    });
    found.collect()
}
