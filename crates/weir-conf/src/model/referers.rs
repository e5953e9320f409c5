//! `valid_referers`: pages that may send clients here.

use super::ServerNames;
use crate::pattern::{MatchFault, Pattern};

/// A `valid_referers`, or several of one block.
#[derive(Debug)]
pub struct Referers {
    /// Clients may come from nowhere.
    pub(crate) none: bool,
    /// They may come from what is no URL: something on their way has hidden it.
    pub(crate) blocked: bool,
    /// Indices of `uris` by the names of hosts.
    pub(crate) names: ServerNames,
    /// How paths begin on a host; `None`: any does.
    pub(crate) uris: Vec<Option<Box<[u8]>>>,
    /// The regular expressions of `server_names`, for hosts.
    pub(crate) hosts: Vec<Pattern>,
    /// Regular expressions for all behind the scheme.
    pub(crate) patterns: Vec<Pattern>,
}

/// Only what was settled once is the same.
impl PartialEq for Referers {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// The longest host that nginx looks at.
const LONGEST_HOST: usize = 256;

/// Less is no URL.
const SHORTEST_URL: usize = "http://i.ru".len();

impl Referers {
    /// Whether clients may come from there (`ngx_http_referer_variable`).
    ///
    /// # Errors
    ///
    /// A regular expression gave no answer.
    pub fn allow(&self, referer: Option<&[u8]>) -> Result<bool, Box<MatchFault>> {
        let Some(referer) = referer else {
            return Ok(self.none);
        };
        let Some(rest) = behind_scheme(referer) else {
            return Ok(self.blocked);
        };
        let end = memchr::memchr2(b'/', b':', rest).unwrap_or(rest.len());
        if end > LONGEST_HOST {
            return Ok(false);
        }
        let host = rest[..end].to_ascii_lowercase();
        if let Some(found) = self.names.find_text(&host) {
            let slash = memchr::memchr(b'/', &rest[end..]).unwrap_or(rest.len() - end);
            let path = &rest[end + slash..];
            let uri = self.uris.get(found).and_then(Option::as_deref);
            return Ok(uri.is_none_or(|uri| path.starts_with(uri)));
        }
        let texts = [(&self.hosts, host.as_slice()), (&self.patterns, rest)];
        for (patterns, text) in texts {
            for pattern in patterns {
                if pattern.matches(text)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn behind_scheme(referer: &[u8]) -> Option<&[u8]> {
    let schemes = [b"http://".as_slice(), b"https://"];
    let behind = |scheme: &[u8]| {
        let (start, rest) = referer.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let long = referer.len() >= SHORTEST_URL;
    schemes.into_iter().find_map(behind).filter(|_| long)
}
