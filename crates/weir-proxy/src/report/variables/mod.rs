//! Values of variables: one exhaustive `match`, evaluated over borrowed data.

use weir_conf::{Part, Template, Variable};

pub(crate) mod paths;
pub(crate) mod request;
mod upstream;

use crate::facts::Session;

/// Whether a variable has a value; an empty value is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// The value was appended.
    Found,
    /// There is none: `-` in an access line.
    Missing,
}

impl Value {
    /// Appends `value` if there is one.
    pub(super) fn of(value: Option<&[u8]>, out: &mut Vec<u8>) -> Self {
        match value {
            Some(value) => {
                out.extend_from_slice(value);
                Self::Found
            }
            None => Self::Missing,
        }
    }
}

/// Appends the text of `template`; variables without a value add nothing.
pub(crate) fn expand(session: &Session, template: &Template, out: &mut Vec<u8>) {
    for part in template.parts() {
        match part {
            Part::Literal(text) => out.extend_from_slice(text),
            Part::Variable(variable) => {
                write(session, variable, out);
            }
        }
    }
}

/// The text of `template`.
pub(crate) fn text(session: &Session, template: &Template) -> Vec<u8> {
    let mut out = Vec::new();
    expand(session, template, &mut out);
    out
}

/// Whether a condition holds: its text is neither empty nor `0`
/// (`ngx_http_test_predicates`, `if=` of `access_log`).
pub(crate) fn holds(session: &Session, template: &Template) -> bool {
    !matches!(text(session, template).as_slice(), b"" | b"0")
}

