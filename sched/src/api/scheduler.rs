//! A scheduler as its owner sees it.

use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop, MaybeUninit};
use core::panic::Location;
use core::ptr;
use core::time::Duration;

use g0_arch::sync::atomic::{AtomicBool, Ordering};
use g0_defer::Unwind;
use g0_stack::{Class, StackSource};

use crate::exec::conduct::await_end;
use crate::exec::machine::start_m;
use crate::exec::spawn::{fits, spawn_main};
use crate::objects::config::{Deadlock, ForeignThreads};
use crate::objects::m::M;
use crate::objects::segments::Segments;
use crate::objects::shared::stack_classes::most_packet;
use crate::objects::shared::{Config, Core};
use crate::parts::error::Error;
use crate::parts::phase::{self, main_left};
use crate::platform::{Outcome, Platform};

/// One scheduler: Ps, Ms and the goroutines they run. Several may live in one program.
///
/// It must lie in a static, or wherever it is never moved or freed again.
pub struct Scheduler<P: Platform> {
    core: Core,
    started: AtomicBool,
    _platform: PhantomData<fn() -> P>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended<R> {
    /// What main returned; `None` when it called goexit.
    pub result: Option<R>,
    /// Goroutines that could not be ended: they loop, are in a foreign call, or wait where they
    /// cannot be unwound. Their stacks are left alone for ever.
    pub left_behind: u64,
    /// Threads that are left with them: parked for good, because frames of those goroutines lie there or may
    /// look at their thread-locals; or in such a goroutine still (see [`shutdown`](super::shutdown)). After
    /// [`Scheduler::run`] those of them that had noticed the end when it returned; foreign threads included. Of a
    /// hosted runtime those, too, that are in a closure which was offloaded: they end with it.
    pub threads_left: usize,
    /// Panics after main's return that no joiner has taken: they end the program no more. Those that the run has seen
    /// when it returned.
    pub panics: u64,
}

impl<P: Platform> Scheduler<P> {
    maybe_const! {
        /// Returns a scheduler that has not run.
        pub fn new(config: Config) -> Self {
            Self { core: Core::new(config), started: AtomicBool::new(false), _platform: PhantomData }
        }
    }

    maybe_const! {
        /// Says what the scheduler does when all its goroutines wait. Without it:
        /// [`Deadlock::Ignore`], for [`Deadlock::Auto`] needs a platform that knows its external
        /// wakers.
        pub fn deadlock(mut self, deadlock: Deadlock) -> Self {
            self.core.deadlock.mode = deadlock;
            self
        }
    }

    maybe_const! {
        /// Says what is done with a panic in a goroutine that is not joined. Without it: the program ends.
        pub fn uncaught(mut self, uncaught: crate::Uncaught) -> Self {
            self.core.uncaught = uncaught;
            self
        }
    }

    maybe_const! {
        /// Says what the scheduler does with threads that it has not started and that call back.
        /// Without it: [`ForeignThreads::Bind`], where the platform has a
        /// [registry](Platform::registry).
        pub fn foreign_threads(mut self, how: ForeignThreads) -> Self {
            self.core.foreign.mode = how;
            self
        }
    }

    maybe_const! {
        /// Says how many Ms the scheduler may start, those of foreign threads not counted: beyond that, what
        /// any M could run waits until one is free. Without it: as many as there are.
        pub fn max_machines(mut self, most: usize) -> Self {
            self.core.ms.max = most;
            self
        }
    }

    maybe_const! {
        /// Says after how many nanoseconds goroutines that wait, though no deadlock is certain, are passed to
        /// [`Reports::stalled`](crate::port::Reports::stalled), which ends nothing: when no goroutine has run for so
        /// long and none can be woken by a handle or a waker; and when one waits so long while it unwinds, on a
        /// thread where others are ready ([`Stall`](crate::Stall)). With [`Deadlock::Ignore`], and without this:
        /// never.
        pub fn report_stalls(mut self, after: u64) -> Self {
            self.core.deadlock.stalls.after = after;
            self
        }
    }

    maybe_const! {
        /// Says how long an M rests, nanoseconds, before its thread may end: [`start_m`](crate::start_m) returns
        /// then. Of those that the scheduler has started as many stay as there are Ps, and all to which goroutines
        /// are bound. Without it: for ever.
        pub fn keep_alive(mut self, rest: u64) -> Self {
            self.core.ms.keep_alive = rest;
            self
        }
    }

    maybe_const! {
        /// Says how long a goroutine must have waited, nanoseconds, before memory that it once used is given back,
        /// where the source of the stacks can ([`StackSource::releases_below`](g0_stack::StackSource::releases_below))
        /// and a thread runs sysmon; free stacks rest for as long. `u64::MAX`: none is. Without it: a second.
        pub fn give_back_after(mut self, rest: u64) -> Self {
            self.core.shrink.rest = rest;
            self
        }
    }

