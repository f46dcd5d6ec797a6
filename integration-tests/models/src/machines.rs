//! A whole scheduler for one schedule, with everything that is shipped: its goroutines have stacks
//! and are switched to in assembly, and what publishes them is the executor's post-switch step.
//!
//! An M is a thread of the model; loom switches between its threads wherever one of them happens to
//! be, also on a goroutine's stack, and a goroutine goes from one to another as it does between real
//! threads. Of a switch loom sees what the scheduler tells it: the context is written at the moment
//! before, and read by the M that goes on with the goroutine.

use std::cell::{Cell, RefCell};

use g0_sched::{Config, M, Mobility, Proc, Scheduler, StartError, doors, start_m};
use g0_stack::{Class, HeapSource, Stack, StackError, StackSource};
use loom::sync::atomic::Ordering;
use loom::thread::{self, JoinHandle};

use crate::bells::{MACHINE, NOBODY};
use crate::world::Threads;

/// A goroutine's stack: with room for loom's frames, and for the report of a failure.
const STACK: usize = 256 << 10;

std::thread_local! {
    // Loom runs all threads of a model on one.
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    static MAY_START: Cell<bool> = const { Cell::new(false) };
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
    /// Stacks that goroutines have.
    static OUT: Cell<usize> = const { Cell::new(0) };
}

struct Stacks;

// SAFETY: as the source that they are from.
unsafe impl StackSource for Stacks {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        OUT.set(OUT.get() + 1);
        HeapSource::new().alloc(class)
    }

    unsafe fn free(&self, stack: Stack) {
        OUT.set(OUT.get() - 1);
        // SAFETY: the caller's promise.
        unsafe { HeapSource::new().free(stack) };
    }
}

/// Whether a scheduler is at work: then nothing unwinds.
pub fn at_work() -> bool {
    AT_WORK.get()
}

/// As `Platform::start`: a thread of the model, from when the main goroutine runs.
pub fn start(m: &'static M) -> Result<(), StartError> {
    if !MAY_START.get() {
        return Err(StartError::NoThread);
    }
    // SAFETY: the scheduler starts each M once, and the thread is new.
    let thread = thread::spawn(move || unsafe { start_m::<Threads>(m) });
    STARTED.with_borrow_mut(|threads| threads.push(thread));
    Ok(())
}

/// Runs `main` and what it starts on `procs` Ps and at most as many Ms, the caller among them. With
/// full fences where `symmetric`, else with none.
pub fn run(procs: usize, symmetric: bool, main: impl FnOnce() + Send) {
    let ms: *mut [M] = Box::into_raw((0..procs).map(|_| M::new()).collect::<Box<[M]>>());
    let procs: *mut [Proc] =
        Box::into_raw((0..procs).map(|_| Proc::new()).collect::<Box<[Proc]>>());
    // SAFETY: freed below or never; each schedule has its own.
    let (procs_ref, ms_ref) = unsafe { (&*procs, &*ms) };
    let config = Config {
        procs: procs_ref,
        machines: ms_ref,
        more: || None,
        stacks: &Stacks,
        stack: Class::for_size(STACK).unwrap(),
        // SAFETY: a model has no thread-locals but loom's, which are read anew each time.
        mobility: unsafe { Mobility::migrating() },
        symmetric,
    };
    let scheduler = Box::into_raw(Box::new(Scheduler::<Threads>::new(config)));
    // SAFETY: as above.
    let shared: &'static Scheduler<Threads> = unsafe { &*scheduler };
    let [sysmon, done] = doors::other_parkers(shared.core());
    sysmon.handle.store(NOBODY, Ordering::Relaxed);
    for parker in ms_ref.iter().map(doors::parker).chain([done]) {
        parker.handle.store(MACHINE, Ordering::Relaxed);
    }
    AT_WORK.set(true);
    let ended = shared.run(|| {
        MAY_START.set(true);
        main();
    });
    MAY_START.set(false);
    let ended = ended.expect("a new scheduler runs");
    assert_eq!(ended.left_behind, 0, "L15: a goroutine is left that the model did not leave");
    STARTED.take().into_iter().for_each(|thread| thread.join().unwrap());
    AT_WORK.set(false);
    if doors::guests(shared.core()) != 0 {
        // As a runtime does: all of it stays.
        return OUT.set(0);
    }
    // SAFETY: nobody is left who knows any of these.
    unsafe {
        doors::drain_stacks(shared.core());
        drop(Box::from_raw(scheduler));
        drop(Box::from_raw(procs));
        drop(Box::from_raw(ms));
    }
    assert_eq!(OUT.get(), 0, "L15: a goroutine has ended, and its stack is not free");
}
