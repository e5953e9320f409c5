//! `upstream` blocks, and the implicit groups of `proxy_pass`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use super::walk::{call, each};
use crate::address::parse_literal;
use crate::model::{
    BalanceMethod, Cascades, Keepalive, LookUp, ServerParameters, Sticky, TimedUntil, Upstream,
    UpstreamAddress, UpstreamServer,
};
use crate::table::UPSTREAM;
use crate::text::{Block, Directive};
use crate::upstream_url::{UpstreamUrl, split_host};
use crate::value::ResolverSpec;
use crate::value::number::{parse_number, parse_seconds};
use crate::value::read::{
    Call, Reading, Reject, group_zone, number, resolver, route, starts_unresolved, sticky, time,
};
use crate::{Fault, Place};

/// The groups seen so far, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Upstreams {
    groups: Vec<Group>,
    /// What `http` says for groups that say nothing.
    starts_unresolved: Option<bool>,
}

#[derive(Debug)]
struct Group {
    name: String,
    explicit: bool,
    unix: bool,
    /// 0 for an explicit group.
    port: u16,
    /// Whether the port was left out where the group appeared.
    no_port: bool,
    body: Body,
    place: Place,
}

/// What an `upstream` block says.
#[derive(Debug, Default)]
struct Body {
    /// The block's name.
    name: String,
    servers: Vec<UpstreamServer>,
    method: Option<BalanceMethod>,
    /// Connections, and whether they are told apart by location.
    keepalive: Option<(usize, bool)>,
    /// Whether `keepalive` stood before any balancing method.
    keepalive_first: bool,
    keepalive_requests: Option<u64>,
    keepalive_time: Option<Duration>,
    keepalive_timeout: Option<Duration>,
    zone: Option<String>,
    sticky: Option<Sticky>,
    /// A balancing method behind `sticky` takes its place.
    sticky_is_replaced: bool,
    cascades: Cascades,
    starts_unresolved: Option<bool>,
    resolver: Option<Arc<ResolverSpec>>,
    resolver_timeout: Option<Duration>,
}

impl Upstreams {
    /// Reads an `upstream` block (`ngx_http_upstream`).
    pub(super) fn read(
        &mut self,
        cx: &mut Reading,
        directive: &Directive,
        block: &Block,
    ) -> Result<(), Reject> {
        let name = call(directive, cx).text(0);
        let mut body = Body {
            name: name.clone(),
            ..Body::default()
        };
        let index = self.define(name, &directive.place)?;
        each(block, UPSTREAM, cx, |cx, directive| {
            body.take(&mut call(directive, cx))
        });
        let empty = body.servers.is_empty();
        if let Some(group) = self.groups.get_mut(index) {
            group.body = body;
        }
        if empty {
            let fault = Fault::emerg("no servers are inside upstream", Some(block.end.clone()));
            cx.faults.push(fault);
            return Err(Reject::Reported);
        }
        Ok(())
    }

    /// `upstream_start` outside a group.
    pub(super) fn read_start(&mut self, call: &mut Call<'_>) -> Result<(), Reject> {
        set(&mut self.starts_unresolved, call, starts_unresolved)
    }

    /// The group of an `upstream` block, which a `proxy_pass` may have named before
    /// (`ngx_http_upstream_add`).
    fn define(&mut self, name: String, place: &Place) -> Result<usize, Reject> {
        let same = self
            .groups
            .iter()
            .position(|group| group.name.eq_ignore_ascii_case(&name));
        let Some(index) = same else {
            self.groups.push(Group {
                name,
                explicit: true,
                unix: false,
                port: 0,
                no_port: true,
                body: Body::default(),
                place: place.clone(),
            });
            return Ok(self.groups.len() - 1);
        };
        let group = &mut self.groups[index];
        if group.explicit {
            return Err(Reject::message(format!("duplicate upstream \"{name}\"")));
        }
        if !group.no_port {
            let text = format!("upstream \"{name}\" may not have port {}", group.port);
            return Err(Reject::At(Some(group.place.clone()), text));
        }
        group.explicit = true;
        group.port = 0;
        Ok(index)
    }

