//! Lists of revoked certificates (`check_revocation`).

use rustls::crypto::WebPkiSupportedAlgorithms;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::chain::Chain;
use super::{Fault, Found};
use crate::client::x509::{Certificate, Signed, canonical};

/// A list.
struct List<'a> {
    parsed: CertificateRevocationList<'a>,
    signed: Signed<'a>,
    issuer: Vec<u8>,
}

impl<'a> List<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (_, parsed) = CertificateRevocationList::from_der(der).ok()?;
        Some(Self {
            issuer: canonical(parsed.tbs_cert_list.issuer.as_raw()),
            signed: Signed::read(der)?,
            parsed,
        })
    }

    fn check_time(&self, now: i64) -> Option<Fault> {
        let list = &self.parsed.tbs_cert_list;
        if list.this_update.timestamp() > now {
            return Some(Fault::ListNotYetValid);
        }
        let next = list.next_update.map(|next| next.timestamp());
        next.is_some_and(|next| next < now)
            .then_some(Fault::ListExpired)
    }

    /// Whether it is about some certificates only, which cannot be told here.
    fn is_partial(&self) -> bool {
        let mut all = self.parsed.extensions().iter();
        all.any(|extension| {
            matches!(
                extension.parsed_extension(),
                ParsedExtension::IssuingDistributionPoint(_)
            )
        })
    }

    /// Whether it has an extension that must be understood, and is not.
    fn is_odd(&self) -> bool {
        let mut all = self.parsed.extensions().iter();
        all.any(|extension| {
            let known = matches!(
                extension.parsed_extension(),
                ParsedExtension::IssuingDistributionPoint(_)
                    | ParsedExtension::AuthorityKeyIdentifier(_)
                    | ParsedExtension::CRLNumber(_)
            );
            extension.critical && !known
        })
    }

    fn has(&self, certificate: &Certificate<'_>) -> bool {
        let mut all = self.parsed.iter_revoked_certificates();
        all.any(|revoked| revoked.raw_serial() == certificate.serial())
    }
}

impl Chain<'_, '_> {
    /// Each certificate must have a list by who vouches for it, and must not be in it.
    pub(super) fn check_revoked(
        &self,
        lists: &[Vec<u8>],
        now: i64,
        known: &WebPkiSupportedAlgorithms,
        found: &mut Found,
    ) {
        let lists: Vec<_> = lists.iter().filter_map(|list| List::read(list)).collect();
        for (index, certificate) in self.all.iter().enumerate() {
            let mut own: Vec<_> = lists
                .iter()
                .filter(|list| list.issuer == certificate.issuer)
                .collect();
            // One that holds now is taken first, and of those the one that was made last.
            own.sort_by_key(|list| {
                let made = list.parsed.tbs_cert_list.this_update.timestamp();
                (list.check_time(now).is_none(), made)
            });
            let Some(list) = own.last() else {
                found.note(Fault::NoList);
                continue;
            };
            let issuer = self.all.get(index + 1).copied();
            if issuer.is_none() && !certificate.is_self_signed() {
                found.note(Fault::NoListIssuer);
            }
            check_list(list, issuer.unwrap_or(certificate), now, known, found);
            if list.is_odd() {
                found.note(Fault::OddListExtension);
            }
            if list.has(certificate) {
                found.note(Fault::Revoked);
            }
        }
    }
}

/// `check_crl`
fn check_list(
    list: &List<'_>,
    issuer: &Certificate<'_>,
    now: i64,
    known: &WebPkiSupportedAlgorithms,
    found: &mut Found,
) {
    if !issuer.may_revoke() {
        found.note(Fault::MayNotRevoke);
    }
    if list.is_partial() {
        found.note(Fault::OtherScope);
    }
    if let Some(fault) = list.check_time(now) {
        found.note(fault);
    }
    if !list.signed.is_by(&issuer.key, known) {
        found.note(Fault::BadListSignature);
    }
}
