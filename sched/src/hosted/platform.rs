//! Linux threads as a platform: threads, futexes, the kernel's barrier.

use core::sync::atomic::Ordering;
use std::string::ToString;

use g0_stack::overflow::add_onstack_flags;

use super::affinity::CPUS;
use super::companion::Companion;
use super::prepare::prepare;
use super::tag::Hosted;
use super::{
    affinity, current, fork, futex, membarrier, report, signal_stack, system_stack, watcher,
};
use crate::api::sysmon::sysmon;
use crate::exec::machine::start_m;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::fatal::Fatal;
use crate::parts::parker::Parker;
use crate::platform::interrupts::Interrupts;
use crate::platform::machines::Machines;
use crate::platform::unwinding::Unwinding;
use crate::platform::{Platform, StartError};

/// Stack of every M's thread, on which foreign code runs, and of those of a pool: address space, not memory.
const THREAD_STACK: usize = 8 << 20;

// SAFETY: the slot is read in assembly or behind a call; tokens are futex words; the heavy fence
// is the kernel's. `errno` is the C library's, and what throws does not return.
unsafe impl Platform for Hosted {
    type Unwind = g0_defer::Rust;

    #[inline(always)]
    fn current() -> *const M {
        current::get()
    }

    unsafe fn set_current(m: *const M) {
        current::set(m);
    }

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        std::thread::Builder::new()
            .name(m.name().to_string())
            .stack_size(THREAD_STACK)
            .spawn(move || {
                futex::wake_on_time();
                signal_stack::is_started();
                // SAFETY: this thread was started for `m`, has the stack, and ends afterwards.
                unsafe { start_m::<Hosted>(m) }
            })
            .map(drop)
            .map_err(|_| StartError::NoThread)
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        futex::park(parker, deadline)
    }

    unsafe fn unpark(parker: &Parker) {
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
}

impl Interrupts for Hosted {}

impl Machines for Hosted {
    const WATCHED: bool = true;

    unsafe fn watch(core: &'static Core) -> Result<(), StartError> {
        prepare(core.adds_onstack);
        // As long as sysmon watches, for the thread that called `run` may leave before.
        let run = fork::Run::begin();
        let watching = watcher::start(move || {
            // SAFETY: as the caller ensures, on a thread of its own.
            unsafe { sysmon::<Self>(core) };
            drop(run);
        });
        watching.map(drop).map_err(|_| StartError::NoThread)
    }

    fn cpus() -> usize {
        CPUS.load(Ordering::Relaxed)
    }

    unsafe fn look_around(core: &'static Core) {
        // Sysmon's own mask: its thread runs no code of the program, so only a change for all threads
        // of the process reaches it.
        CPUS.store(affinity::affine(), Ordering::Relaxed);
        if core.adds_onstack {
            // Handlers that the program has installed since.
            add_onstack_flags();
        }
    }

    unsafe fn on_start(_: &'static M) {
        signal_stack::lend();
        system_stack::note();
    }

    unsafe fn on_end(_: &'static M) {
        signal_stack::take_back();
    }

    unsafe fn start_services(core: &'static Core) {
        if let Some(pool) = Companion::pool(core) {
            pool.start_threads(THREAD_STACK);
        }
    }

    fn check_process() {
        fork::check();
    }
}

impl Unwinding for Hosted {
    const UNWINDS: bool = cfg!(panic = "unwind");

    unsafe fn throw_goexit() {
        if Self::UNWINDS {
            <g0_defer::Rust as g0_defer::Throw>::goexit()
        }
    }
}
