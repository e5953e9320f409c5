//! Certificates and keys whose names depend on connections: read for each, or kept for a while
//! (`ngx_ssl_cache_connection_fetch`).

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::sign::CertifiedKey;
use weir_conf::{CertificateCache, Passwords, TlsFile, TlsSource};

use crate::certificate::{self, CertificateFault, Chain, Key};

/// The caches of a configuration. Whoever inherits one line shares one cache with the others.
#[derive(Debug, Default)]
pub struct CertificateCaches(Vec<(Arc<CertificateCache>, Arc<Kept>)>);

/// Reads certificates and keys, past a cache if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    kept: Option<Arc<Kept>>,
    passwords: Option<Passwords>,
}

/// A cache.
#[derive(Debug)]
pub(crate) struct Kept {
    rules: CertificateCache,
    shelves: Mutex<Shelves>,
}

/// What is kept.
#[derive(Debug, Default)]
struct Shelves {
    chains: Shelf<Chain>,
    keys: Shelf<Key>,
    /// Counts uses.
    clock: u64,
}

type Shelf<T> = HashMap<TlsSource, Item<T>>;

/// A certificate or a key; times in seconds.
#[derive(Clone, Debug)]
struct Item<T> {
    value: T,
    /// The file that it was read from, as it was then.
    file: Option<FileMark>,
    /// When it was last known to be what is in its file.
    checked_at: u64,
    used_at: u64,
    /// The number of its last use.
    turn: u64,
}

/// What tells a file from another in its place, and from the same written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileMark {
    number: u64,
    modified_at: (i64, i64),
}

impl CertificateCaches {
    /// Reads as `rules` say.
    pub(crate) fn reader(
        &mut self,
        rules: Option<&Arc<CertificateCache>>,
        passwords: Option<Passwords>,
    ) -> Reader {
        let kept = rules.map(|rules| self.cache(rules));
        Reader { kept, passwords }
    }

    fn cache(&mut self, rules: &Arc<CertificateCache>) -> Arc<Kept> {
        let known = self.0.iter().find(|(known, _)| Arc::ptr_eq(known, rules));
        if let Some((_, kept)) = known {
            return kept.clone();
        }
        let kept = Arc::new(Kept::new(**rules));
        self.0.push((rules.clone(), kept.clone()));
        kept
    }
}

impl Reader {
    /// A certificate with its key. One may have been written after the other was read: both are read anew before
    /// they are told not to fit (`ngx_ssl_connection_certificate`).
    pub(crate) fn pair(
        &self,
        certificate: &TlsFile,
        key: &TlsFile,
        now: u64,
    ) -> Result<Arc<CertifiedKey>, CertificateFault> {
        match self.joined(certificate, key, now, false) {
            Err(CertificateFault::Mismatch { .. }) => self.joined(certificate, key, now, true),
            joined => joined,
        }
        .map(Arc::new)
    }

    fn joined(
        &self,
        certificate: &TlsFile,
        key: &TlsFile,
        now: u64,
        anew: bool,
    ) -> Result<CertifiedKey, CertificateFault> {
        // Nobody is asked for one on a terminal.
        let passwords = self.passwords.as_ref();
        let passwords = passwords.map_or(&[][..], |file| &file.passwords);
        let read_chain = || certificate::chain(certificate);
        let read_key = || certificate::key(key, Some(passwords));
        let (chain, signing) = match &self.kept {
            None => (read_chain()?, read_key()?),
            Some(kept) => (
                kept.find(
                    |shelves| &mut shelves.chains,
                    &certificate.source,
                    (now, anew),
                    read_chain,
                )?,
                kept.find(
                    |shelves| &mut shelves.keys,
                    &key.source,
                    (now, anew),
                    read_key,
                )?,
            ),
        };
        certificate::joined(chain, signing.signing, "SSL_use_PrivateKey", key)
    }
}

/// Whether a value may be kept.
trait Keepable: Clone {
    fn may_be_kept(&self) -> bool;
}

impl Keepable for Chain {
    fn may_be_kept(&self) -> bool {
        true
    }
}

impl Keepable for Key {
    /// What a password guards does not stay open.
    fn may_be_kept(&self) -> bool {
        !self.encrypted
    }
}

