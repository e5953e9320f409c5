//! Host names of the servers behind one address.

use std::collections::HashMap;

use crate::pattern::{MatchFault, Pattern};

use super::Captures;

/// The server names of one listening address.
#[derive(Clone, Debug, Default)]
pub struct ServerNames {
    exact: HashMap<Box<[u8]>, usize>,
    /// `*.example.com` and `.example.com` by their suffix `.example.com`.
    suffixes: HashMap<Box<[u8]>, usize>,
    /// `www.*` by its prefix `www.`.
    prefixes: HashMap<Box<[u8]>, usize>,
    regexes: Vec<(Pattern, usize)>,
}

/// A server found by name.
#[derive(Debug, Clone)]
pub struct ServerMatch {
    /// Index into `Http::servers`.
    pub server: usize,
    /// The groups of a regular-expression name.
    pub captures: Option<Captures>,
}

impl ServerNames {
    /// The server called `host`, which is lower-case and has no port; `None` = the default server.
    /// Exact names first, then the longest `*.suffix`, the longest `prefix.*`, then regular
    /// expressions in order (`ngx_http_find_virtual_server`, `ngx_hash_find_combined`).
    ///
    /// # Errors
    ///
    /// A regular expression gave no answer.
    pub fn find(&self, host: &[u8]) -> Result<Option<ServerMatch>, Box<MatchFault>> {
        let plain = |server: usize| ServerMatch {
            server,
            captures: None,
        };
        if let Some(server) = self.find_text(host) {
            return Ok(Some(plain(server)));
        }
        if host.is_empty() {
            return Ok(None);
        }
        for (pattern, server) in &self.regexes {
            if let Some(captures) = pattern.captures(host)? {
                return Ok(Some(ServerMatch {
                    server: *server,
                    captures: Some(captures),
                }));
            }
        }
        Ok(None)
    }

    /// As [`Self::find`], without the regular expressions.
    pub(crate) fn find_text(&self, name: &[u8]) -> Option<usize> {
        let found = self.exact.get(name).or_else(|| self.by_suffix(name));
        found.or_else(|| self.by_prefix(name)).copied()
    }

    fn by_suffix(&self, host: &[u8]) -> Option<&usize> {
        if self.suffixes.is_empty() {
            return None;
        }
        memchr::memchr_iter(b'.', host).find_map(|dot| self.suffixes.get(&host[dot..]))
    }

    fn by_prefix(&self, host: &[u8]) -> Option<&usize> {
        if self.prefixes.is_empty() {
            return None;
        }
        memchr::memrchr_iter(b'.', host)
            .filter(|&dot| dot + 1 < host.len())
            .find_map(|dot| self.prefixes.get(&host[..=dot]))
    }
}

/// Collects the names of an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerNamesBuilder {
    names: ServerNames,
}

impl ServerNamesBuilder {
    /// Adds a name in lower case, which may have an asterisk or a dot at one end; `false` if it is taken.
    pub(crate) fn add(&mut self, name: &[u8], server: usize) -> bool {
        let names = &mut self.names;
        let (map, key) = match name {
            [b'*', suffix @ ..] if suffix.starts_with(b".") => (&mut names.suffixes, suffix),
            [b'.', bare @ ..] if !bare.is_empty() => {
                if names.exact.contains_key(bare) || names.suffixes.contains_key(name) {
                    return false;
                }
                names.exact.insert(bare.into(), server);
                (&mut names.suffixes, name)
            }
            [prefix @ .., b'*'] if prefix.ends_with(b".") => (&mut names.prefixes, prefix),
            _ => return self.add_exact(name, server),
        };
        insert_new(map, key, server)
    }

    /// Adds a name that is meant as it stands, whatever its ends are; `false` if it is taken.
    pub(crate) fn add_exact(&mut self, name: &[u8], server: usize) -> bool {
        insert_new(&mut self.names.exact, name, server)
    }

    /// Adds a regular expression.
    pub(crate) fn add_pattern(&mut self, pattern: Pattern, server: usize) {
        self.names.regexes.push((pattern, server));
    }

    pub(crate) fn build(self) -> ServerNames {
        self.names
    }
}

/// Whether the map had no such key; now it has.
fn insert_new(map: &mut HashMap<Box<[u8]>, usize>, key: &[u8], server: usize) -> bool {
    let is_new = !map.contains_key(key);
    if is_new {
        map.insert(key.into(), server);
    }
    is_new
}