    /// The group that a `proxy_pass` without variables means (`ngx_http_upstream_add`).
    pub(super) fn refer(&mut self, url: &UpstreamUrl<'_>, place: &Place) -> Result<usize, Reject> {
        let port = if url.unix { 0 } else { url.effective_port() };
        let no_port = url.port.is_none() && !url.unix;
        let host = String::from_utf8_lossy(url.host);
        for (index, group) in self.groups.iter().enumerate() {
            if !group.name.eq_ignore_ascii_case(&host) {
                continue;
            }
            if group.explicit && url.port.is_some() {
                let text = format!("upstream \"{host}\" may not have port {port}");
                return Err(Reject::message(text));
            }
            if group.port != 0 && port != 0 && group.port != port {
                continue;
            }
            return Ok(index);
        }
        self.groups.push(Group {
            name: host.into_owned(),
            explicit: false,
            unix: url.unix,
            port,
            no_port,
            body: Body::default(),
            place: place.clone(),
        });
        Ok(self.groups.len() - 1)
    }

    /// Checks the groups at the end of the `http` block (`ngx_http_upstream_init_round_robin`).
    pub(super) fn finish(self, cx: &Reading) -> Vec<Upstream> {
        let unresolved = self.starts_unresolved.unwrap_or(false);
        self.groups
            .into_iter()
            .map(|group| group.finish(cx, unresolved))
            .collect()
    }
}

impl Group {
    fn finish(self, cx: &Reading, unresolved: bool) -> Upstream {
        let body = self.body;
        let keepalive_default = cx.differences().upstream_keepalive_default && self.explicit;
        let written = body
            .keepalive
            .or_else(|| keepalive_default.then_some((32, true)));
        let keepalive =
            written
                .filter(|(connections, _)| *connections > 0)
                .map(|(connections, local)| {
                    let default = Keepalive::new(connections);
                    Keepalive {
                        connections,
                        local,
                        requests: body.keepalive_requests.unwrap_or(default.requests),
                        time: body.keepalive_time.unwrap_or(default.time),
                        timeout: body.keepalive_timeout.unwrap_or(default.timeout),
                    }
                });
        let servers = if self.explicit {
            body.servers
        } else {
            vec![implicit_server(
                &self.name,
                self.unix,
                self.port,
                &self.place,
            )]
        };
        Upstream {
            name: self.name,
            explicit: self.explicit,
            port: (!self.explicit && !self.unix).then_some(self.port),
            servers,
            method: body.method.unwrap_or(BalanceMethod::RoundRobin),
            sticky: body.sticky.filter(|_| !body.sticky_is_replaced),
            keepalive,
            zone: body.zone,
            starts_unresolved: body.starts_unresolved.unwrap_or(unresolved),
            resolver: body.resolver,
            resolver_timeout: body.resolver_timeout,
            cascades: body.cascades,
            place: self.place,
        }
    }
}

fn implicit_server(host: &str, unix: bool, port: u16, place: &Place) -> UpstreamServer {
    let address = if unix {
        UpstreamAddress::Unix(host.into())
    } else {
        address_of(host, port)
    };
    UpstreamServer {
        address,
        written: host.to_owned(),
        route: None,
        parameters: ServerParameters::default(),
        look_up: None,
        place: place.clone(),
    }
}

fn address_of(host: &str, port: u16) -> UpstreamAddress {
    match parse_literal(host, port) {
        Some(address) => UpstreamAddress::Inet(address),
        None => UpstreamAddress::Name {
            host: host.to_owned(),
            port,
        },
    }
}

impl Body {
    fn take(&mut self, call: &mut Call<'_>) -> Result<(), Reject> {
        match call.name {
            "server" => {
                let server = self.read_server(call)?;
                self.servers.push(server);
                Ok(())
            }
            "hash" | "ip_hash" | "least_conn" | "least_time" | "random" => self.read_method(call),
            "keepalive" => self.read_keepalive(call),
            "keepalive_requests" => set(&mut self.keepalive_requests, call, number),
            "keepalive_time" => set(&mut self.keepalive_time, call, time),
            "keepalive_timeout" => set(&mut self.keepalive_timeout, call, time),
            "upstream_start" => set(&mut self.starts_unresolved, call, starts_unresolved),
            "sticky" => self.read_sticky(call),
            "retry_budget" | "panic_threshold" | "queue" => self.cascades.take(call),
            "zone" => {
                self.zone = Some(group_zone(call)?);
                Ok(())
            }
            "resolver" | "resolver_timeout" if !call.cx.differences().server_resolve => {
                Err(Reject::directive("is not allowed here"))
            }
            "resolver" => set(&mut self.resolver, call, resolver),
            "resolver_timeout" => set(&mut self.resolver_timeout, call, time),
            _ => Ok(()),
        }
    }

