//! Per-worker free lists, so that an idle connection holds no buffer and a busy one allocates none.

use std::cell::RefCell;

/// Bytes of a buffer for heads and short bodies.
///
/// Not a power of two: the beginnings of many such buffers, which is all that most requests touch,
/// would share a few sets of the processor's caches and drive each other out.
pub const HEAD_BUFFER: usize = 16 * 1024 + 17 * 64;
/// Bytes of a buffer for long bodies; few large copies cost less than many small ones.
pub const RELAY_BUFFER: usize = 256 * 1024;

/// Buffers kept per size; what comes back beyond that is freed.
const KEPT: usize = 512;
const KEPT_RELAY: usize = 8;

thread_local! {
    static HEADS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static RELAYS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with [`HEAD_BUFFER`] bytes of room.
pub fn take_head() -> Vec<u8> {
    HEADS
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| Vec::with_capacity(HEAD_BUFFER))
}

/// An empty buffer with [`RELAY_BUFFER`] bytes of room.
pub fn take_relay() -> Vec<u8> {
    RELAYS
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| Vec::with_capacity(RELAY_BUFFER))
}

/// An empty buffer with room for `length` bytes; longer ones grow.
pub fn take_for(length: usize) -> Vec<u8> {
    match length {
        0..=HEAD_BUFFER => take_head(),
        _ => take_relay(),
    }
}

/// Gives a buffer back, whichever list it came from.
pub fn give_back(mut buffer: Vec<u8>) {
    buffer.clear();
    let (list, kept) = match buffer.capacity() {
        HEAD_BUFFER => (&HEADS, KEPT),
        RELAY_BUFFER => (&RELAYS, KEPT_RELAY),
        _ => return,
    };
    // A thread that ends may drop connections after its lists.
    let _ = list.try_with(|list| {
        let mut list = list.borrow_mut();
        if list.len() < kept {
            list.push(buffer);
        }
    });
}
