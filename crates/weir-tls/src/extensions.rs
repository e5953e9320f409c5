//! What certificates say beside names, times and keys, and lists of revoked ones beside numbers (RFC 5280, sections
//! 4.2 and 5.2).

use crate::der::{self, Reader, Value};
use crate::general_name::GeneralName;
use crate::list_scope::ListPlace;
use crate::name::Name;
use crate::x509::Certificate;

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
    /// It speaks for somebody who is no CA (RFC 3820), which nobody here is asked for.
    pub(crate) proxy: bool,
    /// There is one that must be understood, and is not.
    pub(crate) unknown: bool,
    /// It says something twice, or something that nobody can read: nobody has issued it, and it issues nothing
    /// (`EXFLAG_INVALID`).
    pub(crate) invalid: bool,
}

/// The kinds that are looked at (`ossl_x509v3_cache_extensions`): each may come once.
const ONCE: [&[u8]; 10] = [
    &[0x55, 0x1d, 14],
    &[0x55, 0x1d, 15],
    ALTERNATIVE_NAMES,
    &[0x55, 0x1d, 19],
    &[0x55, 0x1d, 30],
    &[0x55, 0x1d, 31],
    &[0x55, 0x1d, 35],
    &[0x55, 0x1d, 37],
    PROXY,
    &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1],
];
const PROXY: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 14];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 17];
const NAMES_OF_ISSUER: &[u8] = &[0x55, 0x1d, 18];

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
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut all = Self::default();
        let mut kinds: Vec<&[u8]> = Vec::new();
        let mut list = reader.enter(der::SEQUENCE)?;
        while !list.is_empty() {
            let one = Extension::read(&mut list)?;
            all.invalid |= ONCE.contains(&one.kind) && kinds.contains(&one.kind);
            kinds.push(one.kind);
            match all.add(one.kind, &mut Reader::new(one.body)) {
                Some(known) => all.unknown |= one.critical && !known,
                None => all.invalid = true,
            }
        }
        let is_ca = all.constraints.is_some_and(|(is_ca, _)| is_ca);
        let has_names = [ALTERNATIVE_NAMES, NAMES_OF_ISSUER];
        let has_names = has_names.iter().any(|kind| kinds.contains(kind));
        all.invalid |= all.proxy && (is_ca || has_names);
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
                let usage = u16::from_be_bytes([byte(1), byte(2)]);
                self.key_usage = Some(usage);
                // A key that is for nothing is a contradiction.
                self.invalid |= usage == 0;
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
                // It is looked at when somebody is to be asked, and of no use then if it is malformed.
                let _ = self.read_access(body);
                return Some(false);
            }
            [0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1] => {
                self.netscape = body.contents(der::BIT_STRING)?.get(1).copied();
            }
            PROXY => self.proxy = true,
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
    let length = length.map(|value| fields.bytes(value.body));
    if length.is_some_and(|bytes| bytes.first().is_none_or(|first| first & 0x80 != 0)) {
        return None;
    }
    // One that is too large for a number limits nothing.
    Some((
        ca,
        length.map(|bytes| der::number(bytes).unwrap_or(u64::MAX)),
    ))
}
