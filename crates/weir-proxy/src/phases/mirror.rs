//! `mirror`: the same request goes elsewhere, too, and nobody looks at the answer.

use crate::client::body::BodyEnd;
use crate::client::sub;
use crate::exchange;
use crate::facts::{Outcome, Session};

/// Sends the request on its other ways, once its body has been read (`ngx_http_mirror_handler`). An outcome
/// ends the request.
pub(super) async fn begin(session: &mut Session) -> Result<&mut Session, Outcome> {
    if session.settings().mirror_request_body {
        exchange::read_whole_body(session)
            .await
            .map_err(|end| match end {
                BodyEnd::Refused(status) => Outcome::Status(status),
                BodyEnd::Gone(status) => Outcome::Close(status),
            })?;
    }
    let ways = session.settings().mirror.clone();
    for uri in ways.iter() {
        sub::beside(session, uri);
    }
    Ok(session)
}
