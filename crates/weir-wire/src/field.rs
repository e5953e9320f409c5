//! Header fields and the names nginx itself looks at.

use crate::span::Span;

/// One header line; the value is trimmed as nginx trims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name as sent, without the colon.
    pub name: Span,
    /// Value without the blanks around it; empty for a line without a colon.
    pub value: Span,
    /// Which of the names that nginx looks at this is.
    pub known: Option<KnownField>,
    /// Taken out of its list, where its index stays.
    pub(crate) removed: bool,
}

impl Field {
    /// A line of these parts.
    #[inline]
    #[must_use]
    pub const fn new(name: Span, value: Span, known: Option<KnownField>) -> Self {
        Self {
            name,
            value,
            known,
            removed: false,
        }
    }
}

macro_rules! known_fields {
    ($($variant:ident $name:literal,)+) => {
        /// Names that a rule of nginx depends on, in requests or responses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum KnownField {
            $(#[doc = concat!("`", $name, "`.")] $variant,)+
        }

        const NAMES: &[&str] = &[$($name,)+];
        const FIELDS: &[KnownField] = &[$(KnownField::$variant,)+];
    };
}

known_fields! {
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AcceptRanges "Accept-Ranges",
    Authorization "Authorization",
    CacheControl "Cache-Control",
    Connection "Connection",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding",
    ContentLength "Content-Length",
    ContentRange "Content-Range",
    ContentType "Content-Type",
    Cookie "Cookie",
    Date "Date",
    Etag "ETag",
    Expect "Expect",
    Expires "Expires",
    Host "Host",
    IfMatch "If-Match",
    IfModifiedSince "If-Modified-Since",
    IfNoneMatch "If-None-Match",
    IfRange "If-Range",
    IfUnmodifiedSince "If-Unmodified-Since",
    KeepAlive "Keep-Alive",
    LastModified "Last-Modified",
    Link "Link",
    Location "Location",
    Range "Range",
    Referer "Referer",
    Refresh "Refresh",
    Server "Server",
    SetCookie "Set-Cookie",
    Status "Status",
    Te "TE",
    Trailer "Trailer",
    TransferEncoding "Transfer-Encoding",
    Upgrade "Upgrade",
    UserAgent "User-Agent",
    Vary "Vary",
    Via "Via",
    WwwAuthenticate "WWW-Authenticate",
    XAccelBuffering "X-Accel-Buffering",
    XAccelCharset "X-Accel-Charset",
    XAccelExpires "X-Accel-Expires",
    XAccelLimitRate "X-Accel-Limit-Rate",
    XAccelRedirect "X-Accel-Redirect",
    XForwardedFor "X-Forwarded-For",
    XPad "X-Pad",
    XRealIp "X-Real-IP",
}

/// Marks an empty slot of [`SLOTS`] and an absent index of [`KnownFields`].
const NONE: u16 = u16::MAX;

/// Perfect hash over length and three letters; a collision among the names fails the build.
const fn slot(name: &[u8]) -> usize {
    let first = (name[0] | 0x20) as usize;
    let last = (name[name.len() - 1] | 0x20) as usize;
    let middle = (name[name.len() / 2] | 0x20) as usize;
    ((name.len() * 52 + first * 79 + last * 247 + middle * 99) >> 3) & 127
}

/// A name's bytes in three overlapping words, letters folded to lower case. Folding also turns CR
/// into `-`, but no name holds a CR.
const fn fold(name: &[u8]) -> [u64; 3] {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        let middle = match name.split_at(8).1.first_chunk::<8>() {
            Some(middle) => u64::from_le_bytes(*middle),
            None => 0,
        };
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        return [first | LOWER, middle | LOWER, last | LOWER];
    }
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return [((first as u64) << 32 | last as u64) | LOWER, 0, 0];
    }
    let mut word = 0;
    let mut at = 0;
    while at < name.len() {
        word = word << 8 | (name[at] | 0x20) as u64;
        at += 1;
    }
    [word, 0, 0]
}

const FOLDED: [[u64; 3]; NAMES.len()] = {
    let mut folded = [[0; 3]; NAMES.len()];
    let mut at = 0;
    while at < NAMES.len() {
        // Longer names would have bytes that no word covers.
        assert!(NAMES[at].len() <= 24);
        folded[at] = fold(NAMES[at].as_bytes());
        at += 1;
    }
    folded
};

const SLOTS: [u8; 128] = {
    let mut slots = [u8::MAX; 128];
    let mut at = 0;
    while at < NAMES.len() {
        let slot = slot(NAMES[at].as_bytes());
        assert!(slots[slot] == u8::MAX, "two known field names share a slot");
        slots[slot] = at as u8;
        at += 1;
    }
    slots
};

impl KnownField {
    /// The field of this name, in any case.
    #[inline]
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        let at = SLOTS[slot(name)] as usize;
        let known = NAMES.get(at)?;
        (known.len() == name.len() && FOLDED[at] == fold(name)).then(|| FIELDS[at])
    }

    /// The name as the RFCs write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// For every known name, where in a list of lines the one stands that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownFields {
    index: [u16; NAMES.len()],
}

impl KnownFields {
    #[inline]
    pub(crate) fn get(&self, field: KnownField) -> Option<usize> {
        let index = self.index[field as usize];
        (index != NONE).then_some(index as usize)
    }

    /// Keeps what is there already.
    #[inline]
    pub(crate) fn set_first(&mut self, field: KnownField, index: usize) {
        let slot = &mut self.index[field as usize];
        if *slot == NONE {
            *slot = index as u16;
        }
    }

    #[inline]
    pub(crate) fn set_last(&mut self, field: KnownField, index: usize) {
        self.index[field as usize] = index as u16;
    }

    pub(crate) fn set(&mut self, field: KnownField, index: Option<usize>) {
        self.index[field as usize] = index.map_or(NONE, |index| index as u16);
    }
}

impl Default for KnownFields {
    fn default() -> Self {
        Self {
            index: [NONE; NAMES.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (at, name) in NAMES.iter().enumerate() {
            let expected = Some(FIELDS[at]);
            assert_eq!(KnownField::from_name(name.as_bytes()), expected);
            assert_eq!(
                KnownField::from_name(name.to_uppercase().as_bytes()),
                expected
            );
            assert_eq!(
                KnownField::from_name(name.to_lowercase().as_bytes()),
                expected
            );
            assert_eq!(FIELDS[at].name(), *name);
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in [
            "",
            "x",
            "Hos",
            "Hosts",
            "Content_Length",
            "X-Forwarded-Fo2",
            "\u{e9}tag",
        ] {
            assert_eq!(KnownField::from_name(name.as_bytes()), None, "{name}");
        }
    }
}
