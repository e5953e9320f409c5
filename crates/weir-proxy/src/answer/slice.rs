//! `slice`.

use std::ops::Range;

use weir_wire::{KnownField, date};

use crate::facts::{Cut, NO_STATUS, Outcome, Session, SliceFault};
use crate::report::error_log::{self, Message};

/// A slice that has come: the bytes that it holds of a whole, and the length of that.
pub(super) struct Slice {
    bytes: Range<u64>,
    whole: u64,
}

/// Takes an answer for a slice if one was asked for: the client is told of the whole
/// (`ngx_http_slice_header_filter`). Of a request that is answered otherwise no slices are asked for.
pub(super) fn filter(session: &mut Session) -> Result<Option<Slice>, Outcome> {
    let Some(mut slices) = session.req.state.slices.take() else {
        return Ok(None);
    };
    let response = &mut session.req.response;
    if response.status != 206 && !session.req.state.is_sub {
        return Ok(None);
    }
    let fields = &response.fields;
    let (etag, range) = (
        fields.value(KnownField::Etag),
        fields.value(KnownField::ContentRange),
    );
    let taken = slices
        .take(response.status, etag, range)
        .and_then(|(bytes, whole)| fits(&bytes, response.content_length).map(|()| (bytes, whole)));
    session.req.state.slices = slices.into();
    let (bytes, whole) = taken.map_err(|fault| refuse(session, &fault))?;
    let response = &mut session.req.response;
    response.status = 200;
    response.status_line.clear();
    response.content_length = Some(whole);
    response.fields.remove(KnownField::ContentRange);
    // `If-Range` asks for it.
    let modified = response.fields.value(KnownField::LastModified);
    response.modified = response.modified.or_else(|| modified.and_then(date::parse));
    response.clear_ranges();
    response.allows_ranges = true;
    response.single_range = true;
    Ok(Some(Slice { bytes, whole }))
}

/// Whether a body of this length can hold the bytes that are told of. nginx passes on what comes, and the client
/// takes the next answer for a part of this one.
fn fits(bytes: &Range<u64>, length: Option<u64>) -> Result<(), SliceFault> {
    match length.is_none_or(|length| length == bytes.end - bytes.start) {
        true => Ok(()),
        false => Err(SliceFault::Range),
    }
}

fn refuse(session: &Session, fault: &SliceFault) -> Outcome {
    let differences = session.client.link().plan.differences();
    let text = match fault {
        SliceFault::Unexpected { came, .. } if !differences.expected_slice_told => {
            format!(
                "unexpected range in slice response: {}-{}",
                came.start, came.end
            )
        }
        fault => fault.to_string(),
    };
    error_log::error(session.view(), Message::text(&text));
    Outcome::Close(match session.req.state.is_sub {
        true => NO_STATUS,
        false => session.req.response.status,
    })
}

/// What of the first slice goes to the client, and what of those that follow, once it is known what the client
/// asks for.
pub(super) fn cut_first(session: &mut Session, slice: &Slice) {
    let (wanted, is_part) = match &session.req.response.cut {
        Cut::Part(wanted) => (wanted.clone(), true),
        // Several parts are no wish that is heeded here (`single_range`).
        Cut::Whole | Cut::Parts(_) => (0..slice.whole, false),
    };
    if let Some(slices) = session.req.state.slices.get_mut() {
        slices.want(wanted, is_part);
        let additions = &mut session.req.response.additions;
        additions.get_or_insert_default().slices = true;
    }
    cut(session, slice);
}

/// What of a slice goes to the client.
pub(super) fn cut(session: &mut Session, slice: &Slice) {
    let Some(slices) = session.req.state.slices.get() else {
        return;
    };
    let response = &mut session.req.response;
    response.cut = Cut::Part(slices.part_of(&slice.bytes));
    if slices.is_part() {
        response.status = 206;
    }
}
