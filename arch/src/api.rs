//! The four primitives, as a trait.

use core::ptr;

/// A function that [`Arch::call_on`] calls.
///
/// It must never unwind: a panic cannot pass through the assembly beneath it, so every such function
/// must catch at its base and carry the payload across itself.
pub type Call = unsafe extern "C" fn(arg: *mut u8) -> usize;

/// The first function of a fresh context.
///
/// `value` is what the first [`Arch::switch`] to the context passed, `data` what
/// [`Arch::init`] was given.
pub type Entry = unsafe extern "C" fn(value: usize, data: *mut u8) -> !;

/// A suspended context of the native backend: one word, its stack pointer.
///
/// > **Invariant.** While a context is suspended, all that it will need to run on lies on its
/// > own stack at and above this pointer. Nothing below it is live.
///
/// It is `Copy`, for [`Arch::switch`] writes it through a pointer, and it is read from schedulers'
/// records. The caller must resume it once only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Context(pub(crate) *mut u8);

// SAFETY: a context is a number until `switch` is called with it, and the caller of `switch` ensures
// everything that makes the resumption sound, the choice of thread included.
unsafe impl Send for Context {}
// SAFETY: as above; there is no access through a shared `Context`.
unsafe impl Sync for Context {}

impl Context {
    /// No context: what a record holds before its first suspension.
    pub const EMPTY: Context = Context(ptr::null_mut());

    /// Returns whether this is [`Context::EMPTY`].
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0.is_null()
    }

    /// Returns the context whose suspended stack pointer this is.
    #[inline]
    pub const fn at(stack_pointer: *mut u8) -> Context {
        Context(stack_pointer)
    }

    /// Returns the suspended stack pointer; null for [`Context::EMPTY`].
    #[inline]
    pub const fn stack_pointer(self) -> *mut u8 {
        self.0
    }
}

impl Default for Context {
    fn default() -> Self {
        Context::EMPTY
    }
}

/// What g0 needs of a machine.
///
/// # Safety
///
/// An implementation must keep what each method promises. Everything built on top (that a goroutine is
/// published only after its context is saved, that a callback returns to the right frame) rests on it.
pub unsafe trait Arch {
    /// A suspended context.
    type Context: Copy + Send + Sync + 'static;

    /// The value of a context record that holds none.
    const EMPTY: Self::Context;

    /// Returns a context that, when first switched to, calls `entry(value, data)` on the stack that ends
    /// at `top`.
    ///
    /// `top` is the address after the highest usable byte; it is rounded down to 16. Two or
    /// three words are written below it, nothing else is touched.
    ///
    /// # Safety
    ///
    /// At least 64 bytes below `top` must be writable and belong to the context from now on, and so
    /// must as much stack below as `entry` will use. `entry` and what it calls must not unwind out
    /// of `entry`.
    unsafe fn init(top: *mut u8, entry: Entry, data: *mut u8) -> Self::Context;

    /// Suspends the running context into `*from` and resumes `to`, which sees `value` as the
    /// result of the `switch` that suspended it. Returns the value of the switch that resumes this one.
    ///
    /// `*from` is written before anything of `to` is touched, so `to` may have been read from
    /// the same place.
    ///
    /// # Safety
    ///
    /// `from` must be valid for a write. `to` must be suspended: made by [`init`](Arch::init) or written by
    /// `switch`, not resumed since, its stack still allocated; and all that the suspending thread
    /// did to it must happen before this call. Between here and the resumption no value that is tied
    /// to a thread may be held across the call if another thread may resume it.
    unsafe fn switch(from: *mut Self::Context, to: Self::Context, value: usize) -> usize;

    /// Calls `f(arg)` on the stack that ends at `sp` (rounded down to 16) and returns its result.
    ///
    /// On entry to `f`, `*slot` is the stack pointer within `call_on`'s own frame on the *old*
    /// stack. Nothing below it is live, so it is a base for a further `call_on` or `init` on the
    /// old stack, and it is what [`escape`](Arch::escape) takes.
    ///
    /// # Safety
    ///
    /// Below `sp` there must be stack enough for `f`, on which nothing live lies. It must be sound to
    /// call `f` with `arg`, and `f` must not unwind. `slot` must be valid for a write and stay so until
    /// `f` is entered.
    unsafe fn call_on(sp: *mut u8, f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize;

    /// Leaves the `call_on` that wrote `*slot`: that call returns `value` at once, and all frames
    /// between here and there are gone without having run their destructors.
    ///
    /// # Safety
    ///
    /// `*slot` must have been written by a `call_on` or [`call_here`](crate::call_here) that has not
    /// returned, on this thread, with `f` entered. The frames dropped must have no destructors that
    /// matter, on whatever stacks they lie, and nothing may return to them.
    unsafe fn escape(slot: *mut *mut u8, value: usize) -> !;
}
