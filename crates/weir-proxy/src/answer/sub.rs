//! `sub_filter`.

use std::sync::Arc;

use weir_filter::{Filter, Sub, SubPattern};
use weir_wire::KnownField;

use crate::facts::{Session, View};
use crate::report::variables;

/// Has texts replaced in an answer of `sub_filter_types` (`ngx_http_sub_header_filter`).
pub(super) fn filter(session: &mut Session) {
    let settings = session.settings();
    let response = &session.req.response;
    if settings.sub_filter.is_empty()
        || response.content_length == Some(0)
        || !settings
            .sub_filter_types
            .contain(response.content_type.media_type())
    {
        return;
    }
    let patterns = patterns(session.view());
    if patterns.is_empty() {
        return;
    }
    let sub = Sub::new(patterns, settings.sub_filter_once);
    let keeps_date = settings.sub_filter_last_modified;
    let response = &mut session.req.response;
    response.content_length = None;
    if keeps_date {
        response.weaken_etag();
    } else {
        response.modified = None;
        response.fields.remove(KnownField::LastModified);
        response.fields.remove(KnownField::Etag);
    }
    response.filter_through(Filter::Sub(sub));
}

/// The texts as they are for this answer; those that are nothing are not searched for.
fn patterns(view: View<'_>) -> Arc<[SubPattern]> {
    let texts = view.settings().sub_filter.iter().map(|rule| {
        let mut pattern = variables::text(view, &rule.pattern);
        pattern.make_ascii_lowercase();
        pattern
    });
    let texts = texts.filter(|pattern| !pattern.is_empty());
    let pattern = |pattern: Vec<u8>| SubPattern {
        pattern,
        replacement: Vec::new(),
    };
    texts.map(pattern).collect()
}

/// Evaluates what is put in place of the texts, which may tell of the head as it is sent.
pub(super) fn evaluate_replacements(session: &mut Session) {
    if session.settings().sub_filter.is_empty() || session.req.response.filters.is_none() {
        return;
    }
    let view = session.view();
    let rules = view.settings().sub_filter.iter();
    let sought = rules.filter(|rule| !variables::text(view, &rule.pattern).is_empty());
    let texts: Vec<_> = sought
        .map(|rule| variables::text(view, &rule.replacement))
        .collect();
    if let Some(filters) = &mut session.req.response.filters {
        filters.set_replacements(texts.into_iter());
    }
}
