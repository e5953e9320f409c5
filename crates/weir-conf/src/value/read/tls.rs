//! Directives of TLS.

use std::time::Duration;

use super::zones::Usage;
use super::{Call, Reject};
use crate::value::number::{parse_number, parse_seconds, parse_size};
use crate::value::{
    Ciphers, DhParameters, Keyword as _, SessionCache, SharedSessions, TlsFile, TlsGroup,
    TlsGroups, TlsSource, TlsVersions,
};
use crate::{ErrorNumber, Fault, Template};

/// Sessions of a server's own memory without a number (`SSL_SESSION_CACHE_MAX_SIZE_DEFAULT`).
const BUILTIN: u64 = 1024 * 20;

/// nginx asks for eight pages.
const SMALLEST: usize = 8 * 4096;

/// A certificate or a key: a file beside the configuration file, or `data:` and the thing itself
/// (`ngx_ssl_cache_init_key`).
pub(crate) fn tls_files(call: &mut Call<'_>) -> Result<Vec<TlsFile>, Reject> {
    let text = call.bytes(0);
    let written = call.text(0);
    let has_variables =
        Template::compile_with(text, crate::template::Digits::Groups, &mut |name| {
            Ok(crate::Variable::named(name).unwrap_or(crate::Variable::Unset))
        })
        .is_ok_and(|template| template.as_literal().is_none());
    if has_variables {
        return Err(lacking(
            call,
            "certificates by variables",
            "name the file itself",
        ));
    }
    let source = if let Some(data) = text.strip_prefix(b"data:") {
        TlsSource::Text(data.into())
    } else if text.starts_with(b"engine:") || text.starts_with(b"store:") {
        return Err(lacking(
            call,
            "keys of engines and stores",
            "put the key into a file",
        ));
    } else {
        TlsSource::File(call.cx.under_conf_dir(text))
    };
    Ok(vec![TlsFile { written, source }])
}

/// Versions of TLS; a `[warn]` says which of them weir does not offer.
pub(crate) fn versions(call: &mut Call<'_>) -> Result<TlsVersions, Reject> {
    let versions = super::bits::<TlsVersions>(call)?;
    let old = TlsVersions::WORDS
        .iter()
        .filter(|(_, version)| versions.contains(*version) && !version.is_offered());
    let old: Vec<_> = old.map(|(word, _)| *word).collect();
    if !old.is_empty() {
        let text = format!("\"ssl_protocols\": {} not offered, ignored", old.join(", "));
        call.warn(text);
    }
    Ok(versions)
}

/// A list of suites in OpenSSL's language; a `[warn]` says which of those that it names weir does not have.
pub(crate) fn ciphers(call: &mut Call<'_>) -> Result<Ciphers, Reject> {
    let (ciphers, lacking) = Ciphers::read(call.text(0), call.place.clone());
    if !lacking.is_empty() {
        let text = format!(
            "\"ssl_ciphers\": {} not offered, ignored",
            lacking.join(", ")
        );
        call.warn(text);
    }
    Ok(ciphers)
}

/// Groups as OpenSSL names them, and other names of the same (`SSL_CTX_set1_groups_list`).
pub(crate) fn groups(call: &mut Call<'_>) -> Result<TlsGroups, Reject> {
    /// Groups that OpenSSL knows and weir does not have.
    const LACKING: &str = "secp521r1 P-521 X448 x448 secp256k1 secp224r1 P-224 prime192v1 P-192 \
        brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192";
    let text = call.text(0);
    if text == "auto" {
        return Ok(TlsGroups {
            text,
            offered: None,
            unknown: None,
        });
    }
    let mut offered = Vec::new();
    let mut lacking = Vec::new();
    let mut unknown = None;
    for name in text.split(':') {
        let own = match name {
            "P-256" | "secp256r1" => "prime256v1",
            "P-384" => "secp384r1",
            "x25519" => "X25519",
            _ => name,
        };
        let known = TlsGroup::WORDS.iter().find(|(word, _)| *word == own);
        match known.map(|(_, group)| *group) {
            // One that comes twice is refused without a reason.
            Some(group) if offered.contains(&group) => unknown = unknown.or(Some("")),
            Some(group) => offered.push(group),
            None if LACKING.split_whitespace().any(|word| word == name) => lacking.push(name),
            None => unknown = unknown.or(Some(name)),
        }
    }
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        call.warn(format!(
            "\"ssl_ecdh_curve\": {lacking} not offered, ignored"
        ));
    }
    let unknown = unknown.map(str::to_owned);
    Ok(TlsGroups {
        text,
        offered: Some(offered),
        unknown,
    })
}

