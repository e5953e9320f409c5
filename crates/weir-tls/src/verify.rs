//! Whether a peer's certificate leads to one that is trusted (`X509_verify_cert`), as nginx asks it: what is
//! found wrong does not end the search, and the last of it is the result (`ngx_ssl_verify_callback`).
//!
//! It serves both roles: certificates of clients, and of upstream servers. Whether one is a host's is asked beside
//! that (`host`).

mod constraints;
mod purpose;
mod revocation;

use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;

use self::purpose::{CaBy, has_purpose};
use crate::crl::RevocationList;
use crate::extensions::KEY_CERT_SIGN;
use crate::verify_fault::VerifyFault;
use crate::x509::Certificate;

/// Whose certificates are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Clients'.
    Client,
    /// Servers'.
    Server,
    /// Those who answer questions about certificates (OCSP).
    Responder,
}

/// Whom a server or a client trusts.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Certificates that chains may lead to; those that have not signed themselves only help to get there.
    pub trusted: Vec<Arc<Certificate>>,
    /// Lists of revoked certificates; `None`: nobody asks.
    pub revoked: Option<Vec<Arc<RevocationList>>>,
    /// Most certificates between the peer's and the one that is trusted.
    pub depth: usize,
    /// Whose certificates are verified.
    pub peer: Peer,
    /// How signatures are verified.
    pub algorithms: WebPkiSupportedAlgorithms,
}

/// A chain from the peer's certificate upwards, and what has been found wrong last.
struct Chain<'a> {
    trust: &'a Trust,
    certificates: Vec<Arc<Certificate>>,
    /// How many of them the peer has sent.
    untrusted: usize,
    now: i64,
    fault: Option<VerifyFault>,
}

impl Trust {
    /// Verifies what a peer has sent: its own certificate, then any that may lead on. `now` is in seconds
    /// since 1970.
    ///
    /// # Errors
    ///
    /// What is wrong; of several things the last that OpenSSL finds.
    pub fn verify(&self, sent: &[CertificateDer<'_>], now: i64) -> Result<(), VerifyFault> {
        let read = |der: &CertificateDer<'_>| Certificate::read(der).map(Arc::new);
        let own = sent.first().and_then(read);
        let own = own.ok_or(VerifyFault::Unspecified)?;
        let others = sent[1..].iter().filter_map(read).collect();
        self.verify_read(own, others, now)
    }

    /// The same of certificates that have been read.
    ///
    /// # Errors
    ///
    /// As [`Trust::verify`].
    pub fn verify_read(
        &self,
        own: Arc<Certificate>,
        others: Vec<Arc<Certificate>>,
        now: i64,
    ) -> Result<(), VerifyFault> {
        let mut chain = Chain {
            trust: self,
            certificates: vec![own],
            untrusted: 1,
            now,
            fault: None,
        };
        if chain.certificates[0].has_weak_key() {
            chain.report(VerifyFault::EndKeyTooSmall);
        }
        chain.build(others);
        chain.check_extensions();
        chain.check_strength();
        if let Some(lists) = &self.revoked {
            chain.check_revocation(lists);
        }
        chain.check_signatures();
        chain.check_names();
        chain.fault.map_or(Ok(()), Err)
    }

    /// Whether `issuer` has signed `signed`: the message, the algorithm and the signature.
    pub(crate) fn has_signed(
        &self,
        issuer: &Certificate,
        [message, algorithm, signature]: [&[u8]; 3],
    ) -> bool {
        let mut fitting = self.algorithms.all.iter().filter(|known| {
            known.signature_alg_id().as_ref() == algorithm
                && known.public_key_alg_id().as_ref() == issuer.key_algorithm()
        });
        fitting.any(|known| {
            let verified = known.verify_signature(issuer.key_bits(), message, signature);
            verified.is_ok()
        })
    }
}

impl Chain<'_> {
    fn report(&mut self, fault: VerifyFault) {
        // Of responders nginx has the first told.
        if self.trust.peer != Peer::Responder || self.fault.is_none() {
            self.fault = Some(fault);
        }
    }

    /// Grows the chain over what was sent, then over what is trusted (`build_chain`).
    fn build(&mut self, mut others: Vec<Arc<Certificate>>) {
        let most = self.trust.depth.saturating_add(1);
        loop {
            let top = self.top();
            if self.is_within(most)
                && let Some(issuer) = self.trusted_issuer(&top)
            {
                let own = top.is_self_signed();
                if !own {
                    self.certificates.push(issuer.clone());
                } else if issuer.der() == top.der() {
                    self.untrusted = self.untrusted.min(self.certificates.len() - 1);
                } else {
                    // One that only looks like the trusted one.
                    break;
                }
                if issuer.is_self_signed() {
                    return;
                }
                others.clear();
                continue;
            }
            if top.is_self_signed() || !self.is_within(most) {
                break;
            }
            let Some(issuer) = self.sent_issuer(&top, &mut others) else {
                break;
            };
            self.certificates.push(issuer);
            self.untrusted += 1;
        }
        self.report_untrusted(most);
    }

    fn is_within(&self, most: usize) -> bool {
        self.certificates.len() <= most
    }

    fn top(&self) -> Arc<Certificate> {
        self.certificates[self.certificates.len() - 1].clone()
    }

