//! The filters of one answer.

use crate::{Gunzip, Gzip, InflateFault, Recode, Sub};

/// Bytes that are made of a piece before the rest of it waits: what is decompressed, or replaced, may be a thousand
/// times as long as what came.
pub(crate) const ROOM: usize = 64 * 1024;

/// What stands behind a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// More may come soon; a filter may wait for it.
    No,
    /// More may come late. `sub_filter` waits for none of it, `gzip` does (nginx's `buf->recycled`).
    Recycled,
    /// More may come late: whatever a filter can let go of must go now (nginx's `buf->flush`).
    Now,
    /// Nothing: the body is complete (nginx's `buf->last_buf`).
    End,
}

/// Whether there is more to be had of what a chain has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// All is made of it that can be made now.
    No,
    /// Call [`Chain::go_on`] when what was made is gone.
    Yes,
}

/// A filter.
#[derive(Debug)]
pub enum Filter {
    /// `gunzip`.
    Gunzip(Gunzip),
    /// `sub_filter`.
    Sub(Sub),
    /// `charset` and `source_charset`.
    Recode(Recode),
    /// `gzip`.
    Gzip(Gzip),
}

/// The filters that a body passes, the first one first.
#[derive(Debug, Default)]
pub struct Chain {
    stages: Vec<Stage>,
    /// What stands behind all that waits.
    flush: Option<Flush>,
    /// The filter that took the last piece: the first one, or for an inserted piece the first of the whole answer.
    first: usize,
    /// Other bodies follow this one before the filters of the whole answer are told that it is complete.
    goes_on: bool,
    /// Room for what a filter makes.
    made: Vec<u8>,
}

/// A filter and what it has not taken yet.
#[derive(Debug)]
struct Stage {
    filter: Filter,
    waiting: Vec<u8>,
    /// Bytes of it that were taken.
    taken: usize,
    /// The filter can make more without being given any.
    has_more: bool,
    /// It has been told what stands behind.
    is_flushed: bool,
}

impl Chain {
    /// Adds a filter behind the others.
    pub fn add(&mut self, filter: Filter) {
        self.stages.push(Stage {
            filter,
            waiting: Vec::new(),
            taken: 0,
            has_more: false,
            is_flushed: true,
        });
    }

    /// Puts in place of `piece` the first part of what becomes of it, and of what was held back. Whatever was
    /// given before has been made use of: the last call said [`More::No`].
    ///
    /// # Errors
    ///
    /// What is to be decompressed is not what it seems: the answer cannot go on.
    pub fn pass(&mut self, piece: &mut Vec<u8>, flush: Flush) -> Result<More, InflateFault> {
        self.begin(0, piece, flush);
        if flush == Flush::End && self.goes_on {
            // For them it is no end yet: they are told of none.
            let whole_answer = self.of_whole_answer();
            for stage in &mut self.stages[whole_answer..] {
                stage.is_flushed = true;
            }
        }
        self.go_on(piece)
    }

    /// As [`Chain::pass`], for a piece of another body that is part of the answer: it passes the filters of the
    /// whole answer only. [`Flush::End`] ends the answer.
    ///
    /// # Errors
    ///
    /// As [`Chain::pass`].
    pub fn insert(&mut self, piece: &mut Vec<u8>, flush: Flush) -> Result<More, InflateFault> {
        self.begin(self.of_whole_answer(), piece, flush);
        self.go_on(piece)
    }

    /// Bodies are to be inserted behind this one, whose end is not that of the answer.
    pub fn leave_open(&mut self) {
        self.goes_on = true;
    }

    /// Index of the first filter that the whole answer passes, whatever it is put together from; those before
    /// it are this body's own (`ngx_http_postpone_filter` stands between them).
    fn of_whole_answer(&self) -> usize {
        let is_own = |stage: &Stage| match stage.filter {
            Filter::Gunzip(_) | Filter::Sub(_) | Filter::Recode(_) => true,
            Filter::Gzip(_) => false,
        };
        self.stages.iter().take_while(|stage| is_own(stage)).count()
    }

