//! Calls of library functions by their addresses, with a record of what is called.
//!
//! ```text
//!   prepare        invoke
//!   the record ──▶ locks the thread, shows the record to `current_libcall`
//!                    call: g0, arguments into registers, the function
//!                  shows the record of the call around, unlocks
//! ```
//!
//! For what knows a function by its address only: an interpreter, a loader of plug-ins, a wrapper
//! around a system library. What has been prepared is plain data: nothing is held for it, so it may be
//! dropped, forgotten, invoked in another order than it was prepared in, or on another goroutine. The
//! record of an open call lies in the frame of `invoke`, and its goroutine points to it: a debugger or a
//! profiler finds it from the M, by the goroutine that is there. It belongs to the goroutine because
//! several of one thread may be in library calls at once, each below the C frames of the other's callback.
//! What a nested call covers comes back when that is over, panics included (L17).

use core::fmt;
use core::marker::PhantomData;
use core::{mem, ptr};

use g0_defer::Unwind;
use g0_sched::Platform;
use g0_sched::bridge::{self, CallerContext, LibCall as Record};

use crate::Bridge;
use crate::sched::Sched;

/// What a library call gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What the function returned, as a word.
    pub value: usize,
    /// The thread's `errno` right after it; 0 where there is none.
    pub errno: i32,
}

/// A library call was given more than [`Record::ARGS`] arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyArguments(pub usize);

impl fmt::Display for TooManyArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a library call takes {} arguments at most, not {}", Record::ARGS, self.0)
    }
}

impl core::error::Error for TooManyArguments {}

/// A library call that is ready: a function and its arguments, as words.
///
/// It is `Send` and `Sync`: what the words mean, and on which thread, is for the caller of
/// [`invoke`](LibCall::invoke) to know.
pub struct LibCall<P> {
    record: Record,
    _platform: PhantomData<fn() -> P>,
}

impl<P> LibCall<P> {
    /// Prepares the call of the C function at `function` with `args`.
    ///
    /// # Errors
    ///
    /// With more than 15 arguments.
    ///
    /// # Panics
    ///
    /// When `function` is null.
    pub fn prepare(function: *const (), args: &[usize]) -> Result<Self, TooManyArguments> {
        if args.len() > Record::ARGS {
            return Err(TooManyArguments(args.len()));
        }
        assert!(!function.is_null(), "g0-cgo: a library call of a null function");
        let mut words = [0; Record::ARGS];
        words[..args.len()].copy_from_slice(args);
        let record =
            Record { function: function.expose_provenance(), count: args.len(), args: words };
        Ok(Self { record, _platform: PhantomData })
    }
}

impl<P: Platform> LibCall<P> {
    /// Calls the function, as [`Bridge::call`] would. The goroutine is locked to its thread for the length
    /// of it.
    ///
    /// # Panics
    ///
    /// With a panic that a callback inside has held, see [`Bridge::callback`]; and on the system stack.
    ///
    /// # Safety
    ///
    /// The address must be that of an `extern "C"` function which takes so many words and returns a word
    /// or nothing, and the arguments must be what it expects, now and on this thread.
    pub unsafe fn invoke(self) -> Answer {
        let CallerContext::Goroutine(handle) = bridge::here::<P>() else {
            // SAFETY: as the caller ensures.
            return Bridge::<Sched<P>>::call(|| unsafe { apply(&self.record, ptr::null_mut()) });
        };
        // SAFETY: on the goroutine's stack. The record stays in this frame until the call is over, and
        // every way out of the call, a panic's too, leads through the catch.
        let outer = unsafe { handle.begin_libcall(&self.record) };
        // SAFETY: as the caller ensures; the thread is the handle's.
        let call = || unsafe { apply(&self.record, handle.errno()) };
        let answer = P::Unwind::catch(|| Bridge::<Sched<P>>::call(call));
        // SAFETY: on the goroutine's stack again, on the thread that it was locked to; `outer` is that of
        // this call.
        unsafe { handle.end_libcall::<P>(outer) };
        answer.unwrap_or_else(|panic| P::Unwind::resume(panic))
    }
}

// Not derived: that would ask for a platform which can do it.
impl<P> Clone for LibCall<P> {
    fn clone(&self) -> Self {
        Self { record: self.record, _platform: PhantomData }
    }
}

impl<P> fmt::Debug for LibCall<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibCall").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Returns the library call that the calling thread's goroutine is in, the innermost; none otherwise.
pub fn current_libcall<P: Platform>() -> Option<Record> {
    let (CallerContext::Goroutine(handle) | CallerContext::Foreign(handle)) = bridge::here::<P>()
    else {
        return None;
    };
    // SAFETY: this thread's own handle.
    unsafe { handle.libcall() }
}

/// Makes the call itself, and reads `errno` before anything else can change it.
///
/// # Safety
///
/// As for [`LibCall::invoke`]; `errno` must be this thread's, or null.
unsafe fn apply(record: &Record, errno: *mut i32) -> Answer {
    macro_rules! arities {
        ($($n:literal: $($arg:ident)*;)*) => {
            match (record.count, record.args) {
                $(($n, [$($arg,)* ..]) => {
                    // SAFETY: as the caller ensures: a function of so many words.
                    unsafe {
                        let function = ptr::with_exposed_provenance::<()>(record.function);
                        let function = mem::transmute::<
                            *const (),
                            unsafe extern "C" fn($(arities!(@word $arg)),*) -> usize,
                        >(function);
                        function($($arg),*)
                    }
                })*
                _ => unreachable!("prepared with more arguments than there can be"),
            }
        };
        (@word $arg:ident) => { usize };
    }
    let value = arities! {
        0: ; 1: a; 2: a b; 3: a b c; 4: a b c d; 5: a b c d e; 6: a b c d e f;
        7: a b c d e f g; 8: a b c d e f g h; 9: a b c d e f g h i; 10: a b c d e f g h i j;
        11: a b c d e f g h i j k; 12: a b c d e f g h i j k l; 13: a b c d e f g h i j k l m;
        14: a b c d e f g h i j k l m n; 15: a b c d e f g h i j k l m n o;
    };
    // SAFETY: as the caller ensures.
    let errno = if errno.is_null() { 0 } else { unsafe { errno.read() } };
    Answer { value, errno }
}
