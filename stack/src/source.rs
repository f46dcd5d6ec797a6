//! Where stacks come from: the owning handle and the trait of sources.

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::{Class, Header, StackError, Usage};

/// Owns one stack. Dropping it does nothing: it must be given back to a cache, a depot or its source.
///
/// It is a word, so that it can be kept in atomics and intrusive lists
/// ([`into_raw`](Stack::into_raw), [`from_raw`](Stack::from_raw)), and dereferences to its header.
///
/// > **Invariant.** There is one `Stack` for a live stack, and its header is valid.
#[must_use = "a stack that is dropped is lost until its source is dropped"]
#[repr(transparent)]
pub struct Stack(NonNull<Header>);

// SAFETY: a stack is memory with one owner, tied to no thread.
unsafe impl Send for Stack {}
// SAFETY: shared access gives only `&Header`, which is `Sync`.
unsafe impl Sync for Stack {}

impl Stack {
    /// Gives the ownership up and returns the header.
    #[inline]
    pub fn into_raw(self) -> NonNull<Header> {
        self.0
    }

    /// Returns the stack whose header this is.
    ///
    /// # Safety
    /// The header must be valid, and its ownership passes to the result: it must have come from
    /// [`into_raw`](Stack::into_raw) (or just have been written by a source), once.
    #[inline]
    pub unsafe fn from_raw(header: NonNull<Header>) -> Stack {
        Stack(header)
    }

    /// Returns the header.
    #[inline]
    pub fn header(&self) -> &Header {
        // SAFETY: the invariant of this type.
        unsafe { self.0.as_ref() }
    }

    /// Returns true once after the stack came from its source: then the payload beneath the header is
    /// uninitialised memory. Caches and depots leave payload and answer as they are.
    #[inline]
    pub fn first_use(&mut self) -> bool {
        self.header().take_fresh()
    }
}

impl Deref for Stack {
    type Target = Header;

    #[inline]
    fn deref(&self) -> &Header {
        self.header()
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stack").field(self.header()).finish()
    }
}

/// Makes stacks and takes them back.
///
/// # Safety
/// A stack that an implementor returns must be valid and have no other user until it is freed: readable
/// and writable from bottom to header, at least `class.size()` bytes with header and colour, in memory
/// that stays where it is until then, whatever becomes of the source. No function may unwind, or call a scheduler
/// whose stacks come from here, which calls them within its own code.
///
/// And it must be *guarded*: frames that grow beyond the bottom fault before they have written there. A
/// scheduler runs safe code on it, which may recurse as deep as it likes. Where nothing faults, the program must
/// promise what the machine does not see to, and give its word when it makes the source: a constructor of
/// unguarded stacks is `unsafe`, and asks for this.
///
/// ## What an unguarded source asks for
///
/// Of every stack that comes from it and on which code runs, the frames never come to the bottom:
///
/// - *All frames count*: those of the deepest call, of deferred calls and destructors while a panic unwinds, of the
///   panic hook, of callbacks from foreign code, of interrupt and signal handlers that run on the present stack,
///   and what a scheduler keeps there (1 KiB, and the closure or its result).
/// - *Fine is* code without recursion, or with one whose depth the program bounds, if its stack is twice as large
///   as the deepest it was ever found to be.
/// - *Not fine is* recursion as deep as the input says, and a size that was never measured.
///
/// How deep it was: [`Header::high_water`] of a stack, and of all stacks of a
/// [`StaticSource`](crate::StaticSource) [its own](crate::StaticSource::high_water); the same program on guarded
/// stacks, which names the one that overflows. Canary words tell too late: what lay beneath is overwritten then.
pub unsafe trait StackSource: Sync {
    /// Returns a fresh stack of the class.
    ///
    /// May take a lock, allocate and call the kernel: the caller must hold no spin lock and be on a
    /// stack with room (a scheduler calls it on g0), never in an interrupt or signal handler.
    ///
    /// # Errors
    /// What is missing; see [`StackError`].
    fn alloc(&self, class: Class) -> Result<Stack, StackError>;

