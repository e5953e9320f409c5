//! Handshakes of clients that speak TLS (`ngx_http_ssl_handshake`, `ngx_ssl_handshake`).

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use weir_conf::{Credential, TlsFile};
use weir_io::buffers;
use weir_io::stream::{HandshakeEnd, TlsStream};
use weir_log::Level;
use weir_tls::hello::{Heard, Hello, UNRECOGNIZED_NAME};
use weir_tls::rustls::{AlertDescription, Error};
use weir_tls::{Reason, Said, rustls};

use super::stapling;
use crate::facts::h1::Connection;
use crate::facts::{Action, Request, TlsFacts};
use crate::plan::Generation;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// Why a handshake came to nothing.
enum Failed {
    /// The client closed its connection, or it broke.
    Gone(Option<io::Error>),
    /// TLS failed: what the log says, and what the client is still to be told.
    Tls(Reason, Vec<u8>),
    /// A certificate does not load that depends on the connection.
    Certificate(String),
    /// `ssl_reject_handshake`.
    Rejected,
    /// `client_header_timeout` is over.
    TimedOut,
    /// The worker ends.
    Leaving,
}

/// Shakes hands with a client whose first bytes are a hello's; `false` when the connection is to end, of
/// which the log has been told.
pub(super) async fn shake_hands(conn: &mut Connection) -> bool {
    if conn.link.default_server().default.settings.tcp_nodelay {
        conn.set_nodelay();
    }
    match greet(conn).await {
        Ok(()) => {
            conn.link.action = Action::WaitingForRequest;
            true
        }
        Err(failed) => {
            log(conn, &failed);
            match failed {
                Failed::Tls(_, alert) => say(conn, &alert),
                Failed::Certificate(_) => say(conn, &INTERNAL_ERROR),
                Failed::Rejected => say(conn, &UNRECOGNIZED_NAME),
                Failed::Gone(_) | Failed::TimedOut | Failed::Leaving => {}
            }
            false
        }
    }
}

async fn greet(conn: &mut Connection) -> Result<(), Failed> {
    let name = hear(conn).await?;
    let mut said = Said::read(&conn.input);
    let shown = said.name.take().or_else(|| name.clone());
    let found = conn.find_tls_server(name.as_deref());
    if let Err(line) = found {
        error_log::log_idle(&conn.link, Level::Alert, Message::bytes(&line));
        return Err(Failed::Tls(
            weir_tls::interrupted(),
            INTERNAL_ERROR.to_vec(),
        ));
    }
    let plan = conn.link.plan.clone();
    let early = takes_early_data(conn) && said.speaks_newest();
    let (index, config) = shown_by(&plan, conn, early).ok_or(Failed::Rejected)?;
    let server = plan.tls().server(index);
    let config = match server.named() {
        [] => config,
        named => {
            let heard = TlsFacts::heard(&said, shown.as_deref(), &config);
            conn.link.arrival_mut().tls = Some(heard);
            let files = files_of(conn, named);
            let read = server.config_showing(&config, &files);
            read.map_err(|fault| Failed::Certificate(fault.to_string()))?
        }
    };
    let received = std::mem::take(&mut conn.input);
    let begun = conn.stream.begin_tls(config, &received);
    buffers::give_back(received);
    begun.map_err(|error| Failed::Tls(weir_tls::reason(&error, None), Vec::new()))?;
    poll_fn(|cx| {
        let Some(tls) = conn.stream.tls_mut() else {
            return Poll::Ready(Err(Failed::Leaving));
        };
        match tls.poll_handshake(cx) {
            Poll::Ready(end) => {
                let version = tls.facts().protocol_version();
                Poll::Ready(end.map_err(|end| Failed::of(end, version)))
            }
            Poll::Pending => conn.poll_given_up(cx).map(Err),
        }
    })
    .await?;
    stapling::refresh(&plan, index);
    let facts = conn.stream.tls();
    let facts = facts.map(|stream| TlsFacts::of(stream, said, shown.as_deref(), server));
    conn.link.arrival_mut().tls = facts;
    Ok(())
}

/// Reads the client's hello into the input; the name that it asks for, if any.
async fn hear(conn: &mut Connection) -> Result<Option<String>, Failed> {
    let mut hello = Hello::default();
    let mut heard = 0;
    loop {
        match hello.hear(&conn.input[heard..]) {
            Heard::Part => {}
            Heard::Name(name) => return Ok(name),
            Heard::Refused { error, alert } => {
                return Err(Failed::Tls(weir_tls::reason(&error, None), alert));
            }
        }
        heard = conn.input.len();
        let read = poll_fn(|cx| match conn.poll_input(cx) {
            Poll::Ready(read) => Poll::Ready(Ok(read)),
            Poll::Pending => conn.poll_given_up(cx).map(Err),
        });
        match read.await? {
            Ok(0) => return Err(Failed::Gone(None)),
            Ok(_) => {}
            Err(error) => return Err(Failed::Gone(Some(error))),
        }
    }
}

