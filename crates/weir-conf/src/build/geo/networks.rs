//! Networks that may lie in each other: the longest prefix decides.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use crate::model::Spans;
use crate::value::Network;

/// Values of networks by beginning and length of the prefix.
#[derive(Default)]
pub(super) struct Networks {
    v4: HashMap<(u32, u8), u32>,
    v6: HashMap<(u128, u8), u32>,
}

impl Networks {
    /// Adds a network; of one that is there already the new value holds, and the value that held for its
    /// first address comes back.
    pub(super) fn add(&mut self, network: Network, value: u32) -> Option<u32> {
        match network {
            Network::Cidr {
                address: IpAddr::V4(address),
                prefix,
            } => self.add_v4((address.to_bits(), prefix), value),
            Network::Cidr {
                address: IpAddr::V6(address),
                prefix,
            } => self.add_v6((address.to_bits(), prefix), value),
            // No address is written so.
            Network::All | Network::Unix => None,
        }
    }

    pub(super) fn add_v4(&mut self, network: (u32, u8), value: u32) -> Option<u32> {
        add(&mut self.v4, network, value)
    }

    pub(super) fn add_v6(&mut self, network: (u128, u8), value: u32) -> Option<u32> {
        add(&mut self.v6, network, value)
    }

    /// Whether the network was there.
    pub(super) fn delete(&mut self, network: Network) -> bool {
        match network {
            Network::Cidr {
                address: IpAddr::V4(address),
                prefix,
            } => self.v4.remove(&(address.to_bits(), prefix)),
            Network::Cidr {
                address: IpAddr::V6(address),
                prefix,
            } => self.v6.remove(&(address.to_bits(), prefix)),
            Network::All | Network::Unix => None,
        }
        .is_some()
    }

    /// What holds for all addresses; `none` where no network does.
    pub(super) fn finish(self, none: u32) -> (Spans<u32>, Spans<u128>) {
        (spans(self.v4, none), spans(self.v6, none))
    }
}

/// An address as a number.
trait Address: Copy + Ord + Hash {
    const ZERO: Self;
    const BITS: u8;

    /// The beginning of the network with a prefix of this length.
    fn first(self, prefix: u8) -> Self;
    /// The end of the same.
    fn last(self, prefix: u8) -> Self;
    fn next(self) -> Option<Self>;
}

macro_rules! address {
    ($number:ty) => {
        impl Address for $number {
            const ZERO: Self = 0;
            const BITS: u8 = Self::BITS as u8;

            fn first(self, prefix: u8) -> Self {
                self & !Self::MAX.checked_shr(prefix.into()).unwrap_or(0)
            }

            fn last(self, prefix: u8) -> Self {
                self | Self::MAX.checked_shr(prefix.into()).unwrap_or(0)
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    };
}

address!(u32);
address!(u128);

fn add<A: Address>(
    networks: &mut HashMap<(A, u8), u32>,
    network: (A, u8),
    value: u32,
) -> Option<u32> {
    // nginx looks the address up, which may find a smaller network.
    let old = networks.contains_key(&network).then(|| {
        let lengths = (0..=<A as Address>::BITS).rev();
        let mut found =
            lengths.filter_map(|length| networks.get(&(network.0.first(length), length)));
        found.next().copied()
    });
    networks.insert(network, value);
    old.flatten()
}

/// Networks in order of their beginning, outer ones first, so that a stack tells which one holds.
fn spans<A: Address>(networks: HashMap<(A, u8), u32>, none: u32) -> Spans<A> {
    let mut sorted: Vec<_> = networks.into_iter().collect();
    sorted.sort_unstable_by_key(|(network, _)| *network);
    let mut spans = Spans::new(A::ZERO, none);
    let mut around: Vec<(A, u32)> = Vec::new();
    for ((start, prefix), value) in sorted {
        leave(&mut around, &mut spans, none, |last| last < start);
        around.push((start.last(prefix), value));
        spans.push(start, value);
    }
    leave(&mut around, &mut spans, none, |_| true);
    spans
}

/// Leaves the networks that have ended; behind each, the one around it holds.
fn leave<A: Address>(
    around: &mut Vec<(A, u32)>,
    spans: &mut Spans<A>,
    none: u32,
    has_ended: impl Fn(A) -> bool,
) {
    while let Some((last, _)) = around.pop_if(|(last, _)| has_ended(*last)) {
        if let Some(next) = last.next() {
            spans.push(next, around.last().map_or(none, |(_, value)| *value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Over few addresses, so that networks lie in each other.
        #[test]
        fn the_longest_prefix_holds(
            networks in prop::collection::vec((0_u32..16, 24_u8..=32), 0..12),
            asked in 0_u32..32,
        ) {
            let spread = |address: u32| address << 28 | address;
            let mut all = HashMap::new();
            for (number, (address, prefix)) in networks.iter().enumerate() {
                let prefix = prefix - 24;
                all.insert((spread(*address).first(prefix * 4), prefix * 4), number as u32);
            }
            let address = spread(asked);
            let longest = all
                .iter()
                .filter(|((start, prefix), _)| address.first(*prefix) == *start)
                .max_by_key(|((_, prefix), _)| *prefix)
                .map_or(99, |(_, value)| *value);
            prop_assert_eq!(spans(all, 99).find(address), longest);
        }
    }
}
