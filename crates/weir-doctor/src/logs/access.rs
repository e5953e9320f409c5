//! What an access log tells of, by upstream, whatever its format.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use memchr::memmem;

use super::{Lines, Since, UnreadableLog};

/// nginx's format where none is named.
pub const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
                            \"$http_user_agent\"";

/// So many upstreams are told apart.
const MOST: usize = 10_000;

/// A format, taken apart: what stands in front of each value, and what the value is.
#[derive(Clone, Debug)]
pub struct Format {
    parts: Vec<(Vec<u8>, Value)>,
    end: Vec<u8>,
}

/// The values of a line that are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Status,
    Request,
    Method,
    Uri,
    RequestTime,
    UpstreamAddress,
    UpstreamStatus,
    UpstreamTime,
    UpstreamHeaderTime,
    Seconds,
    LocalTime,
    IsoTime,
    Other,
}

/// The values of a line.
#[derive(Clone, Copy, Debug, Default)]
struct Values<'a> {
    status: &'a [u8],
    request: &'a [u8],
    method: &'a [u8],
    request_time: &'a [u8],
    upstream_address: &'a [u8],
    upstream_status: &'a [u8],
    upstream_time: &'a [u8],
    seconds: &'a [u8],
    local_time: &'a [u8],
    iso_time: &'a [u8],
}

impl Values<'_> {
    /// When the line was written, in seconds of the epoch.
    fn written(&self) -> Option<i64> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        if let Some(seconds) = number(self.seconds) {
            return i64::try_from(seconds).ok();
        }
        if !self.iso_time.is_empty() {
            let stamp: Timestamp = text(self.iso_time)?.parse().ok()?;
            return Some(stamp.as_second());
        }
        let stamp = Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", text(self.local_time)?);
        stamp.ok().map(Timestamp::as_second)
    }
}

impl Format {
    /// Takes a `log_format`'s text apart.
    pub fn of(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text.as_bytes();
        let mut before = Vec::new();
        while let Some(at) = memchr::memchr(b'$', rest) {
            before.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            let is_braced = rest.first() == Some(&b'{');
            let name_start = usize::from(is_braced);
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let length = rest[name_start..]
                .iter()
                .take_while(|byte| is_letter(byte))
                .count();
            let name = &rest[name_start..name_start + length];
            let skip = name_start + length + usize::from(is_braced);
            parts.push((std::mem::take(&mut before), value(name)));
            rest = rest.get(skip..).unwrap_or_default();
        }
        before.extend_from_slice(rest);
        Self { parts, end: before }
    }

    /// Whether lines say which upstream was asked.
    pub fn names_upstreams(&self) -> bool {
        self.parts
            .iter()
            .any(|(_, value)| *value == Value::UpstreamAddress)
    }

    fn values<'a>(&self, line: &'a [u8]) -> Option<Values<'a>> {
        let mut values = Values::default();
        let mut rest = line.strip_prefix(&*self.parts.first()?.0)?;
        for (index, (_, value)) in self.parts.iter().enumerate() {
            let next = self
                .parts
                .get(index + 1)
                .map_or(&self.end, |(before, _)| before);
            let end = match next.is_empty() {
                true => rest.len(),
                false => memmem::find(rest, next)?,
            };
            let text = &rest[..end];
            rest = rest[end..].get(next.len()..)?;
            *match value {
                Value::Status => &mut values.status,
                Value::Request => &mut values.request,
                Value::Method => &mut values.method,
                Value::RequestTime => &mut values.request_time,
                Value::UpstreamAddress => &mut values.upstream_address,
                Value::UpstreamStatus => &mut values.upstream_status,
                Value::UpstreamTime => &mut values.upstream_time,
                Value::Seconds => &mut values.seconds,
                Value::LocalTime => &mut values.local_time,
                Value::IsoTime => &mut values.iso_time,
                Value::Uri | Value::UpstreamHeaderTime | Value::Other => continue,
            } = text;
        }
        Some(values)
    }
}

fn value(name: &[u8]) -> Value {
    match name {
        b"status" => Value::Status,
        b"request" => Value::Request,
        b"request_method" => Value::Method,
        b"request_uri" | b"uri" => Value::Uri,
        b"request_time" => Value::RequestTime,
        b"upstream_addr" => Value::UpstreamAddress,
        b"upstream_status" => Value::UpstreamStatus,
        b"upstream_response_time" => Value::UpstreamTime,
        b"upstream_header_time" => Value::UpstreamHeaderTime,
        b"msec" => Value::Seconds,
        b"time_local" => Value::LocalTime,
        b"time_iso8601" => Value::IsoTime,
        _ => Value::Other,
    }
}

