//! What nginx's log says when TLS fails: OpenSSL's words for rustls's reasons, and how grave each is
//! (`ngx_ssl_connection_error`).

use std::borrow::Cow;

use rustls::{
    AlertDescription, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved, ProtocolVersion,
};

/// A reason as the log shows it behind `SSL: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// OpenSSL's words, or rustls's where OpenSSL has none.
    pub words: Cow<'static, str>,
    /// Whether the client did it: `[info]`, else `[crit]`.
    pub remote: bool,
}

/// What is said of a handshake that nginx itself interrupts.
pub fn interrupted() -> Reason {
    remote("error:0A0000EA:SSL routines::callback failed")
}

/// What is said of a handshake whose certificate does not load.
pub fn certificate_missing() -> Reason {
    remote("error:0A000179:SSL routines::cert cb error")
}

impl Reason {
    /// What is said where TLS was not prepared for.
    pub fn unprepared() -> Self {
        Self {
            words: "no settings of TLS".into(),
            remote: false,
        }
    }
}

fn remote(words: impl Into<Cow<'static, str>>) -> Reason {
    Reason {
        words: words.into(),
        remote: true,
    }
}

/// What is said of a client that speaks nothing newer than TLS 1.1.
pub(crate) const OLD_VERSION: Error = Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered);

/// What is said of `error`, on a connection of this version if that is settled.
pub fn reason(error: &Error, version: Option<ProtocolVersion>) -> Reason {
    match error {
        // Before TLS 1.3 a suite says by which kind of group keys are exchanged.
        Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon)
            if version == Some(ProtocolVersion::TLSv1_2) =>
        {
            incompatible(&PeerIncompatible::NoCipherSuitesInCommon)
        }
        Error::AlertReceived(alert) => remote(received(*alert)),
        Error::PeerIncompatible(what) => incompatible(what),
        Error::InvalidMessage(what) => remote(invalid(what)),
        Error::PeerMisbehaved(what) => misbehaved(what),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            remote("error:0A0000F4:SSL routines::unexpected message")
        }
        Error::DecryptError => {
            remote("error:0A000119:SSL routines::decryption failed or bad record mac")
        }
        Error::PeerSentOversizedRecord => {
            remote("error:0A0000C6:SSL routines::packet length too long")
        }
        Error::NoApplicationProtocol => {
            remote("error:0A0000EB:SSL routines::no application protocol")
        }
        other => Reason {
            words: other.to_string().into(),
            remote: false,
        },
    }
}

/// OpenSSL 3.0's words for an alert from the client.
fn received(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    let name = match number {
        0 => "close notify",
        10 => "sslv3 alert unexpected message",
        20 => "sslv3 alert bad record mac",
        21 => "tlsv1 alert decryption failed",
        22 => "tlsv1 alert record overflow",
        30 => "sslv3 alert decompression failure",
        40 => "sslv3 alert handshake failure",
        41 => "sslv3 alert no certificate",
        42 => "sslv3 alert bad certificate",
        43 => "sslv3 alert unsupported certificate",
        44 => "sslv3 alert certificate revoked",
        45 => "sslv3 alert certificate expired",
        46 => "sslv3 alert certificate unknown",
        47 => "sslv3 alert illegal parameter",
        48 => "tlsv1 alert unknown ca",
        49 => "tlsv1 alert access denied",
        50 => "tlsv1 alert decode error",
        51 => "tlsv1 alert decrypt error",
        60 => "tlsv1 alert export restriction",
        70 => "tlsv1 alert protocol version",
        71 => "tlsv1 alert insufficient security",
        80 => "tlsv1 alert internal error",
        86 => "tlsv1 alert inappropriate fallback",
        90 => "tlsv1 alert user cancelled",
        100 => "tlsv1 alert no renegotiation",
        109 => "tlsv13 alert missing extension",
        110 => "tlsv1 unsupported extension",
        111 => "tlsv1 certificate unobtainable",
        112 => "tlsv1 unrecognized name",
        113 => "tlsv1 bad certificate status response",
        114 => "tlsv1 bad certificate hash value",
        116 => "tlsv13 alert certificate required",
        _ => "unknown alert type",
    };
    let code = 1000 + u32::from(number);
    format!("error:0A{code:06X}:SSL routines::{name}:SSL alert number {number}")
}

fn incompatible(what: &PeerIncompatible) -> Reason {
    remote(match what {
        PeerIncompatible::NoCipherSuitesInCommon => "error:0A0000C1:SSL routines::no shared cipher",
        PeerIncompatible::NoKxGroupsInCommon => {
            "error:0A000065:SSL routines::no suitable key share"
        }
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "error:0A000076:SSL routines::no suitable signature algorithm"
        }
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls13RequiredForQuic => {
            "error:0A000102:SSL routines::unsupported protocol"
        }
        PeerIncompatible::KeyShareExtensionRequired => {
            "error:0A000065:SSL routines::no suitable key share"
        }
        PeerIncompatible::NullCompressionRequired => {
            "error:0A0000BB:SSL routines::no compression specified"
        }
        PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "error:0A000070:SSL routines::missing sigalgs extension"
        }
        other => return remote(format!("{other:?}")),
    })
}

fn invalid(what: &InvalidMessage) -> Cow<'static, str> {
    match what {
        InvalidMessage::UnknownProtocolVersion | InvalidMessage::InvalidContentType => {
            "error:0A00010B:SSL routines::wrong version number".into()
        }
        InvalidMessage::MessageTooLarge => {
            "error:0A0000C6:SSL routines::packet length too long".into()
        }
        InvalidMessage::HandshakePayloadTooLarge => {
            "error:0A000098:SSL routines::excessive message size".into()
        }
        InvalidMessage::MessageTooShort
        | InvalidMessage::MissingData(_)
        | InvalidMessage::TrailingData(_) => "error:0A00009F:SSL routines::length mismatch".into(),
        InvalidMessage::InvalidCcs => "error:0A000067:SSL routines::bad change cipher spec".into(),
        other => format!("{other:?}").into(),
    }
}

fn misbehaved(what: &PeerMisbehaved) -> Reason {
    remote(match what {
        PeerMisbehaved::TooMuchEarlyDataReceived => {
            "error:0A0000A4:SSL routines::too much early data".into()
        }
        PeerMisbehaved::TooManyWarningAlertsReceived => {
            "error:0A000199:SSL routines::too many warn alerts".into()
        }
        PeerMisbehaved::IllegalMiddleboxChangeCipherSpec => {
            Cow::from("error:0A0000F4:SSL routines::unexpected message")
        }
        other => format!("{other:?}").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_numbered_as_openssl_numbers_them() {
        let words = |alert| reason(&Error::AlertReceived(alert), None).words;
        assert_eq!(
            words(AlertDescription::UnknownCA),
            "error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48"
        );
        assert_eq!(
            words(AlertDescription::CertificateUnknown),
            "error:0A000416:SSL routines::sslv3 alert certificate unknown:SSL alert number 46"
        );
    }
}
