//! TLS to clients.

use super::{Keyword as _, bitset, keywords};

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

/// What a file of passwords has: at least one, which may be empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Passwords {
    /// In order.
    pub passwords: Vec<Box<[u8]>>,
}

impl std::fmt::Debug for Passwords {
    /// Not what they are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
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

impl TlsGroups {
    /// Reads groups as OpenSSL names them, and other names of the same (`SSL_CTX_set1_groups_list`); those that
    /// weir does not have come beside.
    pub(crate) fn read(text: &str) -> (Self, Vec<String>) {
        /// Groups that OpenSSL knows and weir does not have.
        const LACKING: &str = "secp521r1 P-521 X448 x448 secp256k1 secp224r1 P-224 prime192v1 P-192 \
            brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192";
        let mut own = Self {
            text: text.to_owned(),
            offered: None,
            unknown: None,
        };
        let mut lacking = Vec::new();
        if text == "auto" {
            return (own, lacking);
        }
        let mut offered = Vec::new();
        for name in text.split(':') {
            let canonical = match name {
                "P-256" | "secp256r1" => "prime256v1",
                "P-384" => "secp384r1",
                "x25519" => "X25519",
                _ => name,
            };
            let known = TlsGroup::WORDS.iter().find(|(word, _)| *word == canonical);
            let unknown = match known.map(|(_, group)| *group) {
                // One that comes twice is refused without a reason.
                Some(group) if offered.contains(&group) => Some(""),
                Some(group) => {
                    offered.push(group);
                    None
                }
                None if LACKING.split_whitespace().any(|word| word == name) => {
                    lacking.push(name.to_owned());
                    None
                }
                None => Some(name),
            };
            own.unknown = own.unknown.or_else(|| unknown.map(str::to_owned));
        }
        own.offered = Some(offered);
        (own, lacking)
    }
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
