//! Certificates: what stands in them (RFC 5280), as far as somebody here asks for it.

use std::ops::Range;

use crate::algorithm::{self, KeyKind};
use crate::der::{self, Reader, Value};
use crate::general_name::GeneralName;
use crate::list_scope::ListPlace;
use crate::name::Name;

/// A certificate that has been read.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    /// 1, 2 or 3.
    pub(crate) version: u8,
    signed: Signed,
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

/// What certificates say beside names, times and keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extensions {
    /// Whether it is a CA's, and how many CAs may be below it.
    pub(crate) constraints: Option<(bool, Option<u64>)>,
    /// What the key is for: the bits, the first is the highest.
    pub(crate) key_usage: Option<u16>,
    /// What it is for beside: object identifiers.
    pub(crate) purposes: Option<Vec<Vec<u8>>>,
    /// Netscape's word for that.
    pub(crate) netscape: Option<u8>,
    /// The number of the key.
    pub(crate) key_id: Option<Vec<u8>>,
    /// Which key has signed it.
    pub(crate) issuer_key: IssuerKey,
    /// What those below it may be called.
    pub(crate) name_limits: Option<NameLimits>,
    /// Names beside the subject.
    pub(crate) names: Vec<GeneralName>,
    /// Where lists are that may have it.
    pub(crate) lists: Vec<ListPlace>,
    /// Where to ask whether it is still good (OCSP).
    pub(crate) responders: Vec<String>,
    /// There is one that must be understood, and is not.
    pub(crate) unknown: bool,
}

/// Which key has signed something, by numbers (`AuthorityKeyIdentifier`).
#[derive(Clone, Debug, Default)]
pub(crate) struct IssuerKey {
    /// The number of the key.
    id: Option<Vec<u8>>,
    /// The number of its certificate, and who has signed that.
    serial: Option<Vec<u8>>,
    issuer: Option<Name>,
}

/// What those below a CA may be called (`NameConstraints`).
#[derive(Clone, Debug)]
pub(crate) struct NameLimits {
    /// Of these kinds of names only such.
    pub(crate) permitted: Vec<NameLimit>,
    /// None of these.
    pub(crate) excluded: Vec<NameLimit>,
}

/// Names below one.
#[derive(Clone, Debug)]
pub(crate) struct NameLimit {
    pub(crate) base: GeneralName,
    /// It says how far below, which nobody understands.
    pub(crate) has_distance: bool,
}

/// The signatures of certificates below this one.
pub(crate) const KEY_CERT_SIGN: u16 = 0x0400;
/// The signatures of lists of revoked ones.
pub(crate) const CRL_SIGN: u16 = 0x0200;

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
        fields.expect(der::SEQUENCE)?;
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
        issuer.subject == self.issuer
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

/// Something that a certificate, a list or an entry of it says beside.
pub(crate) struct Extension<'a> {
    pub(crate) kind: &'a [u8],
    /// Who does not understand it must not go on.
    pub(crate) critical: bool,
    pub(crate) body: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
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

