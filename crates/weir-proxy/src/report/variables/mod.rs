//! Values of variables: one exhaustive `match`, evaluated over borrowed data.

use weir_conf::{Part, Template, Variable};
use weir_wire::Version;

mod defined;
pub(crate) mod paths;
mod proxy_protocol;
mod referer;
pub(crate) mod request;
mod secure_link;
pub(crate) mod tls;
mod upstream;
pub(crate) mod user_id;

use crate::facts::View;

/// Whether a variable has a value; an empty value is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// The value was appended.
    Found,
    /// There is none: `-` in an access line.
    Missing,
}

impl Value {
    /// Appends `text`, which is no value if it is empty.
    pub(super) fn of_text(text: &str, out: &mut Vec<u8>) -> Self {
        Self::of((!text.is_empty()).then_some(text.as_bytes()), out)
    }

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
pub(crate) fn expand(view: View<'_>, template: &Template, out: &mut Vec<u8>) {
    if template.values_first() {
        find_defined(view, template, out);
    }
    expand_with(view, template, Groups::AsTheyAre, out);
}

/// How the numbered groups of a regular expression are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    AsTheyAre,
    /// As arguments of a URL.
    Escaped,
}

/// Makes the values of the variables that the configuration defines, and appends nothing: to make one can
/// give the groups another meaning.
pub(crate) fn find_defined(view: View<'_>, template: &Template, room: &mut Vec<u8>) {
    let start = room.len();
    for variable in template.variables() {
        if matches!(variable, Variable::Defined(_)) {
            write(view, variable, room);
        }
    }
    room.truncate(start);
}

/// Appends the text of `template` from its beginning to its end.
pub(crate) fn expand_with(view: View<'_>, template: &Template, groups: Groups, out: &mut Vec<u8>) {
    for part in template.parts() {
        match part {
            Part::Literal(text) => out.extend_from_slice(text),
            Part::Variable(Variable::Capture(number)) if groups == Groups::Escaped => {
                defined::escaped_group(view, *number, out);
            }
            Part::Variable(variable) => {
                write(view, variable, out);
            }
        }
    }
}

/// The text of `template`.
pub(crate) fn text(view: View<'_>, template: &Template) -> Vec<u8> {
    let mut out = Vec::new();
    expand(view, template, &mut out);
    out
}

/// Whether a condition holds: its text is neither empty nor `0`
/// (`ngx_http_test_predicates`, `if=` of `access_log`).
pub(crate) fn holds(view: View<'_>, template: &Template) -> bool {
    !matches!(text(view, template).as_slice(), b"" | b"0")
}

