//! Certificates that are sent compressed (RFC 8879).

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use flate2::read::ZlibDecoder;
use rustls::CertificateCompressionAlgorithm;
use rustls::compress::{CertDecompressor, DecompressionFailed};

use super::client::{Client, Identity};
use super::site::Site;
use super::{serve, server};

/// Decompresses, and counts how often.
#[derive(Debug, Default)]
struct Zlib(AtomicUsize);

impl CertDecompressor for Zlib {
    fn decompress(&self, input: &[u8], output: &mut [u8]) -> Result<(), DecompressionFailed> {
        self.0.fetch_add(1, Relaxed);
        let read = ZlibDecoder::new(input).read_exact(output);
        read.map_err(|_| DecompressionFailed)
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zlib
    }
}

/// How often a certificate came compressed, where the server is configured with `rest`.
fn count(rest: &str) -> usize {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    serve(&site, "", &[server(&own, rest)]);
    let _running = site.start();
    let zlib: &'static Zlib = Box::leak(Box::default());
    let client = Client::decompressing(&[&own], zlib);
    for _ in 0..2 {
        assert_eq!(client.shown(&site, "a.test").unwrap(), own.der);
    }
    zlib.0.load(Relaxed)
}

#[test]
fn certificates_are_compressed_where_that_is_wanted() {
    // The client does not come back with a session.
    assert_eq!(count("ssl_certificate_compression on;"), 2);
    assert_eq!(count("ssl_certificate_compression off;"), 0);
    assert_eq!(count(""), 0);
}