impl Extensions {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut all = Self::default();
        let mut list = reader.enter(der::SEQUENCE)?;
        while !list.is_empty() {
            let one = Extension::read(&mut list)?;
            let known = all.add(one.kind, &mut Reader::new(one.body))?;
            all.unknown |= one.critical && !known;
        }
        Some(all)
    }

    /// Takes one; whether it is one of those that may be critical is the value (`X509_supported_extension`).
    /// `None`: it is malformed.
    fn add(&mut self, kind: &[u8], body: &mut Reader<'_>) -> Option<bool> {
        match kind {
            [0x55, 0x1d, 14] => {
                self.key_id = Some(body.contents(der::OCTET_STRING)?.to_vec());
                return Some(false);
            }
            [0x55, 0x1d, 15] => {
                let bits = body.contents(der::BIT_STRING)?;
                let byte = |at: usize| bits.get(at).copied().unwrap_or(0);
                self.key_usage = Some(u16::from_be_bytes([byte(1), byte(2)]));
            }
            [0x55, 0x1d, 17] => {
                let value = body.expect(der::SEQUENCE)?;
                self.names = GeneralName::read_all(body, &value)?;
            }
            [0x55, 0x1d, 19] => self.constraints = Some(constraints(body)?),
            [0x55, 0x1d, 30] => self.name_limits = Some(NameLimits::read(body)?),
            [0x55, 0x1d, 31] => self.lists = ListPlace::read_all(body)?,
            [0x55, 0x1d, 35] => {
                self.issuer_key = IssuerKey::read(body)?;
                return Some(false);
            }
            [0x55, 0x1d, 37] => {
                let mut list = body.enter(der::SEQUENCE)?;
                let mut purposes = Vec::new();
                while !list.is_empty() {
                    purposes.push(list.contents(der::OID)?.to_vec());
                }
                self.purposes = Some(purposes);
            }
            [0x2b, 6, 1, 5, 5, 7, 1, 1] => {
                self.read_access(body)?;
                return Some(false);
            }
            [0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1] => {
                self.netscape = body.contents(der::BIT_STRING)?.get(1).copied();
            }
            // Policies, which are not asked for.
            [0x55, 0x1d, 32 | 33 | 36 | 54] => {}
            // Nobody needs to ask a responder about this one.
            [0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5] => {}
            _ => return Some(false),
        }
        Some(true)
    }

    /// Where services stand that know more of a certificate.
    fn read_access(&mut self, body: &mut Reader<'_>) -> Option<()> {
        const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1];
        const URL: u8 = 6;
        let mut list = body.enter(der::SEQUENCE)?;
        while !list.is_empty() {
            let mut one = list.enter(der::SEQUENCE)?;
            let kind = one.contents(der::OID)?;
            let place = one.next()?;
            if kind == OCSP && place.tag == der::plain(URL) {
                let url = String::from_utf8_lossy(one.bytes(place.body));
                self.responders.push(url.into_owned());
            }
        }
        Some(())
    }
}

impl IssuerKey {
    pub(crate) fn read(body: &mut Reader<'_>) -> Option<Self> {
        let mut fields = body.enter(der::SEQUENCE)?;
        let id = fields.optional(der::plain(0));
        let names = match fields.optional(der::parts(1)) {
            Some(value) => GeneralName::read_all(&fields, &value)?,
            None => Vec::new(),
        };
        let serial = fields.optional(der::plain(2));
        let bytes = |value: Value| fields.bytes(value.body).to_vec();
        let issuer = names.into_iter().find_map(|name| match name {
            GeneralName::Directory(name) => Some(name),
            _ => None,
        });
        Some(Self {
            id: id.map(bytes),
            serial: serial.map(bytes),
            issuer,
        })
    }

    /// Whether `issuer` may be meant (`X509_check_akid`).
    pub(crate) fn fits(&self, issuer: &Certificate) -> bool {
        let id = match (&self.id, &issuer.extensions.key_id) {
            (Some(wanted), Some(found)) => wanted == found,
            (Some(_), None) | (None, _) => true,
        };
        let serial = self.serial.as_deref();
        let name = self.issuer.as_ref();
        id && serial.is_none_or(|serial| serial == issuer.serial())
            && name.is_none_or(|name| *name == issuer.issuer)
    }
}

impl NameLimits {
    fn read(body: &mut Reader<'_>) -> Option<Self> {
        let mut fields = body.enter(der::SEQUENCE)?;
        let mut list = |number| match fields.optional(der::parts(number)) {
            Some(value) => NameLimit::read_all(&mut fields.within(&value)),
            None => Some(Vec::new()),
        };
        Some(Self {
            permitted: list(0)?,
            excluded: list(1)?,
        })
    }
}

impl NameLimit {
    fn read_all(list: &mut Reader<'_>) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        while !list.is_empty() {
            let mut fields = list.enter(der::SEQUENCE)?;
            let base = GeneralName::read(&mut fields)?;
            let least = fields.optional(der::plain(0));
            let least = least.is_some_and(|value| fields.bytes(value.body) != [0]);
            let most = fields.optional(der::plain(1)).is_some();
            all.push(Self {
                base,
                has_distance: least || most,
            });
        }
        Some(all)
    }
}

fn constraints(body: &mut Reader<'_>) -> Option<(bool, Option<u64>)> {
    let mut fields = body.enter(der::SEQUENCE)?;
    let ca = fields.optional(der::BOOLEAN);
    let ca = ca.is_some_and(|value| fields.bytes(value.body) != [0]);
    let length = fields.optional(der::INTEGER);
    let length = length.map(|value| der::number(fields.bytes(value.body)).unwrap_or(u64::MAX));
    Some((ca, length))
}
