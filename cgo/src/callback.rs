//! The way back in: a closure runs on the stack of the goroutine that called C.

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

use g0_arch::tools::Crossing;
use g0_arch::{Arch, Native};
use g0_defer::Unwind;

use crate::call::{Body, mark, take};
use crate::foreign;
use crate::hold::{RETURNS, hold};
use crate::record::{DROPPED, LEAF};
use crate::{BadCall, Bridge, Call, CallbackError, CallerContext, MHandle, Runtime};

/// What a callback and its base share; it lies on g0, among the C frames.
struct Frame<F, T> {
    body: Body<F, T, ()>,
    g0_sp: *mut *mut u8,
    call: *mut Call,
    crossing: Crossing,
}

impl<R: Runtime> Bridge<R> {
    /// Runs `f` as goroutine code, on the goroutine's own stack: called from C, inside a
    /// [`call`](Bridge::call). There it may do whatever a goroutine may: park, spawn, call C again, to
    /// any depth. C gets its result; `default` is dropped.
    ///
    /// While `f` runs, the goroutine stays on this thread, even if it is not locked to it.
    /// `errno` is C's, before and after: one that `f` leaves does not reach C.
    ///
    /// Goroutines that `f` made ready run at once, on other threads, though C goes on after the callback; on the
    /// pinned runtime those that have run on this thread wait until C has returned or calls back.
    ///
    /// If `f` panics, or ends its goroutine by Goexit, C gets `default`, returns when it likes,
    /// and the panic goes on in the goroutine when `call` is left: no C frame is ever dropped.
    /// Until then C may call back again; those closures run too, for they may be what frees C's
    /// data. The first panic is the one that goes on, as the cause; a later one is dropped,
    /// having been printed like any panic. Only a Goexit replaces an earlier panic, because it
    /// cannot be undone. The end of the run throws one where `f` waits.
    ///
    /// C must call back on the stack on which it was called, not on one that it made itself.
    ///
    /// In goroutine code outside a `call` this is fatal, as [`BadCall`] lists.
    ///
    /// # On a thread of C's own
    ///
    /// A thread that the runtime did not start may call back too, with no `call` above it: `f` runs as
    /// a goroutine that exists for that, on a stack of its own. If the runtime has not begun, or its main
    /// function has returned, C gets `default` and `f` is dropped; if that happens while `f` runs, `f`
    /// is unwound: [`try_callback`](Bridge::try_callback) tells. A panic that `f` does not catch is fatal
    /// there, and so is a Goexit: there is nothing beneath in which it could go on. A runtime that does not
    /// take such threads says so by [`BadCall::UnknownThread`]. The thread needs as much stack as the
    /// scheduler: 16 KiB, say.
    #[inline]
    pub fn callback<T>(default: T, f: impl FnOnce() -> T) -> T {
        match run::<R, _, _>(f) {
            Ok(value) => value,
            Err(_) => default,
        }
    }

    /// As [`callback`](Bridge::callback), and returns why C would have got the default.
    ///
    /// # Errors
    ///
    /// See [`CallbackError`]; `f` is dropped.
    #[inline]
    pub fn try_callback<T>(f: impl FnOnce() -> T) -> Result<T, CallbackError> {
        run::<R, _, _>(f)
    }
}

/// Runs `f` for what calls back: a goroutine's C, or a thread of C's own.
#[inline(always)]
pub(crate) fn run<R: Runtime, F: FnOnce() -> T, T>(f: F) -> Result<T, CallbackError> {
    let (handle, adopted) = foreign::handle::<R>()?;
    // SAFETY: the handle is fresh, and its goroutine in a call, or in what passes for one.
    let value = unsafe { on_goroutine::<R, _, _, RETURNS>(handle, f) };
    if adopted {
        // SAFETY: it has arrived.
        unsafe { R::depart(handle) }
    }
    value.ok_or(if adopted { CallbackError::NoRuntime } else { CallbackError::Panicked })
}

