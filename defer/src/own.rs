//! Unwinding without an unwinder: a throw jumps to the innermost catch.
//!
//! ```text
//!   goroutine's stack                                   its word
//!
//!   :  frame of catch 1  : ◀──────────── outer ──────┐
//!   :  frames            :                           │
//!   :  frame of catch 2  : ◀─────────────────────────┼── innermost
//!   |    Catch { slot, outer, thrown }  ─────────────┘
//!   |    call_here: the base                 ◀─── escape(slot) ───┐
//!   :  frames, dropped without their destructors                  │
//!   :  throw             : ────────── thrown := payload ──────────┘
//! ```
//!
//! A catch is a `call_here` of [`g0_arch`]: it notes where it would return to, and calls. A throw leaves
//! the payload in the innermost catch and escapes to it. What lies between is gone, and nothing in it
//! has been dropped: hence the contracts. What a catch costs where nothing is thrown is that call.

use core::any::Any;
use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

use g0_arch::{Arch, Native, call_here, stack_pointer, tools};

use crate::{Goexit, Local, Throw, Thrown, Unwind};

/// A place that a throw jumps to: in the frame of [`Own`]'s `catch`, for its length.
pub struct Catch {
    slot: Cell<*mut u8>,
    outer: *const Catch,
    /// The stack that its frame is on: see [`Catches::stack`].
    stack: *mut (),
    /// A payload's record, once it is thrown.
    thrown: Cell<*mut ()>,
}

impl core::fmt::Debug for Catch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Catch").finish_non_exhaustive()
    }
}

/// Where the running goroutine's innermost catch is kept: a word of the goroutine's, null at first.
///
/// # Safety
///
/// [`innermost`](Catches::innermost) must return what the same goroutine (thread, where there are none)
/// last gave to [`set_innermost`](Catches::set_innermost), null if it never did, and must not be cached
/// by the compiler across a point where goroutines change threads. Where a goroutine ends in the middle
/// (its stack is used again though a catch has not returned), the word must be set to null.
pub unsafe trait Catches: Local {
    /// Returns the word.
    fn innermost() -> *const Catch;

    /// Writes it.
    ///
    /// ```compile_fail,E0133
    /// fn forge<H: g0_defer::Catches>() {
    ///     H::set_innermost(core::ptr::dangling());
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// `catch` must be null or a catch of the running goroutine's which has not returned, and the word must be
    /// written again before it does: a throw jumps there.
    unsafe fn set_innermost(catch: *const Catch);

    /// Returns what stands for the stack that the caller is on, where a goroutine may have several: a catch notes it.
    /// Provided: there is one.
    #[inline(always)]
    fn stack() -> *mut () {
        ptr::null_mut()
    }

    /// A throw is about to jump to a catch on `stack`: the goroutine is to be on that from here on. Returns whether it
    /// was on another, of which [`arrive`](Catches::arrive) is told then. Provided: no.
    ///
    /// # Safety
    ///
    /// `stack` must be what [`stack`](Catches::stack) returned to the running goroutine in a catch that has not
    /// returned, and the caller must jump there at once.
    #[inline(always)]
    unsafe fn leave_for(stack: *mut ()) -> bool {
        let _ = stack;
        false
    }

    /// A throw from another stack has arrived.
    ///
    /// # Safety
    ///
    /// Must be called in the catch that was jumped to, after a [`leave_for`](Catches::leave_for) that returned true.
    unsafe fn arrive() {}
}

/// The promise that makes [`Own`]'s throws safe, for a program.
///
/// # Safety
///
/// Between any throw of this program and the innermost catch at that moment no frame may hold a value
/// that something depends on being dropped: no guard of a lock, no scope of borrowing threads or
/// goroutines, nothing pinned, no borrow that ends in a destructor. Values that are merely leaked are
/// allowed. A deferred call of a scope is no such value: that is what it is there for. Frames of C count
/// as frames. A throw must not happen in a destructor that runs for another reason.
pub unsafe trait Forgets: Catches {}

/// The unwinder that needs none: see [`Throw`] for what may throw. `H` says where the catches are.
///
/// With `panic = "abort"`, and where there is no unwinder at all, it is what panics travel by; a panic of
/// Rust's own, `panic!`, is none of its business and does there what it always does. Where Rust unwinds, a
/// panic of Rust's that reaches a catch of this one ends the process: the two do not mix on one stack.
pub struct Own<H>(PhantomData<fn() -> H>);

impl<H> core::fmt::Debug for Own<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Own")
    }
}

struct Frame<F, R> {
    f: ManuallyDrop<F>,
    value: MaybeUninit<R>,
}

/// What a catch is given in the place of its base's 0, by a throw that comes from another stack of the goroutine.
const FROM_ANOTHER_STACK: usize = 2;

