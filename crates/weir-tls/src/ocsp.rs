//! Questions whether a certificate is still good, and their answers (RFC 6960), as nginx asks and reads them
//! (`ngx_ssl_ocsp_create_request`, `ngx_ssl_ocsp_verify`).

use std::borrow::Cow;
use std::sync::Arc;

use sha1::{Digest as _, Sha1};

use crate::der::{self, Reader, Value};
use crate::name::Name;
use crate::verify::Trust;
use crate::x509::Certificate;

/// Seconds that clocks may differ.
const SKEW: i64 = 300;

/// SHA-1, as an AlgorithmIdentifier has it.
const SHA1: &[u8] = &[0x30, 9, 6, 5, 0x2b, 14, 3, 2, 26, 5, 0];
/// The kind of answer that there is (`id-pkix-ocsp-basic`).
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
/// What a key must be for that speaks for its issuer (`id-kp-OCSPSigning`).
const SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];

/// What a certificate is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) issuer: Arc<Certificate>,
    /// Certificates that may vouch for whoever answers.
    pub(crate) others: Vec<Arc<Certificate>>,
}

/// An answer that has been read.
#[derive(Debug)]
struct Answer<'a> {
    signed: [&'a [u8]; 3],
    responder: Responder,
    certificates: Vec<Arc<Certificate>>,
    all: Vec<Single<'a>>,
}

/// Who answers.
#[derive(Debug)]
enum Responder {
    Named(Name),
    WithKey(Vec<u8>),
}

/// What is said of one certificate.
#[derive(Debug)]
struct Single<'a> {
    id: &'a [u8],
    status: u8,
    this_update: Option<i64>,
    next_update: Option<Option<i64>>,
}

impl Subject {
    /// The question, in DER.
    pub(crate) fn question(&self) -> Vec<u8> {
        let id = wrapped(der::SEQUENCE, &self.id());
        // A question in a list in what could be signed.
        (0..4).fold(id, |inner, _| wrapped(der::SEQUENCE, &inner))
    }

    /// The contents of its CertID (`OCSP_cert_to_id`).
    fn id(&self) -> Vec<u8> {
        let name = Sha1::digest(self.issuer.subject_der());
        let key = Sha1::digest(self.issuer.key_bits());
        let mut id = SHA1.to_vec();
        id.extend(wrapped(der::OCTET_STRING, &name));
        id.extend(wrapped(der::OCTET_STRING, &key));
        id.extend(wrapped(der::INTEGER, self.certificate.serial()));
        id
    }

    /// Until when `answer` says that the certificate is good; `None`: for ever. `trust`: whom whoever
    /// answers must be vouched for by; the issuer's word counts without.
    ///
    /// # Errors
    ///
    /// nginx's words for an answer that is none, or says that it is not.
    pub(crate) fn good_until(
        &self,
        answer: &[u8],
        trust: &Trust,
        verify: bool,
        now: i64,
    ) -> Result<Option<i64>, String> {
        let answer = Answer::read(answer)?;
        let failed =
            |reason: Cow<'_, str>| format!("OCSP_basic_verify() failed (SSL: error:{reason})");
        self.check_signer(&answer, trust, verify, now)
            .map_err(failed)?;
        let id = self.id();
        let single = answer.all.iter().find(|single| single.id == id);
        let single = single.ok_or("certificate status not found in the OCSP response")?;
        single.check_times(now)?;
        let words = match single.status {
            0 => return Ok(single.next_update.flatten()),
            1 => "revoked",
            _ => "unknown",
        };
        Err(format!(
            "certificate status \"{words}\" in the OCSP response"
        ))
    }

