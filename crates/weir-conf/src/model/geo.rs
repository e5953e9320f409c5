//! `geo`: a value by an address.

use std::net::{IpAddr, Ipv4Addr};

use crate::Variable;
use crate::value::Network;

/// A `geo`.
#[derive(Debug)]
pub struct Geo {
    /// What the address is read from; the client's own without it.
    pub address: Option<Variable>,
    /// Whose word about the address they ask for is taken.
    pub proxies: Box<[Network]>,
    /// Whether a proxy in front of a proxy is believed, too.
    pub proxy_recursive: bool,
    /// Whether the value is looked up anew at each use.
    pub volatile: bool,
    v4: Spans<u32>,
    /// Ranges are of IPv4 only: without this, other addresses count as no address.
    v6: Option<Spans<u128>>,
    values: Box<[Box<[u8]>]>,
}

/// Values of all addresses of a kind: each from where it begins to where the next one does. A million
/// networks take 16 MB at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spans<A> {
    /// The first one is 0.
    starts: Vec<A>,
    /// Indices of values.
    values: Vec<u32>,
}

impl<A: Copy + Ord> Spans<A> {
    /// One value from `zero` on.
    pub(crate) fn new(zero: A, value: u32) -> Self {
        Self {
            starts: vec![zero],
            values: vec![value],
        }
    }

    /// From `start` on, which lies behind or at the last beginning, another value holds.
    pub(crate) fn push(&mut self, start: A, value: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        if self.values.last() != Some(&value) {
            self.starts.push(start);
            self.values.push(value);
        }
    }

    pub(crate) fn find(&self, address: A) -> u32 {
        let behind = self.starts.partition_point(|start| *start <= address);
        self.values[behind.saturating_sub(1)]
    }

    /// Gives back the room that nothing lies in.
    pub(crate) fn finish(mut self) -> Self {
        self.starts.shrink_to_fit();
        self.values.shrink_to_fit();
        self
    }
}

/// How the address of a request is found.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) address: Option<Variable>,
    pub(crate) proxies: Vec<Network>,
    pub(crate) proxy_recursive: bool,
    pub(crate) volatile: bool,
}

impl Geo {
    pub(crate) fn new(
        asked: Asked,
        v4: Spans<u32>,
        v6: Option<Spans<u128>>,
        values: Vec<Box<[u8]>>,
    ) -> Self {
        Self {
            address: asked.address,
            proxies: asked.proxies.into(),
            proxy_recursive: asked.proxy_recursive,
            volatile: asked.volatile,
            v4: v4.finish(),
            v6: v6.map(Spans::finish),
            values: values.into(),
        }
    }

    /// The value for an address; no address counts as 255.255.255.255 (`ngx_http_geo_cidr_variable`,
    /// `ngx_http_geo_range_variable`).
    pub fn find(&self, address: Option<IpAddr>) -> &[u8] {
        let none = self.v4.find(Ipv4Addr::BROADCAST.to_bits());
        let value = match (address.map(|address| address.to_canonical()), &self.v6) {
            (Some(IpAddr::V4(address)), _) => self.v4.find(address.to_bits()),
            (Some(IpAddr::V6(address)), Some(v6)) => v6.find(address.to_bits()),
            (Some(IpAddr::V6(_)), None) | (None, _) => none,
        };
        &self.values[value as usize]
    }

    /// Whether the word of this client is taken (`ngx_cidr_match`).
    pub fn trusts(&self, client: Option<IpAddr>) -> bool {
        let client = client.map(|client| client.to_canonical());
        self.proxies.iter().any(|proxy| proxy.contains(client))
    }
}
