//! Certificates and their keys, as files have them (`ngx_ssl_certificate`).

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::{CertifiedKey, SigningKey};
use weir_conf::{ErrorNumber, TlsFile, TlsSource};

use crate::backend::any_supported_type;
use crate::der::{self, Reader};
use crate::encrypted::{Armoured, Pkcs8};
use crate::pem::{self, Block};

/// Why a certificate or its key cannot be used, in nginx's words.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// A certificate does not load.
    #[error("cannot load certificate \"{name}\": {why}")]
    Certificate {
        /// The file.
        name: String,
        /// What was tried, and what OpenSSL says of it.
        why: String,
    },
    /// A key does not load.
    #[error("cannot load certificate key \"{name}\": {why}")]
    Key {
        /// The file.
        name: String,
        /// What was tried, and what OpenSSL says of it.
        why: String,
    },
    /// A list of revoked certificates does not load.
    #[error("cannot load CRL \"{name}\": {why}")]
    RevocationList {
        /// The file.
        name: String,
        /// What was tried, and what OpenSSL says of it.
        why: String,
    },
    /// A key is another certificate's.
    #[error(
        "{call}(\"{name}\") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)"
    )]
    Mismatch {
        /// What was tried.
        call: &'static str,
        /// The key's file.
        name: String,
    },
}

/// What OpenSSL says where nothing is in armour.
pub(crate) const NO_START: &str =
    "error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE";
/// And where what is in it is no certificate.
pub(crate) const NO_CERTIFICATE: &str = "error:068000A8:asn1 encoding routines::wrong tag \
    error:0688010A:asn1 encoding routines::nested asn1 error:Type=X509 error:0488000D:PEM routines::ASN1 lib";
/// And where no key is.
const NO_KEY: &str =
    "error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM";
/// What it adds where there is something that looks like one.
const NO_PARTS: &str = " error:068000A8:asn1 encoding routines::wrong tag \
    error:0688010A:asn1 encoding routines::nested asn1 error:Type=PKCS8_PRIV_KEY_INFO";
/// And where no password is right: of PKCS#8, which it tries twice, and of armour of old.
const WRONG_PASSWORD: &str = "error:1C800064:Provider routines::bad decrypt \
    error:11800074:PKCS12 routines::pkcs12 cipherfinal error:maybe wrong password \
    error:1C800064:Provider routines::bad decrypt \
    error:11800074:PKCS12 routines::pkcs12 cipherfinal error:maybe wrong password";
const EMPTY_PASSWORD: &str = "error:1C800064:Provider routines::bad decrypt \
    error:11800074:PKCS12 routines::pkcs12 cipherfinal error:empty password \
    error:1C800064:Provider routines::bad decrypt \
    error:11800074:PKCS12 routines::pkcs12 cipherfinal error:empty password";
const WRONG_OLD_PASSWORD: &str =
    "error:1C800064:Provider routines::bad decrypt error:04800065:PEM routines::bad decrypt";
/// And where it does not know how it is encrypted.
const UNKNOWN_CIPHER: &str = "error:04800072:PEM routines::unsupported encryption";
/// And where there is nobody to ask for a password.
const ENCRYPTED: &str = "error:04800068:PEM routines::bad password read";

/// A certificate and those that vouch for it.
pub(crate) type Chain = Vec<CertificateDer<'static>>;

/// A key, ready to sign.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) signing: Arc<dyn SigningKey>,
    /// It was opened with a password.
    pub(crate) encrypted: bool,
}

/// Loads a certificate, those that vouch for it, and its key, which one of `passwords` may open.
pub(crate) fn load(
    certificate: &TlsFile,
    key: &TlsFile,
    passwords: Option<&[Box<[u8]>]>,
) -> Result<CertifiedKey, CertificateFault> {
    let chain = chain(certificate)?;
    let signing = self::key(key, passwords)?.signing;
    joined(chain, signing, "SSL_CTX_use_PrivateKey", key)
}

/// A certificate with its key, which is in `file`.
pub(crate) fn joined(
    chain: Chain,
    signing: Arc<dyn SigningKey>,
    call: &'static str,
    file: &TlsFile,
) -> Result<CertifiedKey, CertificateFault> {
    if let (Some(public), Some(own)) = (signing.public_key(), chain.first())
        && memchr::memmem::find(own, &public).is_none()
    {
        let name = shown(file);
        return Err(CertificateFault::Mismatch { call, name });
    }
    Ok(CertifiedKey::new(chain, signing))
}

/// Reads a key, which one of `passwords` may open (`ngx_ssl_cache_pkey_create`).
pub(crate) fn key(
    file: &TlsFile,
    passwords: Option<&[Box<[u8]>]>,
) -> Result<Key, CertificateFault> {
    let fault = |why: String| CertificateFault::Key {
        name: shown(file),
        why,
    };
    let (der, encrypted) = read_key(file, passwords).map_err(fault)?;
    let signing = any_supported_type(&der)
        .map_err(|error| fault(format!("PEM_read_bio_PrivateKey() failed (SSL: {error})")))?;
    Ok(Key { signing, encrypted })
}

