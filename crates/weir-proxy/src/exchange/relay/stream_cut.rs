//! The part of a streamed body that a range asks for.

use std::ops::Range;

/// Where a body that passes in pieces is cut (`ngx_http_range_singlepart_body`).
pub(super) struct StreamCut {
    wanted: Range<u64>,
    /// Bytes of the body that have passed.
    passed: u64,
}

impl StreamCut {
    pub(super) fn new(wanted: Range<u64>) -> Self {
        Self { wanted, passed: 0 }
    }

    /// Whether the end of what is wanted has passed.
    pub(super) fn is_satisfied(&self) -> bool {
        self.passed >= self.wanted.end
    }

    /// Leaves of the next piece of the body what is wanted.
    pub(super) fn apply(&mut self, piece: &mut Vec<u8>) {
        let start = self.passed;
        self.passed += piece.len() as u64;
        let within = |offset: u64| {
            let offset = offset.saturating_sub(start);
            usize::try_from(offset).map_or(piece.len(), |offset| offset.min(piece.len()))
        };
        let (from, to) = (within(self.wanted.start), within(self.wanted.end));
        piece.truncate(to);
        piece.drain(..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_give_the_same_part() {
        let body: Vec<u8> = (0..100).collect();
        for size in 1..=100 {
            for wanted in [0..1, 0..100, 10..20, 33..34, 99..100] {
                let mut cut = StreamCut::new(wanted.clone());
                let mut sent = Vec::new();
                for piece in body.chunks(size) {
                    let mut piece = piece.to_vec();
                    cut.apply(&mut piece);
                    sent.extend_from_slice(&piece);
                }
                let expected = &body[wanted.start as usize..wanted.end as usize];
                assert_eq!(sent, expected, "{wanted:?} in pieces of {size}");
            }
        }
    }
}
