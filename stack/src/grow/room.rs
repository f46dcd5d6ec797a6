//! How much fits.

use g0_arch::stack_pointer;

use super::{Here, Segment};
use crate::{Class, Header};

/// What of a segment is no room: its header and the record.
const RECORD: usize = size_of::<Header>() + size_of::<Segment>().next_multiple_of(64);

/// How often a closure, or its result, lies on the segment: the optimiser leaves one or two.
const COPIES: usize = if cfg!(debug_assertions) { 8 } else { 2 };

/// What a closure that captures some references takes, with its result.
const SMALL: usize = 64;

/// Returns whether `need` bytes fit on the present stack, besides the reserve.
#[inline(always)]
pub(super) fn fits<H: Here>(need: usize) -> bool {
    need != 0 && stack_pointer().addr().saturating_sub(wanted::<H>(need)) >= H::bottom()
}

/// Returns the room that `need` bytes ask for, with the reserve.
#[inline(always)]
pub(super) fn wanted<H: Here>(need: usize) -> usize {
    need.saturating_add(H::RESERVE)
}

/// Returns the room on a segment for them, with a closure and its result of so many bytes.
#[inline(always)]
pub(super) fn wanted_with<H: Here>(need: usize, args: usize) -> usize {
    wanted::<H>(need).saturating_add(args.saturating_mul(COPIES))
}

/// Returns the room that a stack will have as a segment.
pub(super) fn room(stack: &Header) -> usize {
    stack.payload::<Segment>().addr() - stack.bottom().addr()
}

/// Returns the bytes of a stack that has so much room, without its colour.
pub(super) const fn with_record(room: usize) -> usize {
    room.saturating_add(RECORD)
}

/// Returns the bytes between the stack pointer and the bottom of the stack, which the caller runs on.
pub(super) fn left(stack: &Header) -> usize {
    stack_pointer().addr().saturating_sub(stack.bottom().addr())
}

/// Returns the most bytes for which a [`call`](super::call) runs in place, and 0 where nothing may grow.
///
/// The reserve is not among them: [`Here::RESERVE`].
#[inline(always)]
pub fn remaining<H: Here>() -> usize {
    stack_pointer().addr().saturating_sub(H::bottom()).saturating_sub(H::RESERVE)
}

/// Returns the most bytes for which a segment of this class is enough, to be asked for by a [`call`](super::call)
/// with a small closure; 0 if the class is too small for any.
///
/// A power of two of bytes takes a segment of twice as much; this function says what fits the smaller one. On
/// a slab, whose tops are coloured, up to 1.5 KiB less may do.
pub const fn most<H: Here>(class: Class) -> usize {
    class.size().saturating_sub(RECORD + SMALL * COPIES).saturating_sub(H::RESERVE)
}
