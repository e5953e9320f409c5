//! One record from start to stop.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::bed::Prefix;
use super::compare::{Difference, compare};
use super::logs::{Normal, long_lines};
use super::proxy::Target;
use super::{Outcome, conf, startup};
use crate::backend::Backend;
use crate::client::{Client, ClientError};
use crate::dns::{NoAnswer, Resolver};
use crate::record::{Part, Record};
use crate::response::summed_up;
use crate::socket::Address;
use crate::version::Version;

/// Where the proxy of every record listens.
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where the resolver of every record answers.
const RESOLVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// How long logs and backends may take to show what the client has already seen.
const SETTLE: Duration = Duration::from_millis(300);

/// Plays `record` against the target in `directory`.
pub(crate) async fn replay(
    target: &Target,
    record: &Record,
    version: Version,
    directory: &Path,
) -> Outcome {
    let path = directory.join("p");
    let text = conf::text(record, &path, target.preamble(version));
    let prefix = match Prefix::lay_out(path, &text) {
        Ok(prefix) => prefix,
        Err(fault) => return Outcome::Broken(format!("prefix: {fault}")),
    };
    let exchange = Exchange {
        target,
        record,
        version,
        prefix: &prefix,
    };
    let done = match record.exit {
        Some(_) => startup::check(target, record, version, &prefix).await,
        None => exchange.run().await,
    };
    match done {
        Ok(differences) if differences.is_empty() => Outcome::Agree,
        Ok(differences) => Outcome::Differ(differences),
        Err(fault) => Outcome::Broken(fault),
    }
}

/// How long a client lets the proxy linger before it closes.
const LINGER: Duration = Duration::from_millis(200);

/// The records keep no more connections than this.
const SAW_KEPT: usize = 6;

struct Exchange<'a> {
    target: &'a Target,
    record: &'a Record,
    version: Version,
    prefix: &'a Prefix,
}