/// Reads a certificate and those that vouch for it (`ngx_ssl_cache_cert_create`).
pub(crate) fn chain(file: &TlsFile) -> Result<Chain, CertificateFault> {
    let fault = |why: String| CertificateFault::Certificate {
        name: shown(file),
        why,
    };
    let text = read(file).map_err(fault)?;
    let mut chain = Vec::new();
    let failed = |first: bool, words: &str| {
        let call = if first {
            "PEM_read_bio_X509_AUX"
        } else {
            "PEM_read_bio_X509"
        };
        fault(format!("{call}() failed (SSL: {words})"))
    };
    for block in pem::blocks(&text) {
        let first = chain.is_empty();
        let block = block.map_err(|fault| failed(first, fault.words()))?;
        if !pem::CERTIFICATES.contains(&block.label.as_str()) {
            continue;
        }
        if !is_sequence(&block.der) {
            return Err(failed(first, NO_CERTIFICATE));
        }
        chain.push(CertificateDer::from(block.der));
    }
    match chain.is_empty() {
        true => Err(failed(true, NO_START)),
        false => Ok(chain),
    }
}

/// Whether this is a value of ASN.1 with parts, and all of it.
pub(crate) fn is_sequence(text: &[u8]) -> bool {
    let mut reader = Reader::new(text);
    reader.expect(der::SEQUENCE).is_some() && reader.is_empty()
}

/// The first key of a file: PKCS#1, PKCS#8 or SEC1; and whether it was encrypted.
fn read_key(
    file: &TlsFile,
    passwords: Option<&[Box<[u8]>]>,
) -> Result<(PrivateKeyDer<'static>, bool), String> {
    let failed = |words: &str| format!("PEM_read_bio_PrivateKey() failed (SSL: {words})");
    for block in pem::blocks(&read(file)?) {
        let block = block.map_err(|fault| failed(fault.words()))?;
        let known = block.label.ends_with("PRIVATE KEY");
        let encrypted = known && block.encrypted;
        let der = match encrypted {
            true => opened(&block, passwords.ok_or_else(|| failed(ENCRYPTED))?).map_err(failed)?,
            false => block.der,
        };
        if known && !is_sequence(&der) {
            return Err(failed(&[NO_KEY, NO_PARTS].concat()));
        }
        let key = match block.label.as_str() {
            "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
            "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
            "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
            _ => continue,
        };
        return Ok((key, encrypted));
    }
    Err(failed(NO_KEY))
}

/// What is in an encrypted block (`ngx_ssl_cache_pkey_password_callback`); else OpenSSL's words.
fn opened(block: &Block, passwords: &[Box<[u8]>]) -> Result<Vec<u8>, &'static str> {
    match &block.how {
        Some(how) => {
            let armoured = Armoured::read(how, &block.der).ok_or(UNKNOWN_CIPHER)?;
            let mut keys = passwords
                .iter()
                .filter_map(|password| armoured.open(password));
            keys.find(|key| is_sequence(key)).ok_or(WRONG_OLD_PASSWORD)
        }
        None => {
            let encrypted = Pkcs8::read(&block.der).ok_or(UNKNOWN_CIPHER)?;
            let mut keys = passwords
                .iter()
                .filter_map(|password| encrypted.open(password));
            let last = match passwords.last() {
                Some(password) if !password.is_empty() => WRONG_PASSWORD,
                Some(_) | None => EMPTY_PASSWORD,
            };
            keys.find(|key| is_sequence(key)).ok_or(last)
        }
    }
}

/// The text, or what OpenSSL says where it cannot be read (`BIO_new_file`).
pub(crate) fn read(file: &TlsFile) -> Result<Vec<u8>, String> {
    match &file.source {
        TlsSource::Text(text) => Ok(text.clone()),
        TlsSource::File(path) => read_most(path, MOST),
    }
}

/// Bytes of a file with certificates or a key that are looked at: a handshake may name any file, one without an end,
/// too.
const MOST: u64 = 1 << 20;

/// The text, however long.
pub(crate) fn read_path(path: &Path) -> Result<Vec<u8>, String> {
    read_most(path, u64::MAX)
}

fn read_most(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(text),
        // It is opened as a text that ends at once.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Vec::new()),
        Err(error) => Err(cannot_open(path, &error)),
    }
}

fn cannot_open(path: &Path, error: &io::Error) -> String {
    let reason = not_opened(path, "r", error);
    format!("BIO_new_file() failed (SSL: {reason})")
}

/// OpenSSL's words for a file that it cannot open.
pub(crate) fn not_opened(path: &Path, mode: &str, error: &io::Error) -> String {
    let errno = error.raw_os_error().unwrap_or_default();
    let words = ErrorNumber(errno).words();
    let path = path.display();
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "error:10000080:BIO routines::no such file",
        _ => "error:10080002:BIO routines::system lib",
    };
    format!("error:8000{errno:04X}:system library::{words}:calling fopen({path}, {mode}) {reason}")
}

pub(crate) fn shown(file: &TlsFile) -> String {
    match &file.source {
        TlsSource::Text(_) => file.written.clone(),
        TlsSource::File(path) => path.display().to_string(),
    }
}