/// Whether early data is taken: the default server decides, who is there before a name is known.
fn takes_early_data(conn: &Connection) -> bool {
    let plan = &conn.link.plan;
    let default = plan.default_server(conn.link.listen).index;
    plan.tls().server(default).takes_early_data
}

/// What the server shows that the handshake has led to; one without certificates shows the default
/// server's. `None`: it refuses.
fn shown_by(
    plan: &Generation,
    conn: &Connection,
    early: bool,
) -> Option<(usize, Arc<rustls::ServerConfig>)> {
    let own = conn.link.default_server().index;
    let server = plan.tls().server(own);
    if server.rejects {
        return None;
    }
    let default = plan.default_server(conn.link.listen).index;
    let index = match server.has_certificate() {
        true => own,
        false => default,
    };
    let by_listen = plan.http().listens[conn.link.listen].options.http2;
    let http2 = by_listen || conn.link.default_server().core.http2;
    let config = plan.tls().server(index).config(http2, early)?;
    Some((index, config.clone()))
}

/// Where the certificates and keys are whose names depend on the connection; no request has come on it yet
/// (`ngx_http_ssl_certificate`).
fn files_of(conn: &Connection, named: &[(Credential, Credential)]) -> Vec<(TlsFile, TlsFile)> {
    let mut req = Request::new();
    let server = conn.link.default_server().index;
    req.state.server = Some(conn.link.plan.own_server(server));
    let view = conn.view(&req);
    let files = named.iter();
    files
        .filter_map(|(certificate, key)| {
            let certificate = variables::tls::file_of(view, certificate)?;
            Some((certificate, variables::tls::file_of(view, key)?))
        })
        .collect()
}

/// A fatal `internal_error`.
const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

impl Failed {
    fn of(end: HandshakeEnd, version: Option<rustls::ProtocolVersion>) -> Self {
        match end {
            HandshakeEnd::Closed
            | HandshakeEnd::Tls(Error::AlertReceived(AlertDescription::CloseNotify)) => {
                Self::Gone(None)
            }
            HandshakeEnd::Socket(error) => Self::Gone(Some(error)),
            HandshakeEnd::Tls(error) => Self::Tls(weir_tls::reason(&error, version), Vec::new()),
        }
    }
}

fn log(conn: &Connection, failed: &Failed) {
    let tell = |level, text: &str| error_log::log_idle(&conn.link, level, Message::text(text));
    let (level, message) = match failed {
        Failed::Gone(error) => {
            let text = "peer closed connection in SSL handshake";
            let message = match error {
                Some(error) => Message::call(text, error),
                None => Message::text(text),
            };
            (message.level_of_connection(), message)
        }
        Failed::TimedOut => (
            Level::Info,
            Message::errno("client timed out", libc::ETIMEDOUT),
        ),
        Failed::Tls(reason, _) => {
            let level = if reason.remote {
                Level::Info
            } else {
                Level::Crit
            };
            return tell(level, &told(conn, reason));
        }
        Failed::Certificate(fault) => {
            tell(Level::Error, fault);
            return tell(Level::Info, &told(conn, &weir_tls::certificate_missing()));
        }
        Failed::Rejected => (Level::Info, Message::text("handshake rejected")),
        Failed::Leaving => return,
    };
    error_log::log_idle(&conn.link, level, message);
}

/// With the name of the call that fails in nginx: where early data may come, another one until TLS 1.3 has
/// answered the hello (`ngx_ssl_try_early_data`).
fn told(conn: &Connection, reason: &Reason) -> String {
    let facts = conn.stream.tls().map(TlsStream::facts);
    let answered = facts.is_some_and(|facts| {
        let newest = facts.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
        newest && facts.handshake_kind().is_some()
    });
    let call = match takes_early_data(conn) && !answered {
        true => "SSL_read_early_data()",
        false => "SSL_do_handshake()",
    };
    format!("{call} failed (SSL: {})", reason.words)
}

/// Tells the client, if its socket takes that at once.
fn say(conn: &mut Connection, alert: &[u8]) {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    if !alert.is_empty() {
        // Who cannot be told finds out by the connection's end.
        let _ = conn.stream.poll_write(&mut cx, &[io::IoSlice::new(alert)]);
    }
}

impl Connection {
    /// Ready when the handshake is not to be waited for any longer.
    fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<Failed> {
        if self.is_given_up() {
            return Poll::Ready(Failed::Leaving);
        }
        let expired = self.link.deadline.poll_expired(cx);
        expired.map(|()| Failed::TimedOut)
    }
}
