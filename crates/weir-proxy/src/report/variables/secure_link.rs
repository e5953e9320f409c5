//! `$secure_link` and `$secure_link_expires`: whether somebody who knows the secret made the link.

use md5::{Digest, Md5};
use weir_conf::Template;
use weir_io::clock;
use weir_wire::base64;

use super::{Value, expand, text};
use crate::facts::View;

/// `1`, or `0` if the link's time is over; no value if the link is not one of ours
/// (`ngx_http_secure_link_variable`).
pub(super) fn verdict(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let settings = view.settings();
    if let Some(secret) = &settings.secure_link_secret {
        return Value::of(signed_part(view, secret), out);
    }
    let (Some(link), Some(signed)) = (&settings.secure_link, &settings.secure_link_md5) else {
        return Value::Missing;
    };
    match is_over(view, link, signed) {
        Some(over) => Value::of(Some(if over { b"0" } else { b"1" }), out),
        None => Value::Missing,
    }
}

/// Whether the link's time is over; `None` if its hash is not that of what was signed.
fn is_over(view: View<'_>, link: &Template, signed: &Template) -> Option<bool> {
    const LONGEST_HASH: usize = 24;
    let link = text(view, link);
    let comma = memchr::memchr(b',', &link);
    let mut expires = None;
    if let Some(comma) = comma {
        expires = Some(seconds(&link[comma + 1..])?);
        // What was signed may hold it, and other texts from now on.
        view.req.state.link_expires.set(true);
    }
    let hash = &link[..comma.unwrap_or(link.len())];
    let hash = Some(hash).filter(|hash| hash.len() <= LONGEST_HASH)?;
    let hash = base64::decode_url(hash)?;
    let made = Md5::digest(text(view, signed));
    if !are_same(&hash, &made) {
        return None;
    }
    Some(expires.is_some_and(|expires| expires < clock::unix_seconds()))
}

/// A number of seconds, digits alone and not 0 (`ngx_atotm`).
fn seconds(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok().filter(|&seconds| seconds > 0)
}

/// What the link says of its end, once `$secure_link` has been asked for
/// (`ngx_http_secure_link_expires_variable`).
pub(super) fn expires(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let Some(link) = &view.settings().secure_link else {
        return Value::Missing;
    };
    if !view.req.state.link_expires.get() {
        return Value::Missing;
    }
    let start = out.len();
    expand(view, link, out);
    match memchr::memchr(b',', &out[start..]) {
        Some(comma) => {
            out.drain(start..=start + comma);
            Value::Found
        }
        None => {
            out.truncate(start);
            Value::Missing
        }
    }
}

/// What stands behind the hash in `/PREFIX/HASH/LINK`, if the hash is that of the link and the secret
/// (`ngx_http_secure_link_old_variable`).
fn signed_part<'a>(view: View<'a>, secret: &[u8]) -> Option<&'a [u8]> {
    let uri = view.req.text(view.req.head.raw_uri).get(1..)?;
    let start = memchr::memchr(b'/', uri)? + 1;
    let end = start + memchr::memchr(b'/', &uri[start..])?;
    let link = Some(&uri[end + 1..]).filter(|link| !link.is_empty())?;
    let hash = hexadecimal(&uri[start..end])?;
    let made = Md5::new().chain_update(link).chain_update(secret);
    are_same(&hash, &made.finalize()).then_some(link)
}

fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    });
    pairs.collect()
}

/// Compares without telling by its time where two hashes differ.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    let differing = |differing, (one, other): (&u8, &u8)| differing | (one ^ other);
    one.len() == other.len() && std::hint::black_box(one.iter().zip(other).fold(0, differing)) == 0
}
