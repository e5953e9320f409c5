//! A header block on its way out.

use crate::hpack::huffman;

/// Names that nginx writes as an index into the static table, which is this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "each variant is a field's name")]
pub enum Name {
    Authority = 1,
    Method = 2,
    Path = 4,
    Scheme = 6,
    Status = 8,
    ContentLength = 28,
    ContentType = 31,
    Date = 33,
    LastModified = 44,
    Location = 46,
    Server = 54,
    Vary = 59,
}

/// A header block: what is put in is encoded at once, as ngx_http_v2_header_filter does. Values are
/// Huffman-coded where that is shorter. nginx uses no table of its own: nothing refers to earlier fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// `:status`: an index for the seven statuses of the static table.
    #[inline]
    pub fn status(&mut self, status: u16) {
        let index = match status {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => {
                let digits = [status / 100 % 10, status / 10 % 10, status % 10];
                let [a, b, c] = digits.map(|digit| b'0' + digit as u8);
                let octets = [0x40 | Name::Status as u8, 3, a, b, c];
                self.bytes.extend_from_slice(&octets);
                return;
            }
        };
        self.bytes.push(0x80 | index);
    }

    /// A field that nginx writes itself: an index for the name and the value, marked as one to be
    /// kept in the peer's table as nginx marks it.
    #[inline]
    pub fn named(&mut self, name: Name, value: &[u8]) {
        self.bytes.push(0x40 | name as u8);
        self.string(value, false);
    }

    /// `content-length` that nginx writes itself: digits, never Huffman-coded.
    #[inline]
    pub fn content_length(&mut self, length: u64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        let start = [0x40 | Name::ContentLength as u8, digits.len() as u8];
        self.bytes.extend_from_slice(&start);
        self.bytes.extend_from_slice(digits);
    }

    /// Any other field, such as one that an upstream sent: the name in letters, lower-cased, never kept.
    #[inline]
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        self.bytes.push(0);
        self.string(name, true);
        self.string(value, false);
    }

    /// What has been encoded.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes everything out again.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// ngx_http_v2_string_encode.
    #[inline]
    fn string(&mut self, text: &[u8], lower: bool) {
        let coded = huffman::encoded_len(text, lower);
        if coded < text.len() {
            self.int(0x80, coded);
            huffman::encode(text, lower, &mut self.bytes);
            return;
        }
        self.int(0, text.len());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        if lower {
            self.bytes[start..].make_ascii_lowercase();
        }
    }

    /// An integer behind one bit.
    #[inline]
    fn int(&mut self, bit: u8, value: usize) {
        if value < 0x7f {
            self.bytes.push(bit | value as u8);
            return;
        }
        self.bytes.push(bit | 0x7f);
        let mut rest = value - 0x7f;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }
}
