//! Certificates of backends that speak TLS, made once in each process, and the files that a proxy needs to trust
//! them.

use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// The name that certificates are for, but for that of another one.
pub const NAME: &str = "backend.test";

/// A certificate and its key.
struct Pair {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// All that there are.
struct Made {
    good: Pair,
    other: Pair,
    expired: Pair,
    self_signed: Pair,
    unknown: Pair,
    authority: CertificateDer<'static>,
    files: Vec<(&'static str, String)>,
}

static MADE: LazyLock<Option<Made>> = LazyLock::new(|| make().ok());

/// Files for a proxy: the authority that vouches for `good`, `other` and `expired` (`ca.crt`), a certificate to
/// show to backends (`client.crt`, `client.key`), and one to show to clients (`nginx.crt`, `nginx.key`).
pub fn files() -> &'static [(&'static str, String)] {
    MADE.as_ref().map_or(&[], |made| &made.files)
}

/// How a backend accepts TLS: a certificate (`good`, `other`: of another name, `expired`, `self`, `unknown`: of
/// an authority that nobody knows), perhaps with `:TLSv1_2` or `:TLSv1_3` as the only version, or `:ask` for a
/// client's certificate.
pub fn config(name: &str) -> Option<Arc<ServerConfig>> {
    let made = MADE.as_ref()?;
    let mut words = name.split(':');
    let pair = match words.next()? {
        "good" => &made.good,
        "other" => &made.other,
        "expired" => &made.expired,
        "self" => &made.self_signed,
        "unknown" => &made.unknown,
        _ => return None,
    };
    let mut versions: Vec<&SupportedProtocolVersion> = vec![&TLS13, &TLS12];
    let mut asks = false;
    for word in words {
        match word {
            "TLSv1_2" => versions = vec![&TLS12],
            "TLSv1_3" => versions = vec![&TLS13],
            "ask" => asks = true,
            _ => return None,
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions).ok()?;
    let builder = match asks {
        true => {
            let mut roots = RootCertStore::empty();
            roots.add(made.authority.clone()).ok()?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.ok()?)
        }
        false => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pair.key.clone()));
    let config = builder.with_single_cert(vec![pair.certificate.clone()], key);
    config.ok().map(Arc::new)
}

fn make() -> Result<Made, rcgen::Error> {
    let (authority, known) = authority("test authority")?;
    let (_, unknown) = self::authority("nobody's authority")?;
    let signed = |name: &str, issuer: &Issuer<'_, KeyPair>, expired: bool| {
        let key = KeyPair::generate()?;
        let mut params = named(name)?;
        if expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, issuer)?;
        let pem = (certificate.pem(), key.serialize_pem());
        let pair = Pair {
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
        };
        Ok::<_, rcgen::Error>((pair, pem))
    };
    let own = KeyPair::generate()?;
    let self_signed = named(NAME)?.self_signed(&own)?;
    let (_, (client, client_key)) = signed("client", &known, false)?;
    let (_, (server, server_key)) = signed("localhost", &known, false)?;
    Ok(Made {
        good: signed(NAME, &known, false)?.0,
        other: signed("other.test", &known, false)?.0,
        expired: signed(NAME, &known, true)?.0,
        self_signed: Pair {
            certificate: self_signed.der().clone(),
            key: own.serialize_der(),
        },
        unknown: signed(NAME, &unknown, false)?.0,
        files: vec![
            ("ca.crt", authority.pem()),
            ("client.crt", client),
            ("client.key", client_key),
            ("nginx.crt", server),
            ("nginx.key", server_key),
        ],
        authority: authority.der().clone(),
    })
}

fn authority(name: &str) -> Result<(Certificate, Issuer<'static, KeyPair>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = named(name)?;
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    Ok((certificate, Issuer::new(params, key)))
}

fn named(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(match name.contains(' ') {
        true => Vec::new(),
        false => vec![name.to_owned()],
    })?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_certificate_of_each_kind() {
        for name in [
            "good",
            "other",
            "expired",
            "self:TLSv1_2",
            "unknown:TLSv1_3:ask",
        ] {
            assert!(config(name).is_some(), "{name}");
        }
        assert!(config("nobody").is_none());
        assert!(config("good:SSLv3").is_none());
        let names: Vec<_> = files().iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "ca.crt",
                "client.crt",
                "client.key",
                "nginx.crt",
                "nginx.key"
            ]
        );
    }
}
