//! A platform of one's own: std's threads, a mutex and a condition variable to park.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use g0_sched::port::{Machines, Unwinding};
use g0_sched::{
    Config, Deadlock, Fatal, M, Mobility, More, Parker, Platform, Proc, Scheduler, StartError,
};
use g0_stack::{Class, SlabSource, StaticSource};

/// std's threads.
#[derive(Debug)]
pub enum Own {}

/// The short forms.
pub mod rt {
    g0_sched::platform!(super::Own);
}

/// In an `impl Platform`: what a platform that differs in a thing or two does as [`Own`] does.
#[allow(unused_macros, reason = "not every program has such a platform")]
macro_rules! as_own {
    () => {
        fn current() -> *const g0_sched::M {
            <$crate::own::Own as g0_sched::Platform>::current()
        }

        unsafe fn set_current(m: *const g0_sched::M) {
            // SAFETY: the caller ensures the same; so below.
            unsafe { <$crate::own::Own as g0_sched::Platform>::set_current(m) };
        }

        unsafe fn unpark(parker: &g0_sched::Parker) {
            // SAFETY: as above.
            unsafe { <$crate::own::Own as g0_sched::Platform>::unpark(parker) };
        }

        fn heavy_fence() {
            <$crate::own::Own as g0_sched::Platform>::heavy_fence();
        }

        fn fatal(report: &g0_sched::Fatal) -> ! {
            <$crate::own::Own as g0_sched::Platform>::fatal(report)
        }
    };
    // All of it.
    (whole) => {
        $crate::own::as_own!();

        unsafe fn start(m: &'static g0_sched::M) -> Result<(), g0_sched::StartError> {
            $crate::own::thread::<Self>(m)
        }

        unsafe fn park(parker: &g0_sched::Parker, deadline: Option<u64>) -> bool {
            // SAFETY: the caller ensures the same.
            unsafe { <$crate::own::Own as g0_sched::Platform>::park(parker, deadline) }
        }

        fn now() -> u64 {
            <$crate::own::Own as g0_sched::Platform>::now()
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use as_own;

/// A thread of its own for `m`.
pub fn thread<P: Platform>(m: &'static M) -> Result<(), StartError> {
    // SAFETY: started once, as whoever is told to start it promises, with 2 MiB of stack.
    let body = move || unsafe { g0_sched::start_m::<P>(m) };
    std::thread::Builder::new().spawn(body).map(drop).map_err(|_| StartError::NoThread)
}

thread_local! {
    // Atomic for the thread sanitizer alone, to which goroutines of one thread are many: the slot is
    // read before anything else after a switch.
    static CURRENT: AtomicPtr<M> = const { AtomicPtr::new(ptr::null_mut()) };
}

/// All who park: a token is given under the lock, so none is missed. Slow, and simple.
static PARKED: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

// SAFETY: the slot is behind functions that are never inlined; a token is set and taken under one
// lock; the heavy fence is the kernel's, on all threads of the process.
unsafe impl Platform for Own {
    type Unwind = g0_defer::Rust;

    #[inline(never)]
    fn current() -> *const M {
        CURRENT.with(|m| m.load(Ordering::Relaxed))
    }

    #[inline(never)]
    unsafe fn set_current(m: *const M) {
        CURRENT.with(|slot| slot.store(m.cast_mut(), Ordering::Relaxed));
    }

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        thread::<Own>(m)
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        let mut guard = PARKED.0.lock().unwrap();
        loop {
            if parker.word.swap(0, Ordering::Acquire) == 1 {
                return true;
            }
            let Some(deadline) = deadline else {
                guard = PARKED.1.wait(guard).unwrap();
                continue;
            };
            let left = deadline.saturating_sub(Self::now());
            if left == 0 {
                return false;
            }
            guard = PARKED.1.wait_timeout(guard, Duration::from_nanos(left)).unwrap().0;
        }
    }

    unsafe fn unpark(parker: &Parker) {
        let _guard = PARKED.0.lock().unwrap();
        parker.word.store(1, Ordering::Release);
        PARKED.1.notify_all();
    }

    fn now() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }

    fn heavy_fence() {
        const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
        // SAFETY: no memory is passed.
        let done = unsafe { libc::syscall(libc::SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) };
        assert_eq!(done, 0, "membarrier");
    }

    fn fatal(report: &Fatal) -> ! {
        eprintln!("{report}");
        std::process::abort()
    }
}

impl Machines for Own {
    fn cpus() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

impl Unwinding for Own {
    const UNWINDS: bool = true;

    unsafe fn throw_goexit() {
        <g0_defer::Rust as g0_defer::Throw>::goexit()
    }
}

g0_sched::default_parts!(Own: ForeignCode, Interrupts, Reports);

const STACK: usize = 128 << 10;

const fn class() -> Class {
    match Class::for_size(STACK) {
        Ok(class) => class,
        Err(_) => panic!("128 KiB is a size"),
    }
}

// SAFETY: the tests' goroutines are a few calls deep, and have 128 KiB.
static MEMORY: StaticSource<40, STACK> = unsafe { StaticSource::new() };
static PROCS: [Proc; 2] = [Proc::new(), Proc::new()];
static MACHINES: [M; 8] = [const { M::new() }; 8];

/// A scheduler that needs no allocator: all of it lies in statics.
pub static STATIC: Scheduler<Own> = Scheduler::new(Config {
    procs: &PROCS,
    machines: &MACHINES,
    more: More::NONE,
    stacks: &&MEMORY,
    stack: class(),
    // SAFETY: the tests keep nothing of a thread's across a suspension point.
    mobility: unsafe { Mobility::pinned() },
    symmetric: true,
});

/// A scheduler that stays for the rest of the program.
pub fn scheduler(procs: usize, mobility: Mobility, symmetric: bool) -> &'static Scheduler<Own> {
    scheduler_that(Deadlock::Ignore, procs, mobility, symmetric)
}

/// As [`scheduler`], with a say about deadlocks.
pub fn scheduler_that(
    deadlock: Deadlock,
    procs: usize,
    mobility: Mobility,
    symmetric: bool,
) -> &'static Scheduler<Own> {
    register();
    let scheduler = Scheduler::new(config(procs, mobility, symmetric));
    Box::leak(Box::new(scheduler.deadlock(deadlock)))
}

/// What a scheduler of any platform is made of that stays for the rest of the program.
pub fn config(procs: usize, mobility: Mobility, symmetric: bool) -> Config {
    Config {
        procs: Box::leak((0..procs).map(|_| Proc::new()).collect()),
        machines: &[],
        more: More::ALLOCATED,
        stacks: Box::leak(Box::new(SlabSource::builder().build())),
        stack: class(),
        mobility,
        symmetric,
    }
}

/// Registers for the heavy fence.
pub fn register() {
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
    // SAFETY: no memory is passed.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) };
    assert_eq!(done, 0, "membarrier");
}

/// Takes Ps back from Ms that are away, as a timer tick would.
pub struct Watch(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

/// Starts it.
pub fn watch(scheduler: &'static Scheduler<Own>) -> Watch {
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let thread = std::thread::spawn(move || {
        while !seen.load(Ordering::SeqCst) {
            // SAFETY: its own platform, on a thread that is no M.
            unsafe { scheduler.core().tick::<Own>() };
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    Watch(over, Some(thread))
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        if let Some(thread) = self.1.take() {
            thread.join().unwrap();
        }
    }
}