    maybe_const! {
        /// Says that the platform is told how much stack goroutines use
        /// ([`Reports::stack_used`](crate::port::Reports::stack_used)). At its end each goroutine tells it of its own
        /// stack, if the source can tell ([`Header::high_water`](g0_stack::Header::high_water): a slab, packed stacks,
        /// painted ones of the heap or static memory), and what it used is written over, so that the next one on that
        /// stack tells of itself; and a goroutine that is given a segment tells of its segments at once. A goroutine
        /// that is left behind tells nothing of its own stack, nor does one that never started.
        ///
        /// Meanwhile an end takes up to microseconds more, segments come from a depot that all Ps share, and no memory
        /// of stacks is [given back](Self::give_back_after). Under memory checkers nothing is measured. Without this:
        /// no goroutine pays anything.
        pub fn measure_stacks(mut self) -> Self {
            if !g0_arch::tools::ON {
                self.core.measures = true;
                self.core.segments.local = 0;
            }
            self
        }
    }

    maybe_const! {
        /// Says how long the end of the run waits for the next goroutine to end, before it leaves behind what is left.
        /// Zero: it ends none; [`Duration::MAX`]: it waits for all of them, however long that takes. Without it: half
        /// a second.
        pub fn grace(mut self, grace: Duration) -> Self {
            let nanos = grace.as_nanos();
            self.core.end.grace = if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 };
            self
        }
    }

