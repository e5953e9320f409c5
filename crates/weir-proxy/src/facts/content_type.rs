//! The `Content-Type` of an answer.

use std::ops::Range;

/// A media type, and the character set that is told with it: nginx's `content_type`, `content_type_len` and
/// `charset`.
#[derive(Debug, Default)]
pub(crate) struct ContentType {
    text: Vec<u8>,
    /// The text may name a character set: it is an upstream's, or complete. In our own ones none is looked for.
    is_sent: bool,
    /// A character set that stands in for the one in the text.
    told: Option<Box<[u8]>>,
}

/// What an upstream's text says, as far as it is asked.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    /// Where the media type ends; parameters without a character set are part of it.
    media_type: usize,
    charset: Range<usize>,
}

impl ContentType {
    /// A type of our own, in the character set of the one before, as in nginx.
    pub(crate) fn set(&mut self, text: &[u8]) {
        self.forget_type();
        self.text.extend_from_slice(text);
        self.is_sent = false;
    }

    /// The type that an upstream sent (`ngx_http_upstream_copy_content_type`).
    pub(crate) fn set_sent(&mut self, text: &[u8]) {
        self.set(text);
        self.is_sent = true;
        if self.told.is_some() && !parts(text).charset.is_empty() {
            self.told = None;
        }
    }

    /// There is none, and no character set.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.is_sent = false;
        self.told = None;
    }

    /// There is no type; the next one gets the character set of the last one, as in nginx.
    pub(crate) fn forget_type(&mut self) {
        if self.is_sent && self.told.is_none() {
            let charset = self.charset();
            self.told = (!charset.is_empty()).then(|| charset.into());
        }
        self.text.clear();
        self.is_sent = false;
    }

    /// What the head shows.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The memory of the text.
    pub(crate) fn room(&self) -> &Vec<u8> {
        &self.text
    }

    /// The type without its character set.
    pub(crate) fn media_type(&self) -> &[u8] {
        match self.is_sent {
            true => &self.text[..parts(&self.text).media_type],
            false => &self.text,
        }
    }

    /// The character set that is known so far; empty if none is.
    pub(crate) fn charset(&self) -> &[u8] {
        match &self.told {
            Some(charset) => charset,
            None if self.is_sent => &self.text[parts(&self.text).charset],
            None => &[],
        }
    }

    /// Tells this character set; an empty one is none.
    pub(crate) fn tell_charset(&mut self, charset: &[u8]) {
        self.told = Some(charset.into());
    }

    /// Drops the character set that the text names.
    pub(crate) fn drop_parameters(&mut self) {
        let length = self.media_type().len();
        self.text.truncate(length);
        self.is_sent = false;
    }

    /// Writes the character set into a text that names none (`ngx_http_header_filter`).
    pub(crate) fn complete(&mut self) {
        let has_none = self.told.is_none() || self.text.is_empty();
        if has_none || self.media_type().len() < self.text.len() {
            return;
        }
        if let Some(charset) = self.told.take().filter(|charset| !charset.is_empty()) {
            self.text.extend_from_slice(b"; charset=");
            self.text.extend_from_slice(&charset);
            self.is_sent = true;
        }
    }
}

/// Looks for a `charset` among the parameters of `text`.
fn parts(text: &[u8]) -> Parts {
    const NAME: &[u8] = b"charset=";
    let mut at = 0;
    while let Some(found) = memchr::memchr(b';', text.get(at..).unwrap_or_default()) {
        let semicolon = at + found;
        let behind = &text[semicolon + 1..];
        let blanks = behind.iter().take_while(|byte| **byte == b' ').count();
        let name = semicolon + 1 + blanks;
        let rest = &text[name..];
        if rest.len() >= NAME.len() && rest[..NAME.len()].eq_ignore_ascii_case(NAME) {
            let mut charset = name + NAME.len()..text.len();
            if text.get(charset.start) == Some(&b'"') {
                charset.start += 1;
            }
            if charset.end > charset.start && text[charset.end - 1] == b'"' {
                charset.end -= 1;
            }
            return Parts {
                media_type: semicolon,
                charset,
            };
        }
        at = name + 1;
    }
    Parts {
        media_type: text.len(),
        charset: 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_set_is_found_among_the_parameters() {
        for (text, media_type, charset) in [
            ("text/html", "text/html", ""),
            ("text/html; charset=utf-8", "text/html", "utf-8"),
            ("text/html;CHARSET=\"utf-8\"", "text/html", "utf-8"),
            ("text/html;  charset=", "text/html", ""),
            ("text/html; charset=\"", "text/html", ""),
            ("text/html; a=b; charset=x; c=d", "text/html; a=b", "x; c=d"),
            ("text/html; a=b", "text/html; a=b", ""),
            ("text/html;", "text/html;", ""),
            ("text/html;;charset=x", "text/html;;charset=x", ""),
        ] {
            let mut content_type = ContentType::default();
            content_type.set_sent(text.as_bytes());
            let seen = (content_type.media_type(), content_type.charset());
            assert_eq!(seen, (media_type.as_bytes(), charset.as_bytes()), "{text}");
            content_type.complete();
            assert_eq!(content_type.text(), text.as_bytes(), "nothing is added");
        }
    }

    #[test]
    fn a_character_set_outlasts_its_type_unless_another_is_sent() {
        let mut content_type = ContentType::default();
        content_type.set_sent(b"text/html; charset=koi8-r");
        content_type.set_sent(b"text/plain");
        assert_eq!(content_type.charset(), b"koi8-r");
        content_type.set_sent(b"text/css; charset=utf-8");
        assert_eq!(content_type.charset(), b"utf-8");
        content_type.set(b"text/html");
        content_type.complete();
        assert_eq!(content_type.text(), b"text/html; charset=utf-8");
        content_type.clear();
        content_type.set(b"text/html");
        assert_eq!(content_type.charset(), b"");
    }

    #[test]
    fn a_character_set_that_is_told_stands_in_for_the_one_sent() {
        let mut content_type = ContentType::default();
        content_type.set_sent(b"text/html; charset=koi8-r");
        content_type.drop_parameters();
        content_type.tell_charset(b"utf-8");
        content_type.complete();
        assert_eq!(content_type.text(), b"text/html; charset=utf-8");
    }
}