/// Makes the switch; returns `None` if `f` panicked, and then `ON_PANIC` is noted with the panic.
///
/// > Frames on a g0 leave it last in, first out. `*g0_sp` is the lowest of them: lowered here
/// > under C's frames, and put back when those are the lowest again.
///
/// # Safety
///
/// `handle` must be that of the goroutine in whose foreign call this runs.
#[inline(always)]
pub(crate) unsafe fn on_goroutine<R: Runtime, F: FnOnce() -> T, T, const ON_PANIC: usize>(
    handle: MHandle,
    f: F,
) -> Option<T> {
    // SAFETY: in foreign code the word points to the call, which lies in a frame of the goroutine
    // that is suspended there until this returns.
    let (call, sp) = unsafe { (*handle.call, (**handle.call).stack_pointer()) };
    // SAFETY: as above.
    if unsafe { (*call).noted(LEAF) } {
        R::fatal(BadCall::NotInCall)
    }
    let mut frame = MaybeUninit::<Frame<F, T>>::uninit();
    let frame = frame.as_mut_ptr();
    // SAFETY: `frame` outlives `base` and is reached by one side at a time. Below `sp` the
    // goroutine's stack is free, for its innermost frame is that call's. `base` does not unwind,
    // and when it returns `*g0_sp` is what `call_on` wrote (`settle`), so this callback's frames are the
    // lowest.
    unsafe {
        let g0_sp = handle.g0_sp;
        let crossing = R::crossing(handle).reversed();
        frame.write(Frame { body: Body { f: ManuallyDrop::new(f) }, g0_sp, call, crossing });
        mark(handle, ptr::null_mut());
        let word = R::begin(handle);
        if ON_PANIC == DROPPED {
            R::bar(handle);
        }
        let above = *g0_sp;
        (*frame).crossing.before_call();
        let held = Native::call_on(sp, base::<R, F, T, ON_PANIC>, frame.cast(), g0_sp);
        crossing.after_call();
        if ON_PANIC == DROPPED {
            R::unbar(handle);
        }
        R::end(handle, word);
        *g0_sp = above;
        // From there: where it was kept besides would be a store more.
        let call = (*frame).call;
        mark(handle, call);
        R::rests(handle, call);
        (held == 0).then(|| take(&raw const (*frame).body.value))
    }
}

/// Runs a callback's closure in its first frame on the goroutine's stack. Nothing unwinds beyond it.
///
/// # Safety
///
/// `arg` must be a `Frame` of these types with `f` in its body, and `call_on` must have just written
/// `*g0_sp`.
unsafe extern "C" fn base<R: Runtime, F: FnOnce() -> T, T, const ON_PANIC: usize>(
    arg: *mut u8,
) -> usize {
    let frame = arg.cast::<Frame<F, T>>();
    // SAFETY: as the caller ensures; `f` is taken out before its value goes in its place. The
    // goroutine is bound, so the M's word is the same one all the way.
    unsafe {
        (*frame).crossing.at_entry();
        let crossing = (*frame).crossing;
        let g0_sp = (*frame).g0_sp;
        let bottom = *g0_sp;
        // What the unwinder's catch is given is one word, and gives nothing: not optimised, each of
        // its frames would hold a copy or two.
        let run = || {
            let value = take(&raw const (*frame).body.f)();
            (&raw mut (*frame).body.value).write(ManuallyDrop::new(value));
        };
        let held = match R::Unwind::catch(run) {
            Ok(()) => 0,
            Err(panic) => {
                hold::<R>((*frame).call, panic, ON_PANIC);
                1
            }
        };
        // Other goroutines may have gone to C from this M while `f` was parked.
        if *g0_sp != bottom {
            settle::<R>(bottom);
        }
        crossing.before_return();
        held
    }
}

/// Waits for the goroutines that went to C from this M meanwhile, and did not return yet.
#[cold]
#[inline(never)]
fn settle<R: Runtime>(bottom: *mut u8) {
    let CallerContext::Goroutine(handle) = R::here() else {
        unreachable!("a callback's closure left its goroutine in another state")
    };
    // SAFETY: this is the goroutine's ordinary code, between `begin` and `end`.
    unsafe { R::settle(handle, bottom) }
}