/// What an access log tells of.
#[derive(Debug)]
pub struct AccessLog {
    format: Format,
    /// Lines that are as the format says.
    pub lines: u64,
    /// Lines that are not.
    pub others: u64,
    /// How often each status from 0 to 999.
    pub statuses: Box<[u64; 1000]>,
    /// By address, as `$upstream_addr` has it.
    pub upstreams: HashMap<Vec<u8>, Upstream>,
    /// Requests that were tried more than once.
    pub retried: u64,
    /// Those of them that were answered well in the end.
    pub rescued: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// What an upstream did.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    /// Tries.
    pub tries: u64,
    /// Tries that ended in 502 or 504.
    pub failed: u64,
    /// Those of them that took less than 20 ms.
    pub failed_at_once: u64,
    /// The same of requests that may not be repeated.
    pub failed_at_once_not_idempotent: u64,
    /// How long tries took.
    pub times: Times,
    /// How long those took that ended in 504.
    pub time_outs: Times,
}

/// Times, to a hundredth.
#[derive(Clone, Debug, Default)]
pub struct Times {
    buckets: Vec<u64>,
    count: u64,
    /// The longest, in milliseconds.
    pub longest: u64,
}

impl Times {
    fn add(&mut self, millis: u64) {
        let bucket = bucket(millis);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.longest = self.longest.max(millis);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time that so many of a thousand are not above, in milliseconds.
    pub fn at(&self, thousandths: u64) -> Option<u64> {
        let wanted = (self.count * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map(|bucket| middle(bucket).min(self.longest))
    }
}

/// A millisecond each up to a second, ten up to ten seconds, a hundred up to a hundred, a second beyond.
fn bucket(millis: u64) -> usize {
    let bucket = match millis {
        0..1000 => millis,
        1000..10_000 => 1000 + (millis - 1000) / 10,
        10_000..100_000 => 1900 + (millis - 10_000) / 100,
        _ => 2800 + ((millis - 100_000) / 1000).min(10_000),
    };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket {
        0..1000 => bucket,
        1000..1900 => 1000 + (bucket - 1000) * 10,
        1900..2800 => 10_000 + (bucket - 1900) * 100,
        _ => 100_000 + (bucket - 2800) * 1000,
    }
}

/// A try that fails within this has not waited for anything: milliseconds.
const AT_ONCE: u64 = 20;

impl AccessLog {
    /// A log of this format of which nothing is known.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            lines: 0,
            others: 0,
            statuses: Box::new([0; 1000]),
            upstreams: HashMap::new(),
            retried: 0,
            rescued: 0,
            bytes: 0,
        }
    }

    /// Reads a log; lines before `since` do not count where they tell their time.
    ///
    /// # Errors
    ///
    /// It cannot be opened. A log that breaks off is read as far as it goes: the second value says why.
    pub fn read(
        path: &Path,
        format: Format,
        since: Since,
    ) -> Result<(Self, Option<UnreadableLog>), UnreadableLog> {
        let mut lines = Lines::open(path)?;
        let mut log = Self::new(format);
        let end = lines.each(|line| {
            log.take(line, since);
            true
        });
        log.bytes = lines.bytes;
        Ok((log, end.err()))
    }

    /// Takes a line into account.
    pub fn take(&mut self, line: &[u8], since: Since) {
        let Some(values) = self.format.values(line) else {
            self.others += u64::from(!line.is_empty());
            return;
        };
        let Some(status) = number(values.status) else {
            self.others += 1;
            return;
        };
        if let Some(first) = since.second()
            && values.written().is_some_and(|at| at < first)
        {
            return;
        }
        self.lines += 1;
        if let Some(count) = usize::try_from(status)
            .ok()
            .and_then(|status| self.statuses.get_mut(status))
        {
            *count += 1;
        }
        if values.upstream_address.is_empty() || values.upstream_address == b"-" {
            return;
        }
        self.tries(&values, status);
    }

    fn tries(&mut self, values: &Values<'_>, status: u64) {
        let method = match values.method.is_empty() {
            true => values
                .request
                .split(|&byte| byte == b' ')
                .next()
                .unwrap_or_default(),
            false => values.method,
        };
        let repeatable = ![&b"POST"[..], b"LOCK", b"PATCH"].contains(&method);
        let mut statuses = list(values.upstream_status);
        let mut times = list(values.upstream_time);
        let mut count = 0;
        for address in list(values.upstream_address) {
            count += 1;
            let own = statuses.next().and_then(number);
            let time = times.next().and_then(millis);
            if self.upstreams.len() >= MOST && !self.upstreams.contains_key(address) {
                continue;
            }
            let upstream = match self.upstreams.get_mut(address) {
                Some(upstream) => upstream,
                None => self.upstreams.entry(address.to_vec()).or_default(),
            };
            upstream.tries += 1;
            if let Some(time) = time {
                upstream.times.add(time);
            }
            let own = own.unwrap_or(if values.upstream_status.is_empty() {
                status
            } else {
                0
            });
            if matches!(own, 502 | 504) {
                upstream.failed += 1;
                let at_once = time.is_some_and(|time| time < AT_ONCE);
                upstream.failed_at_once += u64::from(at_once);
                upstream.failed_at_once_not_idempotent += u64::from(at_once && !repeatable);
            }
            if let (504, Some(time)) = (own, time) {
                upstream.time_outs.add(time);
            }
        }
        self.retried += u64::from(count > 1);
        self.rescued += u64::from(count > 1 && status < 500);
    }

