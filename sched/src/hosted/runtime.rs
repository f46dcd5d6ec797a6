//! A runtime on Linux threads: built, run once, gone.

use core::fmt;
use core::ptr::NonNull;
use std::boxed::Box;
use std::panic::Location;
use std::time::Duration;

use g0_arch::sync::atomic::{Ordering, fence};
use g0_stack::overflow::add_onstack_flags;

use super::companion::Companion;
use super::stacks::Stacks;
use super::tag::Hosted;
use super::watch::Watch;
use super::{fork, futex, watcher};
use crate::api::scheduler::{CallingThread, Ended, Scheduler, be_first_m};
use crate::api::sysmon::sysmon;
use crate::exec::conduct::await_end;
use crate::objects::g::G;
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::error::Error;

/// How long the end of a run waits for threads that are on their way out, nanoseconds.
const PATIENCE: u64 = 500_000_000;

/// A runtime: goroutines on as many threads as need be, `procs` of them running at a time.
pub struct Runtime {
    pub(super) scheduler: NonNull<Scheduler<Hosted>>,
    pub(super) procs: NonNull<[Proc]>,
    pub(super) stacks: Stacks,
    pub(super) lock_main: bool,
    pub(super) watch: Watch,
}

/// Why a run has no result.
pub enum RunError {
    /// The main function panicked, with this payload.
    Panicked(g0_defer::Payload),
    /// The main function called goexit; all other goroutines have ended since.
    Goexit,
    /// It did not begin.
    NotStarted(Error),
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(_) => f.write_str("Panicked(..)"),
            Self::Goexit => f.write_str("Goexit"),
            Self::NotStarted(error) => f.debug_tuple("NotStarted").field(error).finish(),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(_) => f.write_str("the main function panicked"),
            Self::Goexit => {
                f.write_str("the main function called goexit, and all goroutines have ended")
            }
            Self::NotStarted(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RunError {}

impl Runtime {
    /// Returns a watch, by which any thread can look at the runtime, also while it runs and afterwards.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Runs `main` as the first goroutine and returns its result, after everything it started has
    /// ended (see [`shutdown`](crate::api::shutdown)): what waits or comes to an operation that may wait is
    /// unwound; if none ends for half a second ([`Builder::grace`](crate::Builder::grace)) the rest is left behind with
    /// its threads, which never end. The calling thread waits meanwhile, conducts the end, and runs no goroutine but a
    /// main that is wired to it: so whatever blocks, `run` returns.
    ///
    /// # Errors
    ///
    /// The payload when `main` panics; [`RunError::Goexit`] when it calls goexit, after the last
    /// goroutine has ended; [`Error::Nested`] on a thread that runs goroutines; [`Error::ClosureTooLarge`] as for
    /// any goroutine.
    #[track_caller]
    pub fn run<R: Send>(self, main: impl FnOnce() -> R + Send) -> Result<R, RunError> {
        let ended = self.run_counted(main)?;
        ended.result.ok_or(RunError::Goexit)
    }

    /// As [`run`](Self::run); also returns how many goroutines were left behind, and how many threads with
    /// them.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), but for goexit.
    #[track_caller]
    pub fn run_counted<R: Send>(
        self,
        main: impl FnOnce() -> R + Send,
    ) -> Result<Ended<R>, RunError> {
        let site = Location::caller();
        // SAFETY: freed in `drop`, and only if nothing refers to it any more.
        let scheduler: &'static Scheduler<Hosted> = unsafe { self.scheduler.as_ref() };
        let here = if self.lock_main { CallingThread::IsMains } else { CallingThread::Waits };
        let ended = scheduler.begin(main, site, here, carry);
        let patience = Duration::from_nanos(PATIENCE);
        let offloading = Companion::pool(scheduler.core()).map_or(0, |pool| pool.close(patience));
        drop(self);
        let ended = ended.map_err(RunError::NotStarted)?;
        let result = match ended.result {
            Some(Err(payload)) => return Err(RunError::Panicked(payload)),
            Some(Ok(value)) => Some(value),
            None => None,
        };
        let Ended { left_behind, panics, .. } = ended;
        let threads_left = ended.threads_left + offloading;
        Ok(Ended { result, left_behind, threads_left, panics })
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

/// Lets threads run the goroutines until the scheduler halts and the threads have ended.
fn carry(core: &'static Core, wired: Option<&'static M>) -> Result<(), Error> {
    let _run = fork::Run::begin();
    // This thread, unless it is an M, and the one that starts all other threads, main's first.
    core.deadlock.service_threads.store(1 + usize::from(wired.is_none()), Ordering::Relaxed);
    // SAFETY: the run has begun, and sysmon has a thread of its own.
    let watch = move || unsafe { sysmon::<Hosted>(core) };
    let watcher = watcher::start(watch).map_err(|_| Error::ThreadSpawn)?;
    if core.adds_onstack {
        // Those that the program has installed since the build, and the C library with the first thread.
        add_onstack_flags();
    }
    match wired {
        Some(m) => be_first_m::<Hosted>(core, m),
        None => await_end::<Hosted>(core),
    }
    let deadline = futex::now().saturating_add(PATIENCE);
    // Foreign threads end when they like; this one may stay for as long. Threads that goroutines keep never end. What
    // is awaited is the rest; then the threads that are on their way out, or the run would stay for their sake.
    let awaited =
        || core.has_leaving_threads() || core.end.external_refs.load(Ordering::Acquire) != 0;
    while awaited() && futex::now() < deadline {
        core.end.done.park::<Hosted>(Some(futex::now().saturating_add(1_000_000)));
    }
    core.sysmon.parker.unpark::<Hosted>();
    let _ = watcher.join();
    if core.ms.never_started.load(Ordering::Relaxed) { Err(Error::ThreadSpawn) } else { Ok(()) }
}

/// Frees a runtime that has ended or never ran, unless something of it lives: a thread that did
/// not end, a foreign one that is bound to it, a handle that was kept. Then all of it stays, for ever.
impl Drop for Runtime {
    fn drop(&mut self) {
        // SAFETY: alive until it is freed below.
        let scheduler: &'static Scheduler<Hosted> = unsafe { self.scheduler.as_ref() };
        let core = scheduler.core();
        if core.ms.live.load(Ordering::Acquire) != 0 {
            return;
        }
        // SAFETY: no extra M is a thread's, and none comes to a runtime that has ended or never began.
        unsafe { core.free_extras() };
        if is_held(core) {
            return;
        }
        // Pairs with that of `refs::free_without_p`: a thread may be giving the last stack back.
        fence(Ordering::SeqCst);
        // An M that has just ended is a guest too, for its last words: so it is worth a wait.
        let deadline = futex::now().saturating_add(PATIENCE);
        while core.end.external_refs.load(Ordering::Acquire) != 0 {
            if futex::now() > deadline {
                return;
            }
            std::thread::yield_now();
        }
        self.watch.end();
        // SAFETY: no thread of the runtime is left and no handle: everything is this thread's again.
        unsafe {
            if scheduler.has_run() {
                for p in core.config.procs {
                    p.free.with_mut(|free| core.depot.drain(&mut *free));
                    core.segments.drain(&p.segments);
                }
            }
            let mut m = core.sched.lock().all_ms;
            while let Some(this) = m.as_ref() {
                let next = this.links.all.get();
                drop(Box::from_raw(m.cast_mut()));
                m = next;
            }
            drop(Box::from_raw(self.scheduler.as_ptr()));
            drop(Box::from_raw(self.procs.as_ptr()));
            self.stacks.free();
        }
    }
}

/// Returns whether a goroutine of `core` is in use: alive, or held by a handle.
fn is_held(core: &Core) -> bool {
    // SAFETY: Gs live as long as their stacks, which are not freed yet.
    core.all_goroutines().any(|g| unsafe { G::header(g).as_ref().check() })
}

// SAFETY: a runtime that has not run is plain data; the parts are boxes.
unsafe impl Send for Runtime {}
