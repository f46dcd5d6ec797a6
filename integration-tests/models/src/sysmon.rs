//! Sysmon, as it is shipped: it sleeps without end while all Ps are idle, and while one is busy it looks (L11: else what
//! waits for a P that a foreign call holds would wait for ever).
//!
//! Time passes for it, and for it alone, a few times: as often as the model says it does not wait until its deadline.
//! So it looks as often at most as it takes to come to each of its ways to wait.

use std::cell::Cell;

use g0_cgo::{Bridge, Sched};
use g0_defer::NoUnwind;
use g0_sched::generic::{current, park};
use g0_sched::model::{self, Shape, run_on};
use g0_sched::port::Machines;
use g0_sched::{M, Parker, Platform, StartError};
use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, as_threads};

pub const MODEL: Model = Model {
    name: "sysmon",
    scenarios: &[Scenario { name: "asleep", invariants: "L11", extra: -1, run: asleep }],
};

loom::thread_local! {
    /// To how many further deadlines the calling thread comes, which is sysmon; none if it is another one.
    static DEADLINES: Cell<Option<usize>> = Cell::new(None);
}

/// Of this schedule: whether sysmon sleeps without a deadline, and what rings when it has woken.
struct Sleep {
    sleeps: AtomicUsize,
    woken: Notify,
}

loom::lazy_static! {
    static ref SLEEP: Sleep = Sleep { sleeps: AtomicUsize::new(0), woken: Notify::new() };
}

/// Loom's threads, with sysmon.
enum Watched {}

// SAFETY: as that which it is made of; it may return for no reason.
unsafe impl Platform for Watched {
    type Unwind = NoUnwind;

    as_threads!(but park);

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        model::start::<Self>(m, || ())
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        let Some(left) = DEADLINES.with(Cell::get) else {
            // SAFETY: the caller ensures the same; so below.
            return unsafe { Threads::park(parker, deadline) };
        };
        let set = |left| DEADLINES.with(|n| n.set(Some(left)));
        if deadline.is_some() && left > 0 {
            set(left - 1);
            return false;
        }
        if deadline.is_none() {
            SLEEP.sleeps.store(1, Ordering::Relaxed);
        }
        // SAFETY: as above.
        let token = unsafe { Threads::park(parker, deadline) };
        // Time passes while it works.
        set(left + 1);
        if deadline.is_none() {
            SLEEP.sleeps.store(0, Ordering::Relaxed);
            SLEEP.woken.notify();
        }
        token
    }
}

impl Machines for Watched {
    const WATCHED: bool = true;
}

g0_sched::default_parts!(Watched: ForeignCode, Interrupts, Reports, Unwinding);

/// Main parks, and is woken by a thread that is no M. Its P is busy then, so sysmon wakes if it slept.
fn asleep() {
    // The schedule's first thread is sysmon.
    DEADLINES.with(|n| n.set(Some(2)));
    let shape = Shape { sysmon: true, ..Shape::new(1) };
    run_on::<Watched>(shape, || {
        let main = current::<Watched>().expect("a goroutine");
        let other = thread::spawn(move || main.unpark());
        park::<Watched>();
        Bridge::<Sched<Watched>>::call(|| {
            while SLEEP.sleeps.load(Ordering::Relaxed) == 1 {
                seen();
                SLEEP.woken.wait();
            }
            other.join().unwrap();
        });
    });
}
