//! How a runtime is to be.

use core::ptr::NonNull;
use std::boxed::Box;
use std::time::Duration;
use std::vec::Vec;

use g0_stack::SlabSource;

use super::companion::Companion;
use super::offload_pool;
use super::prepare::prepare;
use super::runtime::Runtime;
use super::stacks::{LEAST_GUARDED, Stacks, guarded};
use super::tag::Hosted;
use super::watch::Watch;
use super::{affinity, fork, membarrier, panics};
use crate::api::scheduler::Scheduler;
use crate::objects::config::{Deadlock, ForeignThreads, Mobility, Uncaught};
use crate::objects::p::Proc;
use crate::objects::segments::{CLASS, LIMIT};
use crate::objects::shared::parts::{GRACE, TURN};
use crate::objects::shared::{Config, More};
use crate::objects::shrink::REST;
use crate::parts::attention::suspend_often;
use crate::parts::error::Error;
use crate::parts::limits::MAX_PROCS;
use crate::parts::nanos::nanos;
use crate::platform::fences::Fences;

/// The default size of a goroutine's stack: address space; memory is used page by page. Enough
/// for a panic with a printed backtrace.
pub const STACK_SIZE: usize = 256 << 10;

/// How many threads a runtime may start, if its builder says nothing else.
const MAX_THREADS: usize = 10_000;

/// How long a thread without work stays, if the builder says nothing else.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// After how long goroutines that may wait for ever are reported, if the builder says nothing else.
const STALL: Duration = Duration::from_secs(10);

/// Says how a [`Runtime`] is to be.
#[derive(Debug, Clone)]
#[must_use = "nothing is built before `build`"]
pub struct Builder {
    procs: Option<usize>,
    max_procs: usize,
    stack_size: usize,
    segment_size: usize,
    segment_limit: usize,
    stack_memory: usize,
    give_back: Duration,
    /// What a test leaves of the ways to ask what is in memory.
    pagemap: Option<bool>,
    guards: bool,
    packed: Option<usize>,
    fences: Fences,
    name: &'static str,
    lock_main: bool,
    deadlock: Deadlock,
    uncaught: Uncaught,
    max_evicted: usize,
    max_threads: usize,
    keep_alive: Duration,
    stall: Duration,
    measures: bool,
    panic_hook: bool,
    onstack: bool,
    max_offload_threads: usize,
    trace: Duration,
    foreign: ForeignThreads,
    grace: Duration,
    slice: Duration,
}

impl Builder {
    /// Ps: goroutines that run at a time. Default: the CPUs that affinity and cgroup allow.
    pub fn procs(mut self, procs: usize) -> Self {
        self.procs = Some(procs);
        self
    }

    /// Up to how many Ps there may be later, by [`set_procs`](crate::set_procs). Default: the CPUs that
    /// affinity and cgroup allow, or what [`procs`](Self::procs) asks for if that is more.
    pub fn max_procs(mut self, procs: usize) -> Self {
        self.max_procs = procs;
        self
    }

    /// Bytes of every goroutine's stack, rounded up to a power of two, at least 4 KiB. Default: [`STACK_SIZE`]. A spawn
    /// may [ask for another size](crate::generic::Go::stack_size). With [`packed_stacks`](Self::packed_stacks) only
    /// main's stack is of this size, and those on which callbacks of foreign threads run.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Bytes of a segment, of which [stacks grow](crate::grow), rounded up to a power of two; a call that needs more
    /// gets a larger one. Address space: memory is used page by page. Default: 64 KiB.
    ///
    /// A build with 0, or with more than the largest stack has, is refused: [`Error::SegmentSize`].
    pub fn segment_size(mut self, bytes: usize) -> Self {
        self.segment_size = bytes;
        self
    }

    /// Sets how many bytes the segments of a goroutine may take at a time, those that it keeps for its next call
    /// included. A recursion that goes beyond, by [`grow::call`](crate::grow::call), is a stack overflow: it ends in a
    /// panic that names the goroutine, and the segments go back as that unwinds. Default: 64 MiB. With less than a
    /// [segment](Self::segment_size) no stack grows.
    pub fn segment_limit(mut self, bytes: usize) -> Self {
        self.segment_limit = bytes;
        self
    }

