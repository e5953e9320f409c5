//! What an error log tells of, by cause and upstream.

use std::collections::HashMap;
use std::path::Path;

use weir_log::Level;
use weir_log::record::RawErrorLine;

use super::{Lines, Since, UnreadableLog};
use crate::cause::{self, Cause, Severity};
use crate::said::{Said, cause_of};

/// So many kinds of trouble are told apart; a log with more of them repeats itself in other ways.
const MOST: usize = 2_000;

/// What an error log tells of.
#[derive(Debug, Default)]
pub struct ErrorLog {
    /// By cause and whom it is about.
    incidents: HashMap<(&'static str, Vec<u8>), Incident>,
    /// Lines with a head.
    pub lines: u64,
    /// Lines without one, which follow others or are of something else.
    pub others: u64,
    /// Lines at `error` or graver whose cause nobody knows, and the first of them.
    pub unknown: (u64, Option<String>),
    /// Bytes that were read.
    pub bytes: u64,
}

/// Lines of one cause about one upstream, or about one server where none is named.
#[derive(Clone, Debug)]
pub struct Incident {
    /// The cause.
    pub cause: &'static Cause,
    /// Scheme and address: `http://127.0.0.1:80`; empty where no upstream is named.
    pub upstream: String,
    /// Name of the server block of the first line.
    pub server: String,
    /// How many lines.
    pub count: u64,
    /// How many of them are about requests that may not be repeated.
    pub not_idempotent: u64,
    /// The time of the first and the last.
    pub first: String,
    /// The time of the last.
    pub last: String,
    /// The first line.
    pub line: String,
    /// Its place among the lines.
    pub number: u64,
    /// The URIs of the first few requests.
    pub uris: Vec<String>,
    /// What the upstream was asked by the first request that may be asked again.
    pub asked: Option<Asked>,
}

/// What an upstream was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, as it was sent; no query, in which there may be secrets, and what has effects.
    pub path: String,
    /// The host that the client asked for.
    pub host: String,
}

impl Incident {
    /// The upstream's address as `$upstream_addr` has it; empty where no upstream is named.
    pub fn address(&self) -> &str {
        self.upstream
            .split_once("://")
            .map_or("", |(_, address)| address)
    }
}

/// URIs that are remembered of an incident.
const URIS: usize = 3;

/// So much is kept of a line, of an upstream's URL, and of a URI: bytes.
const LINE: usize = 1024;
const URL: usize = 256;

impl ErrorLog {
    /// Reads a log in addition; lines before `since` do not count.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or breaks off: it is read as far as it goes then.
    pub fn read(&mut self, path: &Path, since: Since) -> Result<(), UnreadableLog> {
        let mut lines = Lines::open(path)?;
        let end = lines.each(|line| {
            self.take(line, since);
            true
        });
        self.bytes += lines.bytes;
        end
    }

    /// Takes a line into account.
    pub fn take(&mut self, line: &[u8], since: Since) {
        let Some(raw) = RawErrorLine::parse(line) else {
            self.others += u64::from(!line.is_empty());
            return;
        };
        if !since.counts(raw.time) {
            return;
        }
        self.lines += 1;
        // Debugging lines are of no interest, and are most where they are.
        if raw.level >= Level::Debug {
            return;
        }
        let Some(cause) = cause_of_line(&raw) else {
            if raw.level <= Level::Error {
                self.unknown.0 += 1;
                self.unknown.1.get_or_insert_with(|| text(cut(line, LINE)));
            }
            return;
        };
        if cause.severity == Severity::Note {
            return;
        }
        let upstream = cut(raw.upstream().map(origin).unwrap_or_default(), URL);
        let key = (cause.code, upstream.to_vec());
        let full = self.incidents.len() >= MOST;
        let number = self.lines;
        let incident = match self.incidents.get_mut(&key) {
            Some(incident) => incident,
            None if full => return,
            None => self.incidents.entry(key).or_insert_with(|| Incident {
                cause,
                upstream: text(upstream),
                server: text(cut(raw.server().unwrap_or_default(), URL)),
                count: 0,
                not_idempotent: 0,
                first: text(raw.time),
                last: String::new(),
                line: text(cut(line, LINE)),
                number,
                uris: Vec::new(),
                asked: None,
            }),
        };
        incident.count += 1;
        incident.last.clear();
        incident.last.push_str(&String::from_utf8_lossy(raw.time));
        let request = raw.request().unwrap_or_default();
        incident.not_idempotent += u64::from(may_not_be_repeated(request));
        if incident.asked.is_none() && request.starts_with(b"GET ") {
            incident.asked = asked(&raw);
        }
        if incident.uris.len() < URIS {
            let uri = request.split(|&byte| byte == b' ').nth(1);
            let uri = text(cut(uri.unwrap_or_default(), URL));
            if !uri.is_empty() && !incident.uris.contains(&uri) {
                incident.uris.push(uri);
            }
        }
    }

