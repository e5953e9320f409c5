//! Variables of TLS (`ngx_http_ssl_module`).

use weir_conf::Variable;

use super::Value;
use crate::facts::View;

/// `http` or `https`.
pub(crate) fn scheme(view: View<'_>) -> &'static [u8] {
    match view.link.tls() {
        Some(_) => b"https",
        None => b"http",
    }
}

/// What the handshake has settled; nothing of it is set without TLS, or if it is empty.
pub(super) fn value(view: View<'_>, variable: &Variable, out: &mut Vec<u8>) -> Value {
    let Some(tls) = view.link.tls() else {
        return Value::Missing;
    };
    let text = match variable {
        Variable::SslAlpnProtocol => tls.protocol.as_deref(),
        Variable::SslCipher => Some(tls.cipher.as_bytes()),
        Variable::SslCurve => tls.group.map(str::as_bytes),
        Variable::SslProtocol => Some(tls.version.as_bytes()),
        Variable::SslServerName => tls.name.as_deref().map(str::as_bytes),
        Variable::SslSessionReused => Some(if tls.reused { b"r" } else { b"." }.as_slice()),
        Variable::SslSessionId => {
            for byte in &tls.session {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            (!tls.session.is_empty()).then_some(b"".as_slice())
        }
        _ => None,
    };
    Value::of(text, out)
}
