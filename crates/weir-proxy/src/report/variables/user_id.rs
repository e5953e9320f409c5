//! `$uid_got` and `$uid_set`: the cookies of `userid`.

use std::net::IpAddr;

use weir_conf::{UserId, UserIdMode};
use weir_log::Level;
use weir_wire::{KnownField, base64, token};

use super::request::cookie_divider;
use super::{Value, write};
use crate::facts::{Got, Id, View};
use crate::report::error_log::{self, Message, log};

/// Digits of a number in base64 without its padding: what follows may be a mark, or anything.
pub(crate) const DIGITS: usize = 22;

/// `$uid_reset` has no value, be it empty: no cookie can be set.
pub(crate) struct NoValue;

/// `NAME=NUMBER` of the cookie that came (`ngx_http_userid_got_variable`).
pub(super) fn got(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let Some(rules) = rules(view) else {
        return Value::Missing;
    };
    match sent(view, rules) {
        Some(got) => named(rules, &got.id, out),
        None => Value::Missing,
    }
}

/// The same of the one that is set (`ngx_http_userid_set_variable`).
pub(super) fn set(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let Some(rules) = rules(view).filter(|rules| rules.mode != UserIdMode::Log) else {
        return Value::Missing;
    };
    match given(view, rules) {
        Ok(Some(id)) => named(rules, &id, out),
        Ok(None) | Err(NoValue) => Value::Missing,
    }
}

/// Those of the main request.
fn rules(view: View<'_>) -> Option<&UserId> {
    match view.req.state.is_sub {
        true => view.req.state.visitor.rules.as_deref(),
        false => view.settings().userid.as_deref(),
    }
}

/// `NAME=` and the numbers as this machine sees them, in hexadecimal (`ngx_http_userid_variable`).
fn named(rules: &UserId, id: &Id, out: &mut Vec<u8>) -> Value {
    out.extend_from_slice(&rules.name);
    out.push(b'=');
    write_numbers(id, out);
    Value::Found
}

fn write_numbers(id: &Id, out: &mut Vec<u8>) {
    for number in id.chunks_exact(4) {
        let number = number.try_into().map_or(0, u32::from_ne_bytes);
        out.extend_from_slice(format!("{number:08X}").as_bytes());
    }
}

/// The cookie that came, looked for on first use (`ngx_http_userid_get_uid`).
pub(crate) fn sent<'a>(view: View<'a>, rules: &UserId) -> Option<&'a Got> {
    let got = &view.req.state.visitor.visitor().got;
    if got.get().is_none() {
        let (found, fault) = find(view, rules);
        // Before the log is told, whose lines may ask for the same.
        let _asked_first = got.set(found);
        if let Some(text) = fault {
            error_log::error(view, Message::bytes(&text));
        }
    }
    got.get()?.as_ref()
}

/// The cookie, or what is wrong with it.
fn find(view: View<'_>, rules: &UserId) -> (Option<Got>, Option<Vec<u8>>) {
    let req = view.req;
    let divider = cookie_divider(view);
    let mut lines = req.head.fields.values(KnownField::Cookie, &req.bytes);
    let found = lines.find_map(|line| {
        let value = token::pair_value([line], &rules.name, divider)?;
        Some((line, value))
    });
    let Some((line, text)) = found else {
        return (None, None);
    };
    let refused = |fault: &str| {
        let before = format!("client sent {fault} userid cookie \"");
        (None, Some([before.as_bytes(), line, b"\""].concat()))
    };
    let Some(digits) = text.get(..DIGITS) else {
        return refused("too short");
    };
    let Some(bytes) = base64::decode(digits) else {
        return refused("invalid");
    };
    let mut id = Id::default();
    id[..bytes.len()].copy_from_slice(&bytes);
    let text = text.into();
    (is_number(&id).then_some(Got { id, text }), None)
}

/// One without its last part is none.
fn is_number(id: &Id) -> bool {
    id[12..] != [0; 4]
}

/// The cookie to set, if one is due: nobody sent one, or it lacks the mark, or is to be replaced
/// (`ngx_http_userid_create_uid`).
pub(crate) fn given(view: View<'_>, rules: &UserId) -> Result<Option<Id>, NoValue> {
    let visitor = view.req.state.visitor.visitor();
    if let Some(id) = visitor.given.get() {
        return Ok(Some(id));
    }
    let new = || view.link.shop.visitors.give(rules.mode, place(view, rules));
    let Some(got) = sent(view, rules) else {
        let id = visitor.given.get().unwrap_or_else(new);
        visitor.given.set(Some(id));
        return Ok(Some(id));
    };
    let mut word = Vec::new();
    if write(view, &rules.reset, &mut word) == Value::Missing {
        return Err(NoValue);
    }
    if matches!(word.as_slice(), b"" | b"0") {
        visitor.given.set(lacks_mark(rules, got).then_some(got.id));
        return Ok(visitor.given.get());
    }
    visitor.is_reset.set(true);
    // Before the log is told, whose lines may ask for the same.
    let id = visitor.given.get().unwrap_or_else(new);
    visitor.given.set(Some(id));
    if word == b"log" {
        tell_of_reset(view, rules, &got.id);
    }
    Ok(Some(id))
}

fn lacks_mark(rules: &UserId, got: &Got) -> bool {
    let marked = |mark| got.text.get(DIGITS..DIGITS + 2) == Some(&[mark, b'=']);
    rules.mark.is_some_and(|mark| !marked(mark))
}

fn tell_of_reset(view: View<'_>, rules: &UserId, id: &Id) {
    let mut text = [b"userid cookie \"", &rules.name[..], b"="].concat();
    write_numbers(id, &mut text);
    text.extend_from_slice(b"\" was reset");
    log(view, Level::Notice, Message::bytes(&text));
}

/// The first of the numbers: where the cookie was given out.
fn place(view: View<'_>, rules: &UserId) -> [u8; 4] {
    match (rules.service, rules.mode) {
        (Some(service), UserIdMode::V1) => (service as u32).to_ne_bytes(),
        (Some(service), _) => (service as u32).to_be_bytes(),
        (None, UserIdMode::V1) => [0; 4],
        (None, _) => match view.local_address().map(|address| address.ip()) {
            Some(IpAddr::V4(address)) => address.octets(),
            Some(IpAddr::V6(address)) => {
                let [.., a, b, c, d] = address.octets();
                [a, b, c, d]
            }
            None => [0; 4],
        },
    }
}
