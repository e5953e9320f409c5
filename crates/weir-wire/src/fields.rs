//! The field lines of a head: as ranges over the buffer they were read from, or with a text of their
//! own.

use crate::field::{Field, KnownField, KnownFields};
use crate::span::Span;

/// The lines of one head, in order, and where the known ones stand. Parsed heads and answers share it,
/// so a line is removed by a mark: the others keep their indices (nginx sets `hash` to 0).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    lines: Vec<Field>,
    known: KnownFields,
    removed: usize,
}

impl Fields {
    /// Adds a line behind the others; of repeated ones the first goes on to count.
    #[inline]
    pub fn push(&mut self, field: Field) {
        if let Some(known) = field.known {
            self.known.set_first(known, self.lines.len());
        }
        self.lines.push(field);
    }

    /// Adds a line behind the others; of repeated ones it counts, as in upstream heads before
    /// nginx 1.23.
    #[inline]
    pub fn push_counting(&mut self, field: Field) {
        if let Some(known) = field.known {
            self.known.set_last(known, self.lines.len());
        }
        self.lines.push(field);
    }

    /// Holds from now on what `other` holds; keeps the memory that it has.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.lines.clear();
        self.lines.extend_from_slice(&other.lines);
        self.known = other.known.clone();
        self.removed = other.removed;
    }

    /// Empties the list and keeps its memory.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.known = KnownFields::default();
        self.removed = 0;
    }

    /// Lines ever added, removed ones included: the indices that [`Self::at`] knows.
    #[inline]
    #[must_use]
    pub fn end(&self) -> usize {
        self.lines.len()
    }

    /// Whether no line is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.len() == self.removed
    }

    /// The line at `index`, unless it was removed.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Field> {
        self.lines.get(index).copied().filter(|line| !line.removed)
    }

    /// The lines, in order.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Field> + Clone {
        self.lines.iter().filter(|line| !line.removed)
    }

    /// Whether there is a line of this name.
    #[inline]
    #[must_use]
    pub fn has(&self, known: KnownField) -> bool {
        self.known.get(known).is_some()
    }

    /// The line of this name that counts.
    #[inline]
    #[must_use]
    pub fn get(&self, known: KnownField) -> Option<&Field> {
        self.known
            .get(known)
            .and_then(|index| self.lines.get(index))
    }

    /// Its value.
    #[inline]
    #[must_use]
    pub fn value<'a>(&self, known: KnownField, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.get(known).map(|field| field.value.of(buf))
    }

    /// Values of all lines of this name, in order; none are looked for where none counts.
    #[inline]
    pub fn values<'a>(
        &'a self,
        known: KnownField,
        buf: &'a [u8],
    ) -> impl Iterator<Item = &'a [u8]> + Clone {
        let lines = if self.has(known) {
            &self.lines[..]
        } else {
            &[]
        };
        lines
            .iter()
            .filter(move |line| !line.removed && line.known == Some(known))
            .map(|line| line.value.of(buf))
    }

    /// Values of all lines that a variable calls `name`: lower case, `-` for every `-` and `_` of a
    /// name on the wire (ngx_http_variable_unknown_header).
    pub fn spelled<'a>(
        &'a self,
        name: &'a [u8],
        buf: &'a [u8],
    ) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.iter()
            .filter(move |line| is_spelled(line.name.of(buf), name))
            .map(|line| line.value.of(buf))
    }

    /// Removes the line at `index`. If it counted, the next one of its name does from now on.
    pub fn remove(&mut self, index: usize) {
        let Some(line) = self.lines.get_mut(index) else {
            return;
        };
        if std::mem::replace(&mut line.removed, true) {
            return;
        }
        self.removed += 1;
        let Some(known) = line.known else {
            return;
        };
        if self.known.get(known) == Some(index) {
            let same = |line: &Field| !line.removed && line.known == Some(known);
            self.known.set(known, self.lines.iter().position(same));
        }
    }

    /// The lines' room, to be asked for before it is used.
    #[must_use]
    pub fn room(&self) -> &Vec<Field> {
        &self.lines
    }
}

/// Whether a variable that writes `-` for `-` and `_` means the field called `sent`.
fn is_spelled(sent: &[u8], wanted: &[u8]) -> bool {
    sent.len() == wanted.len()
        && sent.iter().zip(wanted).all(|(sent, &wanted)| {
            let sent = sent.to_ascii_lowercase();
            sent == wanted || (wanted == b'-' && sent == b'_')
        })
}

/// The fields of an answer or its trailers, with a text of their own: edited, and then written as lines.
/// Of the names that nginx keeps a pointer to in `headers_out` one line counts, the one that was set
/// last; lines that were only added count for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldLines {
    /// `Name: value` and CRLF for each line that was added; after an edit there is more in it.
    text: Vec<u8>,
    fields: Fields,
    edited: bool,
}

