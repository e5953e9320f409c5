//! Zones of shared memory, which have one name space (`ngx_shared_memory_add`).

use super::{Call, Reject};
use crate::Fault;
use crate::model::{KeyedZone, RequestZone, SessionZone};
use crate::value::number::{parse_number, parse_size};

/// nginx asks for eight pages.
const SMALLEST: usize = 8 * 4096;

/// Zones that directives have named so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zones {
    all: Vec<Zone>,
    /// By number, as far as they are defined.
    requests: Vec<Option<RequestZone>>,
    connections: Vec<Option<KeyedZone>>,
    sticky: Vec<Option<SessionZone>>,
}

#[derive(Clone, Debug)]
struct Zone {
    name: String,
    /// 0 as long as no size was given.
    size: usize,
    usage: Usage,
    /// Among those of the same use.
    number: usize,
}

/// What a zone is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// `zone` of an upstream group.
    Group,
    /// `limit_req`.
    Requests,
    /// `limit_conn`.
    Connections,
    /// `ssl_session_cache`.
    Sessions,
    /// `sticky learn`.
    Sticky,
}

impl Zones {
    /// The number of the zone called `name` among those of its use; one of the lines that name it says
    /// how big it is, others say 0.
    pub(crate) fn share(&mut self, name: &str, size: usize, usage: Usage) -> Result<usize, Reject> {
        let Some(zone) = self.all.iter_mut().find(|zone| zone.name == name) else {
            return Ok(self.begin(name, size, usage));
        };
        if zone.usage != usage {
            return Err(Reject::message(format!(
                "the shared memory zone \"{name}\" is already declared for a different use"
            )));
        }
        if zone.size == 0 {
            zone.size = size;
        }
        if size == 0 || size == zone.size {
            return Ok(zone.number);
        }
        let known = zone.size;
        Err(Reject::message(format!(
            "the size {size} of shared memory zone \"{name}\" conflicts with already declared size {known}"
        )))
    }

    fn begin(&mut self, name: &str, size: usize, usage: Usage) -> usize {
        let number = match usage {
            Usage::Group | Usage::Sessions => 0,
            Usage::Requests => {
                self.requests.push(None);
                self.requests.len() - 1
            }
            Usage::Connections => {
                self.connections.push(None);
                self.connections.len() - 1
            }
            Usage::Sticky => {
                self.sticky.push(None);
                self.sticky.len() - 1
            }
        };
        self.all.push(Zone {
            name: name.to_owned(),
            size,
            usage,
            number,
        });
        number
    }

    /// Zones of which nobody says how big they are (`ngx_init_cycle`).
    pub(crate) fn fault(&self) -> Option<Fault> {
        let zone = self.all.iter().find(|zone| zone.size == 0)?;
        let text = format!("zero size shared memory zone \"{}\"", zone.name);
        Some(Fault::emerg(text, None))
    }

    /// A zone for the sessions of an upstream block, which no other block shares; its number.
    pub(super) fn keep_sessions(&mut self, zone: SessionZone) -> Result<usize, Reject> {
        let number = self.share(&zone.name, zone.size, Usage::Sticky)?;
        let slot = &mut self.sticky[number];
        if let Some(known) = slot {
            return Err(Reject::message(format!(
                "sticky zone \"{}\" is already used in upstream \"{}\"",
                zone.name, known.upstream
            )));
        }
        *slot = Some(zone);
        Ok(number)
    }

    /// The zones of `limit_req`, by number.
    pub(crate) fn requests(&self) -> Vec<RequestZone> {
        let zones = self.requests.iter().cloned();
        zones.map(Option::unwrap_or_default).collect()
    }

    /// The zones of `limit_conn`, by number.
    pub(crate) fn connections(&self) -> Vec<KeyedZone> {
        let zones = self.connections.iter().cloned();
        zones.map(Option::unwrap_or_default).collect()
    }

    /// The zones of `sticky learn`, by number.
    pub(crate) fn sessions(&self) -> Vec<SessionZone> {
        self.sticky.iter().flatten().cloned().collect()
    }
}

/// `NAME [SIZE]` in an upstream group; weir needs no memory for it but checks as nginx does
/// (`ngx_http_upstream_zone`).
pub(crate) fn group_zone(call: &mut Call<'_>) -> Result<String, Reject> {
    let name = call.text(0);
    if name.is_empty() {
        return Err(Reject::message("invalid zone name \"\""));
    }
    let size = match call.args.get(1) {
        Some(word) => match parse_size(&word.text) {
            None => return Err(invalid_size(&call.text(1))),
            Some(size) => big_enough(size, &name)?,
        },
        None => 0,
    };
    call.cx.zones.share(&name, size, Usage::Group)?;
    Ok(name)
}

