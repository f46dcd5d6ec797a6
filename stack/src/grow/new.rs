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