impl FieldLines {
    /// Adds a line behind the others, which no rule looks for.
    #[inline]
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let line = self.append_line(name, value, None);
        self.fields.push(line);
    }

    /// Adds a line behind the others; from now on it counts for `known`.
    #[inline]
    pub fn push(&mut self, known: KnownField, name: &[u8], value: &[u8]) {
        let line = self.append_line(name, value, Some(known));
        self.fields.push_counting(line);
    }

    #[inline]
    fn append_line(&mut self, name: &[u8], value: &[u8], known: Option<KnownField>) -> Field {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(b": ");
        let at = self.text.len();
        self.text.extend_from_slice(value);
        let end = self.text.len();
        self.text.extend_from_slice(b"\r\n");
        let name = Span::new(start, start + name.len());
        Field::new(name, Span::new(at, end), known)
    }

    /// Gives the line that counts for `known` another name and value, or adds one; an empty value
    /// removes it (`ngx_http_set_response_header`).
    pub fn set(&mut self, known: KnownField, name: &[u8], value: &[u8]) {
        if value.is_empty() {
            return self.remove(known);
        }
        let Some(index) = self.fields.known.get(known) else {
            return self.push(known, name, value);
        };
        let line = self.append_line(name, value, Some(known));
        self.fields.lines[index] = line;
        self.edited = true;
    }

    /// Gives the line that counts for `known` another value, under the name that it has, or adds one
    /// called `name`.
    pub fn set_value(&mut self, known: KnownField, name: &[u8], value: &[u8]) {
        let Some(index) = self.fields.known.get(known) else {
            return self.push(known, name, value);
        };
        let start = self.text.len();
        self.text.extend_from_slice(value);
        self.fields.lines[index].value = Span::new(start, self.text.len());
        self.edited = true;
    }

    /// As [`Self::set_value`] for the first line that was pushed for `known`; the others are removed.
    pub fn set_only(&mut self, known: KnownField, name: &[u8], value: &[u8]) {
        let mut first = None;
        for index in 0..self.fields.end() {
            let field = self.fields.at(index);
            if field.is_none_or(|field| field.known != Some(known)) {
                continue;
            }
            match first {
                None => first = Some(index),
                Some(_) => self.fields.remove(index),
            }
        }
        self.fields.known.set(known, first);
        self.set_value(known, name, value);
    }

    /// Removes the line that counts for `known`; none counts then.
    pub fn remove(&mut self, known: KnownField) {
        let Some(index) = self.fields.known.get(known) else {
            return;
        };
        self.forget(known);
        self.fields.remove(index);
        self.edited = true;
    }

    /// Removes every line that was pushed for `known`.
    pub fn remove_all(&mut self, known: KnownField) {
        for index in 0..self.fields.end() {
            let field = self.fields.at(index);
            if field.is_some_and(|field| field.known == Some(known)) {
                self.fields.remove(index);
                self.edited = true;
            }
        }
    }

    /// No line counts for `known` any more; those that are there stay.
    pub fn forget(&mut self, known: KnownField) {
        self.fields.known.set(known, None);
    }

    /// Empties the list and keeps its memory.
    pub fn clear(&mut self) {
        if self.text.is_empty() {
            return;
        }
        self.text.clear();
        self.fields.clear();
        self.edited = false;
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.fields
            .iter()
            .map(|line| (line.name.of(&self.text), line.value.of(&self.text)))
    }

    /// Whether a line counts for `known`.
    #[must_use]
    pub fn has(&self, known: KnownField) -> bool {
        self.fields.has(known)
    }

    /// Value of the line that counts for `known`.
    #[must_use]
    pub fn value(&self, known: KnownField) -> Option<&[u8]> {
        self.fields.value(known, &self.text)
    }

    /// Values of all lines that a variable calls `name`, as [`Fields::spelled`].
    pub fn spelled<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.fields.spelled(name, &self.text)
    }

    /// Appends the lines, each with its CRLF.
    pub fn write(&self, out: &mut Vec<u8>) {
        if !self.edited {
            out.extend_from_slice(&self.text);
            return;
        }
        for (name, value) in self.iter() {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The text's room, to be asked for before it is used.
    #[must_use]
    pub fn room(&self) -> &Vec<u8> {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies() -> FieldLines {
        let mut lines = FieldLines::default();
        lines.push(KnownField::SetCookie, b"Set-Cookie", b"a=1");
        lines.add(b"x_own", b"2");
        lines.push(KnownField::Etag, b"ETag", b"\"3\"");
        lines.push(KnownField::SetCookie, b"set-cookie", b"b=4");
        lines.add(b"X-Own", b"");
        lines
    }

    fn check(lines: &FieldLines, expected: &str) {
        let mut out = Vec::new();
        lines.write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out).replace("\r\n", "|"), expected);
    }

    #[test]
    fn lines_are_written_as_they_were_added() {
        check(
            &cookies(),
            "Set-Cookie: a=1|x_own: 2|ETag: \"3\"|set-cookie: b=4|X-Own: |",
        );
    }

    #[test]
    fn the_last_of_a_name_counts_and_all_are_found() {
        let lines = cookies();
        assert_eq!(lines.value(KnownField::SetCookie), Some(&b"b=4"[..]));
        let all: Vec<_> = lines.spelled(b"set-cookie").collect();
        assert_eq!(all, [b"a=1", b"b=4"]);
        let spelled: Vec<_> = lines.spelled(b"x-own").collect();
        assert_eq!(spelled, [&b"2"[..], b""]);
        assert_eq!(lines.spelled(b"x-ow").count(), 0);
        assert_eq!(lines.value(KnownField::Via), None);
    }

    #[test]
    fn a_removed_line_leaves_the_others_in_place() {
        let buf = b"Via: a\r\nVia: b\r\n";
        let via = |value| {
            let known = Some(KnownField::Via);
            Field::new(Span::new(0, 3), Span::new(value, value + 1), known)
        };
        let mut fields = Fields::default();
        fields.push(via(5));
        fields.push(via(13));
        fields.remove(0);
        fields.remove(0);
        assert_eq!(fields.iter().count(), 1);
        assert_eq!((fields.end(), fields.at(0)), (2, None));
        assert_eq!(fields.value(KnownField::Via, buf), Some(&b"b"[..]));
        fields.remove(1);
        assert!(!fields.has(KnownField::Via));
        for index in 0..9 {
            fields.remove(index);
        }
        assert!(fields.is_empty());
    }

    #[test]
    fn an_edited_line_stays_where_it_was() {
        let mut lines = cookies();
        lines.set(KnownField::Etag, b"etag", b"\"longer\"");
        lines.set(KnownField::LastModified, b"Last-Modified", b"now");
        check(
            &lines,
            "Set-Cookie: a=1|x_own: 2|etag: \"longer\"|set-cookie: b=4|X-Own: |Last-Modified: now|",
        );
        lines.clear();
        check(&lines, "");
    }

    #[test]
    fn a_value_is_set_under_the_name_that_is_there() {
        let mut lines = cookies();
        lines.set_value(KnownField::SetCookie, b"Set-Cookie", b"c=5");
        lines.set_value(KnownField::Expires, b"Expires", b"now");
        check(
            &lines,
            "Set-Cookie: a=1|x_own: 2|ETag: \"3\"|set-cookie: c=5|X-Own: |Expires: now|",
        );
        lines.set_only(KnownField::SetCookie, b"SET-COOKIE", b"longer=6");
        lines.set_only(KnownField::Via, b"Via", b"1");
        check(
            &lines,
            "Set-Cookie: longer=6|x_own: 2|ETag: \"3\"|X-Own: |Expires: now|Via: 1|",
        );
        assert_eq!(lines.value(KnownField::SetCookie), Some(&b"longer=6"[..]));
    }

    #[test]
    fn only_the_line_that_counts_is_removed() {
        let mut lines = cookies();
        lines.remove(KnownField::SetCookie);
        assert!(!lines.has(KnownField::SetCookie));
        lines.remove(KnownField::SetCookie);
        lines.set(KnownField::Etag, b"ETag", b"");
        lines.set(KnownField::Via, b"Via", b"");
        check(&lines, "Set-Cookie: a=1|x_own: 2|X-Own: |");
        lines.push(KnownField::Via, b"Via", b"1");
        lines.forget(KnownField::Via);
        lines.remove(KnownField::Via);
        check(&lines, "Set-Cookie: a=1|x_own: 2|X-Own: |Via: 1|");
    }

    #[test]
    fn the_last_of_a_name_counts_where_it_is_said_to() {
        let buf = b"Via: a\r\nVia: b\r\n";
        let via = |value| {
            let known = Some(KnownField::Via);
            Field::new(Span::new(0, 3), Span::new(value, value + 1), known)
        };
        let mut fields = Fields::default();
        fields.push_counting(via(5));
        fields.push_counting(via(13));
        assert_eq!(fields.value(KnownField::Via, buf), Some(&b"b"[..]));
        fields.remove(1);
        assert_eq!(fields.value(KnownField::Via, buf), Some(&b"a"[..]));
    }
}