    /// Gives a piece to the filter at `first`; where there is none it is what comes out.
    fn begin(&mut self, first: usize, piece: &mut Vec<u8>, flush: Flush) {
        self.first = first;
        self.flush = Some(flush);
        for stage in &mut self.stages[first..] {
            stage.is_flushed = flush == Flush::No;
        }
        if let Some(stage) = self.stages.get_mut(first) {
            std::mem::swap(&mut stage.waiting, piece);
            stage.taken = 0;
            piece.clear();
        }
    }

    /// Appends the next part to `out`, some 64 KB.
    ///
    /// # Errors
    ///
    /// As [`Chain::pass`].
    pub fn go_on(&mut self, out: &mut Vec<u8>) -> Result<More, InflateFault> {
        let flush = self.flush.unwrap_or(Flush::No);
        loop {
            if self.sweep(flush, out)? {
                return Ok(More::No);
            }
            if out.len() >= ROOM {
                return Ok(More::Yes);
            }
        }
    }

    /// Lets each filter take what waits for it, as far as the next one is done with its own; whether all are.
    fn sweep(&mut self, flush: Flush, out: &mut Vec<u8>) -> Result<bool, InflateFault> {
        let mut all_came = true;
        for index in self.first..self.stages.len() {
            let next_waits = self.stages.get(index + 1).is_some_and(Stage::is_busy);
            if !next_waits {
                let behind = if all_came { flush } else { Flush::No };
                self.stages[index].run(behind, &mut self.made)?;
                match self.stages.get_mut(index + 1) {
                    Some(next) => next.give(&mut self.made),
                    None => out.append(&mut self.made),
                }
            }
            let stage = &self.stages[index];
            all_came = all_came && !next_waits && !stage.is_busy() && stage.is_flushed;
        }
        Ok(all_came)
    }

    /// Sets what `sub_filter` puts in place of its patterns, by the directives that said them.
    pub fn set_replacements(&mut self, text_of: impl Fn(usize) -> Vec<u8>) {
        for stage in &mut self.stages {
            if let Filter::Sub(sub) = &mut stage.filter {
                return sub.set_replacements(text_of);
            }
        }
    }

    /// Bytes that `gzip` took and gave, once the body is complete (`$gzip_ratio`).
    pub fn gzip_totals(&self) -> Option<(u64, u64)> {
        self.stages.iter().find_map(|stage| match &stage.filter {
            Filter::Gzip(gzip) => gzip.totals(),
            Filter::Gunzip(_) | Filter::Sub(_) | Filter::Recode(_) => None,
        })
    }
}

impl Stage {
    fn is_busy(&self) -> bool {
        self.has_more || self.taken < self.waiting.len()
    }

    /// Lets the filter take what waits; it is told what stands behind when it has taken all.
    fn run(&mut self, behind: Flush, made: &mut Vec<u8>) -> Result<(), InflateFault> {
        let piece = &self.waiting[self.taken..];
        let owes = behind != Flush::No && !self.is_flushed;
        if piece.is_empty() && !self.has_more && !owes {
            return Ok(());
        }
        let told = if owes { behind } else { Flush::No };
        let step = self.filter.pass(piece, told, made)?;
        self.taken += step.taken;
        self.has_more = step.has_more;
        self.is_flushed |= owes && !self.is_busy();
        Ok(())
    }

    /// Hands it what the filter before has made; nothing else waits.
    fn give(&mut self, made: &mut Vec<u8>) {
        if !made.is_empty() {
            std::mem::swap(&mut self.waiting, made);
            self.taken = 0;
            made.clear();
        }
    }
}

/// What a filter did with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes that it took.
    pub(crate) taken: usize,
    /// It can make more without being given any. Told what stands behind, it has not acted upon it yet.
    pub(crate) has_more: bool,
}

