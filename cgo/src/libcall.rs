//! Calls of library functions by their addresses, with the arguments in the M.
//!
//! ```text
//!   prepare                        invoke
//!   lock the thread, alone   ───▶  g0: arguments into registers, thread shared again, the call
//!   the record into the M          the record as it was, unlock
//! ```
//!
//! For what knows a function by its address only: an interpreter, a loader of plug-ins, a wrapper
//! around a system library. The record lies in the M, where a debugger or a profiler finds which
//! library call a thread is in; so between the two steps no other goroutine may run there, whatever
//! is scheduled, and the goroutine goes nowhere else. During the call itself other goroutines may, below
//! the C frames of a callback.

use core::fmt;
use core::marker::PhantomData;
use core::mem;

use g0_sched::Platform;
use g0_sched::bridge::{self, CallerContext, LibCall as Record, MHandle};

use crate::Bridge;
use crate::call::on_system_stack;
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

/// A library call that is ready. Its goroutine is locked to the thread until it is gone, and shares the
/// thread with no other before it is invoked.
pub struct LibCall<P: Platform> {
    /// None on a thread that is no M: then the record is here.
    held: Option<Held>,
    record: Record,
    /// Not `Send`: it belongs to the goroutine whose thread is locked.
    _platform: PhantomData<*mut P>,
}

struct Held {
    handle: MHandle,
    /// For [`MHandle::share`].
    reserved: *mut (),
    /// What the M's record was before.
    outer: Record,
}

impl<P: Platform> LibCall<P> {
    /// Prepares the call of the C function at `function` with `args`.
    ///
    /// # Errors
    ///
    /// With more than 15 arguments.
    ///
    /// # Panics
    ///
    /// On the system stack, and when `function` is null.
    pub fn prepare(function: *const (), args: &[usize]) -> Result<Self, TooManyArguments> {
        if args.len() > Record::ARGS {
            return Err(TooManyArguments(args.len()));
        }
        assert!(!function.is_null(), "g0-cgo: a library call of a null function");
        let mut record = Record::NONE;
        record.function = function.expose_provenance();
        record.count = args.len();
        record.args[..args.len()].copy_from_slice(args);
        let held = match bridge::here::<P>() {
            // SAFETY: on the goroutine's stack; the record is this thread's.
            CallerContext::Goroutine(handle) => unsafe {
                let reserved = handle.hold();
                Some(Held { handle, reserved, outer: mem::replace(&mut *handle.libcall(), record) })
            },
            CallerContext::Outside | CallerContext::Adopted(_) => None,
            CallerContext::Foreign(_) | CallerContext::SystemStack => on_system_stack(),
        };
        Ok(Self { held, record, _platform: PhantomData })
    }

    /// Calls the function, as [`Bridge::call`] would.
    ///
    /// # Panics
    ///
    /// With a panic that a callback inside has held; see [`Bridge::callback`].
    ///
    /// # Safety
    ///
    /// The address must be that of an `extern "C"` function which takes so many words and returns a word
    /// or nothing, and the arguments must be what it expects.
    pub unsafe fn invoke(mut self) -> Answer {
        let Some(held) = &mut self.held else {
            // SAFETY: as the caller ensures.
            return unsafe { apply(&self.record, core::ptr::null_mut()) };
        };
        let (handle, reserved) = (held.handle, mem::replace(&mut held.reserved, SHARED));
        let answer = Bridge::<Sched<P>>::call(move || {
            // SAFETY: as the caller ensures; nothing is scheduled between the read and the call, and
            // the thread is the one that was locked.
            unsafe {
                let record = handle.libcall().read();
                handle.share(reserved);
                apply(&record, handle.errno())
            }
        });
        drop(self);
        answer
    }
}

/// In the place of what `hold` gave: it has been shared again.
const SHARED: *mut () = core::ptr::without_provenance_mut(1);

impl<P: Platform> Drop for LibCall<P> {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            // SAFETY: the goroutine has been locked to this M since `prepare`.
            unsafe {
                *held.handle.libcall() = held.outer;
                if held.reserved != SHARED {
                    held.handle.share(held.reserved);
                }
                held.handle.release_hold::<P>();
            }
        }
    }
}

impl<P: Platform> fmt::Debug for LibCall<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibCall").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Returns the library call that the calling thread's goroutine prepares or is in; none otherwise.
pub fn current_libcall<P: Platform>() -> Option<Record> {
    let (CallerContext::Goroutine(handle) | CallerContext::Foreign(handle)) = bridge::here::<P>()
    else {
        return None;
    };
    // SAFETY: this thread's own.
    let record = unsafe { handle.libcall().read() };
    (record.function != 0).then_some(record)
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
                        let function = core::ptr::with_exposed_provenance::<()>(record.function);
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
