//! Hosts, as `Host`, an authority and SNI name them.

use std::ops::Range;

/// Where the parts of a valid `host[:port]` are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Length of the name: no port, no final dot; brackets of an IPv6 literal included.
    pub len: usize,
    /// The port behind the colon, empty if none.
    pub port: Range<usize>,
    /// The name has upper-case letters; names are matched and logged in lower case.
    pub has_upper: bool,
}

/// The bytes name no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid host")]
pub struct HostFault;

/// Bytes that mean something in a host; most do not.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        special[byte] =
            matches!(byte as u8, b'.' | b':' | b'[' | b']' | b'/' | 0..=0x20 | 0x7f | b'A'..=b'Z');
        byte += 1;
    }
    special
};

#[derive(PartialEq)]
enum Stage {
    Name,
    Literal,
    Rest,
}

/// Checks a host and finds its parts (ngx_http_validate_host). Blanks, control bytes, `/` and two
/// dots in a row are refused, and so is an empty name.
pub fn validate_host(host: &[u8]) -> Result<Host, HostFault> {
    let mut stage = Stage::Name;
    let mut len = host.len();
    let mut port = len..len;
    let mut dot = None;
    let mut has_upper = false;
    for (at, &byte) in host.iter().enumerate() {
        if !SPECIAL[usize::from(byte)] {
            continue;
        }
        match byte {
            b'.' => {
                if at > 0 && dot == Some(at - 1) {
                    return Err(HostFault);
                }
                dot = Some(at);
            }
            b':' if stage == Stage::Name => {
                len = at;
                port = at + 1..host.len();
                stage = Stage::Rest;
            }
            b':' if stage == Stage::Rest && port.is_empty() && at == len => {
                port = at + 1..host.len();
            }
            b'[' if at == 0 => stage = Stage::Literal,
            b']' if stage == Stage::Literal => {
                len = at + 1;
                stage = Stage::Rest;
            }
            b'/' | 0..=0x20 | 0x7f => return Err(HostFault),
            b'A'..=b'Z' => has_upper = true,
            _ => {}
        }
    }
    if len > 0 && dot == Some(len - 1) {
        len -= 1;
    }
    if len == 0 {
        return Err(HostFault);
    }
    Ok(Host {
        len,
        port,
        has_upper,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let check = |host: &str, expected: Option<(&str, &str)>| {
            let found = validate_host(host.as_bytes()).ok();
            let found = found.map(|found| (&host[..found.len], &host[found.port]));
            assert_eq!(found, expected, "{host}");
        };
        check("h", Some(("h", "")));
        check("h:80", Some(("h", "80")));
        check("h.:80", Some(("h", "80")));
        check("h.", Some(("h", "")));
        check("Example.COM", Some(("Example.COM", "")));
        check("[::1]", Some(("[::1]", "")));
        check("[::1]:8080", Some(("[::1]", "8080")));
        check("[::1].x", Some(("[::1]", "")));
        check("a:b:c", Some(("a", "b:c")));
        check("a..b", None);
        check("a/b", None);
        check("a b", None);
        check("a\tb", None);
        check("a\u{7f}", None);
        check("", None);
        check(".", None);
        check(":80", None);
        check("[::1", Some(("[::1", "")));
    }
}
