//! What is read of certificates.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, GeneralName, KeyUsage,
    NameConstraints, ParsedExtension,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// A certificate's public key.
#[derive(Clone, Copy)]
pub(crate) struct PublicKey<'a> {
    /// `SubjectPublicKeyInfo`.
    pub(crate) whole: &'a [u8],
    /// What is in its `AlgorithmIdentifier`.
    pub(crate) algorithm: &'a [u8],
    /// The key.
    pub(crate) bits: &'a [u8],
}

/// The public key of a certificate; `None` if it is none.
pub(crate) fn public_key<'a>(certificate: &'a CertificateDer<'_>) -> Option<PublicKey<'a>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    PublicKey::read(certificate.tbs_certificate.subject_pki.raw)
}

impl<'a> PublicKey<'a> {
    fn read(whole: &'a [u8]) -> Option<Self> {
        let (_, inner, _) = der(whole)?;
        let (_, algorithm, rest) = der(inner)?;
        let (_, bits, _) = der(rest)?;
        // The first byte of a string of bits says how many of the last are none.
        let (&0, bits) = bits.split_first()? else {
            return None;
        };
        Some(Self {
            whole,
            algorithm,
            bits,
        })
    }

    /// The bits of an RSA key's modulus.
    pub(crate) fn rsa_bits(&self) -> Option<usize> {
        const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
        self.algorithm.strip_prefix(RSA)?;
        let (_, parts, _) = der(self.bits)?;
        let (_, modulus, _) = der(parts)?;
        let first = modulus.iter().position(|byte| *byte != 0)?;
        let leading = modulus.get(first)?.leading_zeros() as usize;
        Some((modulus.len() - first) * 8 - leading)
    }
}

/// What was signed, how, and the signature.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) message: &'a [u8],
    /// What is in the `AlgorithmIdentifier`.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Of a certificate, or a list of revoked ones: three values in one.
    pub(crate) fn read(whole: &'a [u8]) -> Option<Self> {
        let (_, inner, _) = der(whole)?;
        let (_, _, rest) = der(inner)?;
        let message = inner.get(..inner.len() - rest.len())?;
        let (_, algorithm, rest) = der(rest)?;
        let (_, bits, _) = der(rest)?;
        let (&0, signature) = bits.split_first()? else {
            return None;
        };
        Some(Self {
            message,
            algorithm,
            signature,
        })
    }

    /// Whether the key has signed it.
    pub(crate) fn is_by(&self, key: &PublicKey<'_>, known: &WebPkiSupportedAlgorithms) -> bool {
        known.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == key.algorithm
                && algorithm
                    .verify_signature(key.bits, self.message, self.signature)
                    .is_ok()
        })
    }

    /// Whether nobody should sign by this any more: MD5 and SHA-1 (`check_sig_level`).
    pub(crate) fn is_weak(&self) -> bool {
        const WEAK: [&[u8]; 4] = [
            &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4],
            &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5],
            &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1],
            &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3],
        ];
        WEAK.iter().any(|weak| self.algorithm.starts_with(weak))
    }
}

/// A certificate as far as those look at it who vouch for it, or whom it vouches for.
pub(crate) struct Certificate<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) parsed: X509Certificate<'a>,
    pub(crate) key: PublicKey<'a>,
    pub(crate) signed: Signed<'a>,
    /// As names are compared.
    pub(crate) subject: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    /// It has an extension that must be understood, and is not.
    pub(crate) is_odd: bool,
}

