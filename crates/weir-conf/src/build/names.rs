//! `server_name`, and the names of all servers behind one address.

use super::listen::ListenDraft;
use super::server::ServerDraft;
use crate::model::{ServerNames, ServerNamesBuilder};
use crate::pattern::{Case, Pattern};
use crate::value::read::{Call, Reading, Reject};
use crate::{Fault, Level};

/// A name of a server.
#[derive(Debug)]
pub(super) enum NameDraft {
    /// A name, perhaps with an asterisk or a dot at one end; lower-case.
    Text(String),
    /// A regular expression.
    Regex(Pattern),
}

impl NameDraft {
    /// The name as `$server_name` shows it: without a leading dot.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(name) => name.strip_prefix('.').unwrap_or(name).to_owned(),
            Self::Regex(_) => self.written(),
        }
    }

    /// The name as written.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Text(name) => name.clone(),
            Self::Regex(pattern) => format!("~{}", String::from_utf8_lossy(pattern.source())),
        }
    }
}

/// Reads the names of a `server_name` (`ngx_http_core_server_name`).
pub(super) fn read(call: &mut Call<'_>, names: &mut Vec<NameDraft>) -> Result<(), Reject> {
    for index in 0..call.args.len() {
        let name = call.text(index);
        let star = name.starts_with('*') && !(name.starts_with("*.") && name.len() > 2);
        if star || name == "." {
            return Err(Reject::message(format!(
                "server name \"{name}\" is invalid"
            )));
        }
        if name.contains('/') {
            call.warn(format!("server name \"{name}\" has suspicious symbols"));
        }
        names.push(match name.strip_prefix('~') {
            Some("") => {
                return Err(Reject::message("empty regex in server name \"~\""));
            }
            Some(pattern) => {
                // Hosts are lower-case; a pattern with capitals is meant for any case.
                let capitals = pattern.bytes().any(|byte| byte.is_ascii_uppercase());
                let case = if capitals { Case::Ignored } else { Case::Kept };
                NameDraft::Regex(call.pattern(pattern.as_bytes(), case)?)
            }
            None if name.eq_ignore_ascii_case("$hostname") => NameDraft::Text(hostname()),
            None => NameDraft::Text(name.to_ascii_lowercase()),
        });
    }
    Ok(())
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

/// The names behind an address. nginx looks at names only where there is a choice, and so finds
/// fault with them only there (`ngx_http_server_names`).
pub(super) fn of(listen: &ListenDraft, servers: &[ServerDraft], cx: &mut Reading) -> ServerNames {
    let drafts = || {
        listen
            .servers
            .iter()
            .filter_map(|&index| Some((index, servers.get(index)?)))
    };
    let captures = servers.get(listen.default_server).is_some_and(|server| {
        server.names.iter().any(|name| match name {
            NameDraft::Text(_) => false,
            NameDraft::Regex(pattern) => pattern.has_groups(),
        })
    });
    let mut names = ServerNamesBuilder::default();
    if listen.servers.len() < 2 && !captures {
        return names.build();
    }
    let address = &listen.address;
    for (index, server) in drafts() {
        for name in server.names.iter() {
            match name {
                NameDraft::Regex(pattern) => names.add_pattern(pattern.clone(), index),
                NameDraft::Text(name) if !is_wildcard_or_name(name.as_bytes()) => {
                    let text = format!("invalid server name or wildcard \"{name}\" on {address}");
                    cx.faults.push(Fault::emerg(text, None));
                }
                NameDraft::Text(name) => {
                    if !names.add(name.as_bytes(), index) {
                        cx.faults.push(conflict(name, &address.to_string()));
                    }
                }
            }
        }
        if server.names.is_empty() && !names.add(b"", index) {
            cx.faults.push(conflict("", &address.to_string()));
        }
    }
    names.build()
}

fn conflict(name: &str, address: &str) -> Fault {
    Fault {
        level: Level::Warn,
        message: format!("conflicting server name \"{name}\" on {address}, ignored"),
        place: None,
        about: None,
        hint: None,
        lacking: None,
    }
}

/// At most one asterisk, at one end and next to a dot; no two dots together
/// (`ngx_hash_add_key`).
pub(super) fn is_wildcard_or_name(name: &[u8]) -> bool {
    if name.windows(2).any(|two| two == b"..") || name.contains(&0) {
        return false;
    }
    match name.iter().filter(|byte| **byte == b'*').count() {
        0 => true,
        1 => name.len() > 2 && (name.starts_with(b"*.") || name.ends_with(b".*")),
        _ => false,
    }
}
