//! Shuttle's threads as a platform, with a clock that moves as they do.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use g0_defer::NoUnwind;
use g0_sched::port::Machines;
use g0_sched::{
    Config, Core, Deadlock, Fatal, M, Mobility, More, Parker, Platform, Proc, Scheduler, StartError,
};
use g0_sched::{hooks, start_m, sysmon};
use g0_stack::{Class, HeapSource, Stack, StackError, StackSource};
use shuttle::thread::{self, JoinHandle, Thread};

/// A goroutine's stack: with room for shuttle's frames and for the report of a failure.
const STACK: usize = 64 << 10;
/// What a look at the clock takes, and a look for a token, nanoseconds.
const LOOK: u64 = 200;

/// Shuttle's threads. All of them are one thread of the system, and change places at operations of
/// shuttle's only: what is the standard library's here is no part of the schedule.
pub struct Threads;

shuttle::thread_local! {
    static CURRENT: Cell<*const M> = Cell::new(ptr::null());
}

std::thread_local! {
    static WAITING: RefCell<HashMap<usize, Thread>> = RefCell::default();
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    /// Threads that were asked for: every fourth is refused.
    static STARTS: Cell<usize> = const { Cell::new(0) };
    /// Stacks that goroutines have.
    static OUT: Cell<usize> = const { Cell::new(0) };
}

static CLOCK: AtomicU64 = AtomicU64::new(0);
static CPUS: AtomicUsize = AtomicUsize::new(1);

/// So much time passes.
pub fn pass(nanoseconds: u64) -> u64 {
    CLOCK.fetch_add(nanoseconds, Ordering::Relaxed) + nanoseconds
}

// SAFETY: the slot is shuttle's, found anew by each call; a token is the parker's word, taken by one
// swap; all accesses are in one order, so any fence is a full one.
unsafe impl Platform for Threads {
    type Unwind = NoUnwind;

    fn current() -> *const M {
        CURRENT.with(Cell::get)
    }

    unsafe fn set_current(m: *const M) {
        CURRENT.with(|slot| slot.set(m));
    }

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        STARTS.set(STARTS.get() + 1);
        // Never all of them: some goroutines need a thread of their own.
        if STARTS.get().is_multiple_of(4) {
            return Err(StartError::NoThread);
        }
        // SAFETY: the scheduler starts each M once, and the thread is new.
        let thread = thread::spawn(move || unsafe { start_m::<Threads>(m) });
        STARTED.with_borrow_mut(|threads| threads.push(thread));
        Ok(())
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        let taken = || parker.word.swap(0, Ordering::AcqRel) == 1;
        if let Some(at) = deadline {
            // It is this loop that moves the clock when all others sleep.
            while !taken() {
                if pass(LOOK) >= at {
                    return false;
                }
                thread::yield_now();
            }
            return true;
        }
        let address = ptr::from_ref(parker).addr();
        // Before the look, or whoever gives the token would not find us.
        WAITING.with_borrow_mut(|waiting| waiting.insert(address, thread::current()));
        while !taken() {
            thread::park();
        }
        WAITING.with_borrow_mut(|waiting| waiting.remove(&address));
        true
    }

    unsafe fn unpark(parker: &Parker) {
        let address = ptr::from_ref(parker).addr();
        parker.word.store(1, Ordering::Release);
        // The parker may be gone, and its place be another's: who wakes for no reason looks again.
        let thread = WAITING.with_borrow(|waiting| waiting.get(&address).cloned());
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    fn now() -> u64 {
        pass(LOOK)
    }

    fn heavy_fence() {}

    fn fatal(report: &Fatal) -> ! {
        panic!("{report}")
    }
}

impl Machines for Threads {
    const WATCHED: bool = true;

    unsafe fn watch(core: &'static Core) -> Result<(), StartError> {
        // SAFETY: as the caller ensures, on a thread of its own.
        let watcher = thread::spawn(move || unsafe { sysmon::<Self>(core) });
        STARTED.with_borrow_mut(|threads| threads.push(watcher));
        Ok(())
    }

    fn cpus() -> usize {
        CPUS.load(Ordering::Relaxed)
    }
}

g0_sched::default_parts!(Threads: ForeignCode, Interrupts, Reports, Unwinding);

struct Stacks;

// SAFETY: as the source that they are from.
unsafe impl StackSource for Stacks {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        OUT.set(OUT.get() + 1);
        // SAFETY: the soak's goroutines are a few calls deep.
        unsafe { HeapSource::new() }.alloc(class)
    }

    unsafe fn free(&self, stack: Stack) {
        OUT.set(OUT.get() - 1);
        // SAFETY: the caller's promise.
        unsafe { HeapSource::new().free(stack) };
    }
}

/// One schedule: `main` as a goroutine, on so many Ps and at most so many Ms, while a watcher watches.
pub fn run(procs: usize, machines: usize, cpus: usize, main: impl FnOnce() + Send) {
    CLOCK.store(0, Ordering::Relaxed);
    CPUS.store(cpus, Ordering::Relaxed);
    STARTS.set(0);
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
        // SAFETY: a goroutine of the mix keeps nothing of its thread across a wait; the thread-locals
        // here are read anew each time, and all threads are one of the system's.
        mobility: unsafe { Mobility::migrating() },
        symmetric: true,
    };
    let scheduler =
        Box::into_raw(Box::new(Scheduler::<Threads>::new(config).deadlock(Deadlock::Report)));
    // SAFETY: as above.
    let shared: &'static Scheduler<Threads> = unsafe { &*scheduler };
    let core = shared.core();
    let ended = shared.run(main);
    let ended = ended.expect("a new scheduler runs");
    assert_eq!(ended.left_behind, 0, "L15: a goroutine is left that nobody has left");
    // SAFETY: sysmon waits there.
    unsafe { Threads::unpark(hooks::other_parkers(core)[0]) };
    while let Some(thread) = STARTED.with_borrow_mut(Vec::pop) {
        thread.join().unwrap();
    }
    // SAFETY: nobody is left who knows any of these.
    unsafe {
        hooks::drain_stacks(core);
        drop(Box::from_raw(scheduler));
        drop(Box::from_raw(procs));
        drop(Box::from_raw(ms));
    }
    assert_eq!(OUT.get(), 0, "L15: a goroutine has ended, and its stack is not free");
}