impl Exchange<'_> {
    async fn run(&self) -> Result<Vec<Difference>, String> {
        let mut backends = self.start_backends().await?;
        let resolver = self.start_resolver().await?;
        let differences = self.with(&mut backends).await;
        if let Some(resolver) = resolver {
            resolver.stop().await;
        }
        for backend in backends.values_mut() {
            // The next record needs the address; dropping would free it only some time later.
            backend.stop_listening().await;
        }
        differences
    }

    async fn with(
        &self,
        backends: &mut BTreeMap<String, Backend>,
    ) -> Result<Vec<Difference>, String> {
        let proxy = match self.target.start(self.prefix).await {
            Ok(proxy) => proxy,
            Err(fault) => return Ok(vec![one("start", json!("running"), fault.to_string())]),
        };
        let mut client = Client::new(Address::Inet(PROXY), self.prefix.path().to_owned());
        let mut differences = match client.play(&self.record.request, backends).await {
            Ok(()) => self.settle(client, backends).await,
            Err(fault @ ClientError::Connect(_)) => {
                let log = latest(&self.prefix.log("error.log"));
                vec![one("client", json!("connected"), format!("{fault}; {log}"))]
            }
            Err(fault) => return Err(fault.to_string()),
        };
        let ended = proxy
            .stop()
            .await
            .map_err(|fault| format!("stop: {fault}"))?;
        differences.extend(compare("ended", &json!("exit status: 0"), &json!(ended)));
        Ok(differences)
    }

    async fn start_backends(&self) -> Result<BTreeMap<String, Backend>, String> {
        let mut backends = BTreeMap::new();
        for (name, script) in &self.record.backend {
            let address = address(name, self.prefix.path())
                .ok_or_else(|| format!("backend {name:?} is no address"))?;
            let backend = Backend::start(address, script.clone()).await;
            let backend = backend.map_err(|fault| format!("backend {name}: {fault}"))?;
            backends.insert(name.clone(), backend);
        }
        Ok(backends)
    }

    async fn start_resolver(&self) -> Result<Option<Resolver>, String> {
        if self.record.dns.is_empty() {
            return Ok(None);
        }
        let answer = |(name, answer): (&String, &String)| {
            answer.parse().map(|answer| (name.clone(), answer))
        };
        let names = self.record.dns.iter().map(answer).collect::<Result<_, _>>();
        let names = names.map_err(|fault: NoAnswer| fault.to_string())?;
        let resolver = Resolver::start(RESOLVER, names).await;
        resolver
            .map(Some)
            .map_err(|fault| format!("resolver: {fault}"))
    }

    /// Compares until all agrees or time is up: first with the client's connections open, then,
    /// for what a lingering close holds back, with them closed.
    async fn settle(
        &self,
        client: Client,
        backends: &BTreeMap<String, Backend>,
    ) -> Vec<Difference> {
        let mut differences = self.responses(&client);
        let lingering = self.record.access_log_written.is_some();
        let mut open = self
            .until_agreed(|| {
                let mut open = self.error_log();
                open.extend(self.saw(backends));
                if !lingering {
                    open.extend(self.access(false));
                }
                open
            })
            .await;
        if lingering && self.access(false).is_empty() {
            open.push(one(
                "access_log_written",
                json!("after the close"),
                "before it".to_owned(),
            ));
        }
        if lingering {
            // The records were made so, and the time shows in the log line.
            sleep(LINGER).await;
        }
        drop(client);
        // A line that is there only now was expected earlier, or is an expected late one.
        let late = self.until_agreed(|| self.access(true)).await;
        open.retain(|difference| late.is_empty() || !late.contains(difference));
        differences.extend(open);
        differences.extend(late);
        differences.extend(self.extra_logs());
        differences
    }

    async fn until_agreed(&self, compare: impl Fn() -> Vec<Difference>) -> Vec<Difference> {
        let until = Instant::now() + SETTLE;
        loop {
            let differences = compare();
            if differences.is_empty() || Instant::now() > until {
                return differences;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn normal(&self) -> Normal {
        Normal::new(self.prefix.path(), self.version)
    }

    fn responses(&self, client: &Client) -> Vec<Difference> {
        if !self.record.is_stable(Part::Responses) {
            return Vec::new();
        }
        let mut got = json!(client.received());
        self.normal().json(&mut got);
        let expected = match self.record.expected("responses", self.version) {
            Value::Null => match self.record.expected("client", self.version) {
                Value::Null => json!([]),
                first => json!([first]),
            },
            all => all,
        };
        compare("responses", &expected, &got)
    }

    fn error_log(&self) -> Vec<Difference> {
        let log = self.prefix.log("error.log");
        if let Some(lengths) = self.record.seen.get("error_log_raw_line_len") {
            return compare("error_log_raw_line_len", lengths, &long_lines(&log));
        }
        if !self.record.is_stable(Part::ErrorLog) {
            return Vec::new();
        }
        let got = json!(self.normal().error_lines(&log));
        compare(
            "error_log",
            &self.record.expected("error_log", self.version),
            &got,
        )
    }

    fn access(&self, closed: bool) -> Vec<Difference> {
        let expected = match self.record.expected("access", self.version) {
            Value::Array(lines) => lines,
            Value::Object(line) if line.is_empty() => Vec::new(),
            line => vec![line],
        };
        let mut got = self.normal().access_lines(&self.prefix.log("access.log"));
        if closed && got.len() > expected.len() && self.record.access_log_written.is_none() {
            // Requests that were cut off by the close are no part of the record.
            got.truncate(expected.len());
        }
        if !self.record.is_stable(Part::AccessLog) {
            return compare("access lines", &json!(expected.len()), &json!(got.len()));
        }
        compare("access", &json!(expected), &json!(got))
    }

    fn saw(&self, backends: &BTreeMap<String, Backend>) -> Vec<Difference> {
        let mut got = Vec::new();
        for (name, backend) in backends {
            for (conn, saw) in backend.saw().into_iter().enumerate() {
                let data = summed_up(&saw.data, crate::response::WHOLE_BODY);
                got.push(json!({
                    "backend": name, "conn": conn, "bytes": saw.bytes,
                    "data": data, "nginx_end": saw.end,
                }));
            }
        }
        let expected = match self.record.expected("backend_saw", self.version) {
            Value::Null => json!([]),
            saw => saw,
        };
        if expected.as_array().is_some_and(|saw| saw.len() == SAW_KEPT) {
            got.truncate(SAW_KEPT);
        }
        for (expected, got) in expected.as_array().into_iter().flatten().zip(&mut got) {
            forget_rest(expected, got);
        }
        let mut got = Value::from(got);
        self.normal().json(&mut got);
        compare("backend_saw", &expected, &got)
    }

    fn extra_logs(&self) -> Vec<Difference> {
        let Value::Object(logs) = self.record.expected("extra_logs", self.version) else {
            return Vec::new();
        };
        let one = |(name, expected): (&String, &Value)| {
            let got = self.normal().plain_lines(&self.prefix.log(name));
            compare(&format!("extra_logs.{name}"), expected, &got)
        };
        logs.iter().flat_map(one).collect()
    }
}

/// Of long data the records kept a beginning whose length hung on packets; only its prefix says
/// something.
fn forget_rest(expected: &Value, got: &mut Value) {
    let kept = &expected["data"]["len"];
    if kept.is_u64() && *kept != expected["bytes"] {
        let prefix = got["data"]["prefix"].take();
        got["data"] = expected["data"].clone();
        got["data"]["prefix"] = prefix;
    }
}

fn one(field: &str, expected: Value, got: String) -> Difference {
    Difference {
        field: field.to_owned(),
        expected,
        got: got.into(),
    }
}

/// The last line of a log, for a proxy that went away.
fn latest(log: &[u8]) -> String {
    String::from_utf8_lossy(log)
        .lines()
        .last()
        .unwrap_or("the error log is empty")
        .to_owned()
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
