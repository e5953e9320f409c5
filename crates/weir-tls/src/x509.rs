//! Certificates: what stands in them (RFC 5280), as far as somebody here asks for it.

use std::ops::Range;

use crate::algorithm::{self, KeyKind};
use crate::der::{self, Reader, Value};
use crate::extensions::Extensions;
use crate::name::Name;

/// A certificate that has been read.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    /// 1, 2 or 3.
    pub(crate) version: u8,
    signed: Signed,
    /// The contents of the AlgorithmIdentifier that is signed, too.
    algorithm: Range<usize>,
    serial: Range<usize>,
    /// Who has signed it.
    pub(crate) issuer: Name,
    /// Whose it is.
    pub(crate) subject: Name,
    /// From when it is good; `None`: it is no time.
    pub(crate) not_before: Option<i64>,
    /// Until when.
    pub(crate) not_after: Option<i64>,
    key: PublicKey,
    /// What it says beside that.
    pub(crate) extensions: Extensions,
}

/// Where what is signed stands, how, and the signature.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    message: Range<usize>,
    /// The contents of its AlgorithmIdentifier.
    algorithm: Range<usize>,
    signature: Range<usize>,
}

/// A public key: the contents of its AlgorithmIdentifier, and its bits.
#[derive(Clone, Debug)]
struct PublicKey {
    algorithm: Range<usize>,
    bits: Range<usize>,
}

impl Certificate {
    /// Reads one; `None`: it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Reader::new(der);
        let mut whole = outer.enter(der::SEQUENCE)?;
        if !outer.is_empty() {
            return None;
        }
        let (body, signed) = Signed::read(&mut whole)?;
        let mut fields = whole.within(&body);
        let version = match fields.optional(der::parts(0)) {
            Some(value) => {
                let number = fields.within(&value).contents(der::INTEGER)?;
                u8::try_from(der::number(number)?).ok()?.checked_add(1)?
            }
            None => 1,
        };
        let serial = fields.expect(der::INTEGER)?.body;
        let algorithm = fields.expect(der::SEQUENCE)?.body;
        let issuer = Name::read(&mut fields)?;
        let mut times = fields.enter(der::SEQUENCE)?;
        let validity = [times.next()?, times.next()?];
        let subject = Name::read(&mut fields)?;
        let mut key = fields.enter(der::SEQUENCE)?;
        let key = PublicKey {
            algorithm: key.expect(der::SEQUENCE)?.body,
            bits: key.bits()?,
        };
        // Numbers of issuer and subject, which nobody has.
        fields.optional(der::plain(1));
        fields.optional(der::plain(2));
        let extensions = match fields.optional(der::parts(3)) {
            Some(value) => Extensions::read(&mut fields.within(&value))?,
            None => Extensions::default(),
        };
        let [not_before, not_after] =
            validity.map(|time| der::time(time.tag, fields.bytes(time.body)));
        Some(Self {
            version,
            signed,
            algorithm,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions,
            der: der.to_vec(),
        })
    }

    /// As it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is, as it stands there.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject.der
    }

    /// Where to ask whether it is still good (OCSP).
    pub fn responders(&self) -> &[String] {
        &self.extensions.responders
    }

    /// Its number, as an integer of DER has it.
    pub(crate) fn serial(&self) -> &[u8] {
        &self.der[self.serial.clone()]
    }

    /// The contents of the AlgorithmIdentifier of its key.
    pub(crate) fn key_algorithm(&self) -> &[u8] {
        &self.der[self.key.algorithm.clone()]
    }

    /// The bits of its key.
    pub(crate) fn key_bits(&self) -> &[u8] {
        &self.der[self.key.bits.clone()]
    }

    /// What is signed, by which algorithm, and the signature.
    pub(crate) fn signed(&self) -> [&[u8]; 3] {
        self.signed.of(&self.der)
    }

    /// Whether the algorithm is the same inside and outside of what is signed (`X509_verify`).
    pub(crate) fn has_one_algorithm(&self) -> bool {
        self.signed()[1] == &self.der[self.algorithm.clone()]
    }

    /// Whether its signature is over a digest that is weak.
    pub(crate) fn has_weak_digest(&self) -> bool {
        algorithm::is_weak_digest(self.signed()[1])
    }

    /// Whether its key is weak.
    pub(crate) fn has_weak_key(&self) -> bool {
        algorithm::is_weak_key(self.key_algorithm(), self.key_bits())
    }

    /// Whether it names itself as its issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether it could have signed itself (`X509_self_signed`, without the signature).
    pub(crate) fn is_self_signed(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether `issuer` may have signed this one, by names, numbers and the kind of its key
    /// (`ossl_x509_likely_issued`).
    pub(crate) fn is_issued_by(&self, issuer: &Self) -> bool {
        let kind = || KeyKind::of(issuer.key_algorithm());
        let invalid = self.extensions.invalid || issuer.extensions.invalid;
        !invalid
            && issuer.subject == self.issuer
            && self.extensions.issuer_key.fits(issuer)
            && kind().is_some_and(|kind| kind.makes(self.signed()[1]))
    }

    /// The common names of its subject, in UTF-8.
    pub(crate) fn common_names(&self) -> impl Iterator<Item = Vec<u8>> {
        const COMMON_NAME: &[u8] = &[0x55, 4, 3];
        let all = self.subject.attributes.iter();
        all.filter(|part| part.kind == COMMON_NAME)
            .map(|part| part.utf8())
    }
}

impl Signed {
    /// Reads it of a certificate or a list, and where its message stands.
    pub(crate) fn read(whole: &mut Reader<'_>) -> Option<(Value, Self)> {
        let message = whole.expect(der::SEQUENCE)?;
        let signed = Self {
            message: message.whole.clone(),
            algorithm: whole.expect(der::SEQUENCE)?.body,
            signature: whole.bits()?,
        };
        Some((message, signed))
    }

    /// What is signed in `text`, by which algorithm, and the signature.
    pub(crate) fn of<'a>(&self, text: &'a [u8]) -> [&'a [u8]; 3] {
        [&self.message, &self.algorithm, &self.signature].map(|range| &text[range.clone()])
    }
}
