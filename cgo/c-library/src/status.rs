//! What the functions say.

use std::ffi::{c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use g0_cgo::BadHandle;
use g0_sched::bridge::{CallerContext, here};
use g0_sched::{Error, Hosted};

/// Why nothing has happened; the numbers are the header's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// A null pointer where there must be something.
    Null = 1,
    /// A second runtime, or a number of processors that none can have.
    Refused,
    /// No memory, no thread.
    Resources,
    /// Not from where the caller is.
    Context,
    /// A handle that has had its end.
    Gone,
    /// A handle of something else.
    Kind,
    /// The channel is closed.
    Closed,
    /// A panic in the library.
    Panic,
}

impl From<BadHandle> for Status {
    fn from(bad: BadHandle) -> Self {
        if bad == BadHandle::Kind { Status::Kind } else { Status::Gone }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Procs | Error::Nested => Status::Refused,
            Error::NoRuntime | Error::ShutDown => Status::Context,
            _ => Status::Resources,
        }
    }
}

/// The edge to C: what `f` says as a number, and no panic beyond it.
pub(crate) fn guard(f: impl FnOnce() -> Result<(), Status>) -> c_int {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(())) => 0,
        Ok(Err(status)) => status as c_int,
        Err(payload) => {
            // Its drop may be anything.
            std::mem::forget(payload);
            Status::Panic as c_int
        }
    }
}

/// Where the caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Goroutine,
    InCall,
    Thread,
}

impl Place {
    pub(crate) fn now() -> Place {
        match here::<Hosted>() {
            CallerContext::Goroutine(_) => Place::Goroutine,
            CallerContext::Foreign(_) | CallerContext::SystemStack => Place::InCall,
            _ => Place::Thread,
        }
    }

    /// Says so if the caller is not on a goroutine.
    pub(crate) fn must_be_goroutine() -> Result<(), Status> {
        (Place::now() == Place::Goroutine).then_some(()).ok_or(Status::Context)
    }

    /// Says so if the caller is where nothing can wait.
    pub(crate) fn must_not_be_in_call() -> Result<(), Status> {
        (Place::now() != Place::InCall).then_some(()).ok_or(Status::Context)
    }
}

/// What a status means.
#[unsafe(no_mangle)]
pub extern "C" fn g0_text(status: c_int) -> *const c_char {
    let text = match status {
        0 => c"g0: done",
        1 => c"g0: a null function, or no place for the result",
        2 => c"g0: a runtime runs already, or that many processors are too few or too many",
        3 => c"g0: no memory or no thread",
        4 => c"g0: not from here: goroutine functions belong on a goroutine, g0_callback in a call",
        5 => c"g0: a handle that has been released or joined, or never was one",
        6 => c"g0: a handle of something else",
        7 => c"g0: the channel is closed",
        8 => c"g0: a panic inside the library",
        _ => c"g0: not a status of g0",
    };
    text.as_ptr()
}