    /// Whether the issuer has signed the answer, or somebody whom it lets do that (`OCSP_basic_verify`).
    fn check_signer(
        &self,
        answer: &Answer<'_>,
        trust: &Trust,
        verify: bool,
        now: i64,
    ) -> Result<(), Cow<'static, str>> {
        const NOT_FOUND: &str = "13800076:OCSP routines::signer certificate not found";
        const SIGNATURE: &str = "13800075:OCSP routines::signature failure";
        const NOT_VERIFIED: &str = "13800065:OCSP routines::certificate verify error";
        const NO_SIGNER: &str = "13800067:OCSP routines::missing ocspsigning usage error:13800070:OCSP routines::root ca not trusted";
        const NOT_TRUSTED: &str = "13800070:OCSP routines::root ca not trusted";
        let own = std::iter::once(&self.issuer).chain(&self.others);
        let mut all = own.clone().chain(&answer.certificates);
        let signer = all.find(|one| answer.responder.is(one)).ok_or(NOT_FOUND)?;
        if !trust.has_signed(signer, answer.signed) {
            return Err(SIGNATURE.into());
        }
        if own.clone().any(|one| one.der() == signer.der()) {
            return Ok(());
        }
        if !signer.is_issued_by(&self.issuer)
            || !signer.has_one_algorithm()
            || !trust.has_signed(&self.issuer, signer.signed())
        {
            return Err(NOT_TRUSTED.into());
        }
        let purposes = signer.extensions.purposes.iter().flatten();
        if !purposes.clone().any(|purpose| purpose == SIGNING) {
            return Err(NO_SIGNER.into());
        }
        let others = own.chain(&answer.certificates).cloned().collect();
        match trust.verify_read(signer.clone(), others, now) {
            Err(fault) if verify => {
                let words = fault.words();
                Err(format!("{NOT_VERIFIED}:Verify error: {words}").into())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl<'a> Answer<'a> {
    fn read(text: &'a [u8]) -> Result<Self, String> {
        const BROKEN: &str = "d2i_OCSP_RESPONSE() failed (SSL: error:0688010A:asn1 encoding routines::nested asn1 error:Type=OCSP_RESPONSE)";
        let mut whole = Reader::new(text).enter(der::SEQUENCE).ok_or(BROKEN)?;
        let status = whole.contents(der::ENUMERATED).ok_or(BROKEN)?;
        let words = match status {
            [0] => None,
            [1] => Some("malformedrequest"),
            [2] => Some("internalerror"),
            [3] => Some("trylater"),
            [5] => Some("sigrequired"),
            [6] => Some("unauthorized"),
            _ => Some("(UNKNOWN)"),
        };
        if let Some(words) = words {
            let number = status.first().copied().unwrap_or_default();
            return Err(format!("OCSP response not successful ({number}: {words})"));
        }
        let basic = |mut reader: Reader<'a>| {
            let mut bytes = reader.enter(der::parts(0))?.enter(der::SEQUENCE)?;
            (bytes.contents(der::OID)? == BASIC).then(|| bytes.contents(der::OCTET_STRING))?
        };
        let basic = basic(whole).and_then(Self::read_basic);
        basic.ok_or_else(|| "OCSP_response_get1_basic() failed".to_owned())
    }

    fn read_basic(text: &'a [u8]) -> Option<Self> {
        let mut whole = Reader::new(text).enter(der::SEQUENCE)?;
        let data = whole.expect(der::SEQUENCE)?;
        let algorithm = whole.contents(der::SEQUENCE)?;
        let signature = whole.bits()?;
        let mut fields = whole.within(&data);
        let mut certificates = Vec::new();
        if let Some(value) = whole.optional(der::parts(0)) {
            let mut list = whole.within(&value).enter(der::SEQUENCE)?;
            while !list.is_empty() {
                let one = list.next()?;
                certificates.extend(Certificate::read(list.bytes(one.whole)).map(Arc::new));
            }
        }
        fields.optional(der::parts(0));
        let responder = fields.next()?;
        let responder = Responder::read(&fields, &responder)?;
        fields.expect(der::GENERALIZED_TIME)?;
        let mut list = fields.enter(der::SEQUENCE)?;
        let mut all = Vec::new();
        while !list.is_empty() {
            all.push(Single::read(&mut list.enter(der::SEQUENCE)?)?);
        }
        Some(Self {
            signed: [whole.bytes(data.whole), algorithm, whole.bytes(signature)],
            responder,
            certificates,
            all,
        })
    }
}

impl Responder {
    fn read(fields: &Reader<'_>, value: &Value) -> Option<Self> {
        let mut inner = fields.within(value);
        match value.tag {
            tag if tag == der::parts(1) => Name::read(&mut inner).map(Self::Named),
            tag if tag == der::parts(2) => {
                let key = inner.contents(der::OCTET_STRING)?;
                Some(Self::WithKey(key.to_vec()))
            }
            _ => None,
        }
    }

    fn is(&self, one: &Certificate) -> bool {
        match self {
            Self::Named(name) => *name == one.subject,
            Self::WithKey(key) => Sha1::digest(one.key_bits()).as_slice() == key,
        }
    }
}

impl<'a> Single<'a> {
    fn read(fields: &mut Reader<'a>) -> Option<Self> {
        let id = fields.contents(der::SEQUENCE)?;
        let status = fields.next()?.tag & 0x1f;
        let time = |fields: &mut Reader<'a>| {
            fields
                .contents(der::GENERALIZED_TIME)
                .map(|text| der::time(der::GENERALIZED_TIME, text))
        };
        let this_update = time(fields)?;
        let next_update = match fields.optional(der::parts(0)) {
            Some(value) => Some(time(&mut fields.within(&value))?),
            None => None,
        };
        Some(Self {
            id,
            status,
            this_update,
            next_update,
        })
    }

    /// `OCSP_check_validity`, as nginx has it allow for clocks.
    fn check_times(&self, now: i64) -> Result<(), String> {
        let reason = match (self.this_update, self.next_update) {
            (None, _) => "1380007B:OCSP routines::error in thisupdate field",
            (_, Some(None)) => "1380007A:OCSP routines::error in nextupdate field",
            (Some(this), _) if this > now + SKEW => "1380007E:OCSP routines::status not yet valid",
            (_, Some(Some(next))) if next < now - SKEW => "1380007D:OCSP routines::status expired",
            (Some(this), Some(Some(next))) if next < this => {
                "1380007C:OCSP routines::nextupdate before thisupdate"
            }
            (Some(_), _) => return Ok(()),
        };
        Err(format!(
            "OCSP_check_validity() failed (SSL: error:{reason})"
        ))
    }
}

/// A value of this tag and these contents.
fn wrapped(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    match contents.len() {
        short @ 0..0x80 => out.push(short as u8),
        _ => {
            out.push(0x80 | length.len() as u8);
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// Whether `text` is an answer that can be read.
pub(crate) fn readable(text: &[u8]) -> bool {
    Answer::read(text).is_ok()
}

/// Whether `text` has the shape of an answer (`d2i_OCSP_RESPONSE`): all of it that counts.
pub(crate) fn answer(text: &[u8]) -> Option<&[u8]> {
    let value = Reader::new(text).expect(der::SEQUENCE)?;
    let whole = &text[value.whole.clone()];
    let mut fields = Reader::new(whole).enter(der::SEQUENCE)?;
    fields.contents(der::ENUMERATED)?;
    (fields.is_empty() || fields.enter(der::parts(0)).is_some()).then_some(whole)
}

#[cfg(test)]
pub(crate) mod tests;
