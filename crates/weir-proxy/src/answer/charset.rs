//! `charset`, `source_charset`, `override_charset`.

use weir_conf::{Charset, Charsets};
use weir_filter::{Filter, Recode};
use weir_wire::KnownField;

use crate::facts::{Session, View};
use crate::report::error_log::{self, Message};
use crate::report::variables::{self, Value};

/// A character set: its name, and its place among those that the configuration names.
struct Known {
    name: Vec<u8>,
    place: Option<usize>,
}

/// The answer is not sent: a variable that names its character set has no value.
pub(super) struct NoValue;

/// Tells the character set of the answer, and has it recoded where it comes in another; what is put into the answer
/// to a main request is recoded to that one's (`ngx_http_charset_header_filter`).
pub(super) fn filter(session: &mut Session) -> Result<(), NoValue> {
    let to = match session.client.outlet().map(|outlet| &outlet.charset) {
        Some(charset) if charset.is_empty() => None,
        Some(charset) => Some(named(session.view(), charset)),
        None => destination(session.view())?,
    };
    let Some(to) = to else {
        return Ok(());
    };
    let Some(from) = source(session.view())? else {
        tell(session, &to.name);
        return Ok(());
    };
    match (from.place, to.place) {
        (Some(from_place), Some(to_place)) if from_place == to_place => {
            session.req.response.content_type.drop_parameters();
            tell(session, &to.name);
        }
        (Some(from_place), Some(to_place)) => recode(session, (from, from_place), (to, to_place)),
        (None, None) if begins_with(&from.name, &to.name) => tell(session, &to.name),
        _ => no_map(session.view(), &from.name, &to.name),
    }
    Ok(())
}

/// As nginx compares them: as far as the first one goes.
fn begins_with(from: &[u8], to: &[u8]) -> bool {
    from.get(..to.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(to))
}

fn charsets(view: View<'_>) -> &Charsets {
    &view.link.plan.http().charsets
}

/// The character set that the client is to get (`ngx_http_destination_charset`).
fn destination(view: View<'_>) -> Result<Option<Known>, NoValue> {
    let (settings, response) = (view.settings(), &view.req.response);
    if response.content_type.is_empty() {
        return Ok(None);
    }
    if let Some(name) = &response.accel_charset
        && !name.is_empty()
    {
        let known = named(view, name);
        if known.place.is_none() {
            let text = [b"unknown charset \"", &name[..], b"\" to override"].concat();
            error_log::error(view, Message::bytes(&text));
        }
        return Ok(Some(known).filter(|known| known.place.is_some()));
    }
    let wanted = match response.content_type.charset() {
        [] => settings
            .charset_types
            .contain(response.content_type.media_type()),
        _ => settings.override_charset,
    };
    match wanted {
        true => evaluate(view, &settings.charset),
        false => Ok(None),
    }
}

/// The character set that the answer comes in; `None` if nobody says (`ngx_http_source_charset`).
fn source(view: View<'_>) -> Result<Option<Known>, NoValue> {
    match view.req.response.content_type.charset() {
        [] => evaluate(view, &view.settings().source_charset),
        sent => Ok(Some(named(view, sent))),
    }
}

fn named(view: View<'_>, name: &[u8]) -> Known {
    Known {
        name: name.to_vec(),
        place: charsets(view).find(name),
    }
}

fn evaluate(view: View<'_>, charset: &Charset) -> Result<Option<Known>, NoValue> {
    match charset {
        Charset::Off => Ok(None),
        Charset::Named(place) => Ok(Some(Known {
            name: charsets(view).name(*place).as_bytes().to_vec(),
            place: Some(*place),
        })),
        Charset::Variable(variable) => {
            let mut name = Vec::new();
            match variables::write(view, variable, &mut name) {
                Value::Found => Ok(Some(named(view, &name))),
                Value::Missing => Err(NoValue),
            }
        }
    }
}

/// Says what the client gets (`ngx_http_set_charset`); of a redirect nothing is said, lest old browsers take
/// it for that of the page that follows.
fn tell(session: &mut Session, name: &[u8]) {
    let redirects = matches!(session.req.response.status, 301 | 302);
    let name = if redirects { &[] } else { name };
    session.req.response.content_type.tell_charset(name);
}

/// Recodes an answer that is not compressed.
fn recode(session: &mut Session, from: (Known, usize), to: (Known, usize)) {
    let encoding = session
        .req
        .response
        .fields
        .value(KnownField::ContentEncoding);
    if encoding.is_some_and(|encoding| !encoding.is_empty()) {
        return;
    }
    let (from, to) = ((from.0.name, from.1), (to.0.name, to.1));
    let recoding = charsets(session.view()).recoding(from.1, to.1).cloned();
    let Some(recoding) = recoding else {
        no_map(session.view(), &from.0, &to.0);
        return;
    };
    session.req.response.content_type.drop_parameters();
    tell(session, &to.0);
    let response = &mut session.req.response;
    if recoding.changes_length() {
        response.content_length = None;
    }
    response.filter_through(Filter::Recode(Recode::new(recoding)));
}

fn no_map(view: View<'_>, from: &[u8], to: &[u8]) {
    let text = [
        b"no \"charset_map\" between the charsets \"",
        from,
        b"\" and \"",
        to,
        b"\"",
    ]
    .concat();
    error_log::error(view, Message::bytes(&text));
}
