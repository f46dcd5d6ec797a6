//! The record of a segment, beneath its header, and the links of a chain.

use core::ptr::{self, NonNull};

use g0_arch::tools::Fiber;

use super::Here;
use crate::{Header, Stack, Tag};

/// Beneath the header of a stack with this tag lies a [`Segment`].
pub static SEGMENT: Tag = Tag::new();

/// What a segment keeps beneath its header: where it leads back to.
///
/// The seed's record: the old bounds (by the header beneath), the saved context, the argument size, `free`.
#[repr(C)]
pub struct Segment {
    /// The stack beneath: its header has the bounds.
    old: NonNull<Header>,
    /// The slot of the call that runs here: the stack pointer in the stack beneath. Null before the first.
    sp: *mut u8,
    /// Bytes of all segments of the task, from its own stack (not counted) up to this one.
    used: usize,
    /// Bytes of the record, in the frame of the caller, from which the closure is taken and to which the result goes.
    args: u32,
    /// Whether the stack goes back to its source one day. A call that runs in place writes no record: what one
    /// with `free = false` would say (leave nothing, give nothing back) is what no record says.
    free: bool,
    fiber: Fiber,
}

impl Segment {
    /// Returns the record beneath this header; none if the stack is no segment.
    pub fn of(header: &Header) -> Option<NonNull<Segment>> {
        header
            .is_tagged(&SEGMENT)
            .then(|| unsafe { NonNull::new_unchecked(header.payload::<Segment>()) })
    }
    /// Returns the stack beneath.
    pub fn old(&self) -> NonNull<Header> {
        self.old
    }
    /// Returns the stack pointer in the stack beneath, null before the first call.
    pub fn sp(&self) -> *mut u8 {
        self.sp
    }
    /// Returns the bytes of all segments of the task up to this one.
    pub fn used(&self) -> usize {
        self.used
    }
    /// Returns the argument size.
    pub fn args(&self) -> usize {
        self.args as usize
    }
    /// Returns whether the stack goes back to its source.
    pub fn free(&self) -> bool {
        self.free
    }
    /// Returns what memory checkers know of the segment.
    pub fn fiber(&self) -> &Fiber {
        &self.fiber
    }
}
