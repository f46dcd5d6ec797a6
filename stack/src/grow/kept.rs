//! Segments that are kept for the next call over the boundary.

use core::ptr::NonNull;

use super::Here;
use crate::{Header, Stack};

/// Gives the segments that the running task keeps back to the source; returns how many. Where nothing may grow: none.
pub fn trim<H: Here>() -> usize {
    todo!()
}

/// Returns whether segments are kept for the stack: beyond `present`, when it is what the task uses now.
#[inline(always)]
pub fn has_kept(present: &Header) -> bool {
    let _ = present;
    todo!()
}

/// Takes a kept segment from a task: a stack like one that its source has just given (to be freed to it, or given to
/// another task). Until it returns none, more are kept.
///
/// # Safety
/// `present` must be the present stack of a task that does not run, or that runs this; on the caller's thread or handed
/// over to it.
pub unsafe fn take_kept(present: NonNull<Header>) -> Option<Stack> {
    let _ = present;
    todo!()
}

/// Gives a stack to a task, as the segment that it keeps for the next call over the boundary.
///
/// # Errors
/// The stack itself, if the task keeps one already, or if it would pass `limit` bytes of segments by it.
///
/// # Safety
/// As for [`take_kept`]; the stack must have come from the source that the task's [`Here`] names, no frame may be live
/// on it, and the payload beneath its header must be dead.
pub unsafe fn give_kept(present: NonNull<Header>, stack: Stack, limit: usize) -> Result<(), Stack> {
    let _ = (present, limit);
    Err(stack)
}

/// Returns whether this is a task's own stack, with no segment kept beyond: what must be so when the task ends.
#[inline(always)]
pub fn is_first(present: &Header) -> bool {
    let _ = present;
    todo!()
}