    fn read_method(&mut self, call: &mut Call<'_>) -> Result<(), Reject> {
        if self.cascades.queue.is_some() {
            return Err(Reject::directive("must stand before \"queue\""));
        }
        let key = call.bytes(0);
        let key = if call.name == "hash" {
            Some(call.template(key)?)
        } else {
            None
        };
        let clash = self.keepalive_first && !call.cx.differences().keepalive_before_method_allowed;
        if self.method.is_some() || self.sticky.is_some() || clash {
            call.warn("load balancing method redefined");
        }
        let words: Vec<&[u8]> = call.args.iter().map(|word| &*word.text).collect();
        let method = match (call.name, key, words.as_slice()) {
            ("hash", Some(key), [_]) => BalanceMethod::Hash(key),
            ("hash", Some(key), [_, b"consistent"]) => BalanceMethod::HashConsistent(key),
            ("hash", ..) => return Err(invalid(call, 1)),
            ("ip_hash", ..) => BalanceMethod::IpHash,
            ("least_conn", ..) => BalanceMethod::LeastConn,
            ("least_time", _, words) => self.read_least_time(call, words)?,
            (_, _, []) => BalanceMethod::Random,
            (_, _, [b"two"]) => BalanceMethod::RandomTwo,
            (_, _, [b"two", b"least_conn"]) => BalanceMethod::RandomTwoLeastConn,
            (_, _, [b"two", b"least_time=header"]) => {
                BalanceMethod::RandomTwoLeastTime(TimedUntil::Header)
            }
            (_, _, [b"two", b"least_time=last_byte"]) => {
                BalanceMethod::RandomTwoLeastTime(TimedUntil::LastByte)
            }
            (_, _, [b"two", ..]) => return Err(invalid(call, 1)),
            _ => return Err(invalid(call, 0)),
        };
        self.method = Some(method);
        self.sticky_is_replaced = self.sticky.is_some();
        Ok(())
    }

    fn read_sticky(&mut self, call: &mut Call<'_>) -> Result<(), Reject> {
        if self.sticky.is_some() {
            return Err(Reject::directive("is duplicate"));
        }
        self.sticky = Some(sticky(call, &self.name)?);
        Ok(())
    }

    /// `least_time header | last_byte [inflight]` (`ngx_http_upstream_least_time`).
    fn read_least_time(&self, call: &Call<'_>, words: &[&[u8]]) -> Result<BalanceMethod, Reject> {
        let inflight = match words.get(1) {
            None => false,
            Some(&b"inflight") => true,
            Some(_) => return Err(invalid(call, 1)),
        };
        if matches!(self.method, Some(BalanceMethod::LeastTime { .. })) {
            return Err(Reject::directive("is duplicate"));
        }
        let until = match call.bytes(0) {
            b"header" => TimedUntil::Header,
            b"last_byte" => TimedUntil::LastByte,
            _ => {
                let text = format!("invalid value \"{}\"", call.text(0));
                return Err(Reject::message(text));
            }
        };
        Ok(BalanceMethod::LeastTime { until, inflight })
    }

    /// `keepalive CONNECTIONS [local]`; 0 switches it off where it is on by default
    /// (`ngx_http_upstream_keepalive`).
    fn read_keepalive(&mut self, call: &Call<'_>) -> Result<(), Reject> {
        if self.keepalive.is_some() {
            return Err(Reject::directive("is duplicate"));
        }
        let recent = call.cx.differences().upstream_keepalive_default;
        if call.args.len() > 1 && !recent {
            let text = "invalid number of arguments in \"keepalive\" directive";
            return Err(Reject::message(text));
        }
        let number = parse_number(call.bytes(0)).and_then(|n| usize::try_from(n).ok());
        let Some(connections) = number.filter(|number| *number > 0 || recent) else {
            return Err(Reject::message(format!(
                "invalid value \"{}\" in \"keepalive\" directive",
                call.text(0)
            )));
        };
        let local = call.args.len() > 1;
        if local && call.bytes(1) != b"local" {
            return Err(invalid(call, 1));
        }
        self.keepalive = Some((connections, local));
        self.keepalive_first = self.method.is_none();
        Ok(())
    }

    /// `server ADDRESS PARAMETER...` (`ngx_http_upstream_server`).
    fn read_server(&self, call: &Call<'_>) -> Result<UpstreamServer, Reject> {
        let written = call.text(0);
        let mut server = implicit_server(&written, false, 80, call.place);
        let mut asked = Asked::default();
        for index in 1..call.args.len() {
            self.read_parameter(call, index, &mut server, &mut asked)?;
        }
        if asked.service.is_some() && !asked.resolve {
            let text = format!("service upstream \"{written}\" requires \"resolve\" parameter");
            return Err(Reject::message(text));
        }
        let in_upstream =
            |fault: &dyn std::fmt::Display| format!("{fault} in upstream \"{written}\"");
        let parts =
            split_host(call.bytes(0), false).map_err(|e| Reject::message(in_upstream(&e)))?;
        server.address = if parts.unix {
            UpstreamAddress::Unix(OsStr::from_bytes(parts.host).into())
        } else {
            address_of(
                &String::from_utf8_lossy(parts.host),
                parts.port.unwrap_or(80),
            )
        };
        // nginx takes a socket's path for something with a port.
        server.look_up = asked.of(&server, parts.port.is_some() || parts.unix)?;
        Ok(server)
    }