    /// Sets how many bytes the stacks of all goroutines may take together, [segments](Self::segment_size) included. Of
    /// each its whole [size](Self::stack_size) counts, whatever of it was touched: so this bounds memory, and how many
    /// goroutines there are at a time. Beyond it a start fails with [`Error::Stack`], which holds
    /// [`StackError::Limit`](g0_stack::StackError::Limit); nothing waits, and what runs is left alone. When goroutines
    /// have ended there is room again. Default: no limit. [Packed](Self::packed_stacks) stacks do not count.
    ///
    /// Stacks that are free count too. A P that is not idle keeps up to 64 of them for its own goroutines, and the
    /// runtime takes half a MiB for itself to give memory back; so leave that much beside what the program needs. A
    /// thread that calls back takes one for its goroutine.
    pub fn stack_memory_limit(mut self, bytes: usize) -> Self {
        self.stack_memory = bytes;
        self
    }

    /// Sets how long a goroutine must have waited before memory of its stack that it once used, and does not use now,
    /// is [given back](crate#memory-of-stacks); stacks that are free rest for as long. If it is used again it is zeros,
    /// and costs a page fault a page, as the first time. Default: a second. [`Duration::MAX`]: none is given back.
    pub fn give_back_after(mut self, rest: Duration) -> Self {
        self.give_back = rest;
        self
    }

    /// Asks what is in memory by `mincore` alone, or, if not `with_mincore`, not at all: for tests.
    #[doc(hidden)]
    pub fn without_pagemap(mut self, with_mincore: bool) -> Self {
        self.pagemap = Some(with_mincore);
        self
    }

    /// Leaves out the page that faults beneath every stack.
    ///
    /// ```compile_fail,E0133
    /// let builder = g0_sched::Runtime::builder().without_guards();
    /// ```
    ///
    /// # Safety
    ///
    /// A goroutine that overflows its stack then writes over another's. No goroutine's frames may come to the
    /// bottom of its stack: [what an unguarded source asks
    /// for](g0_stack::StackSource#what-an-unguarded-source-asks-for) says what counts, what is fine, and how to
    /// find out. With guards the same program is told by a message.
    pub unsafe fn without_guards(mut self) -> Self {
        self.guards = false;
        self
    }

    /// Gives goroutines [packed stacks](g0_stack::PackedSource), of 1 KiB or, if `bytes` is more than that, of 2 KiB:
    /// side by side, with canary words and without guards. So a parked goroutine takes 1,026 bytes of memory in place
    /// of a page of 4 KiB and more, and ten million of them 10.3 GB. Main's stack is of
    /// [`stack_size`](Self::stack_size), and a spawn may [ask for another size](crate::generic::Go::stack_size), which
    /// has a guard from 4 KiB on.
    ///
    /// There is no room there for an unwinder. So the end of a run unwinds no goroutine on a packed stack: one that
    /// waits is left behind, and counted ([`run_counted`](crate::Runtime::run_counted)), and the memory of all of them
    /// stays; one that runs goes on until it waits or ends, one that has not begun begins, and starts no other
    /// ([`Error::ShutDown`]). A program ends its goroutines itself, by closing a channel, before main returns.
    ///
    /// The build refuses what can be seen to break the promise: [`Error::PackedStacks`] for a build with debug
    /// assertions, where one wait takes 6 KiB, for a program that binds functions at their first call, and for one with
    /// a signal handler without `SA_ONSTACK`; [`Error::PackedExclusive`] on the exclusive runtime; [`Error::StackSize`]
    /// for 0 bytes and for more than 2 KiB.
    ///
    /// ```compile_fail,E0133
    /// let builder = g0_sched::Runtime::builder().packed_stacks(1024);
    /// ```
    ///
    /// # Safety
    ///
    #[doc = include_str!("../objects/promises/packed.md")]
    pub unsafe fn packed_stacks(mut self, bytes: usize) -> Self {
        self.packed = Some(bytes);
        self
    }

    /// Sets what the runtime's threads are called, as debuggers and `ps` show it. Default: "g0". A name with a
    /// NUL byte, which no thread can have, is refused by the build: [`Error::ThreadName`].
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Wires the main goroutine to the thread that calls [`Runtime::run`], as if it had called
    /// [`lock_os_thread`](crate::lock_os_thread) before it began: for graphics and window libraries,
    /// which want to be called by the program's first thread. Without it that thread only waits.
    ///
    /// Main may unlock it, and remains there all the same: no other goroutine ever runs on that thread, which
    /// conducts the [end of the run](crate::shutdown) when main has returned.
    pub fn lock_main_thread(mut self) -> Self {
        self.lock_main = true;
        self
    }

