//! `set_real_ip_from`: who the client is by the word of a balancer in front.

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;
use weir_conf::RealIpHeader;
use weir_wire::KnownField;

use crate::facts::{ClientAddress, Session, View};
use crate::report::forwarded;

/// Takes the balancer's word, once per request (`ngx_http_realip_handler`): rules, keys, variables and log
/// lines know the client by that address from then on.
pub(super) fn apply(session: &mut Session) {
    if session.req.state.balancer.is_some() {
        return;
    }
    if let Some(address) = find(session.view()) {
        let link = session.client.link_mut();
        let balancer = std::mem::replace(&mut link.address, ClientAddress::Inet(address));
        session.req.state.balancer = Some(balancer);
    }
}

/// The address that a trusted balancer tells, if there is one.
fn find(view: View<'_>) -> Option<SocketAddr> {
    let settings = view.settings();
    let req = view.req;
    let fields = &req.head.fields;
    match &settings.real_ip_header {
        RealIpHeader::RealIp => {
            let field = fields.value(KnownField::XRealIp, &req.bytes)?;
            told_by(view, &[field])
        }
        RealIpHeader::ForwardedFor => {
            let lines = fields.values(KnownField::XForwardedFor, &req.bytes);
            let lines: SmallVec<[&[u8]; 4]> = lines.collect();
            told_by(view, &lines)
        }
        RealIpHeader::ProxyProtocol => {
            let header = view.link.balanced()?;
            let mut address = told_by(view, &[&header.source])?;
            address.set_port(header.source_port);
            Some(address)
        }
        RealIpHeader::Field(name) => {
            let mut fields = fields.iter();
            let same = |name: &[u8], sent: &[u8]| name.eq_ignore_ascii_case(sent);
            let field = fields.find(|field| same(name, field.name.of(&req.bytes)))?;
            told_by(view, &[field.value.of(&req.bytes)])
        }
    }
}

fn told_by(view: View<'_>, lines: &[&[u8]]) -> Option<SocketAddr> {
    let settings = view.settings();
    let client = match &view.link.address {
        ClientAddress::Inet(address) => Some(address.ip()),
        ClientAddress::Unix | ClientAddress::None => None,
    };
    let rules = forwarded::Rules {
        recursive: settings.real_ip_recursive,
        brackets_without_port: view.link.plan.differences().brackets_without_port,
    };
    let trusts = |client: Option<IpAddr>| {
        let client = client.map(|client| client.to_canonical());
        let mut trusted = settings.set_real_ip_from.iter();
        trusted.any(|network| network.contains(client))
    };
    forwarded::address(client, lines, rules, trusts)
}
