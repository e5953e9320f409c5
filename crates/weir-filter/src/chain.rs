//! The filters of one answer.

use crate::{Gunzip, Gzip, InflateFault, Recode, Sub};

/// What stands behind a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// More may come soon; a filter may wait for it.
    No,
    /// Whatever a filter holds and can let go of must go now (nginx's `buf->flush`).
    Now,
    /// Nothing: the body is complete (nginx's `last_buf`).
    End,
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
    filters: Vec<Filter>,
    /// Room for what the next filter makes.
    spare: Vec<u8>,
}

impl Chain {
    /// Adds a filter behind the others.
    pub fn add(&mut self, filter: Filter) {
        self.filters.push(filter);
    }

    /// Puts in place of `piece` what may go on of it and of what was held back.
    ///
    /// # Errors
    ///
    /// What is to be decompressed is not what it seems: the answer cannot go on.
    pub fn pass(&mut self, piece: &mut Vec<u8>, flush: Flush) -> Result<(), InflateFault> {
        for filter in &mut self.filters {
            self.spare.clear();
            filter.pass(piece, flush, &mut self.spare)?;
            std::mem::swap(piece, &mut self.spare);
        }
        Ok(())
    }

    /// Bytes that `gzip` took and gave, once the body is complete (`$gzip_ratio`).
    pub fn gzip_totals(&self) -> Option<(u64, u64)> {
        self.filters.iter().find_map(|filter| match filter {
            Filter::Gzip(gzip) => gzip.totals(),
            Filter::Gunzip(_) | Filter::Sub(_) | Filter::Recode(_) => None,
        })
    }
}

impl Filter {
    fn pass(&mut self, piece: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), InflateFault> {
        match self {
            Self::Gunzip(gunzip) => gunzip.pass(piece, flush, out)?,
            Self::Sub(sub) => sub.pass(piece, flush, out),
            Self::Recode(recode) => recode.pass(piece, out),
            Self::Gzip(gzip) => gzip.pass(piece, flush, out),
        }
        Ok(())
    }
}
