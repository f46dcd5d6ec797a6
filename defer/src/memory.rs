//! Static memory for records.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use g0_arch::sync::atomic::{AtomicBool, Ordering};

use crate::class::LINE;

#[repr(C, align(64))]
struct Line(#[allow(dead_code)] MaybeUninit<[u8; LINE]>);

/// Memory for records, in a static: `LINES` times 64 bytes. See [`Depot::give`](crate::Depot::give).
///
/// A record of four words takes one line on a machine of 64 bits, one of twelve two, one of 28 four.
pub struct Memory<const LINES: usize> {
    given: AtomicBool,
    lines: UnsafeCell<[Line; LINES]>,
}

// SAFETY: the lines are handed out once, to the caller that sets `given` first.
unsafe impl<const LINES: usize> Sync for Memory<LINES> {}

impl<const LINES: usize> Memory<LINES> {
    /// Returns memory that no depot has yet.
    pub const fn new() -> Self {
        let lines = UnsafeCell::new([const { Line(MaybeUninit::uninit()) }; LINES]);
        Memory { given: AtomicBool::new(false), lines }
    }

    /// Returns its first byte, once.
    pub(crate) fn take(&'static self) -> Option<NonNull<u8>> {
        // A load and a store where a machine has no swap would let two callers have it. Relaxed: there
        // is nothing in the memory to be seen.
        let given = self.given.swap(true, Ordering::Relaxed);
        if given { None } else { NonNull::new(self.lines.get().cast()) }
    }
}

impl<const LINES: usize> Default for Memory<LINES> {
    fn default() -> Self {
        Memory::new()
    }
}

impl<const LINES: usize> core::fmt::Debug for Memory<LINES> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Memory").field("lines", &LINES).finish_non_exhaustive()
    }
}