    /// Sets how long the [end of a run](crate::shutdown) waits for the next goroutine to end; what is left then is left
    /// behind, and counted. Each one that ends begins that time anew. Default: half a second. With zero the run ends
    /// at once, and unwinds nothing that it finds; with [`Duration::MAX`] it waits for every goroutine.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets what is done when all goroutines wait and no timer is armed. Default: [`Deadlock::Auto`], the
    /// report of a deadlock, unless the process has threads that are not this runtime's: those may hold
    /// an end of a channel. They are counted anew for a few seconds, then the runtime waits on;
    /// [`report_stalls`](Self::report_stalls) says when it tells of it.
    pub fn deadlock(mut self, deadlock: Deadlock) -> Self {
        self.deadlock = deadlock;
        self
    }

    /// Sets after how long goroutines are listed on standard error that perhaps wait for ever, while the program goes
    /// on:
    ///
    /// - when no goroutine has run for so long, no timer is armed, and none of them can be woken by a handle or a
    ///   waker: only a thread that is not this runtime's could wake one, by a channel or a lock. Once while it lasts,
    ///   and the next time only after twice as long.
    /// - on the pinned runtime, when one has waited so long while it unwinds: it keeps its thread, on which others are
    ///   ready to run, and waits for ever if it waits for one of those. Once for each such wait.
    ///
    /// Default: 10 s. `Duration::ZERO` and [`Duration::MAX`]: never; nor with [`Deadlock::Ignore`].
    pub fn report_stalls(mut self, after: Duration) -> Self {
        self.stall = after;
        self
    }

    /// Measures how much stack goroutines use, by where they were started, to choose the sizes of stacks: that of
    /// [all](Self::stack_size) and of [one spawn](crate::generic::Go::stack_size), of
    /// [packed stacks](Self::packed_stacks), whose promise asks for it, and of [segments](Self::segment_size).
    /// [`Watch::stack_use`] returns it.
    ///
    /// Every goroutine that ends is measured, be it by a return, by a panic or by the end of the run, and so is every
    /// callback of a foreign thread; not one that is left behind. What counts is the deepest word that was not zero,
    /// so a frame that reserves room and writes nothing there may count for less. Segments are told of when a goroutine
    /// is given them.
    ///
    /// ```
    /// use g0_sched::{Runtime, go};
    ///
    /// let runtime = Runtime::builder().measure_stacks(true).build()?;
    /// let watch = runtime.watch();
    /// runtime.run(|| go(|| 7).join().unwrap()).unwrap();
    /// for site in watch.stack_use() {
    ///     println!("{site}");
    /// }
    /// # Ok::<(), g0_sched::Error>(())
    /// ```
    ///
    /// While it measures, each end of a goroutine takes some microseconds more, segments come from a depot that all Ps
    /// share, and no memory is [given back](Self::give_back_after): pages that were given back tell nothing. All else is
    /// as it is without, so that stacks bear what they bear then. Under memory checkers nothing is measured. Default:
    /// false, which costs nothing.
    pub fn measure_stacks(mut self, measure: bool) -> Self {
        self.measures = measure;
        self
    }

    /// Sets what is done with a panic that ends a goroutine whose handle was dropped, before or after it.
    /// Default: [`Uncaught::Fatal`], which prints it and ends the program.
    pub fn uncaught(mut self, uncaught: Uncaught) -> Self {
        self.uncaught = uncaught;
        self
    }

    /// Leaves the process's panic hook as it is, and panics in this runtime's goroutines to it alone.
    ///
    /// Without this the first build of a process sets a hook that calls the one that was there, std's or the program's,
    /// and then prints a line that names the goroutine, if the panic is in one: its number, its name, and where it was
    /// started. A hook that the program sets after that build takes its place;
    /// [`GoroutineInfo::of_caller`](crate::GoroutineInfo::of_caller) tells such a hook the goroutine. A hook that other
    /// threads set at the very moment of that build may be lost, as std cannot change one in place: set it before.
    pub fn without_panic_hook(mut self) -> Self {
        self.panic_hook = false;
        self
    }