impl<'a> Certificate<'a> {
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let tbs = &parsed.tbs_certificate;
        let key = PublicKey::read(tbs.subject_pki.raw)?;
        let subject = canonical(tbs.subject.as_raw());
        let issuer = canonical(tbs.issuer.as_raw());
        let is_odd = tbs.extensions().iter().any(|extension| {
            let known = matches!(
                extension.parsed_extension(),
                ParsedExtension::KeyUsage(_)
                    | ParsedExtension::SubjectAlternativeName(_)
                    | ParsedExtension::BasicConstraints(_)
                    | ParsedExtension::CertificatePolicies(_)
                    | ParsedExtension::CRLDistributionPoints(_)
                    | ParsedExtension::ExtendedKeyUsage(_)
                    | ParsedExtension::PolicyConstraints(_)
                    | ParsedExtension::NameConstraints(_)
                    | ParsedExtension::PolicyMappings(_)
                    | ParsedExtension::InhibitAnyPolicy(_)
                    | ParsedExtension::NSCertType(_)
            );
            extension.critical && !known
        });
        Some(Self {
            signed: Signed::read(der)?,
            der,
            key,
            subject,
            issuer,
            is_odd,
            parsed,
        })
    }

    fn find<T>(&self, select: impl Fn(&ParsedExtension<'a>) -> Option<T>) -> Option<T> {
        let mut all = self.parsed.tbs_certificate.extensions().iter();
        all.find_map(|extension| select(extension.parsed_extension()))
    }

    fn key_usage(&self) -> Option<KeyUsage> {
        self.find(|extension| match extension {
            ParsedExtension::KeyUsage(usage) => Some(*usage),
            _ => None,
        })
    }

    fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.find(|extension| match extension {
            ParsedExtension::BasicConstraints(constraints) => Some(constraints.clone()),
            _ => None,
        })
    }

    fn extended_usage(&self) -> Option<ExtendedKeyUsage<'a>> {
        self.find(|extension| match extension {
            ParsedExtension::ExtendedKeyUsage(usage) => Some(usage.clone()),
            _ => None,
        })
    }

    fn authority(&self) -> Option<AuthorityKeyIdentifier<'a>> {
        self.find(|extension| match extension {
            ParsedExtension::AuthorityKeyIdentifier(authority) => Some(authority.clone()),
            _ => None,
        })
    }

    fn key_id(&self) -> Option<&'a [u8]> {
        self.find(|extension| match extension {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        })
    }

    /// What those that it vouches for may be called.
    pub(crate) fn name_constraints(&self) -> Option<NameConstraints<'a>> {
        self.find(|extension| match extension {
            ParsedExtension::NameConstraints(constraints) => Some(constraints.clone()),
            _ => None,
        })
    }

    /// Its other names.
    pub(crate) fn alternative_names(&self) -> Vec<GeneralName<'a>> {
        let names = self.find(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => Some(names.general_names.clone()),
            _ => None,
        });
        names.unwrap_or_default()
    }

    pub(crate) fn serial(&self) -> &'a [u8] {
        self.parsed.tbs_certificate.raw_serial()
    }

    /// Whether it is one of an authority (`check_ca`).
    pub(crate) fn may_vouch(&self) -> bool {
        let usage = self.key_usage();
        if usage.as_ref().is_some_and(|usage| !usage.key_cert_sign()) {
            return false;
        }
        match self.basic_constraints() {
            Some(constraints) => constraints.ca,
            None => usage.is_some() || (self.is_first_version() && self.is_self_signed()),
        }
    }

    fn is_first_version(&self) -> bool {
        self.parsed.tbs_certificate.version.0 == 0
    }

    /// Whether it may sign certificates, as far as it says (`ossl_x509_signing_allowed`).
    pub(crate) fn may_sign(&self) -> bool {
        self.key_usage().is_none_or(|usage| usage.key_cert_sign())
    }

    /// Whether it may sign lists of revoked certificates.
    pub(crate) fn may_revoke(&self) -> bool {
        self.key_usage().is_none_or(|usage| usage.crl_sign())
    }

    /// How many authorities may be below it.
    pub(crate) fn path_length(&self) -> Option<u32> {
        let constraints = self.basic_constraints()?;
        constraints.path_len_constraint.filter(|_| constraints.ca)
    }

    /// Whether servers may have it, or who vouches for them (`check_purpose_ssl_server`).
    pub(crate) fn is_for_servers(&self, is_leaf: bool) -> bool {
        if self
            .extended_usage()
            .is_some_and(|usage| !usage.server_auth)
        {
            return false;
        }
        if !is_leaf {
            return self.may_vouch();
        }
        self.key_usage().is_none_or(|usage| {
            usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
        })
    }

    /// Whether `issuer` may have issued it, by its name and what it says of its key
    /// (`ossl_x509_likely_issued`).
    pub(crate) fn is_likely_by(&self, issuer: &Certificate<'_>) -> bool {
        self.issuer == issuer.subject && self.names_authority(issuer)
    }

    /// `X509_check_akid`
    fn names_authority(&self, issuer: &Certificate<'_>) -> bool {
        let Some(authority) = self.authority() else {
            return true;
        };
        let id = authority.key_identifier.as_ref().map(|id| id.0);
        if let (Some(id), Some(own)) = (id, issuer.key_id())
            && id != own
        {
            return false;
        }
        if authority
            .authority_cert_serial
            .is_some_and(|serial| serial != issuer.serial())
        {
            return false;
        }
        let names = authority.authority_cert_issuer.iter().flatten();
        let mut names = names.filter_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(canonical(name.as_raw())),
            _ => None,
        });
        names.next().is_none_or(|name| name == issuer.issuer)
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    pub(crate) fn is_self_signed(&self) -> bool {
        self.is_likely_by(self)
    }

    /// From when to when it holds, in seconds.
    pub(crate) fn validity(&self) -> (i64, i64) {
        let validity = &self.parsed.tbs_certificate.validity;
        (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        )
    }
}

