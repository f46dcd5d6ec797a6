//! The hosted platform: Linux threads.

mod affinity;
mod current;
mod futex;
mod membarrier;
mod overflow;
pub mod runtime;

use std::string::ToString;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exec::machine::start_m;
use crate::m::M;
use crate::platform::{Fatal, Parker, Platform, StartError};

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
        // One write, so that reports of several threads do not mix.
        let text = std::format!("{report}\n");
        // SAFETY: the buffer is valid for its length.
        unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        std::process::abort()
    }

    fn cpus() -> usize {
        // Asked anew by every runtime that is built.
        CPUS.load(Ordering::Relaxed)
    }

    fn errno() -> *mut i32 {
        // SAFETY: asks for this thread's.
        unsafe { libc::__errno_location() }
    }

    const WATCHED: bool = true;

    const UNWINDS: bool = cfg!(panic = "unwind");

    fn throw_goexit() {
        if Self::UNWINDS {
            <g0_defer::Rust as g0_defer::Throw>::goexit()
        }
    }
}

static CPUS: AtomicUsize = AtomicUsize::new(1);
