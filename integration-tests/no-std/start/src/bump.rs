//! The global allocator: a static arena from which memory is only ever taken.
//!
//! Good enough for a program that ends after its checks, and small enough to be seen to need
//! nothing of std.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

const SIZE: usize = 4 << 20;

#[repr(C, align(4096))]
struct Bump {
    arena: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: each byte of the arena is handed out at most once, `used` being the only way to it.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump { arena: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

/// Bytes that the global allocator has given out: how a program sees that it was used.
pub fn used() -> usize {
    HEAP.used.load(Ordering::Relaxed)
}

// SAFETY: blocks lie inside the arena, are aligned as asked (the arena by a page, more is
// refused), and never overlap; `dealloc` gives nothing back.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > align_of::<Self>() {
            return null_mut();
        }
        let mut start = 0;
        // Relaxed: the counter publishes nothing, a block is its taker's alone.
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            start = used.next_multiple_of(layout.align());
            start.checked_add(layout.size()).filter(|end| *end <= SIZE)
        });
        match taken {
            Ok(_) => self.arena.get().cast::<u8>().wrapping_add(start),
            Err(_) => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