    maybe_const! {
        /// Says how long a goroutine's turn is: when it has run for so long, it gives way at its next [operation that
        /// may wait](crate#which-operations-suspend) to whatever only its P or its M can run, and if it comes to
        /// none, its P is taken from it. It is measured by [`Core::tick`], to the time between two ticks. Zero: at
        /// each such operation, however soon it comes; [`Duration::MAX`]: never, and the queues of a P have their
        /// turns by the count of switches alone. Without it: 10 ms.
        pub fn slice(mut self, turn: Duration) -> Self {
            let nanos = turn.as_nanos();
            self.core.sysmon.turn = if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 };
            self
        }
    }

    maybe_const! {
        /// Says where the segments come from by which [stacks grow](crate::generic::grow), of which class one is if no
        /// more is needed, and how many bytes all of a goroutine's may take at a time, those that it keeps included.
        /// `source` may be the one that [`Config`] names. Without it no stack grows: a call that needs a segment
        /// panics, and [`try_call`](crate::generic::grow::try_call) returns [`Error::NoSegments`].
        pub fn segments(
            mut self,
            source: &'static dyn StackSource,
            segment: Class,
            limit: usize,
        ) -> Self {
            let none =
                mem::replace(&mut self.core.segments, Segments::from(Some(source), segment, limit));
            // Whether stacks are measured may have been said before.
            self.core.segments.local = none.local;
            // There is nothing in it to be dropped.
            mem::forget(none);
            self
        }
    }

    maybe_const! {
        /// Gives the scheduler stacks of further classes, a depot for each: a goroutine that
        /// [asks for a size](crate::generic::Go::stack_size) has one of the smallest class that holds it, the class of
        /// [`Config::stack`] included. Each must be of another class; their stacks are subject to what
        /// [`Config::stacks`] says. Without it: all stacks are of one class, and a larger one is refused.
        pub fn stack_classes(
            mut self,
            depots: &'static [g0_stack::Depot<&'static dyn g0_stack::StackSource>],
        ) -> Self {
            self.core.classes.others = depots;
            self
        }
    }

    maybe_const! {
        /// Says which class main's stack is of, and those on which callbacks of foreign threads run: that of
        /// [`Config::stack`] or one of [`stack_classes`](Self::stack_classes), else a run is refused. Without it:
        /// the first.
        pub fn main_stack(mut self, class: g0_stack::Class) -> Self {
            self.core.classes.main = class;
            self
        }
    }

    /// Says that the end of the run has no room to unwind what is on stacks of fewer bytes. It leaves behind what waits
    /// there, and lets run what does not.
    #[cfg(all(feature = "std", not(loom)))]
    pub(crate) fn unwinds_from(mut self, bytes: usize) -> Self {
        self.core.classes.unwinds_from = bytes;
        self
    }

    /// Lets sysmon pass a line about the scheduler to [`Reports::trace`](crate::port::Reports::trace) every
    /// `period` nanoseconds; 0: never.
    pub fn trace(&self, period: u64) {
        self.core.stats.tracing.set(period);
    }

    /// Returns the core, for a platform's sysmon or timer tick.
    pub fn core(&'static self) -> &'static Core {
        &self.core
    }

    /// Runs `main` and everything it starts on the calling thread or core, which becomes the
    /// first M, and on Ms that the platform starts. Returns after `main` has returned and the
    /// rest has ended, as far as the module [`shutdown`](super::shutdown) says; or, when `main`
    /// has called goexit, after the last goroutine.
    ///
    /// The calling thread or core runs goroutines as any other, and [conducts the end](super::shutdown) between two of
    /// them. So a goroutine that never ends and never gives way, running on this very thread, keeps it: `run` does not
    /// return. So does one that could not be unwound and that has frames on this thread's system stack; and,
    /// if the platform [has thread-locals](crate::port::Machines::HAS_THREAD_LOCALS), one that is bound to it.
    ///
    /// Where a thread [watches](crate::port::Machines::WATCHED), as on Linux threads, this
    /// starts it.
    ///
    /// # Errors
    ///
    /// [`Error::Nested`] on a thread that is an M; [`Error::Procs`] without a P or on a scheduler
    /// that has run before; [`Error::ProcsInUse`] when its Ps belong to another; [`Error::Stack`] without a
    /// stack for `main`; [`Error::ThreadSpawn`] without an M, or without the thread that watches;
    /// [`Error::ClosureTooLarge`] as for any goroutine.
    #[track_caller]
    pub fn run<R: Send>(
        &'static self,
        main: impl FnOnce() -> R + Send,
    ) -> Result<Ended<Outcome<R, P>>, Error> {
        self.begin(main, Location::caller(), CallingThread::Works, work_here::<P>)
    }

    /// As [`run`](Self::run), with `main` wired to the calling thread or core, as if it had called
    /// [`lock_os_thread`](crate::generic::lock_os_thread) before it began. Where threads are started
    /// ([`WATCHED`](crate::port::Machines::WATCHED)) the calling one runs main alone, also when main has unlocked it,
    /// and then conducts the end. Else it runs other goroutines too, when main has ended.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn run_locked<R: Send>(
        &'static self,
        main: impl FnOnce() -> R + Send,
    ) -> Result<Ended<Outcome<R, P>>, Error> {
        self.begin(main, Location::caller(), CallingThread::IsMains, work_here::<P>)
    }

    /// Says that a panic's message names the goroutine, which the platform sees to.
    #[cfg(feature = "std")]
    pub(crate) fn names_panics(mut self, names: bool) -> Self {
        self.core.names_panics = names;
        self
    }

    /// Says whether the program's signal handlers are given the flag SA_ONSTACK, which the platform sees to.
    #[cfg(feature = "std")]
    pub(crate) fn adds_onstack(mut self, adds: bool) -> Self {
        self.core.adds_onstack = adds;
        self
    }

    /// Returns the cell of what its threads are called.
    #[cfg(feature = "std")]
    pub(crate) fn name_cell(&self) -> &g0_arch::sync::OwnedCell<&'static str> {
        &self.core.name
    }

    /// Returns whether a run has begun.
    #[cfg(feature = "std")]
    pub(crate) fn has_run(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Makes `main` ready, lets `carry` run the Ms until the scheduler halts, and collects what came of
    /// it. `carry` is given the calling thread's M, if the thread is to be one. That M is taken before
    /// any goroutine runs that may use the Ms up, for once main runs this frame must not return.
    pub(crate) fn begin<R, F: FnOnce() -> R>(
        &'static self,
        main: F,
        site: &'static Location<'static>,
        here: CallingThread,
        carry: impl FnOnce(&'static Core, Option<&'static M>) -> Result<(), Error>,
    ) -> Result<Ended<Outcome<R, P>>, Error> {
        P::check_process();
        if !P::current().is_null() && !crate::foreign::extram::part_if_between::<P>() {
            return Err(Error::Nested);
        }
        if !fits::<F, Outcome<R, P>>(most_packet(self.core.classes.main)) {
            return Err(Error::ClosureTooLarge);
        }
        if self.core.config.procs.is_empty() || self.started.swap(true, Ordering::AcqRel) {
            return Err(Error::Procs);
        }
        // SAFETY: `started` lets one call through.
        if !unsafe { self.core.open() } {
            return Err(Error::ProcsInUse);
        }
        // Main stays in this frame until it is called, and its result comes here at once: a goroutine's stack has
        // room for them, but not in each frame that would hand them on.
        let (main, mut returned) = (ManuallyDrop::new(main), MaybeUninit::<R>::uninit());
        let (from, to) = ((&raw const main).cast::<F>(), returned.as_mut_ptr());
        let mut ended = None;
        let out = &raw mut ended;
        let body = move || {
            // SAFETY: `begin` waits for the end of this closure in `carry`. Main is moved out once.
            unsafe {
                let result = P::Unwind::catch(move || to.write(from.read()()));
                let exited = matches!(&result, Err(payload) if P::Unwind::is_goexit(payload));
                let left = if exited { main_left::EXITED } else { main_left::RETURNED };
                if !exited {
                    *out = Some(result);
                }
                // Relaxed: main itself reads it, when it has left its stack; then the run ends, and `out` is gone.
                self.core.end.main_left.store(left, Ordering::Relaxed);
            }
        };
        // SAFETY: what main borrows outlives it, as above.
        unsafe {
            let m = match here {
                CallingThread::Waits => None,
                CallingThread::Works | CallingThread::IsMains => {
                    Some(self.core.first_m().ok_or(Error::ThreadSpawn)?)
                }
            };
            let wired = m.filter(|_| here == CallingThread::IsMains);
            if let Some(m) = m {
                // Where threads are started this one is main's alone. Else it works, for there may be no other.
                let alone = P::WATCHED && wired.is_some();
                m.lock.wired.set(alone);
                let conductor = if alone { ptr::null_mut() } else { ptr::from_ref(m).cast_mut() };
                // Relaxed: the goroutines start later.
                self.core.end.conductor.store(conductor, Ordering::Relaxed);
            }
            spawn_main::<P, _>(&self.core, body, site, wired)?;
            let registration = Registration::<P>::new(&self.core);
            let carried = carry(&self.core, m);
            if carried.is_err() {
                // A foreign thread that has come meanwhile must not begin a callback.
                self.core.end.phase.store(phase::HALTED, Ordering::SeqCst);
            }
            drop(registration);
            carried?;
        }
        debug_assert_eq!(self.core.phase(), phase::HALTED);
        // SAFETY: the conductor's, which this thread was.
        let left_behind = unsafe { self.core.end.conducting.get() }.left_behind;
        let threads_left = if left_behind != 0 { self.core.threads_left() } else { 0 };
        // SAFETY: where main has returned, its result is there.
        let result = ended.map(|ended| ended.map(|()| unsafe { returned.assume_init() }));
        let panics = self.core.end.panics.load(Ordering::Relaxed);
        Ok(Ended { result, left_behind, threads_left, panics })
    }
}

