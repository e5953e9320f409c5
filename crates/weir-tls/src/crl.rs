//! Lists of revoked certificates (RFC 5280, section 5).

use std::collections::HashSet;
use std::ops::Range;

use crate::der::{self, Reader};
use crate::name::Name;
use crate::x509::{Certificate, IssuerKey, Signed};

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
    /// It says only what has changed, or is not for the certificates of its issuer.
    pub(crate) is_partial: bool,
}

impl RevocationList {
    /// Reads one; `None`: it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Reader::new(der);
        let mut whole = outer.enter(der::SEQUENCE)?;
        if !outer.is_empty() {
            return None;
        }
        let body = whole.expect(der::SEQUENCE)?;
        let algorithm = whole.expect(der::SEQUENCE)?.body;
        let signature = whole.bits()?;
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
            signed: Signed {
                message: body.whole,
                algorithm,
                signature,
            },
            this_update,
            next_update,
            revoked: HashSet::new(),
            issuer_key: IssuerKey::default(),
            unknown: false,
            is_partial: false,
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
                    match one.kind {
                        // The reason; 8 is that it is good again.
                        [0x55, 0x1d, 21] => {
                            let body = Reader::new(one.body).contents(der::ENUMERATED)?;
                            returned |= body == [8];
                        }
                        // For whom, which only lists of several issuers say.
                        _ => self.unknown |= one.critical,
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
            match one.kind {
                // The number of a list.
                [0x55, 0x1d, 20] => {}
                [0x55, 0x1d, 35] => self.issuer_key = IssuerKey::read(&mut Reader::new(one.body))?,
                [0x55, 0x1d, 27] => self.is_partial = true,
                // For what it is: anything but a place means not for all.
                [0x55, 0x1d, 28] => {
                    let mut scope = Reader::new(one.body).enter(der::SEQUENCE)?;
                    scope.optional(der::parts(0));
                    self.is_partial |= !scope.is_empty();
                }
                _ => self.unknown |= one.critical,
            }
        }
        Some(())
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
        let Signed {
            message,
            algorithm,
            signature,
        } = &self.signed;
        [message, algorithm, signature].map(|range: &Range<usize>| &self.der[range.clone()])
    }
}

/// Something that a list or an entry of it says beside.
struct Extension<'a> {
    kind: &'a [u8],
    critical: bool,
    body: &'a [u8],
}

impl<'a> Extension<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let mut one = reader.enter(der::SEQUENCE)?;
        let kind = one.contents(der::OID)?;
        let critical = one.optional(der::BOOLEAN);
        Some(Self {
            kind,
            critical: critical.is_some_and(|value| one.bytes(value.body) != [0]),
            body: one.contents(der::OCTET_STRING)?,
        })
    }
}
