//! Asks OCSP responders whether certificates of servers are still good (`ngx_ssl_ocsp_request`). The worker whose
//! handshake finds that it is time asks for all.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use weir_io::clock;
use weir_log::Level;
use weir_tls::{Source, Staple};

use crate::plan::Generation;
use crate::report::error_log::{self, Message};

/// How long a responder may take (`ngx_ssl_ocsp_start` sets the timers once).
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of an answer, with its head.
const ANSWER: usize = 16 * 1024;

/// Begins to ask about those certificates of the server at `index` of `Http::servers` for which it is time.
pub(super) fn refresh(plan: &Rc<Generation>, index: usize) {
    for staple in &plan.tls().server(index).staples {
        if staple.due(clock::unix_seconds()).is_some() {
            tokio::task::spawn_local(ask(plan.clone(), index, staple.clone()));
        }
    }
}

/// A question under way. However it ends, that is told.
struct Asking {
    staple: Arc<Staple>,
    answered: bool,
}

impl Asking {
    fn take(&mut self, answer: &[u8]) -> Result<(), String> {
        self.answered = true;
        self.staple.answered(Some(answer), clock::unix_seconds())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.answered {
            // Without an answer there is nothing to find fault with.
            let _ = self.staple.answered(None, clock::unix_seconds());
        }
    }
}

async fn ask(plan: Rc<Generation>, server: usize, staple: Arc<Staple>) {
    let mut asking = Asking {
        staple: staple.clone(),
        answered: false,
    };
    let Some(source) = staple.source() else {
        return;
    };
    for address in addresses(&plan, server, source).await {
        match fetch(source, address).await {
            Ok(Some(answer)) => {
                if let Err(text) = asking.take(&answer) {
                    let message = Message::text(&text);
                    log(&plan, source, Some(address), Level::Error, message);
                }
                return;
            }
            Ok(None) => return,
            Err(fault) => {
                let tell = |fault: &Fault| {
                    log(&plan, source, Some(address), Level::Error, fault.message());
                };
                tell(&fault);
                if matches!(fault, Fault::Socket(_)) {
                    tell(&Fault::Short);
                }
                if matches!(fault, Fault::Broken(_)) {
                    return;
                }
            }
        }
    }
}

/// Where the responder is: its name is looked up anew if the server may do so, else what was found at the start holds.
/// None after a failure, which the log is told of.
async fn addresses(plan: &Generation, server: usize, source: &Source) -> Vec<SocketAddr> {
    let known = source.addresses.clone();
    if !source.is_name {
        return known;
    }
    let settings = &plan.http().servers[server].default.settings;
    let Some(spec) = &settings.resolver else {
        let text = format!("no resolver defined to resolve {}", source.host);
        log(plan, source, None, Level::Warn, Message::text(&text));
        return known;
    };
    let resolver = plan.resolver(spec).clone();
    let host = source.host.as_bytes();
    match resolver.lookup(host, settings.resolver_timeout).await {
        Ok(found) => {
            let port = known.first().map_or(80, SocketAddr::port);
            let found = found.addresses.iter();
            found.map(|ip| SocketAddr::new(*ip, port)).collect()
        }
        Err(failure) => {
            let text = format!("{} could not be resolved ({})", source.host, failure.code);
            log(plan, source, None, Level::Error, Message::text(&text));
            Vec::new()
        }
    }
}

/// Why a responder gave no answer.
enum Fault {
    /// The connection failed, or none came about: nginx finds out when it reads.
    Socket(io::Error),
    /// It is late.
    Late,
    /// It left before it had said all.
    Short,
    /// What it says is of no use: nobody else is asked.
    Broken(Vec<u8>),
}

impl Fault {
    fn message(&self) -> Message<'_> {
        match self {
            Self::Socket(error) => Message::call("recv() failed", error),
            Self::Late => Message::errno("OCSP responder timed out", libc::ETIMEDOUT),
            Self::Short => Message::text("OCSP responder prematurely closed connection"),
            Self::Broken(text) => Message::bytes(text),
        }
    }
}

/// The body of what `address` answers; `None`: its status is not 200.
async fn fetch(source: &Source, address: SocketAddr) -> Result<Option<Vec<u8>>, Fault> {
    let heard = timeout(PATIENCE, hear(source, address)).await;
    let answer = heard.map_err(|_| Fault::Late)?.map_err(Fault::Socket)?;
    body(answer)
}

/// All that `address` answers, or as much of it as an answer may have.
async fn hear(source: &Source, address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&source.request).await?;
    let mut answer = Vec::with_capacity(ANSWER);
    while answer.len() < ANSWER && stream.read_buf(&mut answer).await? > 0 {}
    Ok(answer)
}

fn body(answer: Vec<u8>) -> Result<Option<Vec<u8>>, Fault> {
    let invalid = || Fault::Broken(b"OCSP responder sent invalid response".to_vec());
    let mut rest = answer.as_slice();
    let mut line = || {
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    };
    let status = line().ok_or(Fault::Short)?;
    let code = status.strip_prefix(b"HTTP/1.").and_then(|rest| match rest {
        [b'0'..=b'9', b' ', code @ ..] => Some(code),
        _ => None,
    });
    let code = code.ok_or_else(invalid)?;
    loop {
        let field = line().ok_or(Fault::Short)?;
        if field.is_empty() {
            break;
        }
        let colon = memchr::memchr(b':', field).ok_or_else(invalid)?;
        let value = field[colon + 1..].trim_ascii();
        if field[..colon].eq_ignore_ascii_case(b"content-type")
            && !value.eq_ignore_ascii_case(b"application/ocsp-response")
        {
            let text = b"OCSP responder sent invalid \"Content-Type\" header: \"";
            return Err(Fault::Broken([text.as_slice(), value, b"\""].concat()));
        }
    }
    Ok(code.starts_with(b"200").then(|| rest.to_vec()))
}

/// A line of nginx's for a question (`ngx_ssl_ocsp_log_error`).
fn log(
    plan: &Generation,
    source: &Source,
    peer: Option<SocketAddr>,
    level: Level,
    message: Message<'_>,
) {
    let mut line = Vec::new();
    error_log::write_message(&mut line, message);
    let place = format!(
        " while requesting certificate status, responder: {}{}, certificate: \"{}\"",
        source.host,
        peer.map_or_else(String::new, |peer| format!(", peer: {peer}")),
        source.certificate
    );
    line.extend_from_slice(place.as_bytes());
    weir_log::emit(plan.main_sinks(), level, None, line.as_slice());
}
