//! One run: a proxy comes up, a client plays its steps, things settle, the proxy ends.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::logs::Normal;
use super::prefix::Prefix;
use super::process::StartError;
use super::target::Starter;
use super::{Field, Seen};
use crate::backend::Backend;
use crate::client::{Client, ClientError};
use crate::response::{WHOLE_BODY, summed_up};
use crate::script::ClientStep;
use crate::socket::Address;
use crate::text::latin1;

/// What a run needs; the backends are there, the configuration is in the prefix.
pub struct Run<'a> {
    /// Who plays the proxy.
    pub target: &'a Starter<'a>,
    /// Where the proxy runs.
    pub prefix: &'a Prefix,
    /// Takes out of what was seen whatever differs from run to run.
    pub normal: &'a Normal,
    /// Where the proxy listens.
    pub proxy: Address,
    /// What the client does.
    pub client: &'a [ClientStep],
    /// When all has been seen.
    pub settling: Settling<'a>,
}

/// When logs and backends have shown all that they will.
pub enum Settling<'a> {
    /// Nothing changed for a while.
    Quiet,
    /// They show what is expected, or never will.
    Agreed {
        /// Whether what shows at a moment is what is expected.
        agrees: &'a (dyn Fn(Moment, &Seen) -> bool + Sync),
        /// How long the client waits then, before it closes.
        linger: Duration,
    },
}

/// When something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The client's connections are as the last step left them.
    Open,
    /// The client closed them all.
    Closed,
}

/// A run that could not be made, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The proxy did not come up.
    #[error("the proxy does not start: {0}")]
    Start(#[from] StartError),
    /// A step could not be played.
    #[error("{source}; the proxy's last error: {log}")]
    Client {
        /// Why.
        source: ClientError,
        /// The last line of the error log.
        log: String,
    },
    /// A part of the test bed failed.
    #[error("{what}: {source}")]
    Bed {
        /// The part.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Fault {
    /// An error of the part called `what`.
    pub fn bed(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Bed { what, source }
    }
}

/// The first byte of a handshake, and what is less than one.
const HELLO: u8 = 22;
const HELLO_LEAST: u64 = 16;

/// How often logs are read.
const POLL: Duration = Duration::from_millis(10);

/// A proxy that wrote nothing for so long has written all.
const QUIET: Duration = Duration::from_millis(100);

/// A proxy that keeps on writing is not waited for.
const RESTLESS: Duration = Duration::from_secs(2);

/// How long what is expected may take to show.
const UNTIL_AGREED: Duration = Duration::from_millis(300);

impl Run<'_> {
    /// Makes the run.
    ///
    /// # Errors
    /// The proxy does not start, or the test bed fails.
    pub async fn make(&self, backends: &BTreeMap<String, Backend>) -> Result<Seen, Fault> {
        let proxy = self.target.start(self.prefix).await?;
        let mut client = Client::new(self.proxy.clone(), self.prefix.path().to_owned());
        let played = client.play(self.client, backends).await;
        played.map_err(|source| Fault::Client {
            source,
            log: latest(&self.prefix.log("error.log")),
        })?;
        let mut responses = client.told();
        self.normal.json(&mut responses);
        let mut seen = self.settle(Moment::Open, backends).await;
        if let Settling::Agreed { linger, .. } = self.settling {
            sleep(linger).await;
        }
        drop(client);
        let closed = self.settle(Moment::Closed, backends).await;
        let ended = proxy.stop().await.map_err(Fault::bed("stop"))?;
        seen.access_open = seen.field(Field::Access).clone();
        for (field, value) in [
            (Field::Responses, responses),
            (Field::Access, closed.field(Field::Access).clone()),
            (Field::Logs, self.other_logs()),
            (Field::Ended, json!(ended)),
        ] {
            seen.fields.insert(field, value);
        }
        Ok(seen)
    }

    async fn settle(&self, moment: Moment, backends: &BTreeMap<String, Backend>) -> Seen {
        match self.settling {
            Settling::Quiet => self.until_quiet(backends).await,
            Settling::Agreed { agrees, .. } => {
                let until = Instant::now() + UNTIL_AGREED;
                loop {
                    let seen = self.look(backends);
                    if agrees(moment, &seen) || Instant::now() > until {
                        return seen;
                    }
                    sleep(POLL).await;
                }
            }
        }
    }

    async fn until_quiet(&self, backends: &BTreeMap<String, Backend>) -> Seen {
        let started = Instant::now();
        let mut last = (started, self.look(backends));
        loop {
            sleep(POLL).await;
            let (now, seen) = (Instant::now(), self.look(backends));
            if seen != last.1 {
                last = (now, seen);
            } else if now - last.0 >= QUIET || now - started > RESTLESS {
                return last.1;
            }
        }
    }

    /// Logs and backends as they are now.
    fn look(&self, backends: &BTreeMap<String, Backend>) -> Seen {
        let (normal, prefix) = (self.normal, self.prefix);
        let fields = [
            (Field::BackendSaw, self.saw(backends)),
            (
                Field::ErrorLog,
                json!(normal.error_lines(&prefix.log("error.log"))),
            ),
            (
                Field::Access,
                json!(normal.access_lines(&prefix.log("access.log"))),
            ),
        ];
        Seen {
            fields: fields.into(),
            access_open: Value::Null,
        }
    }

    fn saw(&self, backends: &BTreeMap<String, Backend>) -> Value {
        let mut got = Vec::new();
        for (name, backend) in backends {
            for (conn, saw) in backend.saw().into_iter().enumerate() {
                // Names first: a digest of addresses would differ from run to run.
                let data = self.normal.text(&latin1(&saw.data));
                let data: Vec<u8> = data.chars().filter_map(|c| u8::try_from(c).ok()).collect();
                let hello = data.first() == Some(&HELLO);
                let data = match hello {
                    true => json!("<tls records>"),
                    false => summed_up(&data, WHOLE_BODY),
                };
                // A hello's length is its maker's.
                let bytes = (!hello || saw.bytes < HELLO_LEAST).then_some(saw.bytes);
                got.push(json!({
                    "backend": name, "conn": conn, "bytes": bytes,
                    "data": data, "nginx_end": saw.end,
                }));
            }
        }
        got.into()
    }

    /// Logs that the configuration names besides; null when there are none.
    fn other_logs(&self) -> Value {
        const OWN: [&str; 3] = ["access.log", "error.log", "nginx.pid"];
        let names = self.prefix.logs().into_iter();
        let others = names.filter(|name| !OWN.contains(&name.as_str()));
        let logs: serde_json::Map<_, _> = others
            .map(|name| {
                let lines = self.normal.plain_lines(&self.prefix.log(&name));
                (name, lines)
            })
            .collect();
        if logs.is_empty() {
            Value::Null
        } else {
            logs.into()
        }
    }
}

/// The last line of a log, for a proxy that went away.
fn latest(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    log.lines().last().unwrap_or("none").to_owned()
}
