//! Variables of TLS (`ngx_http_ssl_module`).

use weir_conf::{Credential, TlsFile, Variable};
use weir_io::clock;
use weir_tls::ClientCertificate;
use weir_wire::uri::{Escape, escape};

use super::Value;
use crate::facts::View;

/// `http` or `https`.
pub(crate) fn scheme(view: View<'_>) -> &'static [u8] {
    match view.link.tls() {
        Some(_) => b"https",
        None => b"http",
    }
}

/// Where a certificate or a key is, as its name says now; `None`: nowhere.
pub(crate) fn file_of(view: View<'_>, credential: &Credential) -> Option<TlsFile> {
    match credential {
        Credential::None => None,
        Credential::Fixed(file) => Some(file.clone()),
        Credential::Variable { name, base, .. } => {
            Some(TlsFile::named(&super::text(view, name), base))
        }
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
        Variable::SslEarlyData => tls.is_early().then_some(b"1".as_slice()),
        Variable::SslProtocol => Some(tls.version.as_bytes()),
        Variable::SslServerName => tls.name.as_deref().map(str::as_bytes),
        Variable::SslSessionReused => Some(if tls.reused { b"r" } else { b"." }.as_slice()),
        Variable::SslCiphers => return Value::of_text(&tls.offers.suite_names(), out),
        Variable::SslCurves => return Value::of_text(&tls.offers.group_names(), out),
        Variable::SslSigalgs => return Value::of_text(&tls.offers.signature_numbers(), out),
        Variable::SslSessionId => {
            for byte in &tls.session {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            (!tls.session.is_empty()).then_some(b"".as_slice())
        }
        _ => return of_client(tls.client.as_deref(), variable, out),
    };
    Value::of(text, out)
}

/// What the client's certificate says (`ngx_ssl_get_client_verify` and its like).
fn of_client(client: Option<&ClientCertificate>, variable: &Variable, out: &mut Vec<u8>) -> Value {
    let Some(client) = client else {
        let none = matches!(variable, Variable::SslClientVerify).then_some(b"NONE".as_slice());
        return Value::of(none, out);
    };
    let shown = &client.certificate;
    let text = match variable {
        Variable::SslClientVerify => match client.fault {
            None => b"SUCCESS".to_vec(),
            Some(fault) => format!("FAILED:{}", fault.words()).into(),
        },
        Variable::SslClientCert => tabbed(&shown.armoured()).into(),
        Variable::SslClientRawCert => shown.armoured().into(),
        Variable::SslClientEscapedCert => escaped(shown.armoured().as_bytes()),
        Variable::SslClientSDn => shown.subject(),
        Variable::SslClientIDn => shown.issuer(),
        Variable::SslClientSDnLegacy => shown.legacy_subject(),
        Variable::SslClientIDnLegacy => shown.legacy_issuer(),
        Variable::SslClientSerial => shown.serial_shown().into(),
        Variable::SslClientFingerprint => shown.fingerprint().into(),
        Variable::SslClientVStart => shown.begins().into(),
        Variable::SslClientVEnd => shown.ends().into(),
        Variable::SslClientVRemain => match shown.days_left(clock::unix_seconds()) {
            Some(days) => days.to_string().into(),
            None => Vec::new(),
        },
        _ => return Value::Missing,
    };
    Value::of((!text.is_empty()).then_some(text.as_slice()), out)
}

/// Lines as the continued lines of a header: a tab in front of each but the first, and no end of the last.
fn tabbed(text: &str) -> String {
    text.trim_end_matches('\n').replace('\n', "\n\t")
}

/// As a part of a URI (`NGX_ESCAPE_URI_COMPONENT`).
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    escape(text, Escape::UriComponent, &mut out);
    out
}
