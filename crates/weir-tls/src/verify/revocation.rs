//! Whether lists say that a certificate of a chain is good no longer (`check_revocation`).

use std::sync::Arc;

use super::Chain;
use crate::crl::RevocationList;
use crate::extensions::CRL_SIGN;
use crate::list_scope::Reasons;
use crate::verify_fault::VerifyFault;
use crate::x509::Certificate;

/// A list that may tell of a certificate.
struct Telling<'a> {
    list: &'a RevocationList,
    /// Who has signed it, by names and numbers.
    issuer: Arc<Certificate>,
    /// For which reasons it tells; `None`: it is for other certificates.
    reasons: Option<Reasons>,
}

impl Chain<'_> {
    /// Asks lists about each certificate; some tell of some reasons only.
    pub(super) fn check_revocation(&mut self, lists: &[Arc<RevocationList>]) {
        for at in 0..self.certificates.len() {
            let one = self.certificates[at].clone();
            let mut told = Reasons::NONE;
            while !told.is_all() {
                let Some(telling) = self.best_list(at, &one, lists, told) else {
                    self.report(VerifyFault::NoList);
                    break;
                };
                self.check_list(&telling, &one);
                let Some(reasons) = telling.reasons else {
                    self.report(VerifyFault::NoList);
                    break;
                };
                told = told.with(reasons);
            }
        }
    }

    /// The list that tells most of the certificate at `at`, and of several the latest (`get_crl_sk`).
    fn best_list<'a>(
        &self,
        at: usize,
        one: &Certificate,
        lists: &'a [Arc<RevocationList>],
        told: Reasons,
    ) -> Option<Telling<'a>> {
        let mut best: Option<(_, Telling<'a>)> = None;
        for list in lists {
            let Some(telling) = self.telling(at, one, list, told) else {
                continue;
            };
            let rank = (
                !list.unknown,
                telling.reasons.is_some(),
                faults(list, self.now).next().is_none(),
                self.is_next(at, &telling.issuer),
                list.this_update,
            );
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, telling));
            }
        }
        best.map(|(_, telling)| telling)
    }

    /// `None`: the list cannot tell anything new of the certificate (`get_crl_score`).
    fn telling<'a>(
        &self,
        at: usize,
        one: &Certificate,
        list: &'a RevocationList,
        told: Reasons,
    ) -> Option<Telling<'a>> {
        if !list.is_of_use() || list.issuer != one.issuer {
            return None;
        }
        let issuer = self.list_issuer(at, list)?;
        let reasons = list.reasons_for(one);
        let is_new = reasons.is_none_or(|reasons| told.with(reasons) != told);
        is_new.then_some(Telling {
            list,
            issuer,
            reasons,
        })
    }

    /// Who may have signed a list for the certificate at `at`: the next of the chain, or one above of the
    /// list's name (`crl_akid_check`).
    fn list_issuer(&self, at: usize, list: &RevocationList) -> Option<Arc<Certificate>> {
        let next = (at + 1).min(self.certificates.len() - 1);
        let (next, above) = self.certificates[next..].split_first()?;
        let named = above.iter().filter(|one| one.subject == list.issuer);
        let mut all = std::iter::once(next).chain(named);
        all.find(|one| list.fits_key_of(one)).cloned()
    }

    /// Whether this one is the next above the certificate at `at`.
    fn is_next(&self, at: usize, one: &Arc<Certificate>) -> bool {
        let next = (at + 1).min(self.certificates.len() - 1);
        Arc::ptr_eq(&self.certificates[next], one)
    }

    /// `check_crl`, `cert_crl`.
    fn check_list(&mut self, telling: &Telling<'_>, one: &Certificate) {
        let Telling { list, issuer, .. } = telling;
        let usage = issuer.extensions.key_usage;
        if usage.is_some_and(|usage| usage & CRL_SIGN == 0) {
            self.report(VerifyFault::IssuerSignsNoLists);
        }
        if telling.reasons.is_none() {
            self.report(VerifyFault::OtherScope);
        }
        for fault in faults(list, self.now) {
            self.report(fault);
        }
        if !self.trust.has_signed(issuer, list.signed()) {
            self.report(VerifyFault::ListSignature);
        }
        if list.unknown {
            self.report(VerifyFault::UnknownListExtension);
        }
        if list.revokes(one.serial()) {
            self.report(VerifyFault::Revoked);
        }
    }
}

/// What is wrong with a list's times (`check_crl_time`).
fn faults(list: &RevocationList, now: i64) -> impl Iterator<Item = VerifyFault> {
    let begun = match list.this_update {
        None => Some(VerifyFault::ListTimeFormat),
        Some(this) => (this > now).then_some(VerifyFault::ListNotYetValid),
    };
    let lasts = match list.next_update {
        None => None,
        Some(None) => Some(VerifyFault::ListNextTimeFormat),
        Some(Some(next)) => (next <= now).then_some(VerifyFault::ListExpired),
    };
    begun.into_iter().chain(lasts)
}
