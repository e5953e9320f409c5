//! Memory that is about to be used, asked for ahead of its use.
//!
//! Between two turns of one connection the others, and the kernel for them, drive its state out of the
//! fast caches. Met one after the other its lines would cost a wait each; asked for together they come
//! side by side.

/// Asks for the lines of a value. Nothing is read, so the value need not be there any more.
pub fn value<T>(place: *const T) {
    lines(place.cast(), size_of::<T>());
}

/// Asks for the first `count` elements' room.
pub fn room<T>(of: &Vec<T>, count: usize) {
    lines(
        of.as_ptr().cast(),
        size_of::<T>() * count.min(of.capacity()),
    );
}

/// Asks for `length` bytes from `start` on.
#[cfg(target_arch = "x86_64")]
pub fn lines(start: *const u8, length: usize) {
    const LINE: usize = 64;
    for offset in (0..length).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = start.wrapping_add(offset).cast();
        // SAFETY: a prefetch changes nothing that a program can see, and no address makes it fail.
        #[expect(
            unsafe_code,
            reason = "the standard library has no other way to prefetch"
        )]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line);
        }
    }
}

/// The standard library offers no such request to other processors.
#[cfg(not(target_arch = "x86_64"))]
pub fn lines(_start: *const u8, _length: usize) {}
