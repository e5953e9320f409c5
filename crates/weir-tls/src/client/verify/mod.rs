//! Whether an upstream's certificate is to be trusted, by OpenSSL's rules and in its words
//! (`X509_verify_cert`). nginx lets the handshake go on whatever is found, so that of several faults the last
//! one counts.

mod chain;
mod host;
mod names;
mod revoked;
#[cfg(test)]
mod tests;

use std::path::Path;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;

use crate::certificate::{self, CertificateFault};
use crate::client::x509::Certificate;
use chain::Chain;
pub use host::has_name;

/// What a location trusts.
#[derive(Debug)]
pub(crate) struct Verification {
    authorities: Vec<CertificateDer<'static>>,
    /// Lists of revoked certificates, if they are looked at.
    lists: Option<Vec<Vec<u8>>>,
    /// Most certificates between a server's and an authority's.
    depth: usize,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Why a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted {
    /// OpenSSL's number.
    pub number: u16,
    /// OpenSSL's words.
    pub words: &'static str,
}

impl Verification {
    /// Reads the authorities, and the lists of what they have revoked.
    pub(crate) fn new(
        trusted: &Path,
        revoked: Option<&Path>,
        depth: usize,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<Self, CertificateFault> {
        Ok(Self {
            authorities: certificate::authorities(trusted)?,
            lists: revoked.map(certificate::revoked).transpose()?,
            depth,
            algorithms,
        })
    }

    /// Looks at what a server has shown, its own certificate first; `now` in seconds.
    ///
    /// # Errors
    ///
    /// What OpenSSL says of it.
    pub(crate) fn verify(&self, shown: &[CertificateDer<'_>], now: i64) -> Result<(), Untrusted> {
        let authorities = self.authorities.iter();
        let authorities: Vec<_> = authorities
            .filter_map(|authority| Certificate::read(authority))
            .collect();
        let shown: Vec<_> = shown
            .iter()
            .filter_map(|certificate| Certificate::read(certificate))
            .collect();
        let Some((leaf, others)) = shown.split_first() else {
            return Err(Untrusted::of(Fault::Unspecified));
        };
        let mut found = Found::default();
        if is_weak(leaf) {
            found.note(Fault::WeakKey);
        }
        let chain = Chain::build(leaf, others, &authorities, self.depth, now, &mut found);
        chain.check_extensions(&mut found);
        chain.check_strength(&mut found);
        if let Some(lists) = &self.lists {
            chain.check_revoked(lists, now, &self.algorithms, &mut found);
        }
        chain.check_signatures(now, &self.algorithms, &mut found);
        chain.check_names(&mut found);
        match found.last {
            None => Ok(()),
            Some(fault) => Err(Untrusted::of(fault)),
        }
    }
}

/// Fewer bits than security asks for (`check_key_level` at level 2).
fn is_weak(certificate: &Certificate<'_>) -> bool {
    const LEAST: usize = 2048;
    certificate.key.rsa_bits().is_some_and(|bits| bits < LEAST)
}

/// Faults in the order in which they are met; the last one counts.
#[derive(Debug, Default)]
struct Found {
    last: Option<Fault>,
}

impl Found {
    fn note(&mut self, fault: Fault) {
        self.last = Some(fault);
    }
}

/// What may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Unspecified,
    NoIssuer,
    NoList,
    BadSignature,
    BadListSignature,
    NotYetValid,
    Expired,
    ListNotYetValid,
    ListExpired,
    SelfSigned,
    SelfSignedAbove,
    NoLocalIssuer,
    UnverifiedLeaf,
    Revoked,
    PathLength,
    Purpose,
    MayNotSign,
    NoListIssuer,
    OddExtension,
    MayNotRevoke,
    OddListExtension,
    OtherScope,
    NotPermitted,
    Excluded,
    OddConstraint,
    WeakKey,
    WeakAuthority,
    WeakDigest,
    NoAuthority,
}

impl Untrusted {
    /// OpenSSL 3.0's words (`X509_verify_cert_error_string`).
    fn of(fault: Fault) -> Self {
        let (number, words) = match fault {
            Fault::Unspecified => (1, "unspecified certificate verification error"),
            Fault::NoIssuer => (2, "unable to get issuer certificate"),
            Fault::NoList => (3, "unable to get certificate CRL"),
            Fault::BadSignature => (7, "certificate signature failure"),
            Fault::BadListSignature => (8, "CRL signature failure"),
            Fault::NotYetValid => (9, "certificate is not yet valid"),
            Fault::Expired => (10, "certificate has expired"),
            Fault::ListNotYetValid => (11, "CRL is not yet valid"),
            Fault::ListExpired => (12, "CRL has expired"),
            Fault::SelfSigned => (18, "self-signed certificate"),
            Fault::SelfSignedAbove => (19, "self-signed certificate in certificate chain"),
            Fault::NoLocalIssuer => (20, "unable to get local issuer certificate"),
            Fault::UnverifiedLeaf => (21, "unable to verify the first certificate"),
            Fault::Revoked => (23, "certificate revoked"),
            Fault::PathLength => (25, "path length constraint exceeded"),
            Fault::Purpose => (26, "unsuitable certificate purpose"),
            Fault::MayNotSign => (32, "key usage does not include certificate signing"),
            Fault::NoListIssuer => (33, "unable to get CRL issuer certificate"),
            Fault::OddExtension => (34, "unhandled critical extension"),
            Fault::MayNotRevoke => (35, "key usage does not include CRL signing"),
            Fault::OddListExtension => (36, "unhandled critical CRL extension"),
            Fault::OtherScope => (44, "different CRL scope"),
            Fault::NotPermitted => (47, "permitted subtree violation"),
            Fault::Excluded => (48, "excluded subtree violation"),
            Fault::OddConstraint => (51, "unsupported name constraint type"),
            Fault::WeakKey => (66, "EE certificate key too weak"),
            Fault::WeakAuthority => (67, "CA certificate key too weak"),
            Fault::WeakDigest => (68, "CA signature digest algorithm too weak"),
            Fault::NoAuthority => (79, "invalid CA certificate"),
        };
        Self { number, words }
    }
}