    fn read_parameter(
        &self,
        call: &Call<'_>,
        index: usize,
        server: &mut UpstreamServer,
        asked: &mut Asked,
    ) -> Result<(), Reject> {
        // More than anybody has; nginx takes them as well.
        let small = |text| parse_number(text).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let text = call.bytes(index);
        let (name, value) = match memchr::memchr(b'=', text) {
            Some(equals) => text.split_at(equals + 1),
            None => (text, &[][..]),
        };
        let fine = match name {
            b"weight=" => small(value)
                .filter(|n| *n > 0)
                .map(|weight| server.parameters.weight = weight),
            b"max_conns=" => small(value).map(|limit| server.parameters.max_conns = limit),
            b"max_fails=" => small(value).map(|limit| server.parameters.max_fails = limit),
            b"fail_timeout=" => {
                let time = parse_seconds(value).map(Duration::from_secs);
                time.map(|time| server.parameters.fail_timeout = time)
            }
            b"slow_start=" if self.backups_allowed() => {
                let time = parse_seconds(value).map(Duration::from_secs);
                time.map(|time| server.parameters.slow_start = time)
            }
            b"slow_start=" => return Err(unsupported(call, index)),
            b"down" => {
                server.parameters.down = true;
                server.parameters.drain = false;
                Some(())
            }
            b"resolve" if call.cx.differences().server_resolve => {
                asked.resolve = true;
                Some(())
            }
            b"drain" if call.cx.differences().sticky_servers => {
                server.parameters.down = false;
                server.parameters.drain = true;
                Some(())
            }
            b"route=" if call.cx.differences().sticky_servers => {
                server.route = Some(route(value)?);
                Some(())
            }
            b"service=" if call.cx.differences().server_resolve => {
                if value.is_empty() {
                    return Err(Reject::message("service is empty"));
                }
                asked.service = Some(String::from_utf8_lossy(value).into_owned());
                Some(())
            }
            b"backup" if self.backups_allowed() => {
                server.parameters.backup = true;
                Some(())
            }
            b"backup" => return Err(unsupported(call, index)),
            _ => None,
        };
        fine.ok_or_else(|| invalid(call, index))
    }

    fn backups_allowed(&self) -> bool {
        self.method.as_ref().is_none_or(BalanceMethod::has_backups)
    }
}

/// What a `server` says of when its name is looked up.
#[derive(Default)]
struct Asked {
    resolve: bool,
    service: Option<String>,
}

impl Asked {
    /// How the server's name is looked up; an address is none.
    fn of(self, server: &UpstreamServer, has_port: bool) -> Result<Option<LookUp>, Reject> {
        let is_name = matches!(server.address, UpstreamAddress::Name { .. });
        let Some(service) = self.service else {
            return Ok((self.resolve && is_name).then_some(LookUp::Addresses));
        };
        let fault = match (has_port, is_name) {
            (true, _) => "may not have port",
            (false, false) => "requires domain name",
            (false, true) => return Ok(Some(LookUp::Service(service))),
        };
        let text = format!("service upstream \"{}\" {fault}", server.written);
        Err(Reject::message(text))
    }
}

fn unsupported(call: &Call<'_>, index: usize) -> Reject {
    Reject::message(does_not_support(&call.text(index)))
}

/// nginx's words.
pub(super) fn does_not_support(parameter: &str) -> String {
    format!("balancing method does not support parameter \"{parameter}\"")
}

fn invalid(call: &Call<'_>, index: usize) -> Reject {
    Reject::message(format!("invalid parameter \"{}\"", call.text(index)))
}

/// Reads what may be said once.
pub(super) fn set<T>(
    slot: &mut Option<T>,
    call: &mut Call<'_>,
    read: fn(&mut Call<'_>) -> Result<T, Reject>,
) -> Result<(), Reject> {
    if slot.is_some() {
        return Err(Reject::directive("is duplicate"));
    }
    *slot = Some(read(call)?);
    Ok(())
}
