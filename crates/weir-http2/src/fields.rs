//! The fields of a head: ranges over one text, in the order of the wire.

/// Names and values as they were sent, decoded and otherwise raw: what is malformed in HTTP's eyes
/// is for whoever reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub(crate) text: Vec<u8>,
    pub(crate) lines: Vec<FieldLine>,
}

/// Where a field stands in the text; its value comes right behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine {
    /// The name's first byte.
    pub start: u32,
    /// The byte behind the name: the value's first.
    pub value: u32,
    /// The byte behind the value.
    pub end: u32,
}

impl Fields {
    /// The text that the lines point into.
    #[inline]
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The lines in order.
    #[inline]
    #[must_use]
    pub fn lines(&self) -> &[FieldLine] {
        &self.lines
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines
            .iter()
            .map(|line| (self.name(line), self.value(line)))
    }

    /// Takes everything out.
    #[inline]
    pub fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    /// Octets that it keeps, however little is in it.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.text.capacity() + self.lines.capacity() * size_of::<FieldLine>()
    }

    /// A line's name.
    #[inline]
    #[must_use]
    pub fn name(&self, line: &FieldLine) -> &[u8] {
        &self.text[line.start as usize..line.value as usize]
    }

    /// A line's value.
    #[inline]
    #[must_use]
    pub fn value(&self, line: &FieldLine) -> &[u8] {
        &self.text[line.value as usize..line.end as usize]
    }
}
