//! `charset_map` blocks, and whether there is one wherever one is needed.

use super::walk::each_line;
use crate::model::{Decoded, FromUtf8, Recoding, ToUtf8};
use crate::text::{Block, Directive};
use crate::value::read::{Reading, Reject};
use crate::{Charset, Fault, Settings};

const UTF8: &[u8] = b"utf-8";

/// The last character whose byte a table can tell.
const LAST: u32 = 0xffff;

/// Reads `charset_map FROM TO { ... }`, which serves both ways (`ngx_http_charset_map_block`).
pub(super) fn read(cx: &mut Reading, directive: &Directive, block: &Block) -> Result<(), Reject> {
    let [from, to] = directive.args() else {
        return Ok(());
    };
    let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let (from_name, to_name) = (shown(&from.text), shown(&to.text));
    let (from, to) = (cx.charsets.add(&from_name), cx.charsets.add(&to_name));
    if from == to {
        return Err(Reject::message(format!(
            "\"charset_map\" between the same charsets \"{from_name}\" and \"{to_name}\""
        )));
    }
    if from_name.as_bytes().eq_ignore_ascii_case(UTF8) {
        return Err(Reject::message(
            "\"charset_map\" with \"utf-8\" charset should be given in the second column",
        ));
    }
    if cx.charsets.recoding(from, to).is_some() {
        return Err(Reject::message(format!(
            "duplicate \"charset_map\" between \"{from_name}\" and \"{to_name}\""
        )));
    }
    let (there, back) = match to_name.as_bytes().eq_ignore_ascii_case(UTF8) {
        true => utf8_tables(cx, block),
        false => byte_tables(cx, block),
    };
    cx.charsets.insert(from, to, there);
    cx.charsets.insert(to, from, back);
    Ok(())
}

/// Lines `BYTE BYTES`, the second ones of a character of UTF-8, in hexadecimal digits.
fn utf8_tables(cx: &mut Reading, block: &Block) -> (Recoding, Recoding) {
    let (mut there, mut back) = (ToUtf8::default(), FromUtf8::default());
    for byte in 0..0x80 {
        back.set(u32::from(byte), byte);
    }
    each_line(block, cx, |_, line| {
        let (byte, written) = byte_and_text(line)?;
        let text = character(written).ok_or_else(|| invalid(written))?;
        there.set(byte, &text);
        let number = decode(&text).ok_or_else(|| invalid(written))?;
        back.set(number, byte);
        Ok(())
    });
    (Recoding::ToUtf8(there), Recoding::FromUtf8(back))
}

/// Lines `BYTE BYTE`, in hexadecimal digits.
fn byte_tables(cx: &mut Reading, block: &Block) -> (Recoding, Recoding) {
    let mut table = Box::new([b'?'; 256]);
    for byte in 0..0x80 {
        table[usize::from(byte)] = byte;
    }
    let (mut there, mut back) = (table.clone(), table);
    each_line(block, cx, |_, line| {
        let (byte, written) = byte_and_text(line)?;
        let other = hexadecimal(written).ok_or_else(|| invalid(written))?;
        there[usize::from(byte)] = other;
        back[usize::from(other)] = byte;
        Ok(())
    });
    (Recoding::Bytes(there), Recoding::Bytes(back))
}

/// The two words of a line (`ngx_http_charset_map`).
fn byte_and_text(line: &Directive) -> Result<(u8, &[u8]), Reject> {
    let [other] = line.args() else {
        return Err(Reject::message("invalid parameters number"));
    };
    let byte = hexadecimal(line.name()).ok_or_else(|| invalid(line.name()))?;
    Ok((byte, &other.text))
}

fn invalid(text: &[u8]) -> Reject {
    let text = String::from_utf8_lossy(text);
    Reject::message(format!("invalid value \"{text}\""))
}

/// A byte in hexadecimal digits, zeros before it or not (`ngx_hextoi`).
fn hexadecimal(text: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()?.try_into().ok()
}

/// The bytes of a character, two digits each.
fn character(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() / 2 > ToUtf8::LONGEST {
        return None;
    }
    text.chunks(2).map(hexadecimal).collect()
}

/// The number of the character that a text of several bytes is.
fn decode(text: &[u8]) -> Option<u32> {
    match Decoded::of(text) {
        Decoded::Character(number, _) => (number <= LAST).then_some(number),
        Decoded::Invalid(_) | Decoded::Incomplete => None,
    }
}

/// Notes the table that a location needs (`ngx_http_charset_merge_loc_conf`).
pub(super) fn note(settings: &Settings, cx: &mut Reading) {
    if let (Charset::Named(from), Charset::Named(to)) =
        (&settings.source_charset, &settings.charset)
        && from != to
        && !cx.needed_recodings.contains(&(*from, *to))
    {
        cx.needed_recodings.push((*from, *to));
    }
}

/// Whether each table that locations need is there (`ngx_http_charset_postconfiguration`).
pub(super) fn check(cx: &mut Reading) {
    let lacks = |&&(from, to): &&(usize, usize)| cx.charsets.recoding(from, to).is_none();
    if let Some(&(from, to)) = cx.needed_recodings.iter().find(lacks) {
        let (from, to) = (cx.charsets.name(from), cx.charsets.name(to));
        let text = format!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\"");
        cx.faults.push(Fault::emerg(text, None));
    }
}
