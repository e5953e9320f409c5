//! From a server's certificate to an authority's.

use rustls::crypto::WebPkiSupportedAlgorithms;

use super::{Fault, Found, is_weak};
use crate::client::x509::Certificate;

/// Certificates, each of which vouches for the one before.
pub(super) struct Chain<'c, 'a> {
    pub(super) all: Vec<&'c Certificate<'a>>,
    /// How many of them the server has shown; the rest are authorities.
    untrusted: usize,
}

impl<'c, 'a> Chain<'c, 'a> {
    /// Looks for who vouches for whom, among the authorities first (`build_chain`).
    pub(super) fn build(
        leaf: &'c Certificate<'a>,
        others: &'c [Certificate<'a>],
        authorities: &'c [Certificate<'a>],
        depth: usize,
        now: i64,
        found: &mut Found,
    ) -> Self {
        let most = depth.saturating_add(1);
        let mut chain = Self {
            all: vec![leaf],
            untrusted: 1,
        };
        let mut others: Vec<_> = others.iter().collect();
        let mut last = leaf;
        loop {
            let room = chain.all.len() <= most;
            let known = find(last, authorities.iter(), now).filter(|_| room);
            if let Some(authority) = known
                && chain.trusts(authority, last)
            {
                last = authority;
                if authority.is_self_signed() {
                    return chain;
                }
                continue;
            }
            // Behind an authority nobody is asked whom the server shows.
            let shows = chain.untrusted == chain.all.len() && room && !last.is_self_signed();
            let next = find(last, others.iter().copied(), now).filter(|_| shows);
            let Some(next) = next else {
                break;
            };
            others.retain(|other| !std::ptr::eq(*other, next));
            chain.all.push(next);
            chain.untrusted += 1;
            last = next;
        }
        // That it is too long is said first, and so never heard.
        found.note(chain.why_not(last));
        chain
    }

    /// Takes an authority into the chain. One that signs itself must be the very certificate that the server
    /// shows, if that has its name.
    fn trusts(&mut self, authority: &'c Certificate<'a>, last: &Certificate<'_>) -> bool {
        if !last.is_self_signed() {
            self.all.push(authority);
            return true;
        }
        let shown = self.untrusted == self.all.len();
        if !shown || last.der != authority.der {
            return false;
        }
        self.all.pop();
        self.all.push(authority);
        self.untrusted -= 1;
        true
    }

    fn why_not(&self, last: &Certificate<'_>) -> Fault {
        if last.is_self_signed() {
            match self.all.len() {
                1 => Fault::SelfSigned,
                _ => Fault::SelfSignedAbove,
            }
        } else if self.untrusted < self.all.len() {
            Fault::NoIssuer
        } else {
            Fault::NoLocalIssuer
        }
    }

    /// `check_extensions`
    pub(super) fn check_extensions(&self, found: &mut Found) {
        let mut below = 0;
        for (index, certificate) in self.all.iter().enumerate() {
            let is_leaf = index == 0;
            if certificate.is_odd {
                found.note(Fault::OddExtension);
            }
            if !is_leaf && !certificate.may_vouch() {
                found.note(Fault::NoAuthority);
            }
            if !certificate.is_for_servers(is_leaf) {
                found.note(Fault::Purpose);
            }
            if is_leaf {
                continue;
            }
            if certificate.path_length().is_some_and(|most| below > most) {
                found.note(Fault::PathLength);
            }
            if !certificate.is_self_issued() {
                below += 1;
            }
        }
    }

    /// `check_auth_level`
    pub(super) fn check_strength(&self, found: &mut Found) {
        for (index, certificate) in self.all.iter().enumerate() {
            if index > 0 && is_weak(certificate) {
                found.note(Fault::WeakAuthority);
            }
            if index + 1 < self.all.len() && certificate.signed.is_weak() {
                found.note(Fault::WeakDigest);
            }
        }
    }

    /// From the top down (`internal_verify`).
    pub(super) fn check_signatures(
        &self,
        now: i64,
        known: &WebPkiSupportedAlgorithms,
        found: &mut Found,
    ) {
        let Some((top, below)) = self.all.split_last() else {
            return;
        };
        let mut issuer = *top;
        if top.is_self_signed() {
            check_time(top, now, found);
        } else if below.is_empty() {
            found.note(Fault::UnverifiedLeaf);
            check_time(top, now, found);
        }
        for subject in below.iter().rev() {
            if !issuer.may_sign() {
                found.note(Fault::MayNotSign);
            }
            // Of what is signed too weakly that has been said.
            let said = subject.signed.is_weak() || is_weak(issuer);
            if !said && !subject.signed.is_by(&issuer.key, known) {
                found.note(Fault::BadSignature);
            }
            check_time(subject, now, found);
            issuer = subject;
        }
    }
}

/// Who of `all` vouches for `certificate`: one that holds now, or else that holds longest.
fn find<'c, 'a: 'c>(
    certificate: &Certificate<'_>,
    all: impl Iterator<Item = &'c Certificate<'a>>,
    now: i64,
) -> Option<&'c Certificate<'a>> {
    let mut best: Option<&Certificate<'_>> = None;
    for issuer in all.filter(|issuer| certificate.is_likely_by(issuer)) {
        let (from, to) = issuer.validity();
        if from <= now && now <= to {
            return Some(issuer);
        }
        if best.is_none_or(|best| to > best.validity().1) {
            best = Some(issuer);
        }
    }
    best
}

fn check_time(certificate: &Certificate<'_>, now: i64, found: &mut Found) {
    let (from, to) = certificate.validity();
    if from > now {
        found.note(Fault::NotYetValid);
    }
    if to < now {
        found.note(Fault::Expired);
    }
}