/// Appends the value of `variable`.
pub(crate) fn write(session: &Session, variable: &Variable, out: &mut Vec<u8>) -> Value {
    match variable {
        Variable::Args => Value::of(request::nonempty(&session.req.args), out),
        Variable::BinaryRemoteAddr => request::binary_remote_addr(session, out),
        Variable::BodyBytesSent => request::body_bytes_sent(session, out),
        Variable::BytesSent => request::number(session.req.sent, out),
        Variable::Connection => request::number(session.conn.number, out),
        Variable::ConnectionRequests => request::number(session.conn.requests, out),
        Variable::ConnectionTime => request::since(session.conn.opened, out),
        Variable::ContentLength => request::content_length(session, out),
        Variable::ContentType => request::known(session, weir_wire::KnownField::ContentType, out),
        Variable::DocumentRoot | Variable::RealpathRoot => {
            request::document_root(session, matches!(variable, Variable::RealpathRoot), out)
        }
        Variable::Host => request::host(session, out),
        Variable::Hostname => Value::of(Some(session.conn.plan.hostname()), out),
        Variable::HttpCookie => request::joined(session, weir_wire::KnownField::Cookie, b"; ", out),
        Variable::HttpHost => request::known(session, weir_wire::KnownField::Host, out),
        Variable::HttpReferer => request::known(session, weir_wire::KnownField::Referer, out),
        Variable::HttpUserAgent => request::known(session, weir_wire::KnownField::UserAgent, out),
        Variable::HttpVia => request::joined(session, weir_wire::KnownField::Via, b", ", out),
        Variable::HttpXForwardedFor => {
            request::joined(session, weir_wire::KnownField::XForwardedFor, b", ", out)
        }
        Variable::Https
        | Variable::ProxyProtocolAddr
        | Variable::ProxyProtocolPort
        | Variable::ProxyProtocolServerAddr
        | Variable::ProxyProtocolServerPort
        | Variable::ProxyProtocolTlv(_) => empty_without_proxy_protocol(variable),
        Variable::IsArgs => Value::of(
            Some(if session.req.args.is_empty() {
                b""
            } else {
                b"?"
            }),
            out,
        ),
        Variable::IsRequestPort => Value::of(
            Some(if request::port(session).is_empty() {
                b""
            } else {
                b":"
            }),
            out,
        ),
        Variable::LimitRate => request::number(session.req.response.limit_rate.unwrap_or(0), out),
        Variable::Msec => request::msec(out),
        Variable::NginxVersion => Value::of(Some(session.conn.plan.version().as_bytes()), out),
        Variable::Pid => request::number(u64::from(std::process::id()), out),
        Variable::Pipe => Value::of(Some(if session.req.pipelined { b"p" } else { b"." }), out),
        Variable::RemoteAddr => request::remote_addr(session, out),
        Variable::RemotePort => request::remote_port(session, out),
        Variable::RemoteUser => request::remote_user(session, out),
        Variable::Request => request::request_line(session, out),
        Variable::RequestBody => request::body(session, out),
        Variable::RequestBodyFile => request::body_file(session, out),
        Variable::RequestCompletion => request::completion(session, out),
        Variable::RequestFilename => request::filename(session, out),
        Variable::RequestId => request::request_id(session, out),
        Variable::RequestLength => request::number(session.req.length, out),
        Variable::RequestMethod => request::method(session, out),
        Variable::RequestPort => Value::of(Some(request::port(session)), out),
        Variable::RequestTime => request::since(session.req.started, out),
        Variable::RequestUri => request::request_uri(session, out),
        Variable::Scheme => Value::of(Some(b"http"), out),
        Variable::SentHttpCacheControl => {
            request::sent(session, b"cache-control", Some(b", "), out)
        }
        Variable::SentHttpConnection => request::sent_connection(session, out),
        Variable::SentHttpContentLength => request::sent_content_length(session, out),
        Variable::SentHttpContentType => {
            Value::of(request::nonempty(&session.req.response.content_type), out)
        }
        Variable::SentHttpKeepAlive => request::sent_keep_alive(session, out),
        Variable::SentHttpLastModified => request::sent_last_modified(session, out),
        Variable::SentHttpLink => request::sent(session, b"link", Some(b", "), out),
        Variable::SentHttpLocation => request::sent_location(session, out),
        Variable::SentHttpTransferEncoding => {
            Value::of(session.req.response.chunked.then_some(b"chunked"), out)
        }
        Variable::ServerAddr => request::server_addr(session, out),
        Variable::ServerName => Value::of(Some(session.server().name.as_bytes()), out),
        Variable::ServerPort => request::server_port(session, out),
        Variable::ServerProtocol => request::server_protocol(session, out),
        Variable::Status => request::status(session, out),
        Variable::TcpinfoRtt
        | Variable::TcpinfoRttvar
        | Variable::TcpinfoSndCwnd
        | Variable::TcpinfoRcvSpace => request::tcpinfo(session, variable, out),
        Variable::TimeIso8601 => request::time_iso8601(out),
        Variable::TimeLocal => request::time_local(out),
        Variable::Uri => request::uri(session, out),
        Variable::ProxyHost => Value::of(upstream::set(session, &session.req.upstream.host), out),
        Variable::ProxyPort => Value::of(upstream::set(session, &session.req.upstream.port), out),
        Variable::ProxyAddXForwardedFor => request::add_x_forwarded_for(session, out),
        Variable::ProxyAddVia => request::add_via(session, out),
        Variable::ProxyInternalBodyLength => upstream::body_length(session, out),
        Variable::ProxyInternalChunked => upstream::body_chunked(session, out),
        Variable::UpstreamAddr => upstream::addr(session, out),
        Variable::UpstreamStatus => upstream::status(session, out),
        Variable::UpstreamConnectTime => upstream::time(session, |a| a.connect_time, out),
        Variable::UpstreamHeaderTime => upstream::time(session, |a| a.header_time, out),
        Variable::UpstreamResponseTime => upstream::time(session, |a| a.response_time, out),
        Variable::UpstreamResponseLength => upstream::length(session, |a| a.response_length, out),
        Variable::UpstreamBytesReceived => upstream::length(session, |a| a.bytes_received, out),
        Variable::UpstreamBytesSent => upstream::length(session, |a| a.bytes_sent, out),
        Variable::UpstreamCacheStatus | Variable::UpstreamQueueTime => Value::Missing,
        Variable::UpstreamLastServerName => upstream::last_server_name(session, out),
        Variable::UpstreamFailure => upstream::failure(session, out),
        Variable::UpstreamHttp(name) => upstream::field(session, name.as_bytes(), out),
        Variable::UpstreamTrailer(name) => upstream::trailer(session, name.as_bytes(), out),
        Variable::UpstreamCookie(name) => upstream::cookie(session, name.as_bytes(), out),
        Variable::SentHttp(name) => request::sent(session, name.as_bytes(), None, out),
        Variable::SentTrailer(name) => request::sent_trailer(session, name.as_bytes(), out),
        Variable::Http(name) => request::field(session, name.as_bytes(), out),
        Variable::Cookie(name) => request::cookie(session, name.as_bytes(), out),
        Variable::Arg(name) => request::arg(session, name.as_bytes(), out),
        Variable::Capture(number) => request::capture(session, *number, out),
        Variable::NamedCapture(name) => request::named_capture(session, name, out),
    }
}

/// Without TLS and the PROXY protocol `$https` is empty and the others have no value.
fn empty_without_proxy_protocol(variable: &Variable) -> Value {
    if matches!(variable, Variable::Https) {
        Value::Found
    } else {
        Value::Missing
    }
}
