//! New segments.

use core::ptr::NonNull;

use super::room::{room, with_record};
use super::{Here, kept, segment};
use crate::{Class, Header, Stack, StackError, StackSource};

/// Makes a segment with this room above the present stack, in place of what is kept there, which is too small.
///
/// # Safety
///
/// `old` must be the present stack of the task that runs here.
#[cold]
#[inline(never)]
pub(super) unsafe fn segment<H: Here>(
    old: NonNull<Header>,
    room_for: usize,
    limit: usize,
) -> Result<NonNull<Header>, StackError> {
    // SAFETY: as the caller ensures.
    unsafe {
        match at_hand::<H>(old, room_for, limit) {
            Some(segment) => Ok(segment),
            None => apart::<H>(old, room_for, limit),
        }
    }
}

/// Makes a segment of a stack that is at hand: of the usual class, if that will do and nothing is kept.
///
/// # Safety
///
/// As [`segment`].
#[inline(always)]
unsafe fn at_hand<H: Here>(
    old: NonNull<Header>,
    room_for: usize,
    limit: usize,
) -> Option<NonNull<Header>> {
    let size = H::class().size();
    // SAFETY: the present stack. The new one is nothing's but this call's.
    unsafe {
        let within_limit = size <= limit.saturating_sub(segment::used(old.as_ref()));
        if with_record(room_for) > size || !within_limit || segment::above(old).is_some() {
            return None;
        }
        let stack = H::take_at_hand()?;
        if room(&stack) >= room_for {
            return Some(segment::link(old, stack));
        }
        // Its colour has taken what was asked for.
        kept::free::<H>(stack);
        None
    }
}

/// Makes a segment of a stack of the source, or says why not.
///
/// # Safety
///
/// As [`segment`].
#[inline(never)]
unsafe fn apart<H: Here>(
    old: NonNull<Header>,
    room_for: usize,
    limit: usize,
) -> Result<NonNull<Header>, StackError> {
    let class = Class::for_size(with_record(room_for))?.max(H::class());
    H::apart(|| {
        let source = H::source();
        // SAFETY: nothing runs on segments above the present stack, and they came from this source. The stack
        // is new, and nothing is above `old` any more.
        unsafe {
            kept::free_above(old, &source);
            let used = segment::used(old.as_ref());
            let stack = with_room(&source, class, room_for, used, limit)?;
            Ok(segment::link(old, stack))
        }
    })
}

/// Returns a stack with this room, within the limit: of the class, or of the next one if too little is left of it
/// beneath the colour of its top.
fn with_room(
    source: &impl StackSource,
    mut class: Class,
    room_for: usize,
    used: usize,
    limit: usize,
) -> Result<Stack, StackError> {
    loop {
        let asked = class.size();
        if asked > limit.saturating_sub(used) {
            return Err(StackError::SegmentLimit { asked, used, limit });
        }
        let stack = source.alloc(class)?;
        if room(&stack) >= room_for {
            return Ok(stack);
        }
        // SAFETY: nothing ran on it, and it came from here.
        unsafe { source.free(stack) };
        class = Class::for_size(asked + 1)?;
    }
}
