//! A whole scheduler for one schedule, with everything that is shipped: its goroutines have stacks
//! and are switched to in assembly, and what publishes them is the executor's post-switch step.
//!
//! An M is a thread of the model; loom switches between its threads wherever one of them happens to
//! be, also on a goroutine's stack, and a goroutine goes from one to another as it does between real
//! threads. Of a switch loom sees what the scheduler tells it: the context is written at the moment
//! before, and read by the M that goes on with the goroutine.

use core::cell::{Cell, RefCell};
use core::panic::Location;
use core::ptr::NonNull;
use std::boxed::Box;
use std::vec::Vec;

use g0_arch::sync::atomic::Ordering;
use g0_stack::{Class, HeapSource, Stack, StackError, StackSource};
use loom::thread::{self, JoinHandle};

use super::park::{MACHINE, NOBODY};
use crate::api::scheduler::{CallingThread, Scheduler};
use crate::exec::machine::start_m;
use crate::exec::refs::free_without_p;
use crate::objects::config::Mobility;
use crate::objects::g::{G, status};
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::{Config, More};
use crate::parts::phase;
use crate::platform::{Platform, StartError};

/// A goroutine's stack: with room for loom's frames, and for the report of a failure.
const STACK: usize = 256 << 10;

std::thread_local! {
    // Loom runs all threads of a model on one.
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    static MAY_START: Cell<bool> = const { Cell::new(false) };
    /// How many schedulers are.
    static AT_WORK: Cell<usize> = const { Cell::new(0) };
    /// A scheduler has ended and keeps its stacks.
    static KEPT: Cell<bool> = const { Cell::new(false) };
    /// Stacks that goroutines have.
    static OUT: Cell<usize> = const { Cell::new(0) };
}

/// A segment: no goroutine has one that does not ask for more than its stack.
const SEGMENT: usize = 512 << 10;

struct Stacks;

// SAFETY: as the source that they are from.
unsafe impl StackSource for Stacks {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        OUT.set(OUT.get() + 1);
        // SAFETY: a model's goroutines are a few calls deep.
        unsafe { HeapSource::new() }.alloc(class)
    }

    unsafe fn free(&self, stack: Stack) {
        OUT.set(OUT.get() - 1);
        // SAFETY: as the caller ensures; nothing is made.
        unsafe { HeapSource::new().free(stack) };
    }
}

/// Returns whether a scheduler is at work: then nothing unwinds, and a failure ends the program.
pub fn at_work() -> bool {
    AT_WORK.get() != 0
}

/// Starts a thread of the model, as `Platform::start` does; it does `first` before anything else.
///
/// # Errors
///
/// If no main goroutine runs yet, or none any more.
pub fn start<P: Platform>(m: &'static M, first: impl FnOnce() + 'static) -> Result<(), StartError> {
    if !MAY_START.get() {
        return Err(StartError::NoThread);
    }
    let thread = thread::spawn(move || {
        first();
        // SAFETY: the scheduler starts each M once, and the thread is new.
        unsafe { start_m::<P>(m) }
    });
    STARTED.with_borrow_mut(|threads| threads.push(thread));
    Ok(())
}

/// What a scheduler of a model is made of.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Ps.
    pub procs: usize,
    /// Ms at most.
    pub machines: usize,
    /// Full fences; else none.
    pub symmetric: bool,
    /// Whether goroutines may go on on another M.
    pub migrating: bool,
    /// On a platform that is watched: whether the calling thread runs sysmon, as it is shipped.
    pub sysmon: bool,
}

impl Shape {
    /// As [`run`](super::run) has it.
    pub fn new(procs: usize) -> Self {
        Self { procs, machines: procs, symmetric: true, migrating: true, sysmon: false }
    }
}

/// As [`run`](super::run), on a platform of the model's own, whose `start` ends in [`start`]. If it is
/// [watched](crate::port::Machines::WATCHED) the calling thread runs no goroutine: it starts threads, as
/// sysmon does, and looks after nothing else, unless the [shape](Shape::sysmon) says so. Sysmon waits until
/// deadlines: that platform's `park` says when time has passed. A model that runs two schedulers at the same
/// time, each on a thread of its own, must have no more Ms than those threads.
pub fn run_on<P: Platform>(shape: Shape, main: impl FnOnce() + Send) {
    run_leaving::<P>(shape, 0, main, |_| ());
}

