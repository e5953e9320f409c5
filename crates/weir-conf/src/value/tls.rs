//! TLS to clients.

use std::path::PathBuf;

use super::{bitset, keywords};

bitset! {
    /// Versions of the protocol.
    TlsVersions {
        /// Which nobody has any more.
        SSL_2 = 1 "SSLv2",
        /// The same.
        SSL_3 = 2 "SSLv3",
        /// TLS 1.0.
        TLS_1_0 = 3 "TLSv1",
        /// TLS 1.1.
        TLS_1_1 = 4 "TLSv1.1",
        /// TLS 1.2.
        TLS_1_2 = 5 "TLSv1.2",
        /// TLS 1.3.
        TLS_1_3 = 6 "TLSv1.3",
    }
}

impl TlsVersions {
    /// Whether all of these are versions that weir speaks.
    pub const fn is_offered(self) -> bool {
        Self::TLS_1_2.with(Self::TLS_1_3).contains(self)
    }
}

keywords! {
    /// Whether clients are asked for certificates.
    VerifyClient {
        /// They are not asked.
        Off = "off",
        /// They must.
        On = "on",
        /// They may.
        Optional = "optional",
        /// They may, and whose it is does not matter.
        OptionalNoCa = "optional_no_ca",
    }
}

impl crate::ServerTls {
    /// What nginx says of a server that verifies clients' certificates and knows of nobody who vouches for
    /// them (`ngx_http_ssl_merge_srv_conf`).
    pub(crate) fn lacks_authorities(&self, compat: crate::Compat) -> Option<&'static str> {
        let asks = match self.ssl_verify_client {
            VerifyClient::On | VerifyClient::Optional => true,
            VerifyClient::Off | VerifyClient::OptionalNoCa => false,
        };
        let trusted = self.ssl_trusted_certificate.is_some();
        let suffices = compat.differences().trusted_certificate_suffices;
        if !asks || self.ssl_client_certificate.is_some() || (trusted && suffices) {
            return None;
        }
        Some(match suffices {
            true => "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client",
            false => "no ssl_client_certificate for ssl_verify_client",
        })
    }
}

/// A certificate with what vouches for it, or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFile {
    /// As written.
    pub written: String,
    /// Where it is.
    pub source: TlsSource,
}

/// Where a certificate or a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsSource {
    /// In a file.
    File(PathBuf),
    /// In the configuration itself: what follows `data:`.
    Text(Vec<u8>),
}

/// Where sessions are kept that clients come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCache {
    /// Memory of each server's own: for how many sessions. None at all (`off`, `none`) switches zones off,
    /// too.
    pub builtin: Option<u64>,
    /// The zone that servers share.
    pub shared: Option<SharedSessions>,
}

impl std::ops::BitOr for SessionCache {
    type Output = Self;

    /// What is said later adds to what was said before, or replaces it.
    fn bitor(self, later: Self) -> Self {
        Self {
            builtin: later.builtin.or(self.builtin),
            shared: later.shared.or(self.shared),
        }
    }
}

/// `ssl_dhparam`, of which weir makes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DhParameters {
    /// What is wrong with the file.
    pub(crate) fault: Option<String>,
}

/// A zone of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSessions {
    /// Its name.
    pub name: String,
    /// Its size, bytes.
    pub size: usize,
}

/// `ssl_ecdh_curve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsGroups {
    /// As written.
    pub(crate) text: String,
    /// What weir has of it, in the order wanted; `None`: whatever it has (`auto`).
    pub offered: Option<Vec<TlsGroup>>,
    /// The first of it that OpenSSL does not know.
    pub(crate) unknown: Option<String>,
}

keywords! {
    /// A group that keys are exchanged in.
    TlsGroup {
        /// Curve25519.
        X25519 = "X25519",
        /// NIST's P-256.
        P256 = "prime256v1",
        /// NIST's P-384.
        P384 = "secp384r1",
        /// The same with a post-quantum exchange.
        X25519MlKem768 = "X25519MLKEM768",
    }
}
