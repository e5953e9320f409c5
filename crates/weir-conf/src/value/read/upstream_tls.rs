//! Directives of TLS to upstreams.

use std::path::PathBuf;
use std::sync::Arc;

use super::logs::invalid_parameter;
use super::tls::credential;
use super::{Call, Reject};
use crate::value::number::{parse_number, parse_seconds};
use crate::value::{CertificateCache, Credential};

/// A file beside the configuration file; an empty name is none.
pub(crate) fn tls_path(call: &mut Call<'_>) -> Result<Option<PathBuf>, Reject> {
    let name = call.bytes(0);
    Ok((!name.is_empty()).then(|| call.cx.under_conf_dir(name)))
}

/// A certificate or a key, by a name that may have variables (`ngx_http_set_complex_value_zero_slot`).
pub(crate) fn upstream_credential(call: &mut Call<'_>) -> Result<Credential, Reject> {
    match call.bytes(0).is_empty() {
        true => Ok(Credential::None),
        false => credential(call),
    }
}

/// `off`, or `max=N [inactive=TIME] [valid=TIME]` (`ngx_http_ssl_certificate_cache`,
/// `ngx_http_proxy_ssl_certificate_cache`). Blocks that inherit it share one cache.
pub(crate) fn certificate_cache(
    call: &mut Call<'_>,
) -> Result<Option<Arc<CertificateCache>>, Reject> {
    let mut cache = CertificateCache {
        max: 0,
        inactive: 10,
        valid: 60,
    };
    let mut off = false;
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        let seconds = |name: &[u8]| text.strip_prefix(name).map(parse_seconds);
        if let Some(max) = text.strip_prefix(b"max=") {
            let max = parse_number(max).and_then(|max| usize::try_from(max).ok());
            let max = max.filter(|max| *max > 0);
            cache.max = max.ok_or_else(|| invalid_parameter(call, index))?;
        } else if let Some(inactive) = seconds(b"inactive=") {
            cache.inactive = inactive.ok_or_else(|| invalid_parameter(call, index))?;
        } else if let Some(valid) = seconds(b"valid=") {
            cache.valid = valid.ok_or_else(|| invalid_parameter(call, index))?;
        } else if text == b"off" {
            off = true;
        } else {
            return Err(invalid_parameter(call, index));
        }
    }
    match off {
        true => Ok(None),
        false if cache.max == 0 => {
            let text = format!("\"{}\" must have the \"max\" parameter", call.name);
            Err(Reject::message(text))
        }
        false => Ok(Some(Arc::new(cache))),
    }
}
