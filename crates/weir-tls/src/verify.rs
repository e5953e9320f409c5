//! Whether a peer's certificate leads to one that is trusted (`X509_verify_cert`), as nginx asks it: what is
//! found wrong does not end the search, and the last of it is the result (`ngx_ssl_verify_callback`).
//!
//! It serves both roles: certificates of clients, and of upstream servers. Names of hosts are not looked at.

use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;

use crate::crl::RevocationList;
use crate::der::{self, Reader};
use crate::verify_fault::VerifyFault;
use crate::x509::{CRL_SIGN, Certificate, KEY_CERT_SIGN};

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
        if is_weak_key(&chain.certificates[0]) {
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
        for at in 0..self.certificates.len() {
            let one = self.certificates[at].clone();
            if one.extensions.unknown {
                self.report(VerifyFault::UnknownExtension);
            }
            if at > 0 && !is_ca(&one) {
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
            if at > 0 && is_weak_key(&one) {
                self.report(VerifyFault::CaKeyTooSmall);
            }
            if at + 1 < count && is_weak_digest(one.signed()[1]) {
                self.report(VerifyFault::WeakDigest);
            }
        }
    }

    /// Whether lists say that one of the chain is good no longer (`check_revocation`).
    fn check_revocation(&mut self, lists: &[Arc<RevocationList>]) {
        for at in 0..self.certificates.len() {
            let one = self.certificates[at].clone();
            let names = |list: &&Arc<RevocationList>| {
                list.issuer.canonical == one.issuer.canonical
                    && !list.is_partial
                    && self.list_issuer(at, list).is_some()
            };
            let fresh = |list: &&Arc<RevocationList>| list_fault(list, self.now).is_none();
            let list = lists.iter().filter(names).find(fresh);
            let list = list.or_else(|| lists.iter().find(names));
            match list {
                Some(list) => self.check_list(at, &one, list),
                None => self.report(VerifyFault::NoList),
            }
        }
    }

    /// Who may have signed a list for the certificate at `at`: the next of the chain, or one above of the
    /// list's name (`crl_akid_check`).
    fn list_issuer(&self, at: usize, list: &RevocationList) -> Option<Arc<Certificate>> {
        let next = (at + 1).min(self.certificates.len() - 1);
        let (next, above) = self.certificates[next..].split_first()?;
        let named = above
            .iter()
            .filter(|one| one.subject.canonical == list.issuer.canonical);
        let mut all = std::iter::once(next).chain(named);
        all.find(|one| list.fits_key_of(one)).cloned()
    }

    fn check_list(&mut self, at: usize, one: &Certificate, list: &RevocationList) {
        let Some(issuer) = self.list_issuer(at, list) else {
            self.report(VerifyFault::NoList);
            return;
        };
        let usage = issuer.extensions.key_usage;
        if usage.is_some_and(|usage| usage & CRL_SIGN == 0) {
            self.report(VerifyFault::IssuerSignsNoLists);
        }
        if let Some(fault) = list_fault(list, self.now) {
            self.report(fault);
        }
        if !self.trust.has_signed(&issuer, list.signed()) {
            self.report(VerifyFault::ListSignature);
        }
        if list.unknown {
            self.report(VerifyFault::UnknownListExtension);
        }
        if list.revokes(one.serial()) {
            self.report(VerifyFault::Revoked);
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
                // Of one whose digest is not taken, that has been said.
                let weak = is_weak_digest(one.signed()[1]);
                if !weak && !self.trust.has_signed(&issuer, one.signed()) {
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
            Some(time) if time < self.now => self.report(VerifyFault::Expired),
            Some(_) => {}
        }
    }

    /// Limits of names are not understood: who has some is not trusted (`check_name_constraints`).
    fn check_names(&mut self) {
        let above = &self.certificates[1..];
        if above.iter().any(|one| one.extensions.limits_names) {
            self.report(VerifyFault::UnsupportedConstraint);
        }
    }
}

/// One that is good now, and longest; else the one that was or will be.
fn best(found: impl Iterator<Item = Arc<Certificate>>, now: i64) -> Option<Arc<Certificate>> {
    found.max_by_key(|one| {
        let begun = one.not_before.is_some_and(|time| time <= now);
        let lasts = one.not_after.is_some_and(|time| time >= now);
        (begun && lasts, one.not_after)
    })
}

fn list_fault(list: &RevocationList, now: i64) -> Option<VerifyFault> {
    match (list.this_update, list.next_update) {
        (None, _) => Some(VerifyFault::ListTimeFormat),
        (Some(this), _) if this > now => Some(VerifyFault::ListNotYetValid),
        (_, Some(None)) => Some(VerifyFault::ListNextTimeFormat),
        (_, Some(Some(next))) if next < now => Some(VerifyFault::ListExpired),
        (Some(_), _) => None,
    }
}

/// `check_ca`.
fn is_ca(one: &Certificate) -> bool {
    let own = &one.extensions;
    let signs = own.key_usage.is_none_or(|usage| usage & KEY_CERT_SIGN != 0);
    signs
        && match own.constraints {
            Some((ca, _)) => ca,
            // Roots of version 1, those that sign certificates, and Netscape's.
            None => {
                (one.version == 1 && one.is_self_signed())
                    || own.key_usage.is_some()
                    || own.netscape.is_some_and(|kinds| kinds & 7 != 0)
            }
        }
}

/// `check_purpose_ssl_client`, `check_purpose_ssl_server`.
fn has_purpose(one: &Certificate, peer: Peer, ca: bool) -> bool {
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
        Peer::Responder => return !ca || is_ca(one),
    };
    let fits = |purpose: &Vec<u8>| {
        let [kind @ .., last] = purpose.as_slice() else {
            return false;
        };
        (kind == KIND && *last == number)
            || (peer == Peer::Server && SERVER_GATED.contains(&purpose.as_slice()))
    };
    if own
        .purposes
        .as_ref()
        .is_some_and(|all| !all.iter().any(fits))
    {
        return false;
    }
    if ca {
        // Netscape's CAs say for what they are.
        return is_ca(one)
            && (own.constraints.is_some() || own.netscape.is_none_or(|kinds| kinds & 4 != 0));
    }
    let (bit, usages) = match peer {
        // Signatures, key encipherment, key agreement.
        Peer::Server => (0x40, 0xa800),
        Peer::Client | Peer::Responder => (0x80, 0x8800),
    };
    own.netscape.is_none_or(|kinds| kinds & bit != 0)
        && own.key_usage.is_none_or(|usage| usage & usages != 0)
}

const RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];

/// Whether a key is of RSA and has fewer than 2048 bits.
fn is_weak_key(one: &Certificate) -> bool {
    const LEAST: usize = 2048;
    if !one.key_algorithm().starts_with(RSA) {
        return false;
    }
    let modulus = Reader::new(one.key_bits())
        .enter(der::SEQUENCE)
        .and_then(|mut parts| parts.contents(der::INTEGER));
    modulus.is_none_or(|modulus| {
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let first = modulus.get(zeros).map_or(8, |byte| byte.leading_zeros());
        (modulus.len() - zeros) * 8 < LEAST + first as usize
    })
}

/// Whether a signature is over MD5 or SHA-1.
fn is_weak_digest(algorithm: &[u8]) -> bool {
    let ecdsa_sha1 = [0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
    let dsa_sha1 = [0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3];
    let rsa = algorithm.strip_prefix(RSA).and_then(|rest| rest.first());
    // MD2, MD4, MD5 and SHA-1 with RSA.
    matches!(rsa, Some(2..=5))
        || [&ecdsa_sha1[..], &dsa_sha1]
            .iter()
            .any(|old| algorithm.starts_with(old))
}

#[cfg(test)]
mod tests;
