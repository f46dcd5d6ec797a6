//! The hosted platform: Linux threads.

mod affinity;
mod current;
#[cfg(feature = "dump")]
pub mod dump;
mod fork;
mod futex;
mod membarrier;
mod overflow;
pub(crate) mod prelude;
mod report;
pub mod runtime;
mod visitor;
pub mod watch;

use std::string::ToString;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exec::machine::start_m;
use crate::objects::m::M;
use crate::objects::registry::Registry;
use crate::objects::report::DeadlockReport;
use crate::objects::report::Trace;
use crate::parts::parker::Parker;
use crate::platform::fatal::Fatal;
use crate::platform::{Platform, StartError};

/// Stack of every M's thread, on which foreign code runs: address space, not memory.
const THREAD_STACK: usize = 8 << 20;

/// Threads of this program, as goroutines see them.
#[derive(Debug, Clone, Copy)]
pub enum Hosted {}

// SAFETY: the slot is read in assembly or behind a call; tokens are futex words; the heavy fence
// is the kernel's.
unsafe impl Platform for Hosted {
    type Unwind = g0_defer::Rust;

    #[inline(always)]
    fn current() -> *const M {
        current::get()
    }

    fn set_current(m: *const M) {
        current::set(m);
    }

    fn start(m: &'static M) -> Result<(), StartError> {
        std::thread::Builder::new()
            .name(m.name().to_string())
            .stack_size(THREAD_STACK)
            .spawn(move || {
                futex::wake_on_time();
                // SAFETY: this thread was started for `m`, has the stack, and ends afterwards.
                unsafe { start_m::<Hosted>(m) }
            })
            .map(drop)
            .map_err(|_| StartError::NoThread)
    }

    fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        futex::park(parker, deadline)
    }

    fn unpark(parker: &Parker) {
        futex::unpark(parker);
    }

    fn now() -> u64 {
        futex::now()
    }

    fn heavy_fence() {
        membarrier::fence();
    }

    fn fatal(report: &Fatal) -> ! {
        report::print(&std::format!("{report}\n"));
        std::process::abort()
    }

    fn external_wakers(own: usize) -> bool {
        // Where nobody says, there may be some.
        std::fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.count() > own)
    }

    fn deadlock(stuck: &DeadlockReport) -> ! {
        report::deadlock(stuck)
    }

    fn uncaught(panics: &dyn core::fmt::Display) {
        report::print(&std::format!("{panics}\n"));
    }

    fn trace(line: &Trace) {
        report::print(&std::format!("{line}\n"));
    }

    fn cpus() -> usize {
        CPUS.load(Ordering::Relaxed)
    }

    fn look_around() {
        // The watcher's own: it has never run anybody's code, so nobody has set it but for all.
        CPUS.store(affinity::affine(), Ordering::Relaxed);
    }

    fn check_process() {
        fork::check();
    }

    fn errno() -> *mut i32 {
        // SAFETY: asks for this thread's.
        unsafe { libc::__errno_location() }
    }

    fn registry() -> Option<&'static Registry> {
        Some(&visitor::HOME)
    }

    fn keep(_: &'static M) -> bool {
        visitor::keep()
    }

    const WATCHED: bool = true;

    const UNWINDS: bool = cfg!(panic = "unwind");

    fn throw_goexit() {
        if Self::UNWINDS {
            <g0_defer::Rust as g0_defer::Throw>::goexit()
        }
    }
}

/// Set by every runtime that is built, and by watchers.
static CPUS: AtomicUsize = AtomicUsize::new(1);
