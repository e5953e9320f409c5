//! One text in several pieces, written by as few calls as the peer allows.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use crate::stream::Stream;

/// How far a gathered write has come.
#[derive(Debug, Default)]
pub struct GatheredWrite {
    done: usize,
}

impl GatheredWrite {
    /// Bytes of the text under way that are out.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Notes that `written` bytes are out already.
    pub fn skip(&mut self, written: usize) {
        self.done += written;
    }

    /// Writes as much of `slices`, taken as one text, as the peer takes; ready once all is out.
    /// `wrote` counts the bytes of this call also while pending.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        slices: &[&[u8]],
        wrote: &mut u64,
    ) -> Poll<io::Result<()>> {
        self.poll_write_within(cx, stream, slices, None, wrote)
    }

    /// As [`Self::poll_write`], but no more than `budget` bytes now.
    pub fn poll_write_within(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        slices: &[&[u8]],
        budget: Option<u64>,
        wrote: &mut u64,
    ) -> Poll<io::Result<()>> {
        self.poll_pass(slices, budget, wrote, |rest| stream.poll_write(cx, rest))
    }

    /// As [`Self::poll_write_within`], where `pass` is what takes the bytes.
    pub fn poll_pass(
        &mut self,
        slices: &[&[u8]],
        mut budget: Option<u64>,
        wrote: &mut u64,
        mut pass: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        while self.done < total {
            let mut rest = [IoSlice::new(&[]); MAX_SLICES];
            let count = remaining(slices, self.done, budget, &mut rest);
            if count == 0 {
                return Poll::Pending;
            }
            match ready!(pass(&rest[..count]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => {
                    self.done += written;
                    *wrote += written as u64;
                    budget = budget.map(|budget| budget - written as u64);
                }
            }
        }
        self.done = 0;
        Poll::Ready(Ok(()))
    }
}

/// Slices of one gathered write: head, chunk size, data, chunk end, and room for a body of two parts.
const MAX_SLICES: usize = 6;

/// The parts of `slices` behind the first `skip` bytes, at most `budget` bytes of them.
fn remaining<'a>(
    slices: &[&'a [u8]],
    mut skip: usize,
    budget: Option<u64>,
    out: &mut [IoSlice<'a>],
) -> usize {
    let mut left = budget.map_or(usize::MAX, |budget| {
        usize::try_from(budget).unwrap_or(usize::MAX)
    });
    let mut count = 0;
    for slice in slices {
        if skip >= slice.len() {
            skip -= slice.len();
            continue;
        }
        let slice = &slice[skip..];
        let slice = &slice[..slice.len().min(left)];
        skip = 0;
        if slice.is_empty() {
            break;
        }
        left -= slice.len();
        out[count] = IoSlice::new(slice);
        count += 1;
    }
    count
}
