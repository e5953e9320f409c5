//! `listen`: addresses, their options, and which servers share them.

use super::address::{ListenSpec, parse_listen};
use crate::Place;
use crate::model::{ListenAddress, ListenOptions, SocketKeepalive};
use crate::value::number::{parse_number, parse_seconds, parse_size};
use crate::value::read::{Call, Reading, Reject};

/// The addresses listened on so far.
#[derive(Debug, Default)]
pub(super) struct Listens {
    pub(super) all: Vec<ListenDraft>,
}

/// An address and the servers behind it.
#[derive(Debug)]
pub(super) struct ListenDraft {
    pub(super) address: ListenAddress,
    pub(super) place: Place,
    pub(super) options: ListenOptions,
    /// QUIC's packets, not TCP: nothing listens there yet.
    pub(super) quic: bool,
    /// Whether a `listen` gave socket options.
    set: bool,
    said: Said,
    /// Whether a `listen` said `default_server`.
    chosen: bool,
    pub(super) default_server: usize,
    /// Indices of the servers, in order.
    pub(super) servers: Vec<usize>,
}

/// What one `listen` says besides its address.
#[derive(Clone, Debug, Default)]
struct Parameters {
    options: ListenOptions,
    quic: bool,
    set: bool,
    default_server: bool,
}

impl Listens {
    /// Reads a `listen` of the server with this index (`ngx_http_core_listen`).
    pub(super) fn read(&mut self, call: &mut Call<'_>, server: usize) -> Result<(), Reject> {
        let written = call.text(0);
        let specs = parse_listen(&written).map_err(|fault| {
            Reject::message(format!(
                "{fault} in \"{written}\" of the \"listen\" directive"
            ))
        })?;
        let parameters = read_parameters(call)?;
        if let Some(other) = parameters.not_with_quic() {
            return Err(Reject::directive(format!(
                "\"{other}\" parameter is incompatible with \"quic\""
            )));
        }
        for ListenSpec { address } in specs {
            self.add(call.cx, call.place, address, &parameters, server)?;
        }
        Ok(())
    }

    /// What holds for a server without `listen`: port 80, or 8000 for users who may not take 80.
    pub(super) fn add_default(
        &mut self,
        cx: &mut Reading,
        place: &Place,
        server: usize,
    ) -> Result<(), Reject> {
        let port = if cx.privileged { 80 } else { 8000 };
        let address = ListenAddress::Inet(([0, 0, 0, 0], port).into());
        self.add(cx, place, address, &Parameters::default(), server)
    }

    /// `ngx_http_add_addresses`.
    fn add(
        &mut self,
        cx: &mut Reading,
        place: &Place,
        address: ListenAddress,
        parameters: &Parameters,
        server: usize,
    ) -> Result<(), Reject> {
        let Some(known) = self
            .all
            .iter_mut()
            .find(|known| known.address == address && known.quic == parameters.quic)
        else {
            if parameters.quic {
                let text = format!(
                    "QUIC is not supported yet, \"quic\" of {address} ignored: clients are served over TCP"
                );
                cx.warn(text, place);
            }
            self.all.push(ListenDraft {
                address,
                place: place.clone(),
                options: parameters.options.clone(),
                quic: parameters.quic,
                set: parameters.set,
                said: Said::default(),
                chosen: parameters.default_server,
                default_server: server,
                servers: vec![server],
            });
            return Ok(());
        };
        if known.servers.contains(&server) {
            return Err(Reject::message(format!("a duplicate listen {address}")));
        }
        known.servers.push(server);
        let before = Protocols::of(&known.options);
        if parameters.set {
            if known.set {
                return Err(Reject::message(format!(
                    "duplicate listen options for {address}"
                )));
            }
            known.options = parameters.options.clone();
            known.set = true;
        }
        let now = Protocols::of(&parameters.options);
        before.with(now).put(&mut known.options);
        if parameters.default_server {
            if known.chosen {
                let text = format!("a duplicate default server for {address}");
                return Err(Reject::message(text));
            }
            known.chosen = true;
            known.default_server = server;
        }
        let redefined = known.said.redefined_by(Step {
            before,
            now,
            set: parameters.set,
            is_set: known.set,
        });
        if redefined && cx.differences().protocols_redefined {
            cx.warn(format!("protocol options redefined for {address}"), place);
        }
        Ok(())
    }
}

impl Parameters {
    /// A parameter that means nothing beside `quic`.
    fn not_with_quic(&self) -> Option<&'static str> {
        let options = &self.options;
        let others = [
            (options.fastopen.is_some(), "fastopen"),
            (options.backlog.is_some(), "backlog"),
            (options.deferred, "deferred"),
            (options.multipath, "multipath"),
            (options.ssl, "ssl"),
            (options.http2, "http2"),
            (options.so_keepalive.is_some(), "so_keepalive"),
            (options.proxy_protocol, "proxy_protocol"),
        ];
        let mut given = others.into_iter().filter(|(given, _)| self.quic && *given);
        given.next().map(|(_, name)| name)
    }
}

/// What is spoken besides HTTP/1, as bits: the PROXY protocol, TLS, HTTP/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Protocols(u8);