impl Kept {
    fn new(rules: CertificateCache) -> Self {
        Self {
            rules,
            shelves: Mutex::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shelves) -> T) -> T {
        // A thread that panicked has left whole items.
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut shelves)
    }

    /// What stands in `source`: kept, or else read, meanwhile nobody waits who wants something else. `anew`: read
    /// from its file, whatever is kept.
    fn find<T: Keepable>(
        &self,
        shelf: fn(&mut Shelves) -> &mut Shelf<T>,
        source: &TlsSource,
        (now, anew): (u64, bool),
        read: impl FnOnce() -> Result<T, CertificateFault>,
    ) -> Result<T, CertificateFault> {
        let found = self.with(|shelves| shelf(shelves).get(source).cloned());
        if let Some(item) = found
            && let Some(checked_at) = self.checked_at(&item, source, (now, anew))
        {
            self.with(|shelves| shelves.touch(shelf, source, (checked_at, now)));
            return Ok(item.value);
        }
        let file = FileMark::of(source);
        let value = read();
        self.with(|shelves| match &value {
            Ok(value) if value.may_be_kept() => {
                let item = Item {
                    value: value.clone(),
                    file,
                    checked_at: now,
                    used_at: now,
                    turn: 0,
                };
                shelves.put(shelf, source, item, self.rules);
            }
            Ok(_) | Err(_) => drop(shelf(shelves).remove(source)),
        });
        value
    }

    /// When `item` was last known to be what is in `source`, if it may be taken for that.
    fn checked_at<T>(
        &self,
        item: &Item<T>,
        source: &TlsSource,
        (now, anew): (u64, bool),
    ) -> Option<u64> {
        let fresh = now.saturating_sub(item.checked_at) <= self.rules.valid;
        match source {
            TlsSource::Text(_) => Some(item.checked_at),
            TlsSource::File(_) if anew => None,
            TlsSource::File(_) if fresh => Some(item.checked_at),
            TlsSource::File(_) => {
                let file = FileMark::of(source)?;
                (Some(file) == item.file).then_some(now)
            }
        }
    }
}

impl Shelves {
    /// It has been used.
    fn touch<T>(
        &mut self,
        shelf: fn(&mut Self) -> &mut Shelf<T>,
        source: &TlsSource,
        (checked_at, now): (u64, u64),
    ) {
        self.clock += 1;
        let turn = self.clock;
        if let Some(item) = shelf(self).get_mut(source) {
            item.checked_at = checked_at;
            item.used_at = now;
            item.turn = turn;
        }
    }

    /// Puts one there, in the place of others if there is no more room.
    fn put<T>(
        &mut self,
        shelf: fn(&mut Self) -> &mut Shelf<T>,
        source: &TlsSource,
        item: Item<T>,
        rules: CertificateCache,
    ) {
        let now = item.used_at;
        if !shelf(self).contains_key(source) {
            self.forget_idle(rules, now);
            if self.chains.len() + self.keys.len() >= rules.max {
                self.forget_oldest(|_| true);
                self.forget_idle(rules, now);
            }
        }
        self.clock += 1;
        let turn = self.clock;
        shelf(self).insert(source.clone(), Item { turn, ..item });
    }

    /// Forgets two at most that nobody has asked for of late (`ngx_ssl_cache_expire`).
    fn forget_idle(&mut self, rules: CertificateCache, now: u64) {
        for _ in 0..2 {
            self.forget_oldest(|used_at| now.saturating_sub(used_at) > rules.inactive);
        }
    }

    /// Forgets the one that was used longest ago, if `may` be by that time.
    fn forget_oldest(&mut self, may: impl Fn(u64) -> bool) {
        let chain = oldest(&self.chains);
        let key = oldest(&self.keys);
        let is_chain = match (&chain, &key) {
            (Some((chain, ..)), Some((key, ..))) => chain < key,
            (chain, _) => chain.is_some(),
        };
        let Some((_, used_at, source)) = (if is_chain { chain } else { key }) else {
            return;
        };
        match is_chain {
            _ if !may(used_at) => {}
            true => drop(self.chains.remove(&source)),
            false => drop(self.keys.remove(&source)),
        }
    }
}

