//! A walk along the stacks of a task, from the present one outwards. It reads headers, and records where a tag says
//! that there is one, and nothing else: a signal handler may do it.

use core::iter::FusedIterator;
use core::ptr::{self, NonNull};

use super::Segment;
use crate::Header;

/// One stack of a task, in a walk along all of them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Piece {
    /// Its header, which has the bounds.
    pub header: NonNull<Header>,
    /// Where it was left for the segment above: the slot of a [`call_on`](g0_arch::Arch::call_on), below which
    /// nothing is live. Null for the present stack, for which the task's context says it.
    pub sp: *mut u8,
    /// Whether it is a segment, which is given back some day; not so for the task's own stack.
    pub free: bool,
}

impl Piece {
    /// Returns whether an address, or a stack pointer, lies in this stack.
    pub fn holds(&self, sp: *const u8) -> bool {
        // SAFETY: the caller of `pieces` ensures that the stacks are there.
        let header = unsafe { self.header.as_ref() };
        (header.bottom().addr()..=header.top().addr()).contains(&sp.addr())
    }
}

/// The stacks of a task: see [`pieces`].
#[derive(Clone, Debug)]
pub struct Pieces {
    next: Option<(NonNull<Header>, *mut u8)>,
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let (header, sp) = self.next?;
        // SAFETY: `pieces` was promised that the stacks are there; a record is valid while its tag is set.
        let record = unsafe {
            let stack = header.as_ref();
            Segment::of(stack).filter(|_| stack.check()).map(|record| record.as_ref())
        };
        self.next = record.map(|record| (record.old(), record.sp()));
        Some(Piece { header, sp, free: record.is_some_and(Segment::free) })
    }
}

impl FusedIterator for Pieces {}

/// Returns the stacks of a task, from the present one outwards to its own. It ends early at a segment whose header
/// was overwritten.
///
/// # Safety
///
/// `present` must be the present stack of a task that does not run while the result is used, or runs on this thread
/// only: the caller itself, or what a signal has interrupted.
#[inline]
pub unsafe fn pieces(present: NonNull<Header>) -> Pieces {
    Pieces { next: Some((present, ptr::null_mut())) }
}

/// Returns the own stack of a task.
///
/// # Safety
///
/// As for [`pieces`].
pub unsafe fn first(present: NonNull<Header>) -> NonNull<Header> {
    // SAFETY: as the caller ensures.
    unsafe { pieces(present) }.last().map_or(present, |piece| piece.header)
}

/// Returns the stack of a task that holds this address, or stack pointer.
///
/// # Safety
///
/// As for [`pieces`].
pub unsafe fn segment_of(present: NonNull<Header>, sp: *const u8) -> Option<NonNull<Header>> {
    // SAFETY: as the caller ensures.
    unsafe { pieces(present) }.find(|piece| piece.holds(sp)).map(|piece| piece.header)
}
