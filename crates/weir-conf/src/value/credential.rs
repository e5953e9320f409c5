//! Certificates and keys, whose names may depend on connections.

use std::path::{Path, PathBuf};

use crate::Template;

/// Where a certificate is that is shown, or its key.
#[derive(Clone, Debug, PartialEq)]
pub enum Credential {
    /// Nowhere: an empty name takes back what outer blocks say.
    None,
    /// Known when the configuration is read.
    Fixed(TlsFile),
    /// Known for each connection: see [`TlsFile::named`].
    Variable {
        /// Its name.
        name: Template,
        /// The same as written.
        written: String,
        /// Where relative names begin.
        base: PathBuf,
    },
}

impl Credential {
    /// Whether it depends on the connection.
    pub fn is_variable(&self) -> bool {
        matches!(self, Self::Variable { .. })
    }

    /// Where it is, if that is known when the configuration is read.
    pub fn file(&self) -> Option<&TlsFile> {
        match self {
            Self::Fixed(file) => Some(file),
            Self::None | Self::Variable { .. } => None,
        }
    }

    /// Its name as written.
    pub(crate) fn written(&self) -> Option<&str> {
        match self {
            Self::Fixed(file) => Some(&file.written),
            Self::Variable { written, .. } => Some(written),
            Self::None => None,
        }
    }
}

/// A certificate with what vouches for it, or a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsFile {
    /// As written.
    pub written: String,
    /// Where it is.
    pub source: TlsSource,
}

/// Where a certificate or a key is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TlsSource {
    /// In a file.
    File(PathBuf),
    /// In the configuration itself: what follows `data:`.
    Text(Vec<u8>),
}

impl TlsFile {
    /// What `name` says: a file, relative to `base`, or `data:` and the thing itself
    /// (`ngx_ssl_cache_init_key`).
    pub fn named(name: &[u8], base: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let source = match name.strip_prefix(b"data:") {
            Some(data) => TlsSource::Text(data.into()),
            None => TlsSource::File(base.join(std::ffi::OsStr::from_bytes(name))),
        };
        let written = String::from_utf8_lossy(name).into_owned();
        Self { written, source }
    }
}

/// `ssl_certificate_cache`, `proxy_ssl_certificate_cache`: times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateCache {
    /// Most certificates and keys.
    pub max: usize,
    /// One that nobody asked for during this time may be forgotten.
    pub inactive: u64,
    /// How long one is taken for what is in its file.
    pub valid: u64,
}
