//! Who may ask: the checks of access in nginx's order, and what `satisfy` makes of them.

mod address;
mod basic;
mod password;
mod request;
mod user_file;

use weir_conf::Satisfy;
use weir_io::clock;
use weir_wire::KnownField;

use crate::facts::{Outcome, Session};
use crate::report::error_log::{self, Message};

/// What one check says.
enum Answer {
    /// It is not set up here, or no rule is about this client.
    Nothing,
    LetsIn,
    /// 401 or 403.
    Refuses(u16),
    /// The request ends so, whatever other checks would say.
    Ends(Outcome),
}

/// The check of the client's address, where it is the only one; an outcome refuses the request.
pub(crate) fn check_address(session: &Session) -> Option<Outcome> {
    match address::check(session.view()) {
        Answer::Nothing | Answer::LetsIn => None,
        // Its main request has been checked.
        Answer::Refuses(_) if session.req.state.is_sub => None,
        Answer::Refuses(status) => {
            log_forbidden(session);
            Some(Outcome::Status(status))
        }
        Answer::Ends(outcome) => Some(outcome),
    }
}

/// All checks, one after the other; an outcome refuses the request.
pub(crate) async fn check(session: &mut Session) -> Result<&mut Session, Outcome> {
    match check_all(session).await {
        None => Ok(session),
        Some(outcome) => Err(outcome),
    }
}

/// `ngx_http_core_access_phase`.
async fn check_all(session: &mut Session) -> Option<Outcome> {
    let any = session.settings().satisfy == Satisfy::Any;
    let mut refused = None;
    for check in [Check::Address, Check::Basic, Check::Request] {
        match check.ask(session).await {
            Answer::Nothing => {}
            Answer::LetsIn if any => {
                let fields = &mut session.req.response.fields;
                fields.remove_all(KnownField::WwwAuthenticate);
                return None;
            }
            Answer::LetsIn => {}
            Answer::Refuses(status) if any => {
                // Whoever asks for a login has the last word.
                refused = refused.filter(|&before| before == 401).or(Some(status));
            }
            Answer::Refuses(status) => {
                if check == Check::Address {
                    log_forbidden(session);
                }
                return Some(refuse(session, status).await);
            }
            Answer::Ends(outcome) => return Some(outcome),
        }
    }
    let status = refused?;
    if status == 403 {
        log_forbidden(session);
    }
    Some(refuse(session, status).await)
}

/// The checks, in the order in which nginx makes them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// `allow` and `deny`.
    Address,
    /// `auth_basic`.
    Basic,
    /// `auth_request`.
    Request,
}

impl Check {
    async fn ask(self, session: &mut Session) -> Answer {
        match self {
            Self::Address => address::check(session.view()),
            Self::Basic => basic::check(session).await,
            Self::Request => request::check(session).await,
        }
    }
}

fn log_forbidden(session: &Session) {
    error_log::error(session.view(), Message::text("access forbidden by rule"));
}

/// A refusal that asks for a login waits for `auth_delay`, so that passwords cannot be tried out quickly
/// (`ngx_http_core_auth_delay`).
async fn refuse(session: &mut Session, status: u16) -> Outcome {
    let delay = session.settings().auth_delay;
    if status == 401 && !delay.is_zero() {
        let text = "delaying unauthorized request";
        error_log::info(session.view(), Message::text(text));
        if session.wait_until(clock::now() + delay).await.is_err() {
            return Outcome::Answered;
        }
    }
    Outcome::Status(status)
}
