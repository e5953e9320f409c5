//! The chunked coding, read leniently enough to say where it broke off.

use crate::text::Text;

/// What the bytes after a head amount to under the chunked coding.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chunked {
    /// Contents of the chunks so far.
    pub(crate) body: Vec<u8>,
    /// Lines after the last chunk.
    pub(crate) trailers: Vec<Text>,
    /// Bytes that belong to the body, framing included.
    pub(crate) length: usize,
    /// Where the bytes end too early; None for a whole body.
    pub(crate) cut: Option<&'static str>,
}

impl Chunked {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut chunked = Self::default();
        let mut rest = bytes;
        chunked.cut = loop {
            if rest.is_empty() {
                break Some("between chunks, no last-chunk");
            }
            let Some((line, after)) = line(rest) else {
                break Some("in a chunk size");
            };
            let Some(size) = size(line) else {
                break Some("bad chunk size");
            };
            rest = after;
            if size == 0 {
                break chunked.read_trailers(&mut rest);
            }
            let available = size.min(rest.len());
            chunked.body.extend_from_slice(&rest[..available]);
            let Some(after) = rest.get(size..).and_then(|rest| rest.strip_prefix(b"\r\n")) else {
                rest = &[];
                break Some("in a chunk");
            };
            rest = after;
        };
        chunked.length = bytes.len() - rest.len();
        chunked
    }

    fn read_trailers(&mut self, rest: &mut &[u8]) -> Option<&'static str> {
        loop {
            let Some((line, after)) = line(rest) else {
                return Some("in trailers");
            };
            *rest = after;
            if line.is_empty() {
                return None;
            }
            self.trailers.push(Text::from(line));
        }
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|window| window == b"\r\n")?;
    Some((&bytes[..end], &bytes[end + 2..]))
}

fn size(line: &[u8]) -> Option<usize> {
    usize::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], body: &[u8], cut: Option<&str>, length: usize) {
        let got = Chunked::read(bytes);
        assert_eq!((&*got.body, got.cut, got.length), (body, cut, length));
    }

    #[test]
    fn whole_and_cut_bodies() {
        check(b"3\r\nabc\r\n0\r\n\r\nrest", b"abc", None, 13);
        check(
            b"3\r\nabc\r\n",
            b"abc",
            Some("between chunks, no last-chunk"),
            8,
        );
        check(b"3\r\nab", b"ab", Some("in a chunk"), 5);
        check(
            b"3\r\nabc\r\n0\r\nA: b\r\n",
            b"abc",
            Some("in trailers"),
            17,
        );
        check(b"x\r\n", b"", Some("bad chunk size"), 0);
    }

    #[test]
    fn trailers_are_kept() {
        let got = Chunked::read(b"0\r\nA: b\r\n\r\n");
        assert_eq!(
            (got.trailers, got.cut),
            (vec![Text(b"A: b".to_vec())], None)
        );
    }
}