    /// Forgets the incidents that are not to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&Incident) -> bool) {
        self.incidents.retain(|_, incident| keep(incident));
    }

    /// The incidents, in the order of their first lines.
    pub fn incidents(&self) -> Vec<&Incident> {
        let mut all: Vec<&Incident> = self.incidents.values().collect();
        all.sort_by_key(|incident| incident.number);
        all
    }
}

/// Of an `[emerg]` line that no rule knows, that the configuration has a mistake.
fn cause_of_line(raw: &RawErrorLine<'_>) -> Option<&'static Cause> {
    let found = cause_of(&Said::from(raw));
    match found {
        None if raw.level == Level::Emerg => Some(&cause::START_CONFIGURATION),
        Some(found) if raw.level == Level::Emerg => Some(found.at_start()),
        found => found,
    }
}

/// What stands behind the address in an upstream's URL, up to a query.
fn asked(raw: &RawErrorLine<'_>) -> Option<Asked> {
    let url = raw.upstream()?;
    let path = &url[origin(url).len()..];
    // Behind the name of a unix socket stands a colon.
    let path = path.strip_prefix(b":").unwrap_or(path);
    let path = path.split(|&byte| byte == b'?').next()?;
    Some(Asked {
        path: text(cut(path, URL)),
        host: text(cut(raw.host().unwrap_or_default(), URL)),
    })
}

/// POST, LOCK, PATCH.
fn may_not_be_repeated(request: &[u8]) -> bool {
    [&b"POST "[..], b"LOCK ", b"PATCH "]
        .iter()
        .any(|method| request.starts_with(method))
}

/// Scheme and address of an upstream's URL.
fn origin(url: &[u8]) -> &[u8] {
    let scheme = memchr::memmem::find(url, b"://").map_or(0, |at| at + 3);
    let rest = &url[scheme..];
    let end = match rest.strip_prefix(b"unix:") {
        Some(path) => memchr::memchr(b':', path).map(|at| at + 5),
        None => memchr::memchr2(b'/', b'?', rest),
    };
    &url[..scheme + end.unwrap_or(rest.len())]
}

/// The first so many bytes.
fn cut(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_gathered_by_cause_and_upstream() {
        let mut log = ErrorLog::default();
        let refused = |second: u32, port: u16, method: &str| {
            format!(
                "2026/11/21 08:41:{second:02} [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, client: ::1, \
                 server: s, request: \"{method} /a?b=c HTTP/1.1\", upstream: \"http://127.0.0.1:{port}/a?b=c\", host: \"h\""
            )
        };
        for line in [
            refused(1, 9001, "GET"),
            refused(2, 9002, "POST"),
            "a line of something else".to_owned(),
            refused(3, 9001, "POST"),
            "2026/11/21 08:41:04 [notice] 1#1: signal process started".to_owned(),
            "2026/11/21 08:41:05 [error] 1#1: *7 the moon is full".to_owned(),
        ] {
            log.take(line.as_bytes(), Since::default());
        }
        let seen: Vec<_> = log
            .incidents()
            .iter()
            .map(|one| {
                (
                    one.cause.code,
                    one.upstream.clone(),
                    one.count,
                    one.not_idempotent,
                    one.uris.clone(),
                )
            })
            .collect();
        let uris = vec!["/a?b=c".to_owned()];
        assert_eq!(
            seen,
            [
                (
                    "WEIR-502-REFUSED",
                    "http://127.0.0.1:9001".to_owned(),
                    2,
                    1,
                    uris.clone()
                ),
                (
                    "WEIR-502-REFUSED",
                    "http://127.0.0.1:9002".to_owned(),
                    1,
                    1,
                    uris
                ),
            ]
        );
        assert_eq!((log.lines, log.others, log.unknown.0), (5, 1, 1));
    }

    #[test]
    fn the_origin_of_an_upstream_is_what_stands_before_its_path() {
        for (url, is) in [
            ("http://a:1/b", "http://a:1"),
            ("http://a?b", "http://a"),
            ("http://unix:/run/a.sock:/b", "http://unix:/run/a.sock"),
            ("fastcgi://unix:/run/a.sock", "fastcgi://unix:/run/a.sock"),
            ("https://[::1]:8/", "https://[::1]:8"),
        ] {
            assert_eq!(text(origin(url.as_bytes())), is);
        }
    }
}
