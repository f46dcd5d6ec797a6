//! Free stacks in the lists of `g0_arch::magazine`: linked through their headers, and checked whenever
//! they go on a list or come off.

use core::ptr::NonNull;

use g0_arch::magazine::{self, Link};
use g0_arch::sync::hint::prefetch;

use crate::{Header, Stack};

/// What caches, depots and sources keep.
///
/// > **Invariant.** The stacks are free (their identity says so) and only this list refers to them. They
/// > stay mapped while they are listed: their source outlives them (the promise of `Stack`'s makers).
pub(crate) type List = magazine::List<Header>;

// SAFETY: each link has a cell of its own, and the depot's are not used elsewhere.
unsafe impl Link for Header {
    #[inline(always)]
    unsafe fn next(&self) -> *mut Header {
        self.next.get()
    }

    #[inline(always)]
    unsafe fn set_next(&self, next: *mut Header) {
        self.next.set(next);
    }

    #[inline(always)]
    unsafe fn magazine(&self) -> (u32, *mut Header) {
        (self.magazine_len.get(), self.below.get())
    }

    #[inline(always)]
    unsafe fn set_magazine(&self, len: u32, below: *mut Header) {
        self.magazine_len.set(len);
        self.below.set(below);
    }

    /// Asks for what is often cold, and wanted soon: the next stack's header, what lies beneath it, and
    /// where the first frames go.
    #[inline(always)]
    fn prefetch(next: *mut Header) {
        for line in -6..1 {
            prefetch(next.cast::<u8>().wrapping_offset(line * 64));
        }
    }
}

/// Returns what is about to be listed, as a free stack. A stack that is not live and whole is fatal.
#[inline]
pub(crate) fn retired(stack: Stack, place: &'static str) -> NonNull<Header> {
    stack.retire(place);
    stack.into_raw()
}

/// Returns what has come off a list, live again.
///
/// # Safety
///
/// The list must have given it to the caller.
#[inline]
pub(crate) unsafe fn revived(header: NonNull<Header>, place: &'static str) -> Stack {
    // SAFETY: the list owned the stack, and no longer does.
    let stack = unsafe { Stack::from_raw(header) };
    stack.revive(place);
    stack
}

/// Lists the stack.
#[inline]
pub(crate) fn push(list: &mut List, stack: Stack, place: &'static str) {
    // SAFETY: a stack is its owner's, and stays mapped while it is listed.
    unsafe { list.push(retired(stack, place)) };
}
