//! Hosts, as `Host`, an authority and SNI name them.

/// Where the parts of a valid `host[:port]` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Length of the name: no port, no final dot; brackets of an IPv6 literal included.
    pub len: usize,
    /// The port behind the colon; 0 if there is none, or none that is a port.
    pub port: u16,
    /// The name has upper-case letters; names are matched and logged in lower case.
    pub has_upper: bool,
}

/// The bytes name no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid host")]
pub struct HostFault;

/// By which rule hosts are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostGrammar {
    /// nginx before 1.29.4: blanks, control bytes, `/` and two dots in a row are refused; what
    /// stands behind a colon or a closing bracket is not looked at.
    Lax,
    /// Since 1.29.4, RFC 3986: letters, digits, `-._~`, `!$&'()*+,;=` and `%`; brackets first,
    /// closed and without `%`; then nothing, or a colon and digits up to 65535.
    Rfc3986,
}

impl HostGrammar {
    /// Checks a host and finds its parts (ngx_http_validate_host). An empty name is refused.
    ///
    /// # Errors
    ///
    /// The bytes name no host.
    pub fn validate(self, host: &[u8]) -> Result<Host, HostFault> {
        let found = match self {
            Self::Lax => validate_laxly(host)?,
            Self::Rfc3986 => validate_strictly(host)?,
        };
        if found.len == 0 {
            Err(HostFault)
        } else {
            Ok(found)
        }
    }
}

/// What a byte means in a host.
#[derive(Clone, Copy, PartialEq)]
enum Byte {
    Plain,
    Upper,
    Dot,
    Colon,
    Open,
    Close,
    /// `%`, which stands in a name but not in brackets.
    Percent,
    /// Not in RFC 3986's list; fine before nginx 1.29.4.
    Odd,
    /// Never allowed.
    Forbidden,
}

const BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Odd; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => Byte::Plain,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {
                Byte::Plain
            }
            b'A'..=b'Z' => Byte::Upper,
            b'.' => Byte::Dot,
            b':' => Byte::Colon,
            b'[' => Byte::Open,
            b']' => Byte::Close,
            b'%' => Byte::Percent,
            b'/' | 0..=0x20 | 0x7f => Byte::Forbidden,
            _ => Byte::Odd,
        };
        byte += 1;
    }
    bytes
};

fn validate_laxly(host: &[u8]) -> Result<Host, HostFault> {
    #[derive(PartialEq)]
    enum Stage {
        Name,
        Literal,
        Rest,
    }
    let mut stage = Stage::Name;
    let mut len = host.len();
    let mut dots = Dots::default();
    let mut has_upper = false;
    for (at, &byte) in host.iter().enumerate() {
        match BYTES[usize::from(byte)] {
            Byte::Plain | Byte::Percent | Byte::Odd => {}
            Byte::Upper => has_upper = true,
            Byte::Dot => dots.add(at)?,
            Byte::Colon if stage == Stage::Name => {
                len = at;
                stage = Stage::Rest;
            }
            Byte::Open if at == 0 => stage = Stage::Literal,
            Byte::Close if stage == Stage::Literal => {
                len = at + 1;
                stage = Stage::Rest;
            }
            Byte::Colon | Byte::Open | Byte::Close => {}
            Byte::Forbidden => return Err(HostFault),
        }
    }
    let behind = host[len..].strip_prefix(b":").unwrap_or_default();
    Ok(Host {
        len: dots.without_final(len),
        port: port(behind).unwrap_or(0),
        has_upper,
    })
}

fn validate_strictly(host: &[u8]) -> Result<Host, HostFault> {
    let in_brackets = host.first() == Some(&b'[');
    let mut len = host.len();
    let mut dots = Dots::default();
    let mut has_upper = false;
    for (at, &byte) in host.iter().enumerate().skip(usize::from(in_brackets)) {
        match BYTES[usize::from(byte)] {
            Byte::Plain => {}
            Byte::Upper => has_upper = true,
            Byte::Dot => dots.add(at)?,
            Byte::Percent if !in_brackets => {}
            Byte::Colon if in_brackets => {}
            Byte::Colon => {
                len = at;
                break;
            }
            Byte::Close if in_brackets => {
                len = at + 1;
                break;
            }
            Byte::Percent | Byte::Open | Byte::Close | Byte::Odd | Byte::Forbidden => {
                return Err(HostFault);
            }
        }
    }
    if in_brackets && (len == 1 || host[len - 1] != b']') {
        return Err(HostFault);
    }
    let port = match host[len..].split_first() {
        None => 0,
        Some((b':', digits)) => port(digits).ok_or(HostFault)?,
        Some(_) => return Err(HostFault),
    };
    Ok(Host {
        len: dots.without_final(len),
        port,
        has_upper,
    })
}

/// Where the last dot stands.
#[derive(Default)]
struct Dots(Option<usize>);

impl Dots {
    /// Two in a row are refused.
    fn add(&mut self, at: usize) -> Result<(), HostFault> {
        if self.0.is_some_and(|last| last + 1 == at) {
            return Err(HostFault);
        }
        self.0 = Some(at);
        Ok(())
    }

    /// The name's length without the dot at its end.
    fn without_final(&self, len: usize) -> usize {
        len - usize::from(len > 0 && self.0 == Some(len - 1))
    }
}

/// Digits of a port, leading zeros allowed; 0 for none at all.
fn port(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0u16, |port, &digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        port.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What nginx made of each value of `Host`: the bytes, those outside of ASCII's visible ones and
    /// `\` as `\xNN`; the name's length in 1.22.1 and 1.28.3, which agree, and length and port in
    /// 1.31.5; `-` where the answer was 400.
    const RECORDED: &str = include_str!("host/recorded.tsv");

    fn unescaped(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut parts = text.split("\\x");
        bytes.extend(parts.next().unwrap().bytes());
        for part in parts {
            bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
            bytes.extend(part[2..].bytes());
        }
        bytes
    }

    #[test]
    fn hosts_are_taken_and_refused_as_by_nginx() {
        let mut rows = 0;
        for row in RECORDED.lines() {
            let [text, lax, strict] = row.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{row}");
            };
            let host = unescaped(text);
            let shown = |found: Result<Host, HostFault>, show: fn(Host) -> String| {
                found.map_or_else(|_fault| "-".to_owned(), show)
            };
            let found = shown(HostGrammar::Lax.validate(&host), |host| {
                host.len.to_string()
            });
            assert_eq!(found, lax, "{text}, before 1.29.4");
            let found = shown(HostGrammar::Rfc3986.validate(&host), |host| {
                format!("{}:{}", host.len, host.port)
            });
            assert_eq!(found, strict, "{text}, since 1.29.4");
            rows += 1;
        }
        assert_eq!(rows, 4405);
    }

    #[test]
    fn parts() {
        let check = |grammar: HostGrammar, host: &str, expected: Option<(&str, u16, bool)>| {
            let found = grammar.validate(host.as_bytes()).ok();
            let found = found.map(|found| (&host[..found.len], found.port, found.has_upper));
            assert_eq!(found, expected, "{host}");
        };
        for grammar in [HostGrammar::Lax, HostGrammar::Rfc3986] {
            check(grammar, "Example.COM.:80", Some(("Example.COM", 80, true)));
            check(grammar, "[::A]:8080", Some(("[::A]", 8080, true)));
            check(grammar, "", None);
            check(grammar, ":80", None);
        }
        check(HostGrammar::Lax, "a:B:1", Some(("a", 0, true)));
        check(HostGrammar::Lax, "a:65536", Some(("a", 0, false)));
    }
}