/// As [`run_on`], of a `main` that leaves `left` goroutines behind. When the scheduler has halted and all its threads
/// have ended or parked for good, `over` is told how many are left; afterwards the latter end too. What the
/// goroutines left have on their stacks is forgotten.
pub fn run_leaving<P: Platform>(
    shape: Shape,
    left: u64,
    main: impl FnOnce() + Send,
    over: impl FnOnce(usize),
) {
    if !at_work() {
        // Of a scheduler that stayed in an earlier schedule, a thread may have made a stack since.
        OUT.set(0);
    }
    let Shape { procs, machines, symmetric, migrating, sysmon } = shape;
    let ms: *mut [M] = Box::into_raw((0..machines).map(|_| M::new()).collect::<Box<[M]>>());
    let procs: *mut [Proc] =
        Box::into_raw((0..procs).map(|_| Proc::new()).collect::<Box<[Proc]>>());
    // SAFETY: freed below or never; each schedule has its own.
    let (procs_ref, ms_ref) = unsafe { (&*procs, &*ms) };
    let config = Config {
        procs: procs_ref,
        machines: ms_ref,
        more: More::NONE,
        stacks: &Stacks,
        stack: Class::for_size(STACK).expect("a size that heaps have"),
        // SAFETY: a model has no thread-locals but loom's, which are read anew each time.
        mobility: unsafe { if migrating { Mobility::migrating() } else { Mobility::pinned() } },
        symmetric,
    };
    let segment = Class::for_size(SEGMENT).expect("a size that heaps have");
    let scheduler = Scheduler::<P>::new(config).segments(&Stacks, segment, usize::MAX);
    let scheduler = Box::into_raw(Box::new(scheduler));
    // SAFETY: as above.
    let shared: &'static Scheduler<P> = unsafe { &*scheduler };
    let core = shared.core();
    let watcher = if P::WATCHED { MACHINE } else { NOBODY };
    core.sysmon.parker.handle.store(watcher, Ordering::Relaxed);
    for parker in ms_ref.iter().map(|m| &m.parker).chain([&core.end.done]) {
        parker.handle.store(MACHINE, Ordering::Relaxed);
    }
    AT_WORK.set(AT_WORK.get() + 1);
    let ended = if P::WATCHED {
        MAY_START.set(true);
        shared.begin(main, Location::caller(), CallingThread::Waits, |core, _| {
            if sysmon {
                // SAFETY: the run has begun, and this thread, which is no M, is the one that watches it.
                unsafe { crate::api::sysmon::sysmon::<P>(core) };
                return Ok(());
            }
            while core.phase() != phase::HALTED {
                core.start_requested::<P>();
                core.sysmon.parker.park::<P>(None);
            }
            core.cancel_start_requests();
            Ok(())
        })
    } else {
        shared.run(|| {
            MAY_START.set(true);
            main();
        })
    };
    MAY_START.set(false);
    let ended = ended.expect("a new scheduler runs");
    assert_eq!(ended.left_behind, left, "L15: a goroutine is left that the model did not leave");
    if left != 0 {
        // As a runtime waits, but for as long as it takes.
        while core.ms.live.load(Ordering::Acquire) != core.ms.kept.load(Ordering::Acquire) {
            core.end.done.park::<P>(None);
        }
        over(core.threads_left());
        core.end.model_over.store(true, Ordering::Release);
        ms_ref.iter().for_each(|m| m.parker.unpark::<P>());
    }
    STARTED.take().into_iter().for_each(|thread| thread.join().unwrap());
    // In this order, as a runtime does: a thread that gives an extra M back is counted by the one or the other.
    let live = core.ms.live.load(Ordering::Acquire);
    if live != 0 || core.end.external_refs.load(Ordering::Acquire) != 0 {
        // A thread that the scheduler did not start is on its way out of it. As a runtime does: all of it stays.
        KEPT.set(true);
        return rest();
    }
    // SAFETY: no thread is left that knows any of these.
    unsafe {
        core.end.model_freed.set(());
        core.free_extras();
        let is_left = |g: &NonNull<G>| g.as_ref().status.load(Ordering::Relaxed) != status::DEAD;
        // One that the model did not leave keeps its stack, and is found by that.
        if left != 0 {
            core.all_goroutines().filter(is_left).for_each(|g| free_without_p(g));
        }
        for p in procs_ref {
            p.free.with_mut(|free| core.depot.drain(&mut *free));
            core.segments.drain(&p.segments);
        }
        drop(Box::from_raw(scheduler));
        drop(Box::from_raw(procs));
        drop(Box::from_raw(ms));
    }
    rest();
}

/// A scheduler is at work no more. After the last one all stacks are back, unless a scheduler keeps its own.
fn rest() {
    AT_WORK.set(AT_WORK.get() - 1);
    if !at_work() && !(KEPT.take() && OUT.replace(0) != 0) {
        assert_eq!(OUT.get(), 0, "L15: a goroutine has ended, and its stack is not free");
    }
}
