//! `sub_filter`.

use weir_filter::{Filter, Sub, SubPattern};
use weir_wire::KnownField;

use crate::facts::{Session, View};
use crate::report::variables;

/// Has texts replaced in an answer of `sub_filter_types` (`ngx_http_sub_header_filter`).
pub(super) fn filter(session: &mut Session) {
    let settings = session.settings();
    let response = &session.req.response;
    if response.content_length == Some(0)
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
fn patterns(view: View<'_>) -> Box<[SubPattern]> {
    let rules = view.settings().sub_filter.iter().enumerate();
    let pattern = rules.map(|(rule, written)| {
        let mut pattern = variables::text(view, &written.pattern);
        pattern.make_ascii_lowercase();
        SubPattern {
            pattern,
            replacement: Vec::new(),
            rule,
        }
    });
    pattern
        .filter(|sought| !sought.pattern.is_empty())
        .collect()
}

/// Evaluates what is put in place of the texts, which may tell of the head as it is sent.
pub(super) fn evaluate_replacements(session: &mut Session) {
    let Some(mut filters) = session.req.response.filters.take() else {
        return;
    };
    let view = session.view();
    let rules = &view.settings().sub_filter;
    filters.set_replacements(|rule| variables::text(view, &rules[rule].replacement));
    session.req.response.filters = Some(filters);
}
