//! One record from start to stop.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use weir_lab::backend::Backend;
use weir_lab::bed::compare::Difference;
use weir_lab::bed::logs::Normal;
use weir_lab::bed::names::Names;
use weir_lab::bed::prefix::Prefix;
use weir_lab::bed::run::{Run, Settling};
use weir_lab::bed::target::Starter;
use weir_lab::bed::{Binary, Fault, Seen};
use weir_lab::client::ClientError;
use weir_lab::dns::{NameServer, NoAnswer};
use weir_lab::socket::Address;
use weir_lab::version::Version;

use super::judge::{self, Judge};
use super::{Outcome, conf, startup};
use crate::record::Record;

/// Where the proxy of every record listens.
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where the resolver of every record answers.
const RESOLVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// How long a client lets the proxy linger before it closes.
const LINGER: Duration = Duration::from_millis(200);

/// One record, to be played in a directory.
pub(crate) struct Exchange<'a> {
    pub(crate) record: &'a Record,
    pub(crate) version: Version,
    pub(crate) directory: &'a Path,
}

impl Exchange<'_> {
    /// Plays it against `target` and compares with what was recorded.
    pub(crate) async fn replay(&self, target: &Binary) -> Outcome {
        let prefix = match self.lay_out(target) {
            Ok(prefix) => prefix,
            Err(fault) => return Outcome::Broken(fault),
        };
        let judge = Judge {
            record: self.record,
            version: self.version,
            prefix: &prefix,
        };
        let done = match self.record.exit {
            Some(_) => startup::check(target, self.record, self.version, &prefix).await,
            None => match self.run(target, &prefix, Some(&judge)).await {
                Ok(seen) => Ok(judge.all(&seen)),
                Err(fault) => told(fault),
            },
        };
        outcome(done)
    }

    /// Plays it against both and compares these.
    pub(crate) async fn beside(&self, reference: &Binary, target: &Binary) -> Outcome {
        let expected = match self.shows(reference).await {
            Ok(seen) => seen,
            Err(fault) if fault.contains("[emerg] unknown directive") => {
                return Outcome::Skipped("a directive that the reference lacks".to_owned());
            }
            Err(fault) => return Outcome::Broken(format!("reference: {fault}")),
        };
        let done = self.shows(target).await.map(|seen| {
            let mut differences = expected.compare(&seen);
            differences.retain(|difference| self.record.compares(&difference.field));
            differences
        });
        outcome(done)
    }

    async fn shows(&self, target: &Binary) -> Result<Seen, String> {
        let prefix = self.lay_out(target)?;
        if self.record.exit.is_some() {
            return startup::shows(target, self.version, &prefix).await;
        }
        let seen = self.run(target, &prefix, None).await;
        seen.map_err(|fault| fault.to_string())
    }

    fn lay_out(&self, target: &Binary) -> Result<Prefix, String> {
        let path = self.directory.join("p");
        let text = conf::text(self.record, &path, target.preamble(self.version));
        Prefix::lay_out(path, &text).map_err(|fault| format!("prefix: {fault}"))
    }

    /// Starts what the proxy talks to, makes the run, and frees the addresses.
    async fn run(
        &self,
        target: &Binary,
        prefix: &Prefix,
        judge: Option<&Judge<'_>>,
    ) -> Result<Seen, Fault> {
        let backends = self.start_backends(prefix).await?;
        let resolver = self.start_resolver().await?;
        let agrees = |moment, seen: &Seen| judge.is_some_and(|judge| judge.agrees(moment, seen));
        let lingers = self.record.access_log_written.is_some();
        let run = Run {
            target: &Starter::Binary(target),
            prefix,
            normal: &Normal::new(Names::default(), prefix.path(), self.version.as_str()),
            proxy: Address::Inet(PROXY),
            client: &self.record.request,
            settling: match judge {
                Some(_) => Settling::Agreed {
                    agrees: &agrees,
                    // The records were made so, and the time shows in the log line.
                    linger: if lingers { LINGER } else { Duration::ZERO },
                },
                None => Settling::Quiet,
            },
        };
        let seen = run.make(&backends).await;
        if let Some(resolver) = resolver {
            resolver.stop().await;
        }
        for backend in backends.values() {
            // The next run needs the address; dropping would free it only some time later.
            backend.stop_listening().await;
        }
        seen
    }

    async fn start_backends(&self, prefix: &Prefix) -> Result<BTreeMap<String, Backend>, Fault> {
        let mut backends = BTreeMap::new();
        for (name, script) in &self.record.backend {
            let fault = || Fault::bed(format!("backend {name}"));
            let address = address(name, prefix.path())
                .ok_or_else(|| fault()(std::io::Error::other("this is no address")))?;
            let backend = Backend::start(address, script.clone()).await;
            backends.insert(name.clone(), backend.map_err(fault())?);
        }
        Ok(backends)
    }

    async fn start_resolver(&self) -> Result<Option<NameServer>, Fault> {
        if self.record.dns.is_empty() {
            return Ok(None);
        }
        let answer = |(name, answer): (&String, &String)| {
            answer.parse().map(|answer| (name.clone(), answer))
        };
        let names = self.record.dns.iter().map(answer).collect::<Result<_, _>>();
        let other = |fault: NoAnswer| std::io::Error::other(fault.to_string());
        let names = names.map_err(other).map_err(Fault::bed("resolver"))?;
        let resolver = NameServer::start(RESOLVER, names).await;
        resolver.map(Some).map_err(Fault::bed("resolver"))
    }
}

/// A proxy that does not come up, or goes away, is a difference; anything else breaks the run.
fn told(fault: Fault) -> Result<Vec<Difference>, String> {
    match fault {
        Fault::Start(fault) => {
            let running = judge::one("start", json!("running"), fault.to_string());
            Ok(vec![running])
        }
        Fault::Client {
            source: source @ ClientError::Connect(_),
            log,
        } => {
            let got = format!("{source}; {log}");
            Ok(vec![judge::one("client", json!("connected"), got)])
        }
        fault => Err(fault.to_string()),
    }
}

fn outcome(done: Result<Vec<Difference>, String>) -> Outcome {
    match done {
        Ok(differences) if differences.is_empty() => Outcome::Agree,
        Ok(differences) => Outcome::Differ(differences),
        Err(fault) => Outcome::Broken(fault),
    }
}

/// `9001`, `127.0.0.3:9001` or `unix:b.sock`, the latter below the prefix.
fn address(name: &str, prefix: &Path) -> Option<Address> {
    if let Some(path) = name.strip_prefix("unix:") {
        return Some(Address::Unix(PathBuf::from(prefix).join(path)));
    }
    let port = name
        .parse()
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    port.or_else(|_| name.parse()).ok().map(Address::Inet)
}