    /// How many answers had a status from `first` up.
    pub fn count(&self, first: usize, last: usize) -> u64 {
        self.statuses
            .get(first..=last)
            .map_or(0, |counts| counts.iter().sum())
    }
}

/// Elements joined by `, ` between tries and ` : ` between internal redirects.
fn list(joined: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = joined.split(|&byte| byte == b',' || byte == b' ');
    parts.filter(|part| !part.is_empty() && *part != b":")
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

/// `1.234` in milliseconds.
fn millis(text: &[u8]) -> Option<u64> {
    let seconds = number(text)?;
    let point = memchr::memchr(b'.', text)?;
    let fraction = text.get(point + 1..point + 4).and_then(number)?;
    Some(seconds * 1000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(format: &str, lines: &[&str]) -> AccessLog {
        let mut log = AccessLog::new(Format::of(format));
        for line in lines {
            log.take(line.as_bytes(), Since::default());
        }
        log
    }

    #[test]
    fn tries_are_counted_by_address() {
        let format = "$remote_addr [$time_local] \"$request\" $status $upstream_addr|$upstream_status|$upstream_response_time";
        let log = log(
            format,
            &[
                "::1 [x] \"GET /a HTTP/1.1\" 200 10.0.0.1:80, 10.0.0.2:80|502, 200|0.001, 0.250",
                "::1 [x] \"POST /a HTTP/1.1\" 502 10.0.0.1:80|502|0.002",
                "::1 [x] \"GET /a HTTP/1.1\" 504 10.0.0.1:80|504|60.001",
                "::1 [x] \"GET /a HTTP/1.1\" 404 -|-|-",
                "of another format",
            ],
        );
        assert_eq!(
            (log.lines, log.others, log.retried, log.rescued),
            (4, 1, 1, 1)
        );
        assert_eq!((log.count(500, 599), log.statuses[404]), (2, 1));
        let first = &log.upstreams[&b"10.0.0.1:80"[..]];
        assert_eq!(
            (
                first.tries,
                first.failed,
                first.failed_at_once,
                first.failed_at_once_not_idempotent
            ),
            (3, 3, 2, 1)
        );
        assert_eq!(first.time_outs.at(500), Some(60_000));
        let second = &log.upstreams[&b"10.0.0.2:80"[..]];
        assert_eq!(
            (second.tries, second.failed, second.times.longest),
            (1, 0, 250)
        );
    }

    #[test]
    fn nginx_s_own_format_has_no_upstreams() {
        let format = Format::of(COMBINED);
        assert!(!format.names_upstreams());
        let log = log(
            COMBINED,
            &[
                "127.0.0.1 - - [21/Nov/2026:08:41:49 +0000] \"GET / HTTP/1.1\" 502 157 \"-\" \"curl/8\"",
            ],
        );
        assert_eq!((log.lines, log.statuses[502]), (1, 1));
    }

    #[test]
    fn lines_before_a_moment_do_not_count_whatever_tells_their_time() {
        let since = Since::last(
            std::time::Duration::from_secs(60),
            std::time::Duration::from_secs(1_700_000_060),
        );
        for (format, before, after) in [
            ("$msec $status", "1699999999.999 200", "1700000001.000 200"),
            (
                "[$time_local] $status",
                "[14/Nov/2023:23:13:19 +0100] 200",
                "[14/Nov/2023:22:13:21 +0000] 200",
            ),
            (
                "$time_iso8601 $status",
                "2023-11-14T22:13:19+00:00 200",
                "2023-11-14T23:13:21+01:00 200",
            ),
            // Without a time all count.
            ("x $status", "x 200", "x 200"),
        ] {
            let mut log = AccessLog::new(Format::of(format));
            log.take(before.as_bytes(), since);
            log.take(after.as_bytes(), since);
            assert_eq!(
                log.lines,
                if format.starts_with('x') { 2 } else { 1 },
                "{format}"
            );
        }
    }

    #[test]
    fn objects_are_read_as_well() {
        let log = log(
            "{\"status\":$status,\"addr\":\"$upstream_addr\",\"time\":\"${upstream_response_time}\"}",
            &["{\"status\":200,\"addr\":\"unix:/run/a.sock\",\"time\":\"0.010\"}"],
        );
        assert_eq!(
            log.upstreams[&b"unix:/run/a.sock"[..]].times.at(990),
            Some(10)
        );
    }

    #[test]
    fn percentiles_are_right_to_a_hundredth() {
        let mut times = Times::default();
        for millis in 0..100_000_u64 {
            times.add(millis);
        }
        for thousandths in [1, 10, 500, 900, 990, 999] {
            let exact = thousandths * 100;
            let found = times.at(thousandths).unwrap_or(0);
            assert!(
                found.abs_diff(exact) * 100 <= exact + 100,
                "{thousandths}: {found}, exactly {exact}"
            );
        }
    }
}
