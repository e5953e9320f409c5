//! Ranges of IPv4 addresses. nginx keeps them in pieces of 65,536 addresses, and so a range may replace
//! another in one piece and overlap it in the next.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::address::parse_ipv4;
use crate::model::Spans;
use crate::value::read::Reject;

/// Pieces of ranges, in order, by the upper half of their addresses.
#[derive(Default)]
pub(super) struct Ranges {
    pieces: BTreeMap<u16, Vec<Piece>>,
}

/// Both ends belong to it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: u16,
    end: u16,
    value: u32,
}

/// `FIRST-LAST`.
pub(super) fn read(text: &[u8]) -> Result<(u32, u32), Reject> {
    let ends = memchr::memchr(b'-', text).and_then(|dash| {
        let first = parse_ipv4(&text[..dash])?.to_bits();
        let last = parse_ipv4(&text[dash + 1..])?.to_bits();
        (first <= last).then_some((first, last))
    });
    ends.ok_or_else(|| {
        let shown = String::from_utf8_lossy(text);
        Reject::message(format!("invalid range \"{shown}\""))
    })
}

/// The pieces of a range: the upper half of their addresses, and the ends.
fn cut((first, last): (u32, u32)) -> impl Iterator<Item = (u16, u16, u16)> {
    let halves = |address: u32| ((address >> 16) as u16, address as u16);
    let ((from, start), (to, end)) = (halves(first), halves(last));
    (from..=to).map(move |upper| {
        (
            upper,
            if upper == from { start } else { 0 },
            if upper == to { end } else { u16::MAX },
        )
    })
}

impl Ranges {
    /// Adds a range; into `old` go the values of pieces that it replaces, one for each.
    ///
    /// # Errors
    ///
    /// It overlaps another, shown here (`ngx_http_geo_add_range`).
    pub(super) fn add(
        &mut self,
        range: (u32, u32),
        value: u32,
        old: &mut Vec<u32>,
    ) -> Result<(), String> {
        for (upper, start, end) in cut(range) {
            let piece = Piece { start, end, value };
            let pieces = self.pieces.entry(upper).or_default();
            match insert(pieces, piece) {
                Ok(replaced) => old.extend(replaced),
                Err(known) => {
                    let whole =
                        |lower: u16| Ipv4Addr::from_bits(u32::from(upper) << 16 | u32::from(lower));
                    return Err(format!("{}-{}", whole(known.start), whole(known.end)));
                }
            }
        }
        Ok(())
    }

    /// Whether each piece of the range was there (`ngx_http_geo_delete_range`).
    pub(super) fn delete(&mut self, range: (u32, u32)) -> bool {
        let mut all = true;
        for (upper, start, end) in cut(range) {
            let pieces = self.pieces.entry(upper).or_default();
            let same = |piece: &Piece| (piece.start, piece.end) == (start, end);
            match pieces.iter().position(same) {
                Some(at) => drop(pieces.remove(at)),
                None => all = false,
            }
        }
        all
    }

    /// What holds for all addresses; `default` outside of all ranges.
    pub(super) fn finish(self, default: u32) -> Spans<u32> {
        let mut spans = Spans::new(0, default);
        for (upper, pieces) in self.pieces {
            let whole = |lower: u16| u32::from(upper) << 16 | u32::from(lower);
            for piece in pieces {
                spans.push(whole(piece.start), piece.value);
                if let Some(next) = whole(piece.end).checked_add(1) {
                    spans.push(next, default);
                }
            }
        }
        spans
    }
}

/// Puts a piece between the others, which may have to give up an end for it, or their middle; the value of
/// the one that it replaces comes back. The error is the one it overlaps.
fn insert(pieces: &mut Vec<Piece>, new: Piece) -> Result<Option<u32>, Piece> {
    let at = pieces.partition_point(|piece| piece.start <= new.end);
    let Some(before) = at.checked_sub(1) else {
        pieces.insert(0, new);
        return Ok(None);
    };
    let known = pieces[before];
    if new.start > known.end {
        pieces.insert(at, new);
        return Ok(None);
    }
    if new.start < known.start || new.end > known.end {
        return Err(known);
    }
    let left = (new.start > known.start).then(|| Piece {
        end: new.start - 1,
        ..known
    });
    let right = (new.end < known.end).then(|| Piece {
        start: new.end + 1,
        ..known
    });
    let replaced = (left.is_none() && right.is_none()).then_some(known.value);
    let instead = left.into_iter().chain([new]).chain(right);
    pieces.splice(before..at, instead);
    Ok(replaced)
}
