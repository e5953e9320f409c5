//! Directives of TLS.

use std::time::Duration;

use super::zones::Usage;
use super::{Call, Reject};
use crate::value::conf_command::{Side, Taken};
use crate::value::number::{parse_number, parse_seconds, parse_size};
use crate::value::{
    Ciphers, ConfCommand, Credential, DhParameters, Keyword as _, Passwords, SessionCache,
    SharedSessions, TlsFile, TlsGroups, TlsVersions,
};
use crate::{ErrorNumber, Fault};

/// Sessions of a server's own memory without a number (`SSL_SESSION_CACHE_MAX_SIZE_DEFAULT`).
const BUILTIN: u64 = 1024 * 20;

/// nginx asks for eight pages.
const SMALLEST: usize = 8 * 4096;

/// A certificate or a key of a server; one for each kind (`ngx_http_ssl_compile_certificates`).
pub(crate) fn server_credential(call: &mut Call<'_>) -> Result<Vec<Credential>, Reject> {
    Ok(vec![credential(call)?])
}

/// A certificate or a key, by a name that may have variables: a file beside the configuration file, or `data:`
/// and the thing itself (`ngx_ssl_cache_init_key`).
pub(super) fn credential(call: &mut Call<'_>) -> Result<Credential, Reject> {
    let text = call.bytes(0);
    if text.starts_with(b"engine:") || text.starts_with(b"store:") {
        return Err(lacking(
            call,
            "keys of engines and stores",
            "put the key into a file",
        ));
    }
    let base = call.cx.conf_dir.clone();
    let name = call.template(text)?;
    Ok(match name.is_literal() {
        true => Credential::Fixed(TlsFile::named(text, &base)),
        false => Credential::Variable {
            name,
            written: call.text(0),
            base,
        },
    })
}

/// Reads passwords from a file, one on each line (`ngx_ssl_read_password_file`).
pub(crate) fn passwords(call: &mut Call<'_>) -> Result<Passwords, Reject> {
    /// Most bytes of a line.
    const LINE: usize = 4096;
    let path = call.cx.under_conf_dir(call.bytes(0));
    let shown = path.display();
    let text = std::fs::read(&path).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or_default();
        let call = match error.kind() {
            std::io::ErrorKind::IsADirectory => "read()",
            _ => "open()",
        };
        let words = ErrorNumber(errno).words();
        Reject::message(format!("{call} \"{shown}\" failed ({errno}: {words})"))
    })?;
    if text
        .split(|byte| *byte == b'\n')
        .any(|line| line.len() >= LINE)
    {
        return Err(Reject::message(format!("too long line in \"{shown}\"")));
    }
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let filled = lines.filter(|line| !line.is_empty());
    let mut passwords: Vec<Box<[u8]>> = filled.map(Into::into).collect();
    if passwords.is_empty() {
        passwords.push(Box::default());
    }
    Ok(Passwords { passwords })
}

/// Versions of TLS; a `[warn]` says which of them weir does not offer.
pub(crate) fn versions(call: &mut Call<'_>) -> Result<TlsVersions, Reject> {
    let versions = super::bits::<TlsVersions>(call)?;
    let old = TlsVersions::WORDS
        .iter()
        .filter(|(_, version)| versions.contains(*version) && !version.is_offered());
    let old: Vec<_> = old.map(|(word, _)| *word).collect();
    if !old.is_empty() {
        let text = format!("\"{}\": {} not offered, ignored", call.name, old.join(", "));
        call.warn(text);
    }
    Ok(versions)
}

/// A list of suites in OpenSSL's language; a `[warn]` says which of those that it names weir does not have.
pub(crate) fn ciphers(call: &mut Call<'_>) -> Result<Ciphers, Reject> {
    let (ciphers, lacking) = Ciphers::read(call.text(0), call.place.clone());
    if !lacking.is_empty() {
        let text = format!(
            "\"{}\": {} not offered, ignored",
            call.name,
            lacking.join(", ")
        );
        call.warn(text);
    }
    Ok(ciphers)
}

/// Groups as OpenSSL names them; a `[warn]` says which of them weir does not have.
pub(crate) fn groups(call: &mut Call<'_>) -> Result<TlsGroups, Reject> {
    let (groups, lacking) = TlsGroups::read(&call.text(0));
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        call.warn(format!(
            "\"ssl_ecdh_curve\": {lacking} not offered, ignored"
        ));
    }
    Ok(groups)
}

/// A command of OpenSSL's own configuration (`ngx_ssl_conf_commands`); a `[warn]` says what of it weir does not
/// have.
pub(crate) fn conf_command(call: &mut Call<'_>) -> Result<Vec<ConfCommand>, Reject> {
    read_command(call, Side::Server, |call, name| {
        let what = format!("`{name}`");
        Err(lacking(call, &what, "leave it out if you can do without"))
    })
}

/// The same for handshakes with upstreams; of a command that weir does not have nothing comes.
pub(crate) fn upstream_conf_command(call: &mut Call<'_>) -> Result<Vec<ConfCommand>, Reject> {
    read_command(call, Side::Upstream, |call, name| {
        call.warn(format!("\"{}\": {name} not obeyed, ignored", call.name));
        Ok(Vec::new())
    })
}

fn read_command(
    call: &mut Call<'_>,
    side: Side,
    without: impl Fn(&mut Call<'_>, &str) -> Result<Vec<ConfCommand>, Reject>,
) -> Result<Vec<ConfCommand>, Reject> {
    let (name, value) = (call.text(0), call.text(1));
    let place = call.place.clone();
    match ConfCommand::read(side, &name, &value, &place) {
        Taken::Read(command) => {
            if !command.lacking.is_empty() {
                let lacking = command.lacking.join(", ");
                call.warn(format!(
                    "\"{}\" \"{name}\": {lacking} not offered, ignored",
                    call.name
                ));
            }
            Ok(vec![command])
        }
        Taken::Instead(directive) => {
            let what = format!("{} {name}", call.name);
            let fault = Fault::lacking("directive", &what, Some(place))
                .with_hint(format!("`{directive}` says the same"));
            call.cx.faults.push(fault);
            Err(Reject::Reported)
        }
        Taken::Lacking => without(call, &name),
    }
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

/// A file of parameters for DHE, which must be one where there are handshakes (`ngx_ssl_dhparam`).
pub(crate) fn dh_parameters(call: &mut Call<'_>) -> Result<DhParameters, Reject> {
    if call.bytes(0).is_empty() {
        return Ok(DhParameters { fault: None });
    }
    let path = call.cx.under_conf_dir(call.bytes(0));
    let shown = path.display();
    let fault = match std::fs::read(&path) {
        Ok(text) if has_dh_parameters(&text) => return Ok(DhParameters { fault: None }),
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

/// Whether there are some, of either kind that OpenSSL takes for them: `openssl dhparam -dsaparam` makes the second.
fn has_dh_parameters(pem: &[u8]) -> bool {
    ["DH PARAMETERS", "X9.42 DH PARAMETERS"].iter().any(|kind| {
        let begin = format!("-----BEGIN {kind}-----");
        memchr::memmem::find(pem, begin.as_bytes()).is_some()
    })
}
