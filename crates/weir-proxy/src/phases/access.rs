//! `allow` and `deny`.

use crate::facts::{ClientAddress, Session};

/// Whether the client may ask for this (`ngx_http_access_handler`): the first rule that names it
/// decides, none lets it in.
pub(crate) fn allowed(session: &Session) -> bool {
    let client = match &session.client.link().address {
        ClientAddress::Inet(address) => Some(address.ip()),
        ClientAddress::Unix => None,
    };
    let rules = &session.settings().access;
    rules
        .iter()
        .find(|rule| rule.network.contains(client))
        .is_none_or(|rule| rule.allow)
}
