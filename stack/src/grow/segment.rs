//! The record of a segment, beneath its header, and the links of a chain.

use core::ptr::{self, NonNull};

use g0_arch::tools::{self, Crossing, Fiber};

use super::Here;
use crate::{Header, Stack, Tag};

/// Beneath the header of a stack with this tag lies a [`Segment`].
pub static SEGMENT: Tag = Tag::new();

/// What a segment has beneath its header: where it leads back to. It is the record of Go's runtime of 2010: the old
/// bounds (by the header beneath), the saved context (by its stack pointer), the argument size, and `free`.
///
/// > **Invariant.** `old`'s link leads to this segment, and `used` is the sum of `old`'s and of the size of this one.
#[repr(C)]
#[derive(Debug)]
pub struct Segment {
    old: NonNull<Header>,
    sp: *mut u8,
    /// What lies between the bottom and this record, looked at before each call.
    room: usize,
    used: usize,
    args: usize,
    free: bool,
    fiber: Fiber,
}

impl Segment {
    /// Returns the record beneath this header, valid while the stack is a segment; none if it is not one. Any
    /// context, signal handlers included.
    #[inline]
    pub fn of(header: &Header) -> Option<NonNull<Segment>> {
        if header.is_tagged(&SEGMENT) { NonNull::new(header.payload()) } else { None }
    }

    /// Returns the header of the stack beneath, which has its bounds.
    #[inline]
    pub fn old(&self) -> NonNull<Header> {
        self.old
    }

    /// Returns the stack pointer at which the stack beneath was left: the slot of a
    /// [`call_on`](g0_arch::Arch::call_on). Of no meaning while nothing runs here; null before the first call.
    #[inline]
    pub fn sp(&self) -> *mut u8 {
        self.sp
    }

    /// Returns the bytes of all segments of the task, from the first up to this one.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Returns the bytes, in the frame of the caller beneath, that hold the closure and then the result.
    #[inline]
    pub fn args(&self) -> usize {
        self.args
    }

    /// Returns whether the stack is to be given back some day: true for every record that was written.
    ///
    /// In Go's runtime of 2010 a call that ran in place wrote a record too, with `free = false`: there was nothing to
    /// give back. Here it writes none, which says the same and costs nothing.
    #[inline]
    pub fn free(&self) -> bool {
        self.free
    }

    /// Returns what memory checkers know of the segment, as a stack of its own.
    #[inline]
    pub fn fiber(&self) -> &Fiber {
        &self.fiber
    }

    /// Returns where the record of a stack lies that is a segment, or becomes one. What a header's own pointer may be
    /// used for is the whole stack: it is the one that the source made.
    #[inline(always)]
    pub(super) fn at(stack: NonNull<Header>) -> *mut Segment {
        const SIZE: usize = size_of::<Segment>().next_multiple_of(64);
        stack.as_ptr().cast::<u8>().wrapping_sub(SIZE).cast()
    }

    /// Returns the room of a segment.
    ///
    /// # Safety
    ///
    /// It must be one, of the caller's task.
    #[inline(always)]
    pub(super) unsafe fn room(segment: NonNull<Header>) -> usize {
        // SAFETY: a segment has its record there.
        unsafe { (*Segment::at(segment)).room }
    }

    /// Notes that a call with so many bytes of arguments comes, and returns where its slot is.
    ///
    /// # Safety
    ///
    /// `segment` must be one, above the caller's stack, with nothing running on it.
    #[inline(always)]
    pub(super) unsafe fn begin_call(segment: NonNull<Header>, args: usize) -> *mut *mut u8 {
        // SAFETY: a segment has its record there, which its task alone uses.
        unsafe {
            let record = Segment::at(segment);
            (*record).args = args;
            &raw mut (*record).sp
        }
    }
}

/// Returns the bytes of the segments of a task up to this stack: none, for the task's own one.
pub(super) fn used(stack: &Header) -> usize {
    // SAFETY: a record is valid while its tag is set.
    Segment::of(stack).map_or(0, |record| unsafe { (*record.as_ptr()).used })
}

/// Returns the segment above, in use or kept.
#[inline(always)]
pub(super) fn above(stack: NonNull<Header>) -> Option<NonNull<Header>> {
    // SAFETY: callers pass a stack that is not freed.
    NonNull::new(unsafe { stack.as_ref() }.above.get())
}

/// Makes a segment of a stack, above another one that has none.
///
/// # Safety
///
/// `old` must be a stack of a task that the caller may change, with no segment above. `stack`'s payload must be dead.
pub(super) unsafe fn link(old: NonNull<Header>, stack: Stack) -> NonNull<Header> {
    let segment = stack.into_raw();
    // SAFETY: both stacks are there; the record lies within its own, which is this caller's alone, and is whole
    // when the tag is set.
    unsafe {
        let (old_header, header) = (old.as_ref(), segment.as_ref());
        let used = used(old_header) + header.class().size();
        let record = header.payload::<Segment>();
        let (fiber, room) = (Fiber::none(), record.addr() - header.bottom().addr());
        record.write(Segment { old, sp: ptr::null_mut(), room, used, args: 0, free: true, fiber });
        (*record).fiber.begin(header.bottom(), room);
        header.set_tag(&SEGMENT);
        header.above.set(ptr::null_mut());
        old_header.above.set(segment.as_ptr());
    }
    segment
}

/// Makes a stack again of a segment that is in no chain any more; returns it, and the segment that lay above.
///
/// # Safety
///
/// Nothing may run on it, and nothing else may take it out.
pub(super) unsafe fn unlink(segment: NonNull<Header>) -> (Stack, *mut Header) {
    // SAFETY: a segment has its record; the chain owned the stack.
    unsafe {
        let header = segment.as_ref();
        (*header.payload::<Segment>()).fiber.retire();
        (Stack::from_raw(segment), header.above.replace(ptr::null_mut()))
    }
}

/// Returns the way from a stack of the running task to the segment above it, for memory checkers.
#[inline(always)]
pub(super) fn crossing<H: Here>(from: NonNull<Header>, to: NonNull<Header>) -> Crossing {
    if !tools::ON {
        return Crossing::UNTOLD;
    }
    match (fiber::<H>(from), fiber::<H>(to)) {
        // SAFETY: both stacks stay until the call is over, and what is known of them.
        (Some(from), Some(to)) => unsafe { Crossing::new(from.as_ref(), to.as_ref()) },
        _ => Crossing::UNTOLD,
    }
}

/// Returns what memory checkers know of a stack of a task.
fn fiber<H: Here>(stack: NonNull<Header>) -> Option<NonNull<Fiber>> {
    // SAFETY: callers pass a stack that is not freed; a record is valid while its tag is set.
    let own = unsafe { Segment::of(stack.as_ref()).map(|record| (&record.as_ref().fiber).into()) };
    own.or_else(|| H::fiber(stack))
}
