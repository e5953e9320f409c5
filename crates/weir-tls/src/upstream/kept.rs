//! Certificates whose names depend on requests, kept for a while (`ngx_ssl_cache_connection_fetch`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::sign::CertifiedKey;
use weir_conf::{CertificateCache, Passwords, TlsFile};

use crate::certificate::{self, CertificateFault};

/// Those of a location.
#[derive(Debug)]
pub(crate) struct Kept {
    rules: CertificateCache,
    passwords: Option<Passwords>,
    all: Mutex<HashMap<(TlsFile, TlsFile), Pair>>,
}

/// A certificate with its key; times in seconds.
#[derive(Debug)]
struct Pair {
    loaded: Arc<CertifiedKey>,
    loaded_at: u64,
    used_at: u64,
}

impl Kept {
    pub(crate) fn new(rules: CertificateCache, passwords: Option<Passwords>) -> Self {
        Self {
            rules,
            passwords,
            all: Mutex::default(),
        }
    }

    /// A certificate with its key: kept, or loaded now.
    pub(crate) fn find(
        &self,
        certificate: &TlsFile,
        key: &TlsFile,
        now: u64,
    ) -> Result<Arc<CertifiedKey>, CertificateFault> {
        // A thread that panicked has left whole pairs.
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let inactive = self.rules.inactive;
        all.retain(|_, pair| now.saturating_sub(pair.used_at) <= inactive);
        let names = (certificate.clone(), key.clone());
        if let Some(pair) = all.get_mut(&names)
            && now.saturating_sub(pair.loaded_at) <= self.rules.valid
        {
            pair.used_at = now;
            return Ok(pair.loaded.clone());
        }
        let passwords = self.passwords.as_ref();
        let passwords = passwords.map(|file| file.passwords.as_slice());
        let loaded = certificate::load(certificate, key, passwords).map(Arc::new)?;
        all.remove(&names);
        while all.len() >= self.rules.max {
            let oldest = all.iter().min_by_key(|(_, pair)| pair.used_at);
            let Some(oldest) = oldest.map(|(names, _)| names.clone()) else {
                break;
            };
            all.remove(&oldest);
        }
        let pair = Pair {
            loaded: loaded.clone(),
            loaded_at: now,
            used_at: now,
        };
        all.insert(names, pair);
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_kept_is_not_read_again_before_its_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = |name: &str| {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("made");
            let write = |end: &str, text: String| {
                let path = folder.path().join(format!("{name}.{end}"));
                std::fs::write(&path, text).expect("written");
                TlsFile::named(path.to_str().expect("text").as_bytes(), Path::new("/"))
            };
            let certificate = write("crt", made.cert.pem());
            (certificate, write("key", made.signing_key.serialize_pem()))
        };
        let kept = Kept::new(
            CertificateCache {
                max: 1,
                inactive: 10,
                valid: 60,
            },
            None,
        );
        let find = |(certificate, key): &(TlsFile, TlsFile), now| {
            kept.find(certificate, key, now).expect("a certificate")
        };
        let (a, b) = (made("a.test"), made("b.test"));
        let first = find(&a, 100);
        assert!(Arc::ptr_eq(&first, &find(&a, 110)));
        assert!(!Arc::ptr_eq(&first, &find(&a, 121)), "nobody asked for it");
        let second = find(&a, 131);
        for now in (140..=190).step_by(10) {
            let same = Arc::ptr_eq(&second, &find(&a, now));
            assert_eq!(same, now <= 181, "{now}");
        }
        let third = find(&a, 190);
        find(&b, 191);
        assert!(
            !Arc::ptr_eq(&third, &find(&a, 192)),
            "there is room for one"
        );
    }
}
