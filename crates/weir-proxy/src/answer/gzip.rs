//! `gzip`, and what it and `gunzip` ask of a request.

use weir_conf::{GzipHttpVersion, GzipProxied};
use weir_filter::{Filter, Gzip, GzipSettings};
use weir_io::clock;
use weir_wire::{KnownField, Version, date};

use crate::facts::{Session, View};
use crate::report::error_log::{self, Message};

/// Has the answer compressed where the settings, its status, length and type, and the client allow it
/// (`ngx_http_gzip_header_filter`).
pub(super) fn filter(session: &mut Session) {
    if !is_compressible(session.view()) {
        return;
    }
    session.req.state.varies_by_encoding = true;
    if !is_taken(session) {
        return;
    }
    let settings = session.settings();
    let gzip = Gzip::new(GzipSettings {
        level: settings.gzip_comp_level,
        window_bits: settings.gzip_window,
        buffer: settings.gzip_buffers.size,
        unbuffered: settings.gzip_no_buffer,
    });
    let response = &mut session.req.response;
    let known = KnownField::ContentEncoding;
    response.fields.push(known, b"Content-Encoding", b"gzip");
    response.replace_body();
    response.weaken_etag();
    response.filter_through(Filter::Gzip(gzip));
}

/// Whether answers like this one are compressed at all.
fn is_compressible(view: View<'_>) -> bool {
    let (settings, response) = (view.settings(), &view.req.response);
    let encoding = response.fields.value(KnownField::ContentEncoding);
    let length = response.content_length;
    matches!(response.status, 200 | 403 | 404)
        && encoding.is_none_or(<[u8]>::is_empty)
        && length.is_none_or(|length| length >= settings.gzip_min_length)
        && settings
            .gzip_types
            .contain(response.content_type.media_type())
}

/// Whether the client takes compressed answers, and may have this one; decided once for a request
/// (`ngx_http_gzip_ok`).
pub(crate) fn is_taken(session: &mut Session) -> bool {
    if let Some(taken) = session.req.state.takes_gzip {
        return taken;
    }
    let view = session.view();
    let taken = asks_for_it(view) && may_have_it(view) && !is_disabled_for(view);
    session.req.state.takes_gzip = Some(taken);
    taken
}

/// Whether `Accept-Encoding` and the version say so; a subrequest asks for nothing.
fn asks_for_it(view: View<'_>) -> bool {
    let settings = view.settings();
    if view.req.state.is_sub {
        return false;
    }
    let Some(accepted) = view.req.field(KnownField::AcceptEncoding) else {
        return false;
    };
    let least = match settings.gzip_http_version {
        GzipHttpVersion::Http10 => Version::HTTP_10,
        GzipHttpVersion::Http11 => Version::HTTP_11,
    };
    let old = settings.gzip_disable.msie6 && view.req.head.browser(&view.req.bytes).msie6;
    accepts(accepted) && !old && view.req.head.version >= least
}

/// Whether a list of encodings holds `gzip` with a weight above nothing
/// (`ngx_http_gzip_accept_encoding`).
fn accepts(list: &[u8]) -> bool {
    const GZIP: &[u8] = b"gzip";
    let mut from = 0;
    let behind = loop {
        let rest = &list[from..];
        let found = rest
            .windows(GZIP.len())
            .position(|word| word.eq_ignore_ascii_case(GZIP));
        let Some(at) = found.map(|at| from + at) else {
            return false;
        };
        from = at + GZIP.len();
        if at == 0 || matches!(list[at - 1], b',' | b' ') {
            break &list[from..];
        }
    };
    match behind_blanks(behind) {
        [] | [b',', ..] => true,
        [b';', parameters @ ..] => match behind_blanks(parameters) {
            [] => true,
            [b'q' | b'Q', b'=', weight @ ..] => is_above_nothing(weight),
            _ => false,
        },
        _ => false,
    }
}

/// What is behind the spaces; nginx knows no tabs here.
fn behind_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    &text[blanks..]
}