/// A name as names are compared: without regard to the kinds of texts, letters' case and surplus spaces
/// (`x509_name_canon`).
pub(crate) fn canonical(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let Some((_, mut sets, _)) = der(name) else {
        return name.to_vec();
    };
    while let Some((_, mut pairs, rest)) = der(sets) {
        out.push(b'/');
        while let Some((_, pair, next)) = der(pairs) {
            out.push(b'+');
            if let Some((_, kind, value)) = der(pair) {
                out.extend_from_slice(kind);
                match der(value) {
                    Some((tag, text, _)) => match decoded(tag, text) {
                        Some(text) => {
                            out.push(b'=');
                            let words = text.split_ascii_whitespace();
                            let words: Vec<_> = words.collect();
                            out.extend(words.join(" ").to_ascii_lowercase().into_bytes());
                        }
                        None => out.extend_from_slice(value),
                    },
                    None => out.extend_from_slice(value),
                }
            }
            pairs = next;
        }
        sets = rest;
    }
    out
}

/// A text of one of ASN.1's many kinds.
fn decoded(tag: u8, text: &[u8]) -> Option<String> {
    match tag {
        // UTF8String, PrintableString, IA5String, VisibleString
        0x0c | 0x13 | 0x16 | 0x1a => String::from_utf8(text.to_vec()).ok(),
        // T61String
        0x14 => Some(text.iter().map(|byte| char::from(*byte)).collect()),
        // UniversalString
        0x1c => {
            let (letters, _) = text.as_chunks::<4>();
            let letters = letters.iter().map(|letter| u32::from_be_bytes(*letter));
            letters.map(char::from_u32).collect()
        }
        // BMPString
        0x1e => {
            let (letters, _) = text.as_chunks::<2>();
            let letters: Vec<u16> = letters
                .iter()
                .map(|letter| u16::from_be_bytes(*letter))
                .collect();
            String::from_utf16(&letters).ok()
        }
        _ => None,
    }
}

/// The common names in a subject, as texts.
pub(crate) fn common_names(name: &X509Name<'_>) -> Vec<String> {
    let attributes = name.iter_common_name();
    attributes
        .filter_map(|attribute| {
            let value = attribute.attr_value();
            let tag = u8::try_from(value.tag().0).ok()?;
            decoded(tag, value.data)
        })
        .collect()
}

/// A value in DER: its tag, what is in it, what is behind it.
pub(crate) fn der(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first & 0x80 {
        0 => (usize::from(*first), rest),
        _ => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
    };
    let (inner, rest) = rest.split_at_checked(length)?;
    Some((*tag, inner, rest))
}
