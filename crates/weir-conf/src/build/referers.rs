//! `valid_referers` (`ngx_http_valid_referers`).

use std::sync::Arc;

use super::names::{NameDraft, is_wildcard_or_name};
use crate::model::{Referers, ServerNamesBuilder};
use crate::pattern::{Case, Pattern};
use crate::value::read::{Call, Reading, Reject};
use crate::{Fault, Place};

/// What the lines of one block say.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    none: bool,
    blocked: bool,
    server_names: bool,
    names: ServerNamesBuilder,
    uris: Vec<Option<Box<[u8]>>>,
    patterns: Vec<Pattern>,
}

impl Draft {
    /// Takes a line.
    pub(super) fn take(&mut self, call: &Call<'_>) -> Result<(), Reject> {
        for index in 0..call.args.len() {
            match call.bytes(index) {
                b"" => return Err(Reject::message("invalid referer \"\"")),
                b"none" => self.none = true,
                b"blocked" => self.blocked = true,
                b"server_names" => self.server_names = true,
                b"~" => return Err(Reject::message("empty regex in \"~\"")),
                [b'~', pattern @ ..] => {
                    let pattern = call.nameless_pattern(pattern, Case::Ignored)?;
                    self.patterns.push(pattern);
                }
                text => {
                    let slash = memchr::memchr(b'/', text).unwrap_or(text.len());
                    let (host, uri) = text.split_at(slash);
                    self.add(host, Some(uri).filter(|uri| !uri.is_empty()))?;
                }
            }
        }
        Ok(())
    }

    /// `ngx_http_add_referer`.
    fn add(&mut self, host: &[u8], uri: Option<&[u8]>) -> Result<(), Reject> {
        let about = |fault: &str, host: &[u8]| {
            let host = String::from_utf8_lossy(host);
            Reject::message(format!("{fault} \"{host}\""))
        };
        let lower = host.to_ascii_lowercase();
        if !is_wildcard_or_name(&lower) {
            return Err(about("invalid hostname or wildcard", host));
        }
        if !self.names.add(&lower, self.uris.len()) {
            return Err(about("conflicting parameter", &lower));
        }
        self.uris.push(uri.map(Into::into));
        Ok(())
    }

    /// Adds what the server is called where that is wanted, and what the block around it says of regular
    /// expressions where this one says nothing (`ngx_http_referer_merge_conf`). `None` after a fault, which is
    /// noted.
    pub(super) fn settle(
        mut self,
        outer: Option<&Arc<Referers>>,
        server: &[NameDraft],
        cx: &mut Reading,
        at: &Place,
    ) -> Option<Arc<Referers>> {
        let mut hosts = Vec::new();
        if self.server_names
            && let Err(reject) = self.add_server(server, &mut hosts)
        {
            cx.faults.extend(reject.into_fault("valid_referers", at));
            return None;
        }
        if (self.none || self.blocked) && self.uris.is_empty() {
            let text = "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" \
                        directive without any valid referer";
            cx.faults.push(Fault::emerg(text, None));
            return None;
        }
        let or_outer = |own: Vec<Pattern>, of: fn(&Referers) -> &Vec<Pattern>| match outer {
            Some(outer) if own.is_empty() => of(outer).clone(),
            Some(_) | None => own,
        };
        Some(Arc::new(Referers {
            none: self.none,
            blocked: self.blocked,
            names: self.names.build(),
            uris: self.uris,
            hosts: or_outer(hosts, |outer| &outer.hosts),
            patterns: or_outer(self.patterns, |outer| &outer.patterns),
        }))
    }

    fn add_server(&mut self, server: &[NameDraft], hosts: &mut Vec<Pattern>) -> Result<(), Reject> {
        if server.is_empty() {
            return self.add(b"", None);
        }
        for name in server {
            match name {
                NameDraft::Text(name) => self.add(name.as_bytes(), None)?,
                NameDraft::Regex(pattern) => hosts.push(pattern.clone()),
            }
        }
        Ok(())
    }
}
