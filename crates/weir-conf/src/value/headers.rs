//! Headers added, set and hidden.

use std::sync::Arc;

use crate::{Place, Template};

/// An `add_header` or `add_trailer`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddHeader {
    /// As written.
    pub name: String,
    /// Nothing is added where it evaluates to nothing.
    pub value: Template,
    /// Whatever the status; else only with 200, 201, 204, 206, 301, 302, 303, 304, 307, 308.
    pub always: bool,
}

/// A text that nginx looks at only when it settles what locations obey.
#[derive(Clone, Debug)]
pub(crate) struct LateText {
    pub(crate) text: Box<[u8]>,
    pub(crate) place: Place,
}

/// A `proxy_set_header` as written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenHeader {
    pub(crate) name: Box<[u8]>,
    pub(crate) value: LateText,
}

/// A `proxy_set_header`, or one of nginx's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct SetHeader {
    /// As written.
    pub name: Box<[u8]>,
    /// The header is not sent where it evaluates to nothing.
    pub value: Template,
}

/// The headers of upstream requests that do not come from the client: what `proxy_set_header` says,
/// then nginx's defaults that it does not name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestHeaders {
    /// Where `Host` comes from.
    pub host: HostHeader,
    /// The lines, in order; `Host` is among them unless it comes first.
    pub lines: Arc<[SetHeader]>,
    /// The client's headers of these names are not passed on.
    pub replaced: HeaderNames,
}

/// Where the `Host` of upstream requests comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum HostHeader {
    /// It is `$proxy_host` and comes first.
    #[default]
    Proxy,
    /// The last `proxy_set_header Host` has its value; it comes first. Where that is empty, HTTP/1.1
    /// takes `$proxy_host`, and HTTP/1.0 has none.
    Written(Template),
    /// It is a header like others.
    InOrder,
}

/// Names of headers, in any case of letters.
///
/// A list, asked for every header of every message: most names differ in their length already, and
/// a few comparisons are faster than one hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderNames {
    names: Arc<[Box<[u8]>]>,
    /// Bit `n` is set if a name has `n` bytes; the last one stands for all longer names, too.
    lengths: u64,
}

impl HeaderNames {
    /// A list of these names.
    pub(crate) fn new(names: impl IntoIterator<Item = Box<[u8]>>) -> Self {
        let names: Arc<[Box<[u8]>]> = names.into_iter().collect();
        let lengths = names.iter().fold(0, |bits, name| bits | length_bit(name));
        Self { names, lengths }
    }

    /// Whether the header called `name` is among them.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name) != 0
            && self
                .names
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_of_any_length() {
        let long = [b'x'; 70];
        let names = HeaderNames::new([b"Host".as_slice().into(), long.as_slice().into()]);
        for (name, found) in [
            (b"host".as_slice(), true),
            (b"HOST", true),
            (b"hos", false),
            (b"hosts", false),
            (b"ghost", false),
            (b"post", false),
            (b"", false),
            (&[b'X'; 70], true),
            (&[b'X'; 71], false),
            (&[b'X'; 63], false),
        ] {
            assert_eq!(names.contains(name), found, "{}", name.escape_ascii());
        }
        assert!(!HeaderNames::default().contains(b""));
    }
}