    /// The trusted certificate that may have signed `top`, one that is good now if there is any
    /// (`X509_STORE_CTX_get1_issuer`).
    fn trusted_issuer(&self, top: &Certificate) -> Option<Arc<Certificate>> {
        let found = self
            .trust
            .trusted
            .iter()
            .filter(|one| top.is_issued_by(one));
        // A chain that leads back to itself leads nowhere.
        let found = found.filter(|one| {
            let mut known = self.certificates.iter();
            one.is_self_signed() || known.all(|known| known.der() != one.der())
        });
        best(found.cloned(), self.now)
    }

    fn sent_issuer(
        &self,
        top: &Certificate,
        others: &mut Vec<Arc<Certificate>>,
    ) -> Option<Arc<Certificate>> {
        let found = others.iter().filter(|one| top.is_issued_by(one));
        let issuer = best(found.cloned(), self.now)?;
        others.retain(|one| one.der() != issuer.der());
        Some(issuer)
    }

    /// What is wrong with a chain that does not end at a trusted certificate.
    fn report_untrusted(&mut self, most: usize) {
        let count = self.certificates.len();
        if count > most {
            self.report(VerifyFault::ChainTooLong);
        }
        self.report(match self.top().is_self_signed() {
            true if count == 1 => VerifyFault::SelfSigned,
            true => VerifyFault::SelfSignedInChain,
            false if self.untrusted < count => VerifyFault::NoIssuer,
            false => VerifyFault::NoLocalIssuer,
        });
    }

    /// Purposes, and who may be a CA (`check_extensions`).
    fn check_extensions(&mut self) {
        let mut below = 0;
        let count = self.certificates.len();
        for at in 0..count {
            let one = self.certificates[at].clone();
            if one.extensions.unknown {
                self.report(VerifyFault::UnknownExtension);
            }
            if one.extensions.proxy {
                self.report(VerifyFault::Proxy);
            }
            // Between others nobody is taken for a CA who does not say so.
            let is_ca = match CaBy::of(&one) {
                Some(CaBy::Constraints) => true,
                Some(CaBy::Root | CaBy::KeyUsage | CaBy::Netscape) => at + 1 == count,
                None => false,
            };
            if at > 0 && !is_ca {
                self.report(VerifyFault::InvalidCa);
            }
            if !has_purpose(&one, self.trust.peer, at > 0) {
                self.report(VerifyFault::InvalidPurpose);
            }
            let length = one.extensions.constraints.and_then(|(_, length)| length);
            if at > 1 && length.is_some_and(|length| below > length) {
                self.report(VerifyFault::PathTooLong);
            }
            if at > 0 && !one.is_self_issued() {
                below += 1;
            }
        }
    }

    /// Keys and digests that level 2 of OpenSSL does not take (`check_auth_level`).
    fn check_strength(&mut self) {
        let count = self.certificates.len();
        for at in 0..count {
            let one = self.certificates[at].clone();
            if at > 0 && one.has_weak_key() {
                self.report(VerifyFault::CaKeyTooSmall);
            }
            if at + 1 < count && one.has_weak_digest() {
                self.report(VerifyFault::WeakDigest);
            }
        }
    }

    /// Signatures and times, from above (`internal_verify`).
    fn check_signatures(&mut self) {
        let mut at = self.certificates.len() - 1;
        let mut issuer = self.top();
        if !issuer.is_self_signed() {
            if at == 0 {
                self.report(VerifyFault::LeafSignature);
                self.check_time(&issuer);
                return;
            }
            at -= 1;
        }
        loop {
            let one = self.certificates[at].clone();
            if !Arc::ptr_eq(&one, &issuer) {
                let usage = issuer.extensions.key_usage;
                if usage.is_some_and(|usage| usage & KEY_CERT_SIGN == 0) {
                    self.report(VerifyFault::IssuerSignsNoCertificates);
                }
                // Of what is too weak to be verified, that has been said.
                let weak = one.has_weak_digest() || issuer.has_weak_key();
                let signed = weak || self.trust.has_signed(&issuer, one.signed());
                if !signed || !one.has_one_algorithm() {
                    self.report(VerifyFault::Signature);
                }
            }
            self.check_time(&one);
            issuer = one;
            match at.checked_sub(1) {
                Some(below) => at = below,
                None => return,
            }
        }
    }

    fn check_time(&mut self, one: &Certificate) {
        match one.not_before {
            None => self.report(VerifyFault::NotBeforeFormat),
            Some(time) if time > self.now => self.report(VerifyFault::NotYetValid),
            Some(_) => {}
        }
        match one.not_after {
            None => self.report(VerifyFault::NotAfterFormat),
            Some(time) if time <= self.now => self.report(VerifyFault::Expired),
            Some(_) => {}
        }
    }
}

/// The first that is good now; else the one that was or will be, and longest.
fn best(found: impl Iterator<Item = Arc<Certificate>>, now: i64) -> Option<Arc<Certificate>> {
    let mut longest: Option<Arc<Certificate>> = None;
    for one in found {
        let begun = one.not_before.is_some_and(|time| time <= now);
        if begun && one.not_after.is_some_and(|time| time > now) {
            return Some(one);
        }
        if longest
            .as_ref()
            .is_none_or(|known| one.not_after > known.not_after)
        {
            longest = Some(one);
        }
    }
    longest
}

#[cfg(test)]
mod tests;
