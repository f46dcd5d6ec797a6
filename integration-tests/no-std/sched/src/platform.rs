//! A platform of one thread, and a scheduler on it, all in statics.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering, compiler_fence};

use g0_defer::NoUnwind;
use g0_sched::port::Machines;
use g0_sched::{Config, Fatal, M, Mobility, More, Parker, Platform, Proc, Scheduler, StartError};
use g0_stack::{Class, StaticSource};
use nostd_start::{exit, now, say};

/// Goroutines that can live at a time, main included.
pub const STACKS: usize = 8;
const STACK: usize = 32 << 10;

// SAFETY: the program's goroutines do not recurse, and are a few calls deep.
static MEMORY: StaticSource<STACKS, STACK> = unsafe { StaticSource::new() };
static PROCS: [Proc; 1] = [Proc::new()];
static MACHINES: [M; 1] = [M::new()];

/// The program's scheduler.
pub static SCHEDULER: Scheduler<OneThread> = Scheduler::new(Config {
    procs: &PROCS,
    machines: &MACHINES,
    more: More::NONE,
    stacks: &&MEMORY,
    stack: match Class::for_size(STACK) {
        Ok(class) => class,
        Err(_) => panic!("32 KiB is a size"),
    },
    // SAFETY: this program has no thread-locals.
    mobility: unsafe { Mobility::pinned() },
    symmetric: true,
});

static CURRENT: AtomicPtr<M> = AtomicPtr::new(null_mut());

/// The program's only thread.
pub struct OneThread;

// SAFETY: a static is read anew each time, and there is one thread: the slot is always its own,
// a token lies in a word that only it touches, and no fence is needed between it and itself.
unsafe impl Platform for OneThread {
    type Unwind = NoUnwind;

    fn current() -> *const M {
        CURRENT.load(Ordering::Relaxed)
    }

    unsafe fn set_current(m: *const M) {
        CURRENT.store(m.cast_mut(), Ordering::Relaxed);
    }

    unsafe fn start(_m: &'static M) -> Result<(), StartError> {
        Err(StartError::NoThread)
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        if parker.word.swap(0, Ordering::Relaxed) == 1 {
            return true;
        }
        let Some(deadline) = deadline else {
            say("deadlock: every goroutine waits");
            exit(99)
        };
        while now() < deadline {}
        false
    }

    unsafe fn unpark(parker: &Parker) {
        parker.word.store(1, Ordering::Relaxed);
    }

    fn now() -> u64 {
        now()
    }

    fn heavy_fence() {
        compiler_fence(Ordering::SeqCst);
    }

    fn fatal(report: &Fatal) -> ! {
        say(report.reason);
        exit(98)
    }
}

g0_sched::default_parts!(OneThread: ForeignCode, Interrupts, Reports, Unwinding);

impl Machines for OneThread {
    /// There is no library of C that would have set any up.
    const HAS_THREAD_LOCALS: bool = false;
}

/// The short forms: `go`, `yield_now` and so on.
pub mod rt {
    g0_sched::platform!(super::OneThread);
}