    /// Leaves the program's signal handlers as they are.
    ///
    /// Without this, every handler of the process that has no SA_ONSTACK is given that flag, as by Go: those of the C
    /// library too, and nothing else about them changes. It is done by the build, at the start of the run, and by
    /// sysmon every 0.1 s while anything runs, for handlers that were installed in the meantime;
    /// [`add_onstack_flags`](crate::add_onstack_flags) does it at once. Such a handler runs on the alternate stack of
    /// the thread that it interrupts, of 64 KiB on the runtime's threads, and not on the goroutine's, where its frame
    /// alone takes 3.6 KB and more. A signal that finds no room on a goroutine's stack ends the program with a message
    /// that says which handlers lack the flag.
    ///
    /// For programs whose handlers must run on the interrupted stack (some garbage collectors find the stack's end by
    /// a handler's own variables), and that give goroutines the room. Other runtimes of the process change them all
    /// the same.
    pub fn without_onstack_flags(mut self) -> Self {
        self.onstack = false;
        self
    }

    /// Sets how Ms and retakers are ordered. Default: asymmetric where the kernel can, unless the
    /// environment variable `G0_FENCES` is `symmetric`. A sandbox that refuses `membarrier` must be put on before
    /// the runtime is built, or the fences be symmetric: the first asymmetric one that is refused ends the
    /// program. With `G0_SUSPEND=often` in the environment they are symmetric, whatever is asked for here
    /// ([`suspend_often`](crate::suspend_often)).
    pub fn fences(mut self, fences: Fences) -> Self {
        self.fences = fences;
        self
    }

    /// Sets how many goroutines may compute on without a P at a time, on threads of their own (*eviction*: a
    /// goroutine that has come to no operation for a [turn](Self::slice), 10 ms, loses its P to goroutines that wait
    /// for one). Beyond that a loop keeps its P. Default: as many as there are Ps.
    pub fn max_evicted(mut self, most: usize) -> Self {
        self.max_evicted = most.min(usize::MAX - 1);
        self
    }

    /// Sets how long a goroutine's turn is. When it has run for so long, and something waits that only its thread or
    /// its P can run, it gives way at its next [operation that may wait](crate#which-operations-suspend). If it comes
    /// to none, its P goes to another thread ([`max_evicted`](Self::max_evicted)). Default: 10 ms.
    ///
    /// The turn is measured from outside, every 0.1 ms to 5 ms: it may last half as long again, and one of less than
    /// 0.1 ms lasts as long. The shorter it is the more often the runtime looks, and the more often what computes is
    /// interrupted by a switch.
    ///
    /// - [`Duration::ZERO`]: a goroutine gives way at each such operation, however soon it comes, and none is taken
    ///   the short way. That is slow, and for tests: of what a program relies on that it must not.
    /// - [`Duration::MAX`]: never. What computes loses its P to no goroutine, and one whose operations all succeed at
    ///   once may keep the others of its thread from running for ever.
    pub fn slice(mut self, turn: Duration) -> Self {
        self.slice = turn;
        self
    }

    /// Sets how many threads the runtime may start for its goroutines, at a time: besides those that run
    /// goroutines, those whose goroutine is in C or is locked to it. Default: 10,000, as many as Go allows
    /// (`debug.SetMaxThreads`); tokio's pool for blocking calls has 512. The system may have fewer.
    ///
    /// At the limit nothing fails, where Go ends the program: what has not started waits for a thread, in the
    /// queues where it is, and what could go on elsewhere too, until a call of C returns or a goroutine ends. What
    /// is bound to a thread goes on there. If all threads are taken by goroutines that wait for one that has not
    /// started, that is a deadlock, and the report names the limit; the line of a [`trace`](Self::trace) does
    /// while the limit holds something up. On the exclusive runtime this is how many goroutines are underway.
    /// [`thread_keep_alive`](Self::thread_keep_alive) says when threads go again.
    ///
    /// A build with none is refused: [`Error::MaxThreads`].
    pub fn max_threads(mut self, most: usize) -> Self {
        self.max_threads = most;
        self
    }

    /// Sets for how long a thread stays that has no work: those that a burst of blocking calls, or of goroutines
    /// that lock their threads, has needed end afterwards, and their thread-locals are dropped. As many idle threads
    /// as there are Ps stay, and every thread to which a goroutine is bound that has not ended: on the pinned runtime
    /// those that have begun there, on the exclusive one the goroutine that has it, on the migrating one a goroutine
    /// that has locked it. Default: 10 s, as tokio's. `Duration::ZERO`: threads end as soon as they are seen to rest,
    /// within a few milliseconds; [`Duration::MAX`]: never. A time of more than three weeks is as good as never.
    pub fn thread_keep_alive(mut self, rest: Duration) -> Self {
        self.keep_alive = rest;
        self
    }

