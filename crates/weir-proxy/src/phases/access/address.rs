//! `allow` and `deny`.

use super::Answer;
use crate::facts::{ClientAddress, View};

/// What the rules say of the client (`ngx_http_access_handler`): the first that names it decides.
pub(super) fn check(view: View<'_>) -> Answer {
    let client = match &view.link.address {
        ClientAddress::Inet(address) => Some(address.ip()),
        ClientAddress::Unix | ClientAddress::None => None,
    };
    let rules = &view.settings().access;
    match rules.iter().find(|rule| rule.network.contains(client)) {
        None => Answer::Nothing,
        Some(rule) if rule.allow => Answer::LetsIn,
        Some(_) => Answer::Refuses(403),
    }
}
