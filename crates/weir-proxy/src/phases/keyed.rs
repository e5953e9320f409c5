//! The key that a request has in a zone.

use weir_conf::{KeyedZone, Level};

use crate::facts::View;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// What a request is counted by.
pub(super) enum Key<'a> {
    Of(&'a [u8]),
    /// Nothing: it is not limited.
    None,
}

/// Writes the key into `room`. Neither an empty one nor one that is too long limits anybody; of that the log
/// tells.
pub(super) fn key<'a>(
    view: View<'_>,
    zone: &KeyedZone,
    longest: usize,
    room: &'a mut Vec<u8>,
) -> Key<'a> {
    room.clear();
    variables::expand(view, &zone.key, room);
    if room.len() > longest {
        let mut text = b"the value of the \"".to_vec();
        text.extend_from_slice(&zone.key_text);
        text.extend_from_slice(format!("\" key is more than {longest} bytes: \"").as_bytes());
        text.extend_from_slice(room);
        text.push(b'"');
        error_log::error(view, Message::bytes(&text));
        return Key::None;
    }
    match room.is_empty() {
        true => Key::None,
        false => Key::Of(room),
    }
}

/// A line about a zone, which is no single request's.
pub(super) fn tell_all(view: View<'_>, level: Level, text: &str) {
    weir_log::emit(view.link.plan.main_sinks(), level, None, text.as_bytes());
}
