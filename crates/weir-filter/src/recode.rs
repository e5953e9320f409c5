//! `charset` and `source_charset`: from one character set to another.

use std::io::Write as _;
use std::sync::Arc;

use weir_conf::{Decoded, FromUtf8, Recoding};

/// A body being recoded (`ngx_http_charset_body_filter`).
#[derive(Debug)]
pub struct Recode {
    recoding: Arc<Recoding>,
    /// The beginning of a character whose end has not come.
    held: Vec<u8>,
}

impl Recode {
    /// A body that passes through the table.
    pub fn new(recoding: Arc<Recoding>) -> Self {
        Self {
            recoding,
            held: Vec::new(),
        }
    }

    /// What is held at the body's end is no character, and lost as in nginx.
    pub(crate) fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &*self.recoding {
            Recoding::Bytes(table) => {
                out.extend(piece.iter().map(|&byte| table[usize::from(byte)]));
            }
            Recoding::ToUtf8(table) => {
                for &byte in piece {
                    out.extend_from_slice(table.character(byte));
                }
            }
            Recoding::FromUtf8(table) => {
                let mut text = std::mem::take(&mut self.held);
                text.extend_from_slice(piece);
                let settled = from_utf8(table, &text, out);
                text.drain(..settled);
                self.held = text;
            }
        }
    }
}

/// Recodes the whole characters of `text`; how many bytes they take is the value
/// (`ngx_http_charset_recode_from_utf8`).
fn from_utf8(table: &FromUtf8, text: &[u8], out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte < 0x80 {
            out.push(byte);
            at += 1;
            continue;
        }
        match Decoded::of(&text[at..]) {
            Decoded::Incomplete => break,
            Decoded::Invalid(length) => {
                out.push(b'?');
                at += length;
            }
            Decoded::Character(number, length) => {
                match table.byte(number) {
                    Some(byte) => out.push(byte),
                    // Memory takes all that is written.
                    None => drop(write!(out, "&#{number};")),
                }
                at += length;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_recoded_whole_however_it_is_cut() {
        let mut table = FromUtf8::default();
        table.set(0x410, 0xe1);
        let recoding = Arc::new(Recoding::FromUtf8(table));
        let text = "A\u{410}-\u{20ac}-\u{1f600}\u{410}".as_bytes();
        for size in 1..=text.len() {
            let (mut recode, mut out) = (Recode::new(recoding.clone()), Vec::new());
            for piece in text.chunks(size) {
                recode.pass(piece, &mut out);
            }
            assert_eq!(out, b"A\xe1-&#8364;-&#128512;\xe1", "pieces of {size}");
        }
    }
}