    /// Sets how many threads the runtime may start for what is [offloaded](crate::offload), at a time; what comes
    /// beyond that stands in a queue. Default: 512.
    ///
    /// A build with none is refused: [`Error::MaxThreads`].
    pub fn max_offload_threads(mut self, most: usize) -> Self {
        self.max_offload_threads = most;
        self
    }

    /// Sets what is done with threads that this runtime has not started (a C library has, or `std`) and that
    /// call back. Such a thread comes to the runtime that has been running for the longest, of all
    /// in the process that do not refuse them. Default: [`ForeignThreads::Bind`].
    pub fn foreign_threads(mut self, how: ForeignThreads) -> Self {
        self.foreign = how;
        self
    }

    /// Every `period` a line about the runtime is printed to standard error: its Ps, Ms, goroutines and
    /// queues. Default: never, unless the environment variable `G0_TRACE` says a number of milliseconds.
    pub fn trace(mut self, period: Duration) -> Self {
        self.trace = period;
        self
    }

    /// Nanoseconds; 0 for never.
    fn trace_period(&self) -> u64 {
        let asked = || std::env::var("G0_TRACE").ok()?.parse().ok();
        let period = if self.trace.is_zero() {
            Duration::from_millis(asked().unwrap_or(0))
        } else {
            self.trace
        };
        nanos(period)
    }