/// Runs a catch's closure. It does not unwind, for it is a function of C's.
unsafe extern "C" fn base<F: FnOnce() -> R, R>(frame: *mut u8) -> usize {
    let frame = frame.cast::<Frame<F, R>>();
    // SAFETY: the catch's frame, which the catch does not touch meanwhile; taken once.
    unsafe {
        let f = ManuallyDrop::take(&mut (*frame).f);
        (&raw mut (*frame).value).write(MaybeUninit::new(f()));
    }
    0
}

impl<H: Catches> Unwind for Own<H> {
    type Payload = Thrown<H>;

    #[inline(always)]
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Thrown<H>> {
        fn call<F: FnOnce() -> R, R>(frame: &mut Frame<F, R>, slot: *mut *mut u8) -> usize {
            let frame = ptr::from_mut(frame).cast();
            // SAFETY: `base` gets its frame, and does not unwind; the slot is the catch's.
            unsafe { call_here(base::<F, R>, frame, slot) }
        }
        let mut frame = Frame { f: ManuallyDrop::new(f), value: MaybeUninit::uninit() };
        let catch = Catch {
            slot: Cell::new(ptr::null_mut()),
            outer: H::innermost(),
            stack: H::stack(),
            thrown: Cell::new(ptr::null_mut()),
        };
        // SAFETY: this frame's, and taken out again below, where a throw arrives too.
        unsafe { H::set_innermost(&raw const catch) };
        let was_thrown = call(&mut frame, catch.slot.as_ptr());
        if was_thrown == FROM_ANOTHER_STACK {
            // SAFETY: the throw says so.
            unsafe { H::arrive() };
        }
        // SAFETY: it was the innermost before, and its frame is further out.
        unsafe { H::set_innermost(catch.outer) };
        if was_thrown == 0 {
            // SAFETY: `base` has returned, and has written it.
            Ok(unsafe { frame.value.assume_init() })
        } else {
            // SAFETY: `resume` has left it there, for this catch alone.
            Err(unsafe { Thrown::from_raw(catch.thrown.get()) })
        }
    }

    /// Goes on to the next catch. From a catch's own frame nothing lies between that this crate does
    /// not know.
    fn resume(payload: Thrown<H>) -> ! {
        // SAFETY: a payload comes from a catch, which nothing but a throw gives one; the thrower has
        // ensured the contract for all frames up to the goroutine's base, and the catch's own are plain.
        unsafe { go::<H>(payload) }
    }

    #[inline]
    fn replace(newer: Thrown<H>, older: Thrown<H>) -> Thrown<H> {
        older.replaced_by(newer)
    }

    fn recovered(payload: Thrown<H>) -> (Option<Thrown<H>>, Option<Thrown<H>>) {
        payload.recovered()
    }

    fn is_goexit(payload: &Thrown<H>) -> bool {
        payload.newest().is::<Goexit>()
    }

    /// Returns false: no destructor runs on the way.
    #[inline(always)]
    fn panicking() -> bool {
        false
    }

    fn show(payload: &Thrown<H>, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(payload, f)
    }
}

impl<H: Forgets> Throw for Own<H> {
    fn goexit() -> ! {
        Self::panic(Goexit)
    }
}

impl<H: Forgets> Own<H> {
    /// Throws `value` as a panic.
    #[inline]
    pub fn panic<T: Any + Send>(value: T) -> ! {
        // SAFETY: `Forgets` is the promise.
        unsafe { Self::throw_over(value) }
    }
}

impl<H: Catches> Own<H> {
    /// Throws `value` as a panic, in a program that has not promised for all of its code.
    ///
    /// # Safety
    ///
    /// What [`Forgets`] says must hold for this throw, for the frames of every scope that it goes on
    /// from up to where it is recovered or to the goroutine's base, and for wherever else its payload is
    /// given to [`resume`](Unwind::resume).
    #[inline]
    pub unsafe fn throw_over<T: Any + Send>(value: T) -> ! {
        // SAFETY: as the caller ensures.
        unsafe { go::<H>(Thrown::new(value)) }
    }
}

/// Jumps to the innermost catch.
///
/// # Safety
///
/// As [`Own::throw_over`].
#[inline]
unsafe fn go<H: Catches>(payload: Thrown<H>) -> ! {
    let innermost = H::innermost();
    if innermost.is_null() {
        H::fatal("a panic that nothing catches");
    }
    // SAFETY: a catch that is in the word has not returned: `catch` takes itself out, also when it is
    // escaped to. It is this goroutine's.
    unsafe {
        (*innermost).thrown.set(payload.into_raw());
        let (slot, stack) = (&(*innermost).slot, (*innermost).stack);
        if H::leave_for(stack) {
            Native::escape(slot.as_ptr(), FROM_ANOTHER_STACK)
        }
        tools::drop_frames(stack_pointer(), slot.get());
        Native::escape(slot.as_ptr(), 1)
    }
}