impl Filter {
    fn pass(
        &mut self,
        piece: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<Step, InflateFault> {
        let whole = Step {
            taken: piece.len(),
            has_more: false,
        };
        match self {
            Self::Gunzip(gunzip) => return gunzip.pass(piece, flush, out),
            Self::Sub(sub) => return Ok(sub.pass(piece, flush, out)),
            Self::Recode(recode) => recode.pass(piece, out),
            Self::Gzip(gzip) => gzip.pass(piece, flush, out),
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{GzipSettings, SubPattern};

    const GZIP: GzipSettings = GzipSettings {
        level: 6,
        window_bits: 15,
        buffer: 4096,
        unbuffered: false,
    };

    fn gzipped(body: &[u8]) -> Vec<u8> {
        let mut chain = Chain::default();
        chain.add(Filter::Gzip(Gzip::new(GZIP)));
        whole(&mut chain, body, usize::MAX).0
    }

    fn sub(pattern: &str, replacement: &str) -> Filter {
        let pattern = SubPattern {
            pattern: pattern.as_bytes().to_vec(),
            replacement: replacement.as_bytes().to_vec(),
            rule: 0,
        };
        Filter::Sub(Sub::new(Box::from([pattern]), false))
    }

    /// All that becomes of a body in pieces of this size, and the longest part of it.
    fn whole(chain: &mut Chain, body: &[u8], size: usize) -> (Vec<u8>, usize) {
        let (mut all, mut longest) = (Vec::new(), 0);
        let pieces = body.chunks(size.min(body.len()).max(1));
        for (piece, flush) in pieces
            .map(|piece| (piece, Flush::No))
            .chain([(&b""[..], Flush::End)])
        {
            let mut part = piece.to_vec();
            let mut more = chain.pass(&mut part, flush).expect("a good body");
            loop {
                longest = longest.max(part.len());
                all.append(&mut part);
                if more == More::No {
                    break;
                }
                more = chain.go_on(&mut part).expect("a good body");
            }
        }
        (all, longest)
    }

    #[test]
    fn what_grows_a_million_times_comes_in_parts() {
        let body = gzipped(&vec![b'a'; 200_000]);
        let mut chain = Chain::default();
        chain.add(Filter::Gunzip(Gunzip::new()));
        chain.add(sub("a", &"R".repeat(500)));
        let (all, longest) = whole(&mut chain, &body, usize::MAX);
        assert_eq!(all.len(), 200_000 * 500);
        assert!(longest < 4 * ROOM, "{longest}");
    }

    #[test]
    fn an_inserted_body_passes_the_filters_of_the_whole_only() {
        let mut chain = Chain::default();
        chain.add(sub("a", "-"));
        chain.add(Filter::Gzip(Gzip::new(GZIP)));
        chain.leave_open();
        let mut packed = Vec::new();
        let mut put = |chain: &mut Chain, text: &str, flush, inserted| {
            let mut piece = text.as_bytes().to_vec();
            let made = match inserted {
                true => chain.insert(&mut piece, flush),
                false => chain.pass(&mut piece, flush),
            };
            assert_eq!(made.expect("a good body"), More::No);
            packed.append(&mut piece);
        };
        put(&mut chain, "<a>", Flush::Now, true);
        put(&mut chain, "banana", Flush::End, false);
        put(&mut chain, "<a>", Flush::No, true);
        put(&mut chain, "", Flush::End, true);
        let mut back = Chain::default();
        back.add(Filter::Gunzip(Gunzip::new()));
        let (text, _) = whole(&mut back, &packed, usize::MAX);
        assert_eq!(String::from_utf8_lossy(&text), "<a>b-n-n-<a>");
        assert!(chain.gzip_totals().is_some());
    }

    proptest! {
        #[test]
        fn a_body_becomes_the_same_however_it_is_cut(
            body in "[ab]{0,3000}",
            size in 1..4000_usize,
        ) {
            let packed = gzipped(body.as_bytes());
            let mut chain = Chain::default();
            chain.add(Filter::Gunzip(Gunzip::new()));
            chain.add(sub("ab", "-"));
            chain.add(Filter::Gzip(Gzip::new(GZIP)));
            let (repacked, _) = whole(&mut chain, &packed, size);
            let mut back = Chain::default();
            back.add(Filter::Gunzip(Gunzip::new()));
            let (text, _) = whole(&mut back, &repacked, size);
            prop_assert_eq!(text, body.replace("ab", "-").into_bytes());
        }
    }
}
