//! The record of an open call: where the goroutine's stack is free, and what has happened since.

use core::mem::MaybeUninit;

/// An open foreign call, in the frame of [`Bridge::call`](crate::Bridge::call) on its goroutine's stack.
///
/// > **L17** The M's word `call` is the innermost call of the foreign code that runs there, null if
/// > none does. What a nested call covers comes back when that is gone, panics included.
///
/// There is no link to an outer call. Calls are opened by ordinary code, where the word is null, so
/// a call ends by storing null; a callback keeps the word that it found in its own frame on g0 and
/// puts it back. So nesting has no limit and needs no memory, and a call waits for no load: with a
/// link, the head that a call read was what the last one had stored, which that one had read from
/// its frame; a tenth of what a call cost was waiting for these trips through memory.
#[derive(Debug)]
#[repr(transparent)]
pub struct Call {
    /// Where the goroutine's stack is free: `call_on` writes it, a multiple of 16. Callbacks run
    /// below. What happened is noted in the low bits: [`HELD`], [`PANICKED`], [`LEAF`]. They need no
    /// store of their own to begin with; a processor retires about one store a cycle, and a
    /// call is a dozen.
    pub(crate) sp: *mut u8,
}

/// A callback's panic waits in [`Link::held`].
pub(crate) const HELD: usize = 1;
/// The closure itself panicked; what it panicked with is in `Body::panic`.
pub(crate) const PANICKED: usize = 2;
/// A callback is refused.
pub(crate) const LEAF: usize = 4;
/// A callback's panic has left the call, over the frames of C: `f` has not returned, and there is
/// no value. With [`HELD`].
pub(crate) const DROPPED: usize = 8;
/// No call: the record that an adopted thread has between and during its callbacks. It passes for
/// one that has ended in a panic before it has begun, which none does.
pub(crate) const ROOT: usize = PANICKED;
pub(crate) const NOTES: usize = 15;

impl Call {
    /// Returns the record of a thread that the runtime did not start, for
    /// [`Runtime::adopt`](crate::Runtime::adopt): its callbacks run beneath `top`, on a stack on which
    /// nothing lies.
    ///
    /// # Panics
    ///
    /// Unless `top` is a multiple of 16.
    pub fn root(top: *mut u8) -> Self {
        assert!(top.addr() & NOTES == 0, "g0-cgo: a stack begins at a multiple of 16");
        Self { sp: top.map_addr(|sp| sp | ROOT) }
    }

    /// Returns where the goroutine's stack is free while the call lasts: for reports.
    #[inline]
    pub fn stack_pointer(&self) -> *mut u8 {
        self.sp.map_addr(|sp| sp & !NOTES)
    }

    #[inline(always)]
    pub(crate) fn noted(&self, what: usize) -> bool {
        self.sp.addr() & what != 0
    }

    /// Notes `what`. To be called after `call_on` has written `sp`: in the base or later.
    #[inline(always)]
    pub(crate) fn note(&mut self, what: usize) {
        self.sp = self.sp.map_addr(|sp| sp | what);
    }
}

/// A call as a callback sees it, knowing how its runtime unwinds.
#[repr(C)]
pub(crate) struct Link<P> {
    pub(crate) call: Call,
    /// Initialised if `call` has noted [`HELD`].
    pub(crate) held: MaybeUninit<P>,
}
