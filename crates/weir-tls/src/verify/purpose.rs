//! For what certificates are, and who may be a CA.

use super::Peer;
use crate::extensions::KEY_CERT_SIGN;
use crate::x509::Certificate;

/// By what a certificate is taken for that of a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaBy {
    /// It says so.
    Constraints,
    /// It has signed itself, and is of version 1.
    Root,
    /// Its key signs certificates.
    KeyUsage,
    /// Netscape's word for it.
    Netscape,
}

impl CaBy {
    /// `None`: it is none of a CA (`check_ca`).
    pub(super) fn of(one: &Certificate) -> Option<Self> {
        let own = &one.extensions;
        if own
            .key_usage
            .is_some_and(|usage| usage & KEY_CERT_SIGN == 0)
        {
            return None;
        }
        if let Some((is_ca, _)) = own.constraints {
            return is_ca.then_some(Self::Constraints);
        }
        if one.version == 1 && one.is_self_signed() {
            return Some(Self::Root);
        }
        if own.key_usage.is_some() {
            return Some(Self::KeyUsage);
        }
        let netscape = own.netscape.is_some_and(|kinds| kinds & 7 != 0);
        netscape.then_some(Self::Netscape)
    }
}

/// Netscape's bit for CAs of TLS.
const NETSCAPE_TLS_CA: u8 = 4;

/// `check_purpose_ssl_client`, `check_purpose_ssl_server`, `check_purpose_ocsp_helper`.
pub(super) fn has_purpose(one: &Certificate, peer: Peer, ca: bool) -> bool {
    const SERVER_GATED: [&[u8]; 2] = [
        &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3, 3],
        &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1],
    ];
    /// `id-kp-serverAuth` and `id-kp-clientAuth`, but for their last number.
    const KIND: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3];
    let own = &one.extensions;
    let number = match peer {
        Peer::Server => 1,
        Peer::Client => 2,
        Peer::Responder => return !ca || CaBy::of(one).is_some(),
    };
    let fits = |purpose: &Vec<u8>| {
        let [kind @ .., last] = purpose.as_slice() else {
            return false;
        };
        (kind == KIND && *last == number)
            || (peer == Peer::Server && SERVER_GATED.contains(&purpose.as_slice()))
    };
    let purposes = own.purposes.as_ref();
    if purposes.is_some_and(|all| !all.iter().any(fits)) {
        return false;
    }
    if ca {
        return match CaBy::of(one) {
            Some(CaBy::Constraints | CaBy::Root | CaBy::KeyUsage) => true,
            // Netscape's CAs say for what they are.
            Some(CaBy::Netscape) => own
                .netscape
                .is_some_and(|kinds| kinds & NETSCAPE_TLS_CA != 0),
            None => false,
        };
    }
    let (bit, usages) = match peer {
        // Signatures, key encipherment, key agreement.
        Peer::Server => (0x40, 0xa800),
        Peer::Client | Peer::Responder => (0x80, 0x8800),
    };
    own.netscape.is_none_or(|kinds| kinds & bit != 0)
        && own.key_usage.is_none_or(|usage| usage & usages != 0)
}