fn invalid_size(shown: &str) -> Reject {
    Reject::message(format!("invalid zone size \"{shown}\""))
}

pub(super) fn big_enough(size: usize, shown: &str) -> Result<usize, Reject> {
    let small = || Reject::message(format!("zone \"{shown}\" is too small"));
    (size >= SMALLEST).then_some(size).ok_or_else(small)
}

/// `KEY zone=NAME:SIZE rate=RATE` (`ngx_http_limit_req_zone`).
pub(crate) fn limit_req_zone(call: &mut Call<'_>) -> Result<(), Reject> {
    let mut rate = 1000;
    let zone = keyed_zone(call, |text| {
        let Some(text) = text.strip_prefix(b"rate=") else {
            return Ok(false);
        };
        rate = parse_rate(text).ok_or("rate")?;
        Ok(true)
    })?;
    let number = call
        .cx
        .zones
        .share(&zone.name, zone.size, Usage::Requests)?;
    let slot = &mut call.cx.zones.requests[number];
    let known = slot.as_ref().map(|known| &known.zone);
    free(call.name, known)?;
    *slot = Some(RequestZone { zone, rate });
    Ok(())
}

/// `KEY zone=NAME:SIZE` (`ngx_http_limit_conn_zone`).
pub(crate) fn limit_conn_zone(call: &mut Call<'_>) -> Result<(), Reject> {
    let zone = keyed_zone(call, |_| Ok(false))?;
    let zones = &mut call.cx.zones;
    let number = zones.share(&zone.name, zone.size, Usage::Connections)?;
    let slot = &mut zones.connections[number];
    free(call.name, slot.as_ref())?;
    *slot = Some(zone);
    Ok(())
}

fn free(directive: &str, known: Option<&KeyedZone>) -> Result<(), Reject> {
    known.map_or(Ok(()), |known| {
        let key = String::from_utf8_lossy(&known.key_text);
        Err(Reject::message(format!(
            "{directive} \"{}\" is already bound to key \"{key}\"",
            known.name
        )))
    })
}

/// `KEY zone=NAME:SIZE`, and parameters that `take` knows, or finds wrong.
fn keyed_zone(
    call: &mut Call<'_>,
    mut take: impl FnMut(&[u8]) -> Result<bool, &'static str>,
) -> Result<KeyedZone, Reject> {
    let mut zone = KeyedZone {
        key: call.template(call.bytes(0))?,
        key_text: call.bytes(0).into(),
        ..KeyedZone::default()
    };
    for index in 1..call.args.len() {
        let shown = call.text(index);
        if let Some(text) = call.bytes(index).strip_prefix(b"zone=") {
            let (name, size) = name_and_size(text).ok_or_else(|| invalid_size(&shown))?;
            zone.name = name;
            zone.size = big_enough(size, &shown)?;
            continue;
        }
        let what = match take(call.bytes(index)) {
            Ok(true) => continue,
            Ok(false) => "parameter",
            Err(what) => what,
        };
        return Err(Reject::message(format!("invalid {what} \"{shown}\"")));
    }
    if zone.name.is_empty() {
        return Err(no_zone(call));
    }
    Ok(zone)
}

fn name_and_size(text: &[u8]) -> Option<(String, usize)> {
    let colon = memchr::memchr(b':', text)?;
    let size = parse_size(&text[colon + 1..])?;
    Some((String::from_utf8_lossy(&text[..colon]).into_owned(), size))
}

/// A directive that must name a zone does not.
pub(super) fn no_zone(call: &Call<'_>) -> Reject {
    let text = format!("\"{}\" must have \"zone\" parameter", call.name);
    Reject::message(text)
}

/// `Nr/s` or `Nr/m`, or a number per second; thousandths of requests per second.
fn parse_rate(text: &[u8]) -> Option<u64> {
    let (digits, seconds) = match text {
        [digits @ .., b'r', b'/', b's'] => (digits, 1),
        [digits @ .., b'r', b'/', b'm'] => (digits, 60),
        digits => (digits, 1),
    };
    let rate = parse_number(digits).filter(|rate| *rate > 0)?;
    Some(rate.saturating_mul(1000) / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_thousandths_per_second() {
        for (text, expected) in [
            ("1r/s", Some(1000)),
            ("1r/m", Some(16)),
            ("30r/m", Some(500)),
            ("7", Some(7000)),
            ("0r/s", None),
            ("r/s", None),
            ("", None),
            ("-1r/s", None),
            ("1r/h", None),
            ("1.5r/s", None),
        ] {
            assert_eq!(parse_rate(text.as_bytes()), expected, "{text}");
        }
    }
}
