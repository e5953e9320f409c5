//! Whom a configuration trusts: certificates of CAs and their lists of revoked ones, as files have them
//! (`ngx_ssl_cache_ca_create`, `ngx_ssl_cache_crl_create`).

use std::path::Path;
use std::sync::Arc;

use crate::certificate::{self, CertificateFault, NO_CERTIFICATE, NO_START};
use crate::crl::RevocationList;
use crate::pem;
use crate::x509::Certificate;

/// What OpenSSL says where no list is in armour.
const NO_LIST_START: &str = "error:0480006C:PEM routines::no start line:Expecting: X509 CRL";
/// And where what is in it is no list.
const NO_LIST: &str = "error:068000A8:asn1 encoding routines::wrong tag \
    error:0688010A:asn1 encoding routines::nested asn1 error:Type=X509_CRL error:0488000D:PEM routines::ASN1 lib";

/// Loads the certificates of a file, at least one.
///
/// # Errors
///
/// nginx's words for a file that cannot be read or has none.
pub fn load_authorities(path: &Path) -> Result<Vec<Arc<Certificate>>, CertificateFault> {
    let words = [NO_START, NO_CERTIFICATE];
    let all = load(
        path,
        &pem::CERTIFICATES,
        "PEM_read_bio_X509_AUX",
        words,
        Certificate::read,
    );
    all.map_err(|why| CertificateFault::Certificate {
        name: path.display().to_string(),
        why,
    })
}

/// Loads the lists of a file, at least one.
///
/// # Errors
///
/// nginx's words for a file that cannot be read or has none.
pub fn load_revoked(path: &Path) -> Result<Vec<Arc<RevocationList>>, CertificateFault> {
    let words = [NO_LIST_START, NO_LIST];
    let labels = ["X509 CRL"];
    let all = load(
        path,
        &labels,
        "PEM_read_bio_X509_CRL",
        words,
        RevocationList::read,
    );
    all.map_err(|why| CertificateFault::RevocationList {
        name: path.display().to_string(),
        why,
    })
}

fn load<T>(
    path: &Path,
    labels: &[&str],
    call: &str,
    [nothing, broken]: [&str; 2],
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<Arc<T>>, String> {
    let failed = |words: &str| format!("{call}() failed (SSL: {words})");
    let text = certificate::read_path(path)?;
    let mut all = Vec::new();
    for block in pem::blocks(&text) {
        let block = block.map_err(|fault| failed(fault.words()))?;
        if labels.contains(&block.label.as_str()) {
            // Behind a certificate may stand for what it is trusted, which nothing asks.
            let der = first_value(&block.der);
            all.push(Arc::new(read(der).ok_or_else(|| failed(broken))?));
        }
    }
    match all.is_empty() {
        true => Err(failed(nothing)),
        false => Ok(all),
    }
}

fn first_value(der: &[u8]) -> &[u8] {
    let first = crate::der::Reader::new(der).next();
    first.map_or(der, |value| &der[value.whole])
}
