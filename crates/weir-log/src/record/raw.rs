//! Lines of an error log as they lie in the file: nothing is copied, for whoever reads gigabytes of them.

use memchr::memmem;

use crate::Level;

/// The parts of an error line, by reference; [`ErrorLine`](super::ErrorLine) has copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawErrorLine<'a> {
    /// `2026/11/21 08:41:49`.
    pub time: &'a [u8],
    /// The word in brackets.
    pub level: Level,
    /// The process and, behind `#`, the thread.
    pub process: &'a [u8],
    /// Number of the client connection.
    pub connection: Option<u64>,
    /// What happened, without error number and action.
    pub message: &'a [u8],
    /// The system's error: number and text.
    pub errno: Option<(i32, &'a [u8])>,
    /// What follows ` while `.
    pub doing: Option<&'a [u8]>,
    /// What follows `, client: `.
    context: Option<&'a [u8]>,
}

/// Length of `2026/11/21 08:41:49`.
const TIME: usize = 19;

impl<'a> RawErrorLine<'a> {
    /// Takes a line apart, without its line feed; `None` for what has no head of nginx's form.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let (time, rest) = line.split_at_checked(TIME)?;
        let rest = rest.strip_prefix(b" [")?;
        let level_end = memchr::memchr(b']', rest)?;
        let level = std::str::from_utf8(&rest[..level_end]).ok()?.parse().ok()?;
        let rest = rest[level_end..].strip_prefix(b"] ")?;
        let ids_end = memchr::memchr(b':', rest)?;
        let (process, rest) = (&rest[..ids_end], rest[ids_end..].strip_prefix(b": ")?);
        let is_id = |byte: &u8| byte.is_ascii_digit() || *byte == b'#';
        if !process.iter().all(is_id) {
            return None;
        }
        let (connection, rest) = connection(rest);
        let (said, context) = match memmem::find(rest, b", client: ") {
            Some(at) => (&rest[..at], Some(&rest[at + ", client: ".len()..])),
            None => (rest, None),
        };
        let (said, doing) = match memmem::rfind(said, b" while ") {
            Some(at) => (&said[..at], Some(&said[at + " while ".len()..])),
            None => (said, None),
        };
        let (message, errno) = errno(said);
        Some(Self {
            time,
            level,
            process,
            connection,
            message,
            errno,
            doing,
            context,
        })
    }

    /// The client's address.
    pub fn client(&self) -> Option<&'a [u8]> {
        let context = self.context?;
        let end = memmem::find(context, b", server: ").unwrap_or(context.len());
        Some(&context[..end])
    }

    /// Name of the chosen server block.
    pub fn server(&self) -> Option<&'a [u8]> {
        let context = self.context?;
        let start = memmem::find(context, b", server: ")? + ", server: ".len();
        let rest = &context[start..];
        let end = memmem::find(rest, b", request: \"").unwrap_or(rest.len());
        Some(&rest[..end])
    }

    /// The request line.
    pub fn request(&self) -> Option<&'a [u8]> {
        let context = self.context?;
        let start = memmem::find(context, b", request: \"")? + ", request: \"".len();
        let rest = &context[start..];
        // What a client wrote may look like what follows: the last of it counts.
        let ends = [
            &b"\", subrequest: \""[..],
            b"\", upstream: \"",
            b"\", host: \"",
        ];
        let end = ends.iter().find_map(|end| memmem::rfind(rest, end));
        let end = end.or_else(|| rest.strip_suffix(b"\"").map(<[u8]>::len));
        Some(&rest[..end.unwrap_or(rest.len())])
    }

    /// Scheme, peer and URI: `http://app:1/`.
    pub fn upstream(&self) -> Option<&'a [u8]> {
        let context = self.context?;
        let start = memmem::rfind(context, b", upstream: \"")? + ", upstream: \"".len();
        let rest = &context[start..];
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        Some(&rest[..end])
    }

    /// The Host header.
    pub fn host(&self) -> Option<&'a [u8]> {
        let context = self.context?;
        let start = memmem::rfind(context, b", host: \"")? + ", host: \"".len();
        let rest = &context[start..];
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        Some(&rest[..end])
    }
}

/// Takes `*7 ` off the front.
fn connection(rest: &[u8]) -> (Option<u64>, &[u8]) {
    let Some(numbered) = rest.strip_prefix(b"*") else {
        return (None, rest);
    };
    let digits = numbered
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let number = std::str::from_utf8(&numbered[..digits]).ok();
    match (
        number.and_then(|number| number.parse().ok()),
        numbered[digits..].strip_prefix(b" "),
    ) {
        (Some(number), Some(rest)) => (Some(number), rest),
        _ => (None, rest),
    }
}

/// Takes ` (111: Connection refused)` off the end.
fn errno(said: &[u8]) -> (&[u8], Option<(i32, &[u8])>) {
    let split = said.strip_suffix(b")").and_then(|said| {
        let open = memmem::rfind(said, b" (")?;
        let error = &said[open + 2..];
        let colon = memmem::find(error, b": ")?;
        let number = std::str::from_utf8(&error[..colon]).ok()?.parse().ok()?;
        Some((&said[..open], (number, &error[colon + 2..])))
    });
    match split {
        Some((message, errno)) => (message, Some(errno)),
        None => (said, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ErrorLine;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Both readers see the same in a line.
    fn check(line: &str) {
        let raw = RawErrorLine::parse(line.as_bytes());
        let copied = ErrorLine::parse(line);
        let Some((raw, copied)) = raw.zip(copied) else {
            panic!("{line}");
        };
        assert_eq!(
            (raw.level, raw.connection),
            (copied.level, copied.connection)
        );
        assert_eq!(text(raw.message), copied.message);
        assert_eq!(raw.doing.map(text), copied.doing, "{line}");
        let errno = raw.errno.map(|(number, words)| (number, text(words)));
        assert_eq!(errno, copied.errno, "{line}");
        assert_eq!(raw.client().map(text), copied.client, "{line}");
        assert_eq!(raw.server().map(text), copied.server, "{line}");
        assert_eq!(raw.request().map(text), copied.request, "{line}");
        assert_eq!(raw.upstream().map(text), copied.upstream, "{line}");
        assert_eq!(raw.host().map(text), copied.host, "{line}");
    }

    #[test]
    fn it_sees_what_the_copying_reader_sees() {
        let head = "2026/11/21 08:41:49 [error] 12#13: ";
        for line in [
            "*7 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: \
             a.test, request: \"GET / HTTP/1.1\", upstream: \"http://app:1/\", host: \"a.test:80\", referrer: \"\"",
            "*1 no live upstreams while connecting to upstream, client: ::1, server: , request: \"GET /\", upstream: \"http://app/\"",
            "*2 client 127.0.0.1 closed keepalive connection",
            "invalid PID (in a file)",
            "*1 x, client: ::1, server: s, request: \"GET /, upstream: \"y\" HTTP/1.0\", upstream: \"http://app:1/\"",
            "*1 x, client: ::1, server: s, request: \"GET / HTTP/1.0\", subrequest: \"/a\", upstream: \"http://app:1/\", host: \"h\"",
            "*1 client timed out (110: Connection timed out) while waiting for request, client: ::1, server: 0.0.0.0:80",
        ] {
            check(&format!("{head}{line}"));
        }
    }

    #[test]
    fn what_has_no_head_is_no_line() {
        for line in [
            "",
            "x",
            "2026/11/21 08:41:49 [loud] 1#1: x",
            "2026/11/21 08:41:49 [error] x: y",
        ] {
            assert_eq!(RawErrorLine::parse(line.as_bytes()), None);
        }
    }
}
