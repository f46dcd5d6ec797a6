//! Threads of C's own, for tests of what happens when they call back.
#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use g0_sched::Hosted;
use g0_sched::bridge::{CallerContext, here};

/// Foreign threads come to the runtime of the process that has been running for the longest: so one test
/// at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that was made by `pthread_create`: neither the runtime nor `std` knows of it.
pub struct CThread(libc::pthread_t);

type Start = Box<dyn FnOnce() + Send>;

extern "C" fn start(arg: *mut c_void) -> *mut c_void {
    // SAFETY: `CThread::new` has made it from a box, for this one use.
    let f = unsafe { Box::from_raw(arg.cast::<Start>()) };
    f();
    ptr::null_mut()
}

impl CThread {
    /// Starts it.
    pub fn new(f: impl FnOnce() + Send + 'static) -> Self {
        let f: *mut Start = Box::into_raw(Box::new(Box::new(f)));
        let mut thread = 0;
        // SAFETY: `start` takes the box.
        let rc = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), start, f.cast()) };
        assert_eq!(rc, 0, "a thread");
        Self(thread)
    }

    pub fn id(&self) -> libc::pthread_t {
        self.0
    }

    /// Lets it end by itself, or stay for good.
    pub fn detach(self) {
        // SAFETY: this value's own, neither joined nor detached before.
        assert_eq!(unsafe { libc::pthread_detach(self.0) }, 0);
    }

    /// Waits for its end. Blocks: in a goroutine, within `call`.
    pub fn join(self) {
        // SAFETY: this value's own, joined once.
        assert_eq!(unsafe { libc::pthread_join(self.0, ptr::null_mut()) }, 0);
    }
}

/// Runs `f` on a thread of C's own, from a goroutine, whose thread waits.
pub fn on_c_thread(f: impl FnOnce() + Send + 'static) {
    g0_cgo::call_blocking(|| CThread::new(f).join());
}

/// Returns the M that runs the calling goroutine.
pub fn machine() -> usize {
    let CallerContext::Goroutine(handle) = here::<Hosted>() else {
        panic!("not a goroutine's code")
    };
    handle.token().addr()
}

/// Returns whether the calling thread, outside a callback, has an M.
pub fn is_bound() -> bool {
    matches!(here::<Hosted>(), CallerContext::Adopted(_))
}