/// What the thread that begins a run is to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallingThread {
    /// No M: it waits for the end.
    #[cfg_attr(not(any(feature = "std", loom)), allow(dead_code, reason = "hosted runtimes do"))]
    Waits,
    /// An M as any other.
    Works,
    /// The M that main is wired to.
    IsMains,
}

/// While it lives, foreign threads that call back may come to a scheduler.
struct Registration<P: Platform>(&'static Core, PhantomData<fn() -> P>);

impl<P: Platform> Registration<P> {
    fn new(core: &'static Core) -> Self {
        if let Some(home) = P::registry()
            && core.foreign.mode != ForeignThreads::Refuse
        {
            home.register(core);
            // Where Ms start before they are carried, main may have returned already.
            if core.end.phase.load(Ordering::SeqCst) != phase::OPEN {
                home.unregister(core);
            }
        }
        Self(core, PhantomData)
    }
}

impl<P: Platform> Drop for Registration<P> {
    fn drop(&mut self) {
        if let Some(home) = P::registry() {
            home.unregister(self.0);
            home.await_visitors();
        }
    }
}

/// Carries a run on the calling thread and on those that the platform starts.
fn work_here<P: Platform>(core: &'static Core, m: Option<&'static M>) -> Result<(), Error> {
    let m = m.ok_or(Error::ThreadSpawn)?;
    if P::WATCHED {
        // Sysmon's thread, which wakes no goroutine by itself. Relaxed: it is read by threads that start later.
        core.deadlock.service_threads.store(1, Ordering::Relaxed);
        // SAFETY: once, and the run has begun.
        unsafe { P::watch(core) }.map_err(|_| Error::ThreadSpawn)?;
    }
    be_first_m::<P>(core, m);
    Ok(())
}

/// Runs `m` on the calling thread, and waits for the scheduler's end.
pub(crate) fn be_first_m<P: Platform>(core: &'static Core, m: &'static M) {
    // SAFETY: it has just been taken from the unused ones and runs here.
    unsafe { start_m::<P>(m) };
    // From here on this thread only waits.
    core.deadlock.service_threads.fetch_add(1, Ordering::Relaxed);
    // The M may have ended early: with main, which was wired to it, or another goroutine that had locked it.
    await_end::<P>(core);
}
