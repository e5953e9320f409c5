//! Lists of revoked certificates (RFC 5280, section 5).

use std::collections::HashSet;

use crate::der::{self, Reader};
use crate::extensions::{Extension, IssuerKey};
use crate::list_scope::{ListScope, Reasons};
use crate::name::Name;
use crate::x509::{Certificate, Signed};

/// A list that has been read.
#[derive(Clone, Debug)]
pub struct RevocationList {
    der: Vec<u8>,
    pub(crate) issuer: Name,
    signed: Signed,
    pub(crate) this_update: Option<i64>,
    /// `None`: it does not say; `Some(None)`: what it says is no time.
    pub(crate) next_update: Option<Option<i64>>,
    revoked: HashSet<Vec<u8>>,
    /// Which key has signed it.
    issuer_key: IssuerKey,
    /// There is something in it that must be understood, and is not.
    pub(crate) unknown: bool,
    scope: ListScope,
    /// It says only what has changed.
    is_delta: bool,
}

impl RevocationList {
    /// Reads one; `None`: it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Reader::new(der);
        let mut whole = outer.enter(der::SEQUENCE)?;
        if !outer.is_empty() {
            return None;
        }
        let (body, signed) = Signed::read(&mut whole)?;
        let mut fields = whole.within(&body);
        fields.optional(der::INTEGER);
        fields.expect(der::SEQUENCE)?;
        let issuer = Name::read(&mut fields)?;
        let this = fields.next()?;
        let this_update = der::time(this.tag, fields.bytes(this.body));
        let next = match fields.optional(der::UTC_TIME) {
            Some(time) => Some(time),
            None => fields.optional(der::GENERALIZED_TIME),
        };
        let next_update = next.map(|time| der::time(time.tag, fields.bytes(time.body)));
        let mut list = Self {
            der: der.to_vec(),
            issuer,
            signed,
            this_update,
            next_update,
            revoked: HashSet::new(),
            issuer_key: IssuerKey::default(),
            unknown: false,
            scope: ListScope::default(),
            is_delta: false,
        };
        if let Some(entries) = fields.optional(der::SEQUENCE) {
            list.read_entries(fields.within(&entries))?;
        }
        if let Some(value) = fields.optional(der::parts(0)) {
            let mut extensions = fields.within(&value).enter(der::SEQUENCE)?;
            list.read_extensions(&mut extensions)?;
        }
        Some(list)
    }

    fn read_entries(&mut self, mut entries: Reader<'_>) -> Option<()> {
        while !entries.is_empty() {
            let mut entry = entries.enter(der::SEQUENCE)?;
            let serial = entry.contents(der::INTEGER)?.to_vec();
            entry.next()?;
            let mut returned = false;
            if let Some(extensions) = entry.optional(der::SEQUENCE) {
                let mut extensions = entry.within(&extensions);
                while !extensions.is_empty() {
                    let one = Extension::read(&mut extensions)?;
                    // For whom it is said only in lists of several issuers.
                    self.unknown |= one.critical;
                    // The reason; 8 is that it is good again.
                    if one.kind == [0x55, 0x1d, 21] {
                        let body = Reader::new(one.body).contents(der::ENUMERATED)?;
                        returned |= body == [8];
                    }
                }
            }
            if !returned {
                self.revoked.insert(serial);
            }
        }
        Some(())
    }

    fn read_extensions(&mut self, extensions: &mut Reader<'_>) -> Option<()> {
        while !extensions.is_empty() {
            let one = Extension::read(extensions)?;
            let mut body = Reader::new(one.body);
            match one.kind {
                [0x55, 0x1d, 35] => self.issuer_key = IssuerKey::read(&mut body)?,
                [0x55, 0x1d, 27] => self.is_delta = true,
                [0x55, 0x1d, 28] => self.scope = ListScope::read(&mut body)?,
                _ => self.unknown |= one.critical,
            }
        }
        Some(())
    }

    /// Whether it may tell of certificates of its issuer: it is whole, and for all reasons.
    pub(crate) fn is_of_use(&self) -> bool {
        !self.is_delta && !self.scope.is_odd
    }

    /// For which reasons it tells of this certificate; `None`: it does not.
    pub(crate) fn reasons_for(&self, one: &Certificate) -> Option<Reasons> {
        let is_ca = one.extensions.constraints.is_some_and(|(is_ca, _)| is_ca);
        self.scope
            .reasons(&self.issuer, is_ca, &one.extensions.lists)
    }

    /// Whether it may have been signed with this certificate's key.
    pub(crate) fn fits_key_of(&self, issuer: &Certificate) -> bool {
        self.issuer_key.fits(issuer)
    }

    /// Whether the certificate of this number is in it.
    pub(crate) fn revokes(&self, serial: &[u8]) -> bool {
        self.revoked.contains(serial)
    }

    /// What is signed, by which algorithm, and the signature.
    pub(crate) fn signed(&self) -> [&[u8]; 3] {
        self.signed.of(&self.der)
    }
}
