//! What foreign code finds, and the threads that it brings.

use core::ptr;

use crate::objects::m::M;
use crate::objects::registry::Registry;

/// Foreign code: its `errno`, and threads of its own that call back. Provided: it has neither.
pub trait ForeignCode {
    /// Returns where a thread that is no M finds the scheduler that it calls into by a callback
    /// ([`bridge::adopt`](crate::bridge::adopt)): a static. Provided: nowhere, all such threads are
    /// refused. Any context.
    fn registry() -> Option<&'static Registry> {
        None
    }

    /// Tells that the calling thread has been given `m` until it ends; then the platform must call
    /// [`bridge::thread_ends`](crate::bridge::thread_ends). Returns false if it will not know when the
    /// thread ends, or the thread is ending already: then the thread has `m` for one callback. On the
    /// thread's own stack.
    ///
    /// # Safety
    ///
    /// By the scheduler only: `m` must be the extra M that the calling thread becomes.
    unsafe fn keep(m: &'static M) -> bool {
        let _ = m;
        false
    }

    /// Tells that the calling thread has been given `m` for one callback: the platform does not
    /// [keep](Self::keep) it, or the scheduler [lends](crate::ForeignThreads::Borrow) Ms. On the thread's own stack.
    /// Provided: nothing.
    ///
    /// # Safety
    ///
    /// As [`keep`](Self::keep).
    unsafe fn lend(m: &'static M) {
        let _ = m;
    }

    /// Tells that the calling thread gives `m` back, which has been [lent](Self::lend). On the thread's own stack.
    /// Provided: nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only: the thread must have had `m` until now.
    unsafe fn take_back(m: &'static M) {
        let _ = m;
    }

    /// Returns where this thread's `errno` lies, or null: foreign code finds it unchanged after a callback,
    /// though other goroutines have run on its thread meanwhile. Called once for each M's thread; by a
    /// foreign thread whenever it is given an M or gives it back.
    fn errno() -> *mut i32 {
        ptr::null_mut()
    }
}