/// Notes that weir lacks what the directive asks for.
fn lacking(call: &mut Call<'_>, what: &str, cure: &str) -> Reject {
    let name = format!("{} {}", call.name, call.text(0));
    let fault = Fault::lacking("directive", &name, Some(call.place.clone()))
        .with_hint(format!("no {what} in weir yet; {cure}"));
    call.cx.faults.push(fault);
    Reject::Reported
}

/// Seconds (`ngx_conf_set_sec_slot`).
pub(crate) fn seconds(call: &mut Call<'_>) -> Result<Duration, Reject> {
    let seconds = parse_seconds(call.bytes(0));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| Reject::directive("invalid value"))
}

/// `off`, `none`, `builtin[:SIZE]`, `shared:NAME:SIZE` (`ngx_http_ssl_session_cache`).
pub(crate) fn session_cache(call: &mut Call<'_>) -> Result<SessionCache, Reject> {
    let mut cache = SessionCache {
        builtin: None,
        shared: None,
    };
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        let shown = call.text(index);
        let invalid = || Reject::message(format!("invalid session cache \"{shown}\""));
        if let Some(size) = text
            .strip_prefix(b"builtin:")
            .filter(|size| !size.is_empty())
        {
            cache.builtin = Some(parse_number(size).ok_or_else(invalid)?);
        } else if let Some(zone) = text
            .strip_prefix(b"shared:")
            .filter(|zone| !zone.is_empty())
        {
            let colon = memchr::memchr(b':', zone).filter(|colon| *colon > 0);
            let colon = colon.ok_or_else(invalid)?;
            let name = String::from_utf8_lossy(&zone[..colon]).into_owned();
            let size = parse_size(&zone[colon + 1..]).ok_or_else(invalid)?;
            if size < SMALLEST {
                let text = format!("session cache \"{shown}\" is too small");
                return Err(Reject::message(text));
            }
            call.cx.zones.share(&name, size, Usage::Sessions)?;
            cache.shared = Some(SharedSessions { name, size });
        } else {
            cache.builtin = match text {
                b"off" | b"none" => Some(0),
                b"builtin" => Some(BUILTIN),
                _ => return Err(invalid()),
            };
        }
    }
    Ok(cache)
}

/// A switch that weir can only leave off.
pub(crate) fn only_off(call: &mut Call<'_>) -> Result<bool, Reject> {
    if super::flag(call)? {
        let what = match call.name {
            "ssl_early_data" => "early data",
            _ => "compressed certificates",
        };
        return Err(lacking(
            call,
            what,
            "clients get along without: leave it off",
        ));
    }
    Ok(false)
}

/// A file of parameters for DHE, which must be one where there are handshakes (`ngx_ssl_dhparam`).
pub(crate) fn dh_parameters(call: &mut Call<'_>) -> Result<DhParameters, Reject> {
    if call.bytes(0).is_empty() {
        return Ok(DhParameters { fault: None });
    }
    let path = call.cx.under_conf_dir(call.bytes(0));
    let shown = path.display();
    let fault = match std::fs::read(&path) {
        Ok(text) if memchr::memmem::find(&text, b"-----BEGIN DH PARAMETERS-----").is_some() => {
            return Ok(DhParameters { fault: None });
        }
        Ok(_) => format!(
            "PEM_read_bio_DHparams(\"{shown}\") failed (SSL: error:0480006C:PEM routines::no start line:Expecting: DH PARAMETERS)"
        ),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or_default();
            let words = ErrorNumber(errno).words();
            format!(
                "BIO_new_file(\"{shown}\") failed (SSL: error:8000{errno:04X}:system library::{words}:calling fopen({shown}, r) error:10000080:BIO routines::no such file)"
            )
        }
    };
    Ok(DhParameters { fault: Some(fault) })
}
