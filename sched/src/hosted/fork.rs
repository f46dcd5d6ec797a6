//! What becomes of a process that forks while a runtime runs.
//!
//! The child has one thread, the one that forked, and a copy of the parent's memory: locks that another
//! thread held stay locked, Ms that ran never come back. It may `exec` or `_exit`, as of any program
//! with threads. Whatever it asks of the runtime before that ends it with a message: by the hook below
//! its thread becomes an M that runs no goroutine, so that every call takes the path of those on the
//! system stack, where [`check`] is. No call pays for it.
//!
//! `std::process::Command` and `posix_spawn` are not concerned, nor is a fork before the run begins.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::current;
use super::tag::Hosted;
use crate::objects::m::M;
use crate::parts::fatal::Fatal;
use crate::platform::Platform;

/// Runs that have begun and not ended.
static RUNS: AtomicUsize = AtomicUsize::new(0);
/// This process has been forked in the middle of one.
static FORKED: AtomicBool = AtomicBool::new(false);
/// What the child's thread is: on the system stack for good.
static ORPHAN: M = M::new();

/// A run; the process has threads that a child would miss.
pub(super) struct Run(());

impl Run {
    pub(super) fn begin() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            // SAFETY: the hook is a function of the program, and async-signal-safe. Without memory
            // for it a fork is not noticed: no error.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
        RUNS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        RUNS.fetch_sub(1, Ordering::Relaxed);
    }
}

extern "C" fn in_child() {
    if RUNS.load(Ordering::Relaxed) != 0 {
        FORKED.store(true, Ordering::Relaxed);
        current::set(&raw const ORPHAN);
    }
}

/// Ends the process if it is such a child.
#[inline]
pub(super) fn check() {
    if FORKED.load(Ordering::Relaxed) {
        Hosted::fatal(&Fatal::new(
            "a runtime call in a forked child, whose other threads are the parent's: after fork \
             only exec or _exit; to start a program use std::process::Command",
        ));
    }
}
