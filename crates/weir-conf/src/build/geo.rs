//! `geo` blocks.

mod networks;
mod ranges;

use std::collections::HashMap;
use std::sync::Arc;

use self::networks::Networks;
use self::ranges::Ranges;
use super::walk::{call, each_line};
use crate::Place;
use crate::model::{Asked, Geo, Spans, VariableSource};
use crate::text::{Block, Directive};
use crate::value::Network;
use crate::value::read::{Reading, Reject, address_and_variable, parse_cidr};

/// Reads `geo [$ADDRESS] $VARIABLE { ... }` (`ngx_http_geo_block`).
pub(super) fn read(cx: &mut Reading, directive: &Directive, block: &Block) -> Result<(), Reject> {
    let (address, name) = address_and_variable(&mut call(directive, cx))?;
    let mut draft = Draft {
        asked: Asked {
            address,
            ..Asked::default()
        },
        ..Draft::default()
    };
    each_line(block, cx, |cx, line| draft.take(cx, line));
    let geo = VariableSource::Geo(Arc::new(draft.finish()));
    cx.variables.define(&name, geo);
    Ok(())
}

/// The lines of the block.
#[derive(Default)]
struct Draft {
    asked: Asked,
    values: Values,
    networks: Networks,
    /// `None` where networks are written as networks.
    ranges: Option<Ranges>,
    /// Of ranges.
    default: Option<u32>,
    /// Something but a proxy was read as a network.
    has_networks: bool,
}

/// Values by number, each once.
#[derive(Default)]
struct Values {
    all: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl Values {
    fn number(&mut self, value: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.numbers.insert(value.into(), number);
        self.all.push(value.into());
        number
    }

    fn shown(&self, number: u32) -> String {
        String::from_utf8_lossy(&self.all[number as usize]).into_owned()
    }
}

impl Draft {
    /// `NETWORK VALUE`, `RANGE VALUE`, or what tells how to read them (`ngx_http_geo`).
    fn take(&mut self, cx: &mut Reading, line: &Directive) -> Result<(), Reject> {
        match (line.name(), line.args()) {
            (b"ranges", []) => self.begin_ranges(),
            (b"proxy_recursive", []) => {
                self.asked.proxy_recursive = true;
                Ok(())
            }
            (b"volatile", []) if cx.differences().geo_volatile => {
                self.asked.volatile = true;
                Ok(())
            }
            (b"proxy", [network]) => {
                let network = network_of(cx, &network.text, &line.place)?;
                self.asked.proxies.push(network);
                Ok(())
            }
            (name, [value]) => match &mut self.ranges {
                Some(_) => self.take_range(cx, name, &value.text, &line.place),
                None => self.take_network(cx, name, &value.text, &line.place),
            },
            _ => Err(Reject::message("invalid number of the geo parameters")),
        }
    }

    fn begin_ranges(&mut self) -> Result<(), Reject> {
        if self.has_networks {
            return Err(Reject::message(
                "the \"ranges\" directive must be the first directive inside \"geo\" block",
            ));
        }
        self.ranges.get_or_insert_default();
        Ok(())
    }

    /// `default VALUE`, `delete NETWORK` or `NETWORK VALUE` (`ngx_http_geo_cidr`).
    fn take_network(
        &mut self,
        cx: &mut Reading,
        name: &[u8],
        second: &[u8],
        place: &Place,
    ) -> Result<(), Reject> {
        self.has_networks = true;
        match name {
            b"default" => {
                let value = self.values.number(second);
                let old = [
                    self.networks.add_v4((0, 0), value),
                    self.networks.add_v6((0, 0), value),
                ];
                for old in old.into_iter().flatten() {
                    self.warn_of_duplicate(cx, ("network", b"default"), (value, old), place);
                }
            }
            b"delete" => {
                let network = network_of(cx, second, place)?;
                if !self.networks.delete(network) {
                    let shown = String::from_utf8_lossy(second);
                    cx.warn(format!("no network \"{shown}\" to delete"), place);
                }
            }
            name => {
                let network = network_of(cx, name, place)?;
                let value = self.values.number(second);
                if let Some(old) = self.networks.add(network, value) {
                    self.warn_of_duplicate(cx, ("network", name), (value, old), place);
                }
            }
        }
        Ok(())
    }

    /// `default VALUE`, `delete RANGE` or `RANGE VALUE` (`ngx_http_geo_range`).
    fn take_range(
        &mut self,
        cx: &mut Reading,
        name: &[u8],
        second: &[u8],
        place: &Place,
    ) -> Result<(), Reject> {
        if name == b"default" {
            let value = self.values.number(second);
            if let Some(old) = self.default.replace(value) {
                let (value, old) = (self.values.shown(value), self.values.shown(old));
                let text =
                    format!("duplicate default geo range value: \"{value}\", old value: \"{old}\"");
                cx.warn(text, place);
            }
            return Ok(());
        }
        let ranges = self.ranges.get_or_insert_default();
        if name == b"delete" {
            if !ranges.delete(ranges::read(second)?) {
                let shown = String::from_utf8_lossy(second);
                cx.warn(format!("no address range \"{shown}\" to delete"), place);
            }
            return Ok(());
        }
        let range = ranges::read(name)?;
        let value = self.values.number(second);
        let mut old = Vec::new();
        let added = ranges.add(range, value, &mut old);
        for old in old {
            self.warn_of_duplicate(cx, ("range", name), (value, old), place);
        }
        added.map_err(|known| {
            let shown = String::from_utf8_lossy(name);
            Reject::message(format!("range \"{shown}\" overlaps \"{known}\""))
        })
    }

    fn warn_of_duplicate(
        &self,
        cx: &mut Reading,
        (what, name): (&str, &[u8]),
        (value, old): (u32, u32),
        place: &Place,
    ) {
        let name = String::from_utf8_lossy(name);
        let (value, old) = (self.values.shown(value), self.values.shown(old));
        let text = format!("duplicate {what} \"{name}\", value: \"{value}\", old value: \"{old}\"");
        cx.warn(text, place);
    }

    fn finish(mut self) -> Geo {
        let none = self.values.number(b"");
        let (v4, v6): (Spans<u32>, _) = match self.ranges {
            Some(ranges) => (ranges.finish(self.default.unwrap_or(none)), None),
            None => {
                let (v4, v6) = self.networks.finish(none);
                (v4, Some(v6))
            }
        };
        Geo::new(self.asked, v4, v6, self.values.all)
    }
}

/// A network; the broadcast address is one here (`ngx_http_geo_cidr_value`).
fn network_of(cx: &mut Reading, text: &[u8], place: &Place) -> Result<Network, Reject> {
    if text == b"255.255.255.255" {
        return Ok(Network::Cidr {
            address: std::net::Ipv4Addr::BROADCAST.into(),
            prefix: 32,
        });
    }
    let text = String::from_utf8_lossy(text);
    let (network, exact) =
        parse_cidr(&text).ok_or_else(|| Reject::message(format!("invalid network \"{text}\"")))?;
    if !exact {
        cx.warn(format!("low address bits of {text} are meaningless"), place);
    }
    Ok(network)
}