/// Appends the value of `variable`.
pub(crate) fn write(view: View<'_>, variable: &Variable, out: &mut Vec<u8>) -> Value {
    match variable {
        Variable::Args => Value::of(view.req.state.args_known.then_some(&view.req.args), out),
        Variable::BinaryRemoteAddr => request::binary_remote_addr(view, out),
        Variable::BodyBytesSent => request::body_bytes_sent(view, out),
        Variable::BytesSent => request::number(view.req.state.sent, out),
        Variable::Connection => request::number(view.link.number, out),
        Variable::ConnectionRequests => request::number(view.link.requests.into(), out),
        Variable::ConnectionTime => request::since(view.link.opened, out),
        Variable::ConnectionsActive => request::number(view.link.shop.counters.all().active, out),
        Variable::ConnectionsReading => request::number(view.link.shop.counters.all().reading, out),
        Variable::ConnectionsWaiting => request::number(view.link.shop.counters.all().waiting, out),
        Variable::ConnectionsWriting => request::number(view.link.shop.counters.all().writing, out),
        Variable::ContentLength => request::content_length(view, out),
        Variable::ContentType => request::repeated(view, weir_wire::KnownField::ContentType, out),
        Variable::DocumentRoot | Variable::RealpathRoot => {
            request::document_root(view, matches!(variable, Variable::RealpathRoot), out)
        }
        Variable::Host => request::host(view, out),
        Variable::Hostname => Value::of(Some(view.link.plan.hostname()), out),
        Variable::HttpCookie => request::joined(view, weir_wire::KnownField::Cookie, b"; ", out),
        Variable::HttpHost => request::known(view, weir_wire::KnownField::Host, out),
        Variable::HttpReferer => request::repeated(view, weir_wire::KnownField::Referer, out),
        Variable::HttpUserAgent => request::repeated(view, weir_wire::KnownField::UserAgent, out),
        Variable::HttpVia => request::repeated(view, weir_wire::KnownField::Via, out),
        Variable::HttpXForwardedFor => {
            request::joined(view, weir_wire::KnownField::XForwardedFor, b", ", out)
        }
        Variable::Https if view.link.tls().is_some() => Value::of(Some(b"on"), out),
        Variable::Http2 if view.req.head.version == Version::HTTP_20 => {
            let tls = view.link.tls().is_some();
            let name: &[u8] = if tls { b"h2" } else { b"h2c" };
            Value::of(Some(name), out)
        }
        Variable::Https | Variable::Http2 | Variable::UidReset => Value::Found,
        Variable::SslAlpnProtocol
        | Variable::SslCipher
        | Variable::SslCiphers
        | Variable::SslClientCert
        | Variable::SslClientEscapedCert
        | Variable::SslClientFingerprint
        | Variable::SslClientIDn
        | Variable::SslClientIDnLegacy
        | Variable::SslClientRawCert
        | Variable::SslClientSDn
        | Variable::SslClientSDnLegacy
        | Variable::SslClientSerial
        | Variable::SslClientVEnd
        | Variable::SslClientVRemain
        | Variable::SslClientVStart
        | Variable::SslClientVerify
        | Variable::SslCurve
        | Variable::SslCurves
        | Variable::SslEarlyData
        | Variable::SslProtocol
        | Variable::SslServerName
        | Variable::SslSessionId
        | Variable::SslSessionReused
        | Variable::SslSigalgs => tls::value(view, variable, out),
        Variable::ProxyProtocolAddr => proxy_protocol::addr(view, out),
        Variable::ProxyProtocolPort => proxy_protocol::port(view, out),
        Variable::ProxyProtocolServerAddr => proxy_protocol::server_addr(view, out),
        Variable::ProxyProtocolServerPort => proxy_protocol::server_port(view, out),
        Variable::ProxyProtocolTlv(name) => proxy_protocol::tlv(view, name, out),
        Variable::InvalidReferer => referer::invalid(view, out),
        Variable::IsArgs => Value::of(Some(if view.req.args.is_empty() { b"" } else { b"?" }), out),
        Variable::IsRequestPort => Value::of(Some(request::is_port(view)), out),
        Variable::LimitRate => request::number(view.req.response.limit_rate.unwrap_or(0), out),
        Variable::LimitConnStatus => {
            let status = view.req.state.limits.places;
            Value::of(status.map(|status| status.words().as_bytes()), out)
        }
        Variable::LimitReqStatus => {
            let status = view.req.state.limits.rate;
            Value::of(status.map(|status| status.words().as_bytes()), out)
        }
        Variable::Msec => request::msec(out),
        Variable::NginxVersion => Value::of(Some(view.link.plan.version().as_bytes()), out),
        Variable::Pid => request::number(u64::from(std::process::id()), out),
        Variable::Pipe => Value::of(
            Some(if view.req.state.pipelined { b"p" } else { b"." }),
            out,
        ),
        Variable::RemoteAddr => request::remote_addr(view, out),
        Variable::RemotePort => request::remote_port(view, out),
        Variable::RealipRemoteAddr => request::realip_remote_addr(view, out),
        Variable::RealipRemotePort => request::realip_remote_port(view, out),
        Variable::RemoteUser => request::remote_user(view, out),
        Variable::Request => request::request_line(view, out),
        Variable::RequestBody => request::body(view, out),
        Variable::RequestBodyFile => request::body_file(view, out),
        Variable::RequestCompletion => request::completion(view, out),
        Variable::RequestFilename => request::filename(view, out),
        Variable::RequestId => request::request_id(view, out),
        Variable::RequestLength => request::number(view.req.state.length, out),
        Variable::RequestMethod => request::method(view, out),
        Variable::RequestPort => request::port(view, out),
        Variable::RequestTime => request::since(view.req.started, out),
        Variable::RequestUri => request::request_uri(view, out),
        Variable::SecureLink => secure_link::verdict(view, out),
        Variable::SecureLinkExpires => secure_link::expires(view, out),
        Variable::SliceRange => request::slice_range(view, out),
        Variable::Scheme => Value::of(Some(tls::scheme(view)), out),
        Variable::SentHttpCacheControl => request::sent_joined(view, b"cache-control", out),
        Variable::SentHttpConnection => request::sent_connection(view, out),
        Variable::SentHttpContentLength => request::sent_content_length(view, out),
        Variable::SentHttpContentType => Value::of(
            request::nonempty(view.req.response.content_type.text()),
            out,
        ),
        Variable::SentHttpKeepAlive => request::sent_keep_alive(view, out),
        Variable::SentHttpLastModified => request::sent_last_modified(view, out),
        Variable::SentHttpLink => request::sent_joined(view, b"link", out),
        Variable::SentHttpLocation => request::sent_location(view, out),
        Variable::SentHttpTransferEncoding => {
            Value::of(view.req.response.chunked.then_some(b"chunked"), out)
        }
        Variable::ServerAddr => request::server_addr(view, out),
        Variable::ServerName => Value::of(Some(view.server().name.as_bytes()), out),
        Variable::ServerPort => request::server_port(view, out),
        Variable::ServerProtocol => request::server_protocol(view, out),
        Variable::Status => request::status(view, out),
        Variable::TcpinfoRtt
        | Variable::TcpinfoRttvar
        | Variable::TcpinfoSndCwnd
        | Variable::TcpinfoRcvSpace => request::tcpinfo(view, variable, out),
        Variable::TimeIso8601 => request::time_iso8601(out),
        Variable::TimeLocal => request::time_local(out),
        Variable::Uri => request::uri(view, out),
        Variable::ProxyHost => Value::of(upstream::set(view, &view.req.upstream.host), out),
        Variable::ProxyPort => Value::of(upstream::set(view, &view.req.upstream.port), out),
        Variable::ProxyAddXForwardedFor => request::add_x_forwarded_for(view, out),
        Variable::ProxyAddVia => request::add_via(view, out),
        Variable::ProxyInternalBodyLength => upstream::body_length(view, out),
        Variable::ProxyInternalChunked => upstream::body_chunked(view, out),
        Variable::UpstreamAddr => upstream::addr(view, out),
        Variable::UpstreamStatus => upstream::status(view, out),
        Variable::UpstreamConnectTime => upstream::time(view, |a| a.connect_time, out),
        Variable::UpstreamHeaderTime => upstream::time(view, |a| a.header_time, out),
        Variable::UpstreamResponseTime => upstream::time(view, |a| a.response_time, out),
        Variable::UpstreamResponseLength => upstream::length(view, |a| a.response_length, out),
        Variable::UpstreamBytesReceived => upstream::length(view, |a| a.bytes_received, out),
        Variable::UpstreamBytesSent => upstream::length(view, |a| a.bytes_sent, out),
        Variable::UpstreamQueueTime => upstream::queue_time(view, out),
        Variable::UpstreamCacheStatus | Variable::Unset => Value::Missing,
        Variable::UpstreamLastServerName => upstream::last_server_name(view, out),
        Variable::UidGot => user_id::got(view, out),
        Variable::UidSet => user_id::set(view, out),
        Variable::GzipRatio => request::gzip_ratio(view, out),
        Variable::UpstreamFailure => upstream::failure(view, out),
        Variable::UpstreamFailurePhase => upstream::failure_phase(view, out),
        Variable::UpstreamHttp(name) => upstream::field(view, name.as_bytes(), out),
        Variable::UpstreamTrailer(name) => upstream::trailer(view, name.as_bytes(), out),
        Variable::UpstreamCookie(name) => upstream::cookie(view, name.as_bytes(), out),
        Variable::SentHttp(name) => request::sent(view, name.as_bytes(), out),
        Variable::SentTrailer(name) => request::sent_trailer(view, name.as_bytes(), out),
        Variable::Http(name) => request::field(view, name.as_bytes(), out),
        Variable::Cookie(name) => request::cookie(view, name.as_bytes(), out),
        Variable::Arg(name) => request::arg(view, name.as_bytes(), out),
        Variable::Capture(number) => defined::group(view, *number, out),
        Variable::Defined(index) => defined::value(view, *index, out),
    }
}