/// Whether a weight is valid and not 0 (`ngx_http_gzip_quantity`): the digits' sum stands for it.
fn is_above_nothing(text: &[u8]) -> bool {
    const MOST_DIGITS: usize = 3;
    let (whole, rest) = match text.split_first() {
        Some((digit @ (b'0' | b'1'), rest)) => (u32::from(digit - b'0') * 100, rest),
        _ => return false,
    };
    let digits = match rest {
        [] | [b',' | b' ', ..] => return whole > 0,
        [b'.', digits @ ..] => digits,
        _ => return false,
    };
    let end = digits.iter().position(|byte| matches!(byte, b',' | b' '));
    let digits = &digits[..end.unwrap_or(digits.len())];
    if !digits.iter().all(u8::is_ascii_digit) || digits.len() > MOST_DIGITS {
        return false;
    }
    let sum = whole
        + digits
            .iter()
            .map(|digit| u32::from(digit - b'0'))
            .sum::<u32>();
    (1..=100).contains(&sum)
}

/// Whether `gzip_proxied` allows it where the request came through a proxy.
fn may_have_it(view: View<'_>) -> bool {
    let (req, rule) = (view.req, view.settings().gzip_proxied);
    if req.field(KnownField::Via).is_none() {
        return true;
    }
    if rule.contains(GzipProxied::OFF) {
        return false;
    }
    let authorized = req.field(KnownField::Authorization).is_some();
    if rule.contains(GzipProxied::ANY) || (authorized && rule.contains(GzipProxied::AUTH)) {
        return true;
    }
    let fields = &req.response.fields;
    if let Some(expires) = fields.value(KnownField::Expires) {
        return rule.contains(GzipProxied::EXPIRED)
            && is_past(expires, fields.value(KnownField::Date));
    }
    if fields.has(KnownField::CacheControl) {
        return [
            (GzipProxied::NO_CACHE, &b"no-cache"[..]),
            (GzipProxied::NO_STORE, b"no-store"),
            (GzipProxied::PRIVATE, b"private"),
        ]
        .iter()
        .any(|(flag, word)| rule.contains(*flag) && says(view, word));
    }
    let dated = fields.has(KnownField::LastModified);
    let tagged = fields.has(KnownField::Etag);
    let dated = dated && rule.contains(GzipProxied::NO_LAST_MODIFIED);
    let tagged = tagged && rule.contains(GzipProxied::NO_ETAG);
    !dated && !tagged
}

/// Whether an answer that was sent at `date`, or now, is out of date.
fn is_past(expires: &[u8], date: Option<&[u8]>) -> bool {
    let sent = date.map_or_else(|| Some(clock::unix_seconds()), date::parse);
    match (date::parse(expires), sent) {
        (Some(expires), Some(sent)) => expires < sent,
        (None, _) | (_, None) => false,
    }
}

/// Whether a `Cache-Control` of the answer has the word (`ngx_http_parse_multi_header_lines`).
fn says(view: View<'_>, word: &[u8]) -> bool {
    let name = KnownField::CacheControl.name().to_ascii_lowercase();
    let mut lines = view.req.response.fields.spelled(name.as_bytes());
    lines.any(|line| {
        let mut words = line.split(|byte| matches!(byte, b',' | b';'));
        // The last word of a line ends it; a `;` behind a word is not its end.
        let mut at = 0;
        words.any(|written| {
            let end = at + written.len();
            let ended_by = line.get(end);
            at = end + 1;
            let written = behind_blanks(written);
            let bare = written.len() >= word.len()
                && written[..word.len()].eq_ignore_ascii_case(word)
                && written[word.len()..].iter().all(|byte| *byte == b' ');
            bare && ended_by != Some(&b';')
        })
    })
}

/// Whether `gzip_disable` names the browser.
fn is_disabled_for(view: View<'_>) -> bool {
    let patterns = &view.settings().gzip_disable.patterns;
    let Some(agent) = view.req.field(KnownField::UserAgent) else {
        return false;
    };
    patterns.iter().any(|pattern| match pattern.matches(agent) {
        Ok(found) => found,
        Err(fault) => {
            error_log::alert(view, Message::bytes(&fault.line()));
            true
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_accepted_as_nginx_reads_the_list() {
        for (list, expected) in [
            ("gzip", true),
            ("gzip,deflate", true),
            ("deflate, GZIP", true),
            ("deflate,gzip;q=0.5", true),
            ("xgzip", false),
            ("xgzip, gzip", true),
            ("gzipx", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip; q=0.001", true),
            ("gzip;q=1.001", false),
            ("gzip;q=0.0001", false),
            ("gzip;q=2", false),
            ("gzip;", true),
            ("gzip ;q=1 , x", true),
            ("gzip;q", false),
            ("gzip;q=", false),
            ("gzip;x=1", false),
            ("*", false),
            ("gzip\t", false),
        ] {
            assert_eq!(accepts(list.as_bytes()), expected, "{list}");
        }
    }
}
