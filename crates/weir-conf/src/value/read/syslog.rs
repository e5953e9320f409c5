//! `syslog:` of `access_log` and `error_log` (`ngx_syslog_process_conf`).

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use super::Reject;
use crate::address::parse_ip;
use crate::model::{Syslog, SyslogServer};
use crate::resolve::resolve;
use crate::upstream_url::split_host;

/// By number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv",
    "ftp", "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// By number, in the words of this configuration.
const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
];

/// `local7`.
const FACILITY: u8 = 23;

/// `info`.
const SEVERITY: u8 = 6;

/// The port of syslog servers.
const PORT: u16 = 514;

/// RFC 3164 allows no more.
const LONGEST_TAG: usize = 32;

#[derive(Default)]
struct Draft {
    server: Option<SyslogServer>,
    facility: Option<u8>,
    severity: Option<u8>,
    tag: Option<String>,
    nameless: bool,
}

/// What stands behind `syslog:`.
pub(super) fn syslog(text: &[u8]) -> Result<Arc<Syslog>, Reject> {
    let mut draft = Draft::default();
    for parameter in text.split(|byte| *byte == b',') {
        draft.take(parameter)?;
    }
    let no_server = || Reject::message("no syslog server specified");
    Ok(Arc::new(Syslog {
        server: draft.server.ok_or_else(no_server)?,
        facility: draft.facility.unwrap_or(FACILITY),
        severity: draft.severity.unwrap_or(SEVERITY),
        tag: draft.tag.unwrap_or_else(|| "nginx".to_owned()),
        names_host: !draft.nameless,
    }))
}

impl Draft {
    fn take(&mut self, parameter: &[u8]) -> Result<(), Reject> {
        if let Some(server) = parameter.strip_prefix(b"server=") {
            once(self.server.is_some(), "server")?;
            self.server = Some(server_at(server)?);
        } else if let Some(name) = parameter.strip_prefix(b"facility=") {
            once(self.facility.is_some(), "facility")?;
            self.facility = Some(number_of(name, &FACILITIES, "facility")?);
        } else if let Some(name) = parameter.strip_prefix(b"severity=") {
            once(self.severity.is_some(), "severity")?;
            self.severity = Some(number_of(name, &SEVERITIES, "severity")?);
        } else if let Some(tag) = parameter.strip_prefix(b"tag=") {
            once(self.tag.is_some(), "tag")?;
            self.tag = Some(tag_of(tag)?);
        } else if parameter == b"nohostname" {
            self.nameless = true;
        } else {
            let shown = String::from_utf8_lossy(parameter);
            return Err(Reject::message(format!(
                "unknown syslog parameter \"{shown}\""
            )));
        }
        Ok(())
    }
}

fn once(taken: bool, name: &str) -> Result<(), Reject> {
    match taken {
        true => Err(Reject::message(format!("duplicate syslog \"{name}\""))),
        false => Ok(()),
    }
}

fn number_of(name: &[u8], known: &[&str], what: &str) -> Result<u8, Reject> {
    let number = known.iter().position(|known| known.as_bytes() == name);
    number.map(|number| number as u8).ok_or_else(|| {
        let shown = String::from_utf8_lossy(name);
        Reject::message(format!("unknown syslog {what} \"{shown}\""))
    })
}

fn tag_of(tag: &[u8]) -> Result<String, Reject> {
    if tag.len() > LONGEST_TAG {
        return Err(Reject::message("syslog tag length exceeds 32"));
    }
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !tag.iter().all(fits) {
        return Err(Reject::message(
            "syslog \"tag\" only allows alphanumeric characters and underscore",
        ));
    }
    Ok(String::from_utf8_lossy(tag).into_owned())
}

/// `ADDRESS[:PORT]` or `unix:PATH`; of a name, the first address.
fn server_at(text: &[u8]) -> Result<SyslogServer, Reject> {
    let refused = |what: &str| {
        let shown = String::from_utf8_lossy(text);
        Reject::message(format!("{what} in syslog server \"{shown}\""))
    };
    let url = split_host(text, false).map_err(|fault| refused(&fault.to_string()))?;
    if url.unix {
        return Ok(SyslogServer::Unix(OsStr::from_bytes(url.host).into()));
    }
    let inside = url
        .host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"));
    let literal = parse_ip(inside.unwrap_or(url.host));
    let address = literal.or_else(|| {
        let name = String::from_utf8_lossy(url.host);
        resolve(&name).first().copied()
    });
    let address = address.ok_or_else(|| refused("host not found"))?;
    let port = url.port.unwrap_or(PORT);
    Ok(SyslogServer::Inet(SocketAddr::new(address, port)))
}