    /// Takes a stack back. Its payload is dead from here on: what was kept there and must be dropped
    /// must have been dropped before. Called in the same context as [`alloc`](Self::alloc).
    ///
    /// # Safety
    /// The stack must have come from this source; no frame on it may be live, and nothing may point into it.
    unsafe fn free(&self, stack: Stack);

    /// Gives pages of an idle stack back to the system, all but those that hold the header and 1 KiB
    /// beneath it, so that a payload of that size stays. Does nothing unless the source can. Called in
    /// the same context as [`alloc`](Self::alloc).
    ///
    /// # Safety
    /// The caller must own the stack, it must have come from this source, and no frame on it may be live.
    unsafe fn release_pages(&self, header: &Header) {
        let _ = header;
    }

    /// Returns whether [`release_below`](Self::release_below) gives anything back, ever. Any context. Provided: false.
    fn releases_below(&self) -> bool {
        false
    }

    /// Returns how many bytes [`release_below`](Self::release_below) would give back now; `None`: that cannot be
    /// told. An estimate: the stack may be in use. May call the kernel, and takes no lock. Provided: nothing.
    ///
    /// `header` must be of a stack that came from this source and has not gone back to it.
    fn resident_below(&self, header: &Header, sp: *mut u8) -> Option<usize> {
        let _ = (header, sp);
        Some(0)
    }

    /// Gives the pages of a suspended stack back to the system that lie wholly below `sp`, a [red
    /// zone](https://en.wikipedia.org/wiki/Red_zone_(computing)) of 128 bytes spared: they are zeros when they are
    /// touched next. Does nothing if `sp` is not in the stack, and unless the source can. Guards stay. Calls the
    /// kernel, and takes no lock: tens of microseconds for a stack of which all was touched. Provided: nothing.
    ///
    /// # Safety
    ///
    /// The stack must have come from this source and not have gone back to it. From before this call until it
    /// returns nothing may run on the stack, and nothing below `sp` may be live or used.
    unsafe fn release_below(&self, header: &Header, sp: *mut u8) {
        let _ = (header, sp);
    }

    /// Returns how much memory the stacks take that this source has made. May take locks, allocate, and walk the page
    /// tables of all stacks; in the same context as [`alloc`](Self::alloc). Provided: nothing is known.
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

// SAFETY: forwards to a source that keeps the promise, and which the reference keeps alive.
unsafe impl<S: StackSource + ?Sized> StackSource for &S {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        (**self).alloc(class)
    }

    unsafe fn free(&self, stack: Stack) {
        // SAFETY: the caller ensures the same.
        unsafe { (**self).free(stack) }
    }

    unsafe fn release_pages(&self, header: &Header) {
        // SAFETY: the caller ensures the same.
        unsafe { (**self).release_pages(header) }
    }

    fn releases_below(&self) -> bool {
        (**self).releases_below()
    }

    fn resident_below(&self, header: &Header, sp: *mut u8) -> Option<usize> {
        (**self).resident_below(header, sp)
    }

    unsafe fn release_below(&self, header: &Header, sp: *mut u8) {
        // SAFETY: the caller ensures the same.
        unsafe { (**self).release_below(header, sp) }
    }

    fn usage(&self) -> Usage {
        (**self).usage()
    }
}

#[cfg(feature = "alloc")]
// SAFETY: as above; the count keeps the source alive.
unsafe impl<S: StackSource + Send> StackSource for alloc::sync::Arc<S> {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        (**self).alloc(class)
    }

    unsafe fn free(&self, stack: Stack) {
        // SAFETY: the caller ensures the same.
        unsafe { (**self).free(stack) }
    }

    unsafe fn release_pages(&self, header: &Header) {
        // SAFETY: the caller ensures the same.
        unsafe { (**self).release_pages(header) }
    }

    fn releases_below(&self) -> bool {
        (**self).releases_below()
    }

    fn resident_below(&self, header: &Header, sp: *mut u8) -> Option<usize> {
        (**self).resident_below(header, sp)
    }

    unsafe fn release_below(&self, header: &Header, sp: *mut u8) {
        // SAFETY: the caller ensures the same.
        unsafe { (**self).release_below(header, sp) }
    }

    fn usage(&self) -> Usage {
        (**self).usage()
    }
}
