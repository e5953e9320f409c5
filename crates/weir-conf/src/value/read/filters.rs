//! Readers about bodies that are rewritten on their way.

use super::{Call, Reject, number, size};
use crate::pattern::Case;
use crate::value::number::parse_size;
use crate::value::{Charset, GzipDisable, MediaTypes, SubFilter};

/// The type that is always among them.
const HTML: &str = "text/html";

/// Media types: `*` stands for all, `text/html` is always among them (`ngx_http_types_slot`).
pub(crate) fn media_types(call: &mut Call<'_>) -> Result<MediaTypes, Reject> {
    if call.is_default() {
        return Ok(MediaTypes::of(
            call.args.iter().map(|word| lower(&word.text)),
        ));
    }
    let mut names = Vec::new();
    if call.words().is_empty() {
        call.words().push(HTML.to_owned());
        names.push(HTML.into());
    }
    for index in 0..call.args.len() {
        let all = call.words().iter().any(|word| word == "*");
        let media = call.bytes(index);
        let repeats = !all && call.repeats(media);
        if all || media == b"*" {
            return Ok(MediaTypes::any());
        }
        if repeats {
            let media = call.text(index).to_ascii_lowercase();
            call.warn(format!("duplicate MIME type \"{media}\""));
        } else {
            names.push(lower(media));
        }
    }
    Ok(MediaTypes::of(names))
}

fn lower(media: &[u8]) -> Box<str> {
    String::from_utf8_lossy(media).to_ascii_lowercase().into()
}

/// A level of compression (`ngx_conf_check_num_bounds`).
pub(crate) fn gzip_level(call: &mut Call<'_>) -> Result<u32, Reject> {
    match number(call)? {
        level @ 1..=9 => Ok(level),
        _ => Err(Reject::message("value must be between 1 and 9")),
    }
}

/// A window's size, as a power of two (`ngx_http_gzip_window`).
pub(crate) fn gzip_window(call: &mut Call<'_>) -> Result<u8, Reject> {
    power_of(call, &["512", "1k", "2k", "4k", "8k", "16k", "32k"])
}

/// A hash's size, as a power of two (`ngx_http_gzip_hash`).
pub(crate) fn gzip_hash(call: &mut Call<'_>) -> Result<u8, Reject> {
    let sizes = ["512", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k"];
    power_of(call, &sizes)
}

fn power_of(call: &mut Call<'_>, sizes: &[&str]) -> Result<u8, Reject> {
    let size = size(call)?;
    let known = |text: &&str| parse_size(text.as_bytes()) == Some(size);
    if sizes.iter().any(known) {
        return Ok(size.trailing_zeros() as u8);
    }
    let (last, others) = sizes.split_last().unwrap_or((&"", &[]));
    Err(Reject::directive(format!(
        "must be {}, or {last}",
        others.join(", ")
    )))
}

/// Regular expressions, or `msie6` (`ngx_http_gzip_disable`).
pub(crate) fn gzip_disable(call: &mut Call<'_>) -> Result<GzipDisable, Reject> {
    let mut disable = GzipDisable::default();
    for word in call.args {
        if *word.text == *b"msie6" {
            disable.msie6 = true;
        } else {
            let pattern = call.nameless_pattern(&word.text, Case::Ignored)?;
            disable.patterns.push(pattern);
        }
    }
    Ok(disable)
}

/// The name of a character set, or a variable; `off` is none (`ngx_http_set_charset_slot`).
pub(crate) fn charset(call: &mut Call<'_>) -> Result<Charset, Reject> {
    let text = call.bytes(0);
    if text == b"off" && (call.name == "charset" || call.is_default()) {
        return Ok(Charset::Off);
    }
    if let Some(name) = text.strip_prefix(b"$") {
        let name = String::from_utf8_lossy(name);
        return Ok(Charset::Variable(call.cx.variable(&name, call.place)));
    }
    let name = call.text(0);
    Ok(Charset::Named(call.cx.charsets.add(&name)))
}

/// Texts that one block replaces at most: nginx numbers them in a byte.
const MOST_PATTERNS: usize = 255;

/// `PATTERN REPLACEMENT` (`ngx_http_sub_filter`).
pub(crate) fn sub_filter(call: &mut Call<'_>) -> Result<Vec<SubFilter>, Reject> {
    let text = call.bytes(0).to_ascii_lowercase();
    if text.is_empty() {
        return Err(Reject::message("empty search pattern"));
    }
    let number = call.words().len();
    if number == MOST_PATTERNS {
        let message = format!("number of search patterns exceeds {MOST_PATTERNS}");
        return Err(Reject::message(message));
    }
    call.words().push(number.to_string());
    Ok(vec![SubFilter {
        pattern: call.template(&text)?,
        replacement: call.template(call.bytes(1))?,
    }])
}
