//! How much fits into a zone of shared memory, as nginx's allocator counts (`ngx_slab.c`): pages of one
//! size of chunks each.

/// Bytes of a page.
const PAGE: usize = 4096;

/// What the allocator keeps about a page, outside of it.
const PAGE_RECORD: usize = 24;

/// The allocator's own head, and its records for each size of chunks, on 64-bit systems.
const HEAD: usize = 200 + SIZES * (PAGE_RECORD + 32);

/// Sizes of chunks: 8, 16 and so on to 2048 bytes.
const SIZES: usize = 9;

const SMALLEST_SHIFT: u32 = 3;

/// Longer things take whole pages.
const LONGEST_CHUNK: usize = PAGE / 2;

/// The pages of a zone, and what they are used for. Pages of one size count as full before another is
/// begun, so that this is exact as long as nothing was given back in between, and never too little.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    free_pages: usize,
    sizes: [Chunks; SIZES],
}

/// Chunks of one size.
#[derive(Clone, Copy, Debug, Default)]
struct Chunks {
    used: usize,
    pages: usize,
}

impl Room {
    /// The room of a zone of so many bytes (`ngx_slab_init`).
    pub(crate) fn of(size: usize) -> Self {
        let pages = size.saturating_sub(HEAD) / (PAGE + PAGE_RECORD);
        let start = (HEAD + pages * PAGE_RECORD).next_multiple_of(PAGE);
        Self {
            free_pages: pages.min(size.saturating_sub(start) / PAGE),
            sizes: [Chunks::default(); SIZES],
        }
    }

    /// One of `parts` equal parts of the pages.
    pub(crate) fn part(&self, parts: usize) -> Self {
        Self {
            free_pages: self.free_pages / parts,
            sizes: [Chunks::default(); SIZES],
        }
    }

    /// Takes room for `bytes`; `false` if there is none left (`ngx_slab_alloc_locked`).
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let Some(size) = size_of(bytes) else {
            let pages = bytes.div_ceil(PAGE);
            let fits = pages <= self.free_pages;
            self.free_pages -= if fits { pages } else { 0 };
            return fits;
        };
        let chunks = &mut self.sizes[size];
        if chunks.used == chunks.pages * per_page(size) {
            if self.free_pages == 0 {
                return false;
            }
            self.free_pages -= 1;
            chunks.pages += 1;
        }
        chunks.used += 1;
        true
    }

    /// Gives back what [`Self::take`] took for as many bytes (`ngx_slab_free_locked`).
    pub(crate) fn give(&mut self, bytes: usize) {
        let Some(size) = size_of(bytes) else {
            self.free_pages += bytes.div_ceil(PAGE);
            return;
        };
        let chunks = &mut self.sizes[size];
        chunks.used -= 1;
        if chunks.used == (chunks.pages - 1) * per_page(size) {
            chunks.pages -= 1;
            self.free_pages += 1;
        }
    }
}

/// The smallest size of chunks that holds `bytes`, by its number; `None` for whole pages.
fn size_of(bytes: usize) -> Option<usize> {
    let shift = bytes
        .next_power_of_two()
        .trailing_zeros()
        .max(SMALLEST_SHIFT);
    (bytes <= LONGEST_CHUNK).then_some((shift - SMALLEST_SHIFT) as usize)
}

/// Chunks of a page; of small ones, some hold the map of the others.
fn per_page(size: usize) -> usize {
    let chunk = 1 << (size + SMALLEST_SHIFT as usize);
    let chunks = PAGE / chunk;
    if chunk < PAGE / 64 {
        chunks - (chunks / (chunk * 8)).max(1)
    } else {
        chunks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Things of `bytes` that fit into a zone of `size`.
    fn fits(size: usize, bytes: usize) -> usize {
        let mut room = Room::of(size);
        std::iter::repeat_with(|| room.take(bytes))
            .take_while(|taken| *taken)
            .count()
    }

    #[test]
    fn as_many_as_in_nginx() {
        for (size, bytes, expected) in [
            (32 * 1024, 128, 7 * 32),
            (32 * 1024, 64, 7 * 64),
            (32 * 1024, 32, 7 * 127),
            (32 * 1024, 2049, 7),
            (32 * 1024, 2048, 14),
            (1 << 20, 128, 254 * 32),
            (32 * 1024, 9 * PAGE, 0),
        ] {
            assert_eq!(fits(size, bytes), expected, "{bytes} bytes in {size}");
        }
    }

    proptest! {
        #[test]
        fn what_is_given_back_can_be_taken_again(sizes in prop::collection::vec(1_usize..10_000, 1..60)) {
            let mut room = Room::of(256 * 1024);
            let pages = room.free_pages;
            let taken: Vec<_> = sizes.into_iter().filter(|bytes| room.take(*bytes)).collect();
            for bytes in taken {
                room.give(bytes);
            }
            prop_assert_eq!(room.free_pages, pages);
        }
    }
}