impl Protocols {
    fn of(options: &ListenOptions) -> Self {
        let bits = [options.proxy_protocol, options.ssl, options.http2];
        Self(
            bits.iter()
                .rev()
                .fold(0, |bits, bit| bits << 1 | u8::from(*bit)),
        )
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    fn contain(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Makes them those of `options`.
    fn put(self, options: &mut ListenOptions) {
        options.proxy_protocol = self.0 & 1 != 0;
        options.ssl = self.0 & 2 != 0;
        options.http2 = self.0 & 4 != 0;
    }
}

/// What the `listen`s of an address have said of its protocols.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    /// What the last of them said, once there were two.
    last: Option<Protocols>,
    /// They did not all say the same.
    changed: bool,
}

/// One more `listen` of an address.
struct Step {
    /// The protocols that those before asked for.
    before: Protocols,
    /// What this one asks for.
    now: Protocols,
    /// Whether this one gives socket options.
    set: bool,
    /// Whether this or one before does.
    is_set: bool,
}

impl Said {
    /// Takes one more; whether that is worth a warning (`ngx_http_add_addresses`). Servers may ask for less than
    /// the one that gives the options, as long as they all ask for the same.
    fn redefined_by(&mut self, step: Step) -> bool {
        let Step { before, now, .. } = step;
        let differs = |last: Option<Protocols>| last.is_some_and(|last| last != now);
        let (redefined, last) = if !before.contain(now) {
            let others = !now.contain(before);
            (step.is_set && !step.set || self.changed || others, before)
        } else if !now.contain(before) {
            (step.set || differs(self.last), now)
        } else {
            (step.set && self.changed || differs(self.last), now)
        };
        self.changed |= before != now;
        self.last = Some(last);
        redefined
    }
}

fn read_parameters(call: &mut Call<'_>) -> Result<Parameters, Reject> {
    let mut parameters = Parameters::default();
    for index in 1..call.args.len() {
        let text = call.text(index);
        match text.as_str() {
            "default_server" | "default" => parameters.default_server = true,
            "proxy_protocol" => parameters.options.proxy_protocol = true,
            "ssl" => parameters.options.ssl = true,
            "http2" => {
                if call.cx.differences().listen_http2_deprecated {
                    let text = "the \"listen ... http2\" directive is deprecated, \
                                use the \"http2\" directive instead";
                    call.warn(text.to_owned());
                }
                parameters.options.http2 = true;
            }
            "quic" if call.cx.differences().listen_quic => parameters.quic = true,
            _ if text.starts_with("accept_filter=") => {
                let ignored = format!(
                    "accept filters \"{text}\" are not supported on this platform, ignored"
                );
                call.warn(ignored);
            }
            _ => {
                let multipath = call.cx.differences().listen_multipath;
                read_option(&text, &mut parameters.options, multipath)?;
                parameters.set = true;
            }
        }
    }
    Ok(parameters)
}

fn read_option(text: &str, options: &mut ListenOptions, multipath: bool) -> Result<(), Reject> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let invalid = || Reject::message(format!("invalid {name} \"{text}\""));
    // nginx keeps the low 32 bits of a number, and -1 stands for none.
    let number = |value: &str| {
        let number = parse_number(value.as_bytes())? as i32;
        (number != -1).then_some(number)
    };
    let size = |value: &str| parse_size(value.as_bytes());
    match (name, value) {
        ("bind", None) => options.bind = true,
        ("deferred", None) => options.deferred = true,
        ("reuseport", None) => options.reuseport = true,
        ("multipath", None) if multipath => options.multipath = true,
        ("fastopen", Some(value)) => options.fastopen = Some(number(value).ok_or_else(invalid)?),
        ("backlog", Some(value)) => {
            options.backlog = Some(number(value).filter(|n| *n != 0).ok_or_else(invalid)?);
        }
        ("rcvbuf", Some(value)) => options.rcvbuf = Some(size(value).ok_or_else(invalid)?),
        ("sndbuf", Some(value)) => options.sndbuf = Some(size(value).ok_or_else(invalid)?),
        ("ipv6only", Some("on")) => options.ipv6only = Some(true),
        ("ipv6only", Some("off")) => options.ipv6only = Some(false),
        ("ipv6only", Some(value)) if value.starts_with('o') => {
            return Err(Reject::message(format!(
                "invalid ipv6only flags \"{value}\""
            )));
        }
        ("so_keepalive", Some(value)) => {
            let keepalive = parse_keepalive(value).ok_or_else(|| {
                Reject::message(format!("invalid so_keepalive value: \"{value}\""))
            })?;
            options.so_keepalive = Some(keepalive);
        }
        _ => return Err(Reject::message(format!("invalid parameter \"{text}\""))),
    }
    // Every other option implies a socket of its own.
    options.bind = true;
    Ok(())
}

/// `on`, `off`, or `[IDLE]:[INTERVAL]:[COUNT]` with at least one of them.
fn parse_keepalive(text: &str) -> Option<SocketKeepalive> {
    let mut keepalive = SocketKeepalive {
        on: true,
        idle: None,
        interval: None,
        count: None,
    };
    match text {
        "on" => return Some(keepalive),
        "off" => {
            return Some(SocketKeepalive {
                on: false,
                ..keepalive
            });
        }
        _ => {}
    }
    let seconds = |text: &str| match text {
        "" => Some(None),
        text if text.ends_with("ms") => None,
        text => Some(Some(parse_seconds(text.as_bytes())? as u32)),
    };
    let mut parts = text.splitn(3, ':');
    keepalive.idle = seconds(parts.next().unwrap_or_default())?;
    keepalive.interval = seconds(parts.next().unwrap_or_default())?;
    keepalive.count = match parts.next().unwrap_or_default() {
        "" => None,
        text => Some(parse_number(text.as_bytes())? as u32),
    };
    let given = [keepalive.idle, keepalive.interval, keepalive.count];
    given
        .into_iter()
        .flatten()
        .any(|value| value > 0)
        .then_some(keepalive)
}
