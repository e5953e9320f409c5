//! What must be said where upstreams are spoken to over TLS (`ngx_http_proxy_set_ssl`).

use crate::Fault;
use crate::table::settings::Settings;
use crate::value::{Credential, TlsVersions};

/// What nginx says of settings that cannot be.
pub(super) fn fault(settings: &Settings) -> Option<Fault> {
    let ciphers = settings.upstream.ssl_ciphers.as_ref();
    let refused = ciphers.and_then(|ciphers| Some((&ciphers.text, ciphers.fault?)));
    let text = if let Some((list, words)) = refused {
        format!("SSL_CTX_set_cipher_list(\"{list}\") failed (SSL: {words})")
    } else if !has_version(settings.upstream.ssl_protocols) {
        "\"proxy_ssl_protocols\" leaves no version that weir speaks: TLSv1.2 and TLSv1.3".to_owned()
    } else if let Some(name) = certificate_without_key(settings) {
        format!("no \"proxy_ssl_certificate_key\" is defined for certificate \"{name}\"")
    } else if settings.upstream.ssl_verify
        && !matches!(settings.upstream.ssl_trusted_certificate, Some(Some(_)))
    {
        "no proxy_ssl_trusted_certificate for proxy_ssl_verify".to_owned()
    } else if let Some(text) = refused_command(settings) {
        text.to_owned()
    } else {
        return None;
    };
    Some(Fault::emerg(text, None))
}

fn certificate_without_key(settings: &Settings) -> Option<&str> {
    if settings.upstream.ssl_certificate_key.is_some() {
        return None;
    }
    let certificate = settings.upstream.ssl_certificate.as_ref();
    certificate.and_then(Credential::written)
}

fn refused_command(settings: &Settings) -> Option<&str> {
    let mut commands = settings.upstream.ssl_conf_command.iter();
    commands.find_map(|command| command.fault.as_deref())
}

fn has_version(versions: TlsVersions) -> bool {
    versions.contains(TlsVersions::TLS_1_2) || versions.contains(TlsVersions::TLS_1_3)
}