    /// Returns the exclusive runtime, which is safe, and slow: a goroutine has the thread that it starts on
    /// to itself until it ends, as if it locked it with its first breath, and no two share one. So what holds
    /// of threads holds of its goroutines, thread-locals included. A wait costs a hand-off between threads
    /// (microseconds), and what has not started waits while all threads are taken:
    /// [`max_threads`](Self::max_threads).
    ///
    /// For programs without `unsafe`, and to find out whether a fault comes from goroutines that share
    /// threads. The crate's essay compares the three kinds.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn build(self) -> Result<Runtime, Error> {
        self.make(Mobility::EXCLUSIVE)
    }

    /// Returns the pinned runtime: a goroutine stays on the thread that it starts on, and shares it. What has
    /// not started goes to any.
    ///
    /// # Safety
    ///
    #[doc = include_str!("../objects/promises/pinned.md")]
    ///
    /// Without the word there is no such runtime:
    ///
    /// ```compile_fail,E0133
    /// let runtime = g0_sched::Runtime::builder().build_pinned();
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub unsafe fn build_pinned(self) -> Result<Runtime, Error> {
        // SAFETY: as the caller ensures.
        self.make(unsafe { Mobility::pinned() })
    }

    /// Returns the migrating runtime, Go's: a goroutine goes on wherever there is room.
    ///
    /// # Safety
    ///
    #[doc = include_str!("../objects/promises/migrating.md")]
    ///
    /// Without the word there is no such runtime:
    ///
    /// ```compile_fail,E0133
    /// let runtime = g0_sched::Runtime::builder().build_migrating();
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub unsafe fn build_migrating(self) -> Result<Runtime, Error> {
        // SAFETY: as the caller ensures.
        self.make(unsafe { Mobility::migrating() })
    }

    fn make(self, mobility: Mobility) -> Result<Runtime, Error> {
        fork::check();
        let cpus = affinity::procs().min(MAX_PROCS);
        let wanted = self.procs.unwrap_or(cpus);
        let most = if self.max_procs == 0 { cpus.max(wanted) } else { self.max_procs };
        if wanted == 0 || wanted > most || most > MAX_PROCS {
            return Err(Error::Procs);
        }
        if self.max_threads == 0 || self.max_offload_threads == 0 {
            return Err(Error::MaxThreads);
        }
        if self.name.contains('\0') {
            return Err(Error::ThreadName);
        }
        let often = asked_to_suspend_often()?;
        if often {
            suspend_often(true);
        }
        let segment = guarded(self.segment_size).map_err(Error::SegmentSize)?;
        let symmetric = match self.fences {
            Fences::Symmetric => true,
            Fences::Asymmetric if !membarrier::register() => {
                return Err(Error::MembarrierUnavailable);
            }
            _ if often => true,
            Fences::Asymmetric => false,
            Fences::Auto => {
                std::env::var_os("G0_FENCES").is_some_and(|v| v == "symmetric")
                    || !membarrier::register()
            }
        };
        // First, for packed stacks are refused beside handlers that lack the flag.
        prepare(self.onstack);
        let slabs = SlabSource::builder().limit(self.stack_memory);
        let slabs = match self.pagemap {
            Some(with_mincore) => slabs.without_pagemap(with_mincore),
            None => slabs,
        };
        // SAFETY: as the callers of `without_guards` and `packed_stacks` have ensured.
        let stacks =
            unsafe { Stacks::new(self.stack_size, self.guards, self.packed, mobility, slabs) }?;
        if self.panic_hook {
            panics::name_goroutines();
        }
        let procs: &'static mut [Proc] =
            Box::leak((0..most).map(|_| Proc::new()).collect::<Vec<_>>().into_boxed_slice());
        let freed_procs = NonNull::from(&mut *procs);
        let scheduler = Scheduler::new(Config {
            procs,
            machines: &[],
            more: More::ALLOCATED,
            stacks: stacks.source_of(stacks.class),
            stack: stacks.class,
            mobility,
            symmetric,
        });
        let scheduler = if self.measures { scheduler.measure_stacks() } else { scheduler };
        let leaked = NonNull::from(Box::leak(Box::new(
            scheduler
                // The calling thread is not started, and runs main alone.
                .max_machines(self.max_threads.saturating_add(usize::from(self.lock_main)))
                .segments(stacks.source_of(segment), segment, self.segment_limit)
                .keep_alive(nanos(self.keep_alive))
                .give_back_after(nanos(self.give_back))
                .report_stalls(if self.stall.is_zero() { u64::MAX } else { nanos(self.stall) })
                .deadlock(self.deadlock)
                .uncaught(self.uncaught)
                .stack_classes(stacks.others())
                .main_stack(stacks.main)
                .unwinds_from(if stacks.are_packed() { LEAST_GUARDED } else { 0 })
                .names_panics(self.panic_hook)
                .adds_onstack(self.onstack)
                .foreign_threads(self.foreign)
                .grace(self.grace)
                .slice(self.slice),
        )));
        // SAFETY: freed when the runtime is dropped.
        let scheduler: &'static Scheduler<Hosted> = unsafe { leaked.as_ref() };
        scheduler.core().begin_with(wanted);
        scheduler.core().evict_at_most(self.max_evicted);
        scheduler.trace(self.trace_period());
        let _ = Companion::found_pool(scheduler.core(), self.max_offload_threads);
        // SAFETY: it has not started.
        unsafe { scheduler.name_cell().set(self.name) };
        Ok(Runtime {
            scheduler: leaked,
            procs: freed_procs,
            stacks,
            lock_main: self.lock_main,
            watch: Watch::new(leaked, Companion::of(scheduler.core()).sites.clone()),
        })
    }
}

/// Returns whether the environment asks for operations that suspend.
///
/// # Errors
///
/// When it asks for something else, which would go unnoticed.
fn asked_to_suspend_often() -> Result<bool, Error> {
    match std::env::var_os("G0_SUSPEND") {
        None => Ok(false),
        Some(word) if word == "often" => Ok(true),
        Some(word) if word.is_empty() => Ok(false),
        Some(_) => Err(Error::Environment("G0_SUSPEND")),
    }
}

impl Runtime {
    /// Returns a [`Builder`] with its defaults.
    pub fn builder() -> Builder {
        Builder {
            procs: None,
            max_procs: 0,
            stack_size: STACK_SIZE,
            segment_size: CLASS.size(),
            segment_limit: LIMIT,
            stack_memory: usize::MAX,
            give_back: Duration::from_nanos(REST),
            pagemap: None,
            guards: true,
            packed: None,
            fences: Fences::Auto,
            name: "g0",
            lock_main: false,
            deadlock: Deadlock::Auto,
            uncaught: Uncaught::Fatal,
            max_evicted: usize::MAX,
            max_threads: MAX_THREADS,
            keep_alive: KEEP_ALIVE,
            stall: STALL,
            measures: false,
            panic_hook: true,
            onstack: true,
            max_offload_threads: offload_pool::MOST,
            trace: Duration::ZERO,
            foreign: ForeignThreads::Bind,
            grace: Duration::from_nanos(GRACE),
            slice: Duration::from_nanos(TURN),
        }
    }
}
