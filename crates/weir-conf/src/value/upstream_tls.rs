//! TLS to upstreams.

use std::path::{Path, PathBuf};

use super::{TlsFile, TlsSource};
use crate::Template;

/// Where a certificate that upstreams are shown is, or its key.
#[derive(Clone, Debug, PartialEq)]
pub enum UpstreamCredential {
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

impl UpstreamCredential {
    /// Whether it depends on the request.
    pub fn is_variable(&self) -> bool {
        matches!(self, Self::Variable { .. })
    }
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

/// `proxy_ssl_certificate_cache`: times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateCache {
    /// Most certificates.
    pub max: usize,
    /// One that nobody asked for during this time is forgotten.
    pub inactive: u64,
    /// How long one is taken for what is in its file.
    pub valid: u64,
}