/// What was used longest ago: the number of that use, its time, and what it is.
fn oldest<T>(shelf: &Shelf<T>) -> Option<(u64, u64, TlsSource)> {
    let (source, item) = shelf.iter().min_by_key(|(_, item)| item.turn)?;
    Some((item.turn, item.used_at, source.clone()))
}

impl FileMark {
    /// `None`: it is in no file, or that is not there.
    fn of(source: &TlsSource) -> Option<Self> {
        let TlsSource::File(path) = source else {
            return None;
        };
        let file = fs::metadata(path).ok()?;
        Some(Self {
            number: file.ino(),
            modified_at: (file.mtime(), file.mtime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// A folder with certificates and keys, and what reads them.
    struct Bed {
        folder: tempfile::TempDir,
        reader: Reader,
    }

    impl Bed {
        fn new(max: usize) -> Self {
            let rules = Arc::new(CertificateCache {
                max,
                inactive: 10,
                valid: 60,
            });
            Self {
                folder: tempfile::tempdir().expect("a folder"),
                reader: CertificateCaches::default().reader(Some(&rules), None),
            }
        }

        fn path(&self, name: &str, end: &str) -> PathBuf {
            self.folder.path().join(format!("{name}.{end}"))
        }

        /// Makes a certificate and its key; the old ones are there no more.
        fn make(&self, name: &str) {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("made");
            let write = |end: &str, text: String| {
                let path = self.path(name, end);
                // The old file's number is taken until the new one has its own.
                let beside = self.path(name, "new");
                fs::write(&beside, text).expect("written");
                fs::rename(&beside, path).expect("renamed");
            };
            write("crt", made.cert.pem());
            write("key", made.signing_key.serialize_pem());
        }

        fn find(&self, name: &str, now: u64) -> Vec<u8> {
            let file = |end: &str| {
                let path = self.path(name, end);
                TlsFile::named(path.to_str().expect("text").as_bytes(), Path::new("/"))
            };
            let found = self.reader.pair(&file("crt"), &file("key"), now);
            found.expect("a certificate").cert[0].to_vec()
        }

        fn kept(&self) -> usize {
            let kept = self.reader.kept.as_ref().expect("a cache");
            kept.with(|shelves| shelves.chains.len() + shelves.keys.len())
        }
    }

    #[test]
    fn what_is_kept_is_not_read_again_before_its_time() {
        let bed = Bed::new(4);
        bed.make("a");
        let first = bed.find("a", 100);
        assert_eq!(bed.find("a", 161), first, "the file is the same");
        bed.make("a");
        assert_eq!(bed.find("a", 221), first);
        let second = bed.find("a", 222);
        assert_ne!(second, first);
        assert_eq!(bed.find("a", 282), second);
        assert_eq!(bed.kept(), 2);
    }

    #[test]
    fn a_key_that_does_not_fit_has_both_read_anew() {
        let bed = Bed::new(1);
        bed.make("a");
        let first = bed.find("a", 100);
        bed.make("a");
        // There is room for the key only, which is the old one.
        assert_ne!(bed.find("a", 101), first);
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let bed = Bed::new(4);
        let names = ["a", "b", "c"];
        names.iter().for_each(|name| bed.make(name));
        let [a, _, _] = names.map(|name| bed.find(name, 100));
        assert_eq!(bed.kept(), 4);
        bed.make("a");
        assert_ne!(bed.find("a", 101), a);
        assert_eq!(bed.kept(), 4);
        // Of those that nobody asks for, two go with each that comes.
        bed.make("d");
        bed.find("d", 112);
        assert_eq!(bed.kept(), 2);
    }

    #[test]
    fn who_inherits_a_line_shares_its_cache() {
        let mut caches = CertificateCaches::default();
        let rules = Arc::new(CertificateCache {
            max: 1,
            inactive: 10,
            valid: 60,
        });
        let other = Arc::new(*rules);
        let mut kept = |rules| caches.reader(Some(rules), None).kept.expect("a cache");
        let first = kept(&rules);
        assert!(Arc::ptr_eq(&first, &kept(&rules)));
        assert!(!Arc::ptr_eq(&first, &kept(&other)));
    }
}
