//! Segments that are kept for the next call over the boundary: they stay above the present stack.

use core::ptr::{self, NonNull};

use super::{Here, segment};
use crate::{Header, Stack, StackSource};

/// Gives the segments that the running task keeps back to their source, by [`Here::apart`]. Returns how many, 0 where
/// nothing may grow.
pub fn trim<H: Here>() -> usize {
    match H::present() {
        // SAFETY: the present stack of the task that runs here.
        Some(present) if has_kept(unsafe { present.as_ref() }) => unsafe {
            give_back::<H>(present)
        },
        _ => 0,
    }
}

/// Returns whether a segment is kept above the stack. `present` must be the present one of a task that the caller has
/// to itself, else the answer says nothing. One load.
#[inline(always)]
pub fn has_kept(present: &Header) -> bool {
    !present.above.get().is_null()
}

/// Returns whether this is the own stack of a task, with no segment kept above. It must be so when the task ends
/// and its stack goes back: a scheduler checks it there.
#[inline(always)]
pub fn is_first(present: &Header) -> bool {
    !present.is_tagged(&segment::SEGMENT) && !has_kept(present)
}

/// Takes all kept segments from a task, for instance when it parks. Any context: a store.
///
/// # Safety
///
/// `present` must be the present stack of a task which the caller runs in, or has taken over while it does not run.
#[inline]
pub unsafe fn take_kept(present: NonNull<Header>) -> Kept {
    // SAFETY: as the caller ensures.
    Kept { next: unsafe { present.as_ref() }.above.replace(ptr::null_mut()) }
}

/// Segments that are in no chain any more: stacks, as they came from their source. Those that are not taken out of it
/// are lost until the source is dropped.
///
/// > **Invariant.** `next` is null, or a segment that nothing runs on, and so is each that lies above.
#[derive(Debug)]
#[must_use = "stacks that are not taken out are lost"]
pub struct Kept {
    next: *mut Header,
}

// SAFETY: they are stacks of one owner, tied to no thread.
unsafe impl Send for Kept {}

impl Iterator for Kept {
    type Item = Stack;

    fn next(&mut self) -> Option<Stack> {
        let segment = NonNull::new(self.next)?;
        // SAFETY: the invariant of this type.
        let (stack, above) = unsafe { segment::unlink(segment) };
        self.next = above;
        Some(stack)
    }
}

/// Gives a stack to a task, as the segment that it keeps; `limit` is for all its segments, in bytes.
///
/// # Errors
///
/// The stack, if the task keeps one already, or would have more than `limit` bytes of segments by it.
///
/// # Safety
///
/// As for [`take_kept`]. The stack must have come from the task's [`Here::source`], no frame may be live on it, and
/// what lies beneath its header must be dead.
pub unsafe fn give_kept(present: NonNull<Header>, stack: Stack, limit: usize) -> Result<(), Stack> {
    // SAFETY: as the caller ensures.
    unsafe {
        let header = present.as_ref();
        let used = segment::used(header);
        if has_kept(header) || stack.class().size() > limit.saturating_sub(used) {
            return Err(stack);
        }
        segment::link(present, stack);
    }
    Ok(())
}

/// Gives what is kept above the present stack back, where the task runs; returns how many.
///
/// # Safety
///
/// `present` must be the present stack of the task that runs here.
#[cold]
#[inline(never)]
pub(super) unsafe fn give_back<H: Here>(present: NonNull<Header>) -> usize {
    // SAFETY: as the caller ensures.
    let mut kept = unsafe { take_kept(present) };
    let mut given = 0;
    while let Some(stack) = kept.next() {
        given += 1;
        // SAFETY: it came from the source, and nothing runs on what is kept.
        if let Err(stack) = unsafe { H::put_at_hand(stack) } {
            // SAFETY: as above.
            return given + unsafe { free_apart::<H>(stack, kept) };
        }
    }
    given
}

/// Gives back a stack that was had for a segment, and not used for one.
///
/// # Safety
///
/// It must have come from the source, and no frame may be live on it. There must be a present stack.
#[cold]
pub(super) unsafe fn free<H: Here>(stack: Stack) {
    // SAFETY: as the caller ensures.
    unsafe {
        if let Err(stack) = H::put_at_hand(stack) {
            free_apart::<H>(stack, Kept { next: ptr::null_mut() });
        }
    }
}

/// Frees a stack, and then the rest of what was kept; returns how many that is.
///
/// # Safety
///
/// As [`free`], for all of them.
#[cold]
#[inline(never)]
unsafe fn free_apart<H: Here>(stack: Stack, rest: Kept) -> usize {
    H::apart(|| {
        let source = H::source();
        // SAFETY: as the caller ensures.
        unsafe {
            source.free(stack);
            rest.map(|stack| source.free(stack)).count()
        }
    })
}

/// Frees all segments above a stack; returns how many.
///
/// # Safety
///
/// As for [`take_kept`]; nothing may run on them or return to them, and they must have come from this source.
pub(super) unsafe fn free_above(stack: NonNull<Header>, source: &impl StackSource) -> usize {
    // SAFETY: as the caller ensures.
    unsafe { take_kept(stack).map(|stack| source.free(stack)).count() }
}
