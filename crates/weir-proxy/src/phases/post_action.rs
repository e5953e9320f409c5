//! `post_action`: a request made behind the answer, of which the client sees nothing.

use std::mem;

use super::run;
use crate::facts::{Client, Cut, Ending, NO_HEAD_STATUS, Outcome, Session, Sub};

/// The request ends, `closed` with a status that is not answered. What its location asks for behind that is
/// done by the same request, and so on, as long as where it leads asks for more
/// (`ngx_http_post_action`). How the last one ends.
pub(super) async fn behind(session: &mut Session, mut closed: Option<u16>) -> Option<u16> {
    while closed != Some(run::NO_ANSWER)
        && let Some(next) = due(session)
    {
        // The client has all of its answer before.
        session.end_frames_of_stream();
        begin(session, closed);
        let ending = session.req.state.ending;
        hide_client(session);
        closed = run::follow(session, next).await;
        show_client(session);
        session.req.state.ending = ending;
    }
    closed
}

/// Where to go on, if anywhere: a path, or else a name.
fn due(session: &Session) -> Option<Outcome> {
    let target = session.settings().post_action.as_ref()?;
    if session.req.state.post_action && session.req.state.redirects_left == 0 {
        return None;
    }
    Some(match target.first() {
        Some(b'/') => Outcome::Redirect {
            uri: target.to_vec(),
            args: None,
        },
        Some(_) | None => Outcome::Named(target.to_vec()),
    })
}

/// From now on no head is sent, and no body: nginx takes the client for one of HTTP/0.9 that asks for a head.
fn begin(session: &mut Session, closed: Option<u16>) {
    let req = &mut *session.req;
    // A client whose body did not come in time is still there.
    let is_gone = closed.is_some_and(|status| status != run::TIMED_OUT);
    req.state.closes_at_once |= is_gone;
    if req.state.closes_at_once {
        req.state.ending = Ending::Broken;
    }
    req.state.post_action = true;
    let response = &mut req.response;
    if mem::take(&mut response.no_head) || response.status == 0 {
        response.status = NO_HEAD_STATUS;
    }
    response.cut = Cut::Whole;
    response.additions = None;
    response.header_only = true;
    response.begun = true;
}

/// Whoever serves the request meets a carrier from which nothing comes, and which drops what is sent to it.
fn hide_client(session: &mut Session) {
    let sub = Sub::new(session.client.link_mut().for_sub());
    let client = mem::replace(&mut session.client, Client::Sub(Box::new(sub)));
    if let Client::Sub(sub) = &mut session.client {
        sub.behind = Some(client);
    }
}

/// The client is the request's again.
fn show_client(session: &mut Session) {
    let Client::Sub(sub) = &mut session.client else {
        return;
    };
    let Some(behind) = sub.behind.take() else {
        return;
    };
    let client = mem::replace(&mut session.client, behind);
    if let Client::Sub(sub) = client {
        let link = session.client.link_mut();
        link.idle = sub.link.idle;
        link.take_back(sub.link);
    }
}
