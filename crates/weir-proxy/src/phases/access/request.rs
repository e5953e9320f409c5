//! `auth_request` and `auth_request_set`.

use weir_conf::Assigned;
use weir_wire::KnownField;

use super::Answer;
use crate::client::sub::{self, Served};
use crate::facts::{Outcome, Request, Session};
use crate::phases::rewrite;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// Asks another location, whose status decides (`ngx_http_auth_request_handler`).
pub(super) async fn check(session: &mut Session) -> Answer {
    let Some(Some(uri)) = &session.settings().auth_request else {
        return Answer::Nothing;
    };
    let uri = uri.clone();
    let mut served = sub::ask(session, &uri).await;
    if let Some(status) = served.closed {
        sub::end(session, served);
        return Answer::Ends(Outcome::Close(status));
    }
    set_variables(session, &mut served);
    let status = served.session.req.response.status;
    if status == 401 {
        copy_challenges(session, &served.session.req);
    }
    sub::end(session, served);
    match status {
        200..300 => Answer::LetsIn,
        401 | 403 => Answer::Refuses(status),
        _ => {
            let text = format!("auth request unexpected status: {status}");
            error_log::error(session.view(), Message::text(&text));
            Answer::Ends(Outcome::Status(500))
        }
    }
}

/// Gives variables values that the subrequest knows (`ngx_http_auth_request_set_variables`).
fn set_variables(session: &mut Session, served: &mut Served) {
    if session.settings().auth_request_set.is_empty() {
        return;
    }
    let rules = session.settings().auth_request_set.clone();
    for rule in rules.iter() {
        let value = variables::text(served.session.view(), &rule.value);
        let of_whom = match rule.variable {
            // Until it ends the subrequest keeps the values of both.
            Assigned::Defined(_) => &mut served.session,
            Assigned::Args | Assigned::LimitRate => &mut *session,
        };
        rewrite::assign(of_whom, rule.variable, &value);
    }
}

/// Whoever is refused learns how to log in, also where that is hidden otherwise.
fn copy_challenges(session: &mut Session, asked: &Request) {
    const NAME: &[u8] = b"WWW-Authenticate";
    let known = KnownField::WwwAuthenticate;
    let most = match session
        .client
        .link()
        .plan
        .differences()
        .repeated_fields_joined
    {
        true => usize::MAX,
        false => 1,
    };
    let fields = &mut session.req.response.fields;
    let sent = asked.response.fields.iter();
    let sent = sent.filter(|(name, _)| name.eq_ignore_ascii_case(NAME));
    if sent.clone().next().is_some() {
        for (name, value) in sent.take(most) {
            fields.push(known, name, value);
        }
        return;
    }
    let upstream = &asked.upstream;
    let came = upstream.head.fields.values(known, &upstream.bytes);
    for value in came.take(most) {
        fields.push(known, NAME, value);
    }
}
