//! Goroutines that a run leaves behind, and the threads that they need (L23).
//!
//! Whole schedulers in which nothing unwinds. A goroutine lends what belongs to its thread to a thread that is no M,
//! and waits for ever; main returns. The other thread uses what it was lent at any moment after, and its owner uses it
//! when it ends: loom reports a thread that ends too early as a race. The thread that begins the run is no M, as in a
//! hosted runtime, and waits until all threads of the scheduler have ended or parked for good.

use std::cell::RefCell;
use std::sync::Arc;

use g0_defer::NoUnwind;
use g0_sched::generic::{current, lock_os_thread, park};
use g0_sched::model::{self, Shape, run_leaving};
use g0_sched::port::Machines;
use g0_sched::{M, Platform, StartError};
use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};

use crate::exec::go_on;
use crate::runner::{Model, Scenario, seen};
use crate::world::as_threads;

pub const MODEL: Model = Model {
    name: "left",
    scenarios: &[
        Scenario { name: "parked", invariants: "L23", extra: -1, run: || leave(false, false) },
        Scenario { name: "woken", invariants: "L23", extra: -1, run: || leave(false, true) },
        Scenario { name: "locked", invariants: "L23", extra: -1, run: || leave(true, false) },
    ],
};

/// What belongs to a thread, and is used when the thread ends.
struct Owned(Lent);

/// The same, lent.
#[derive(Clone)]
struct Lent(Arc<UnsafeCell<usize>>);

// SAFETY: loom reports uses that race.
unsafe impl Send for Lent {}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.0.with_mut(|_| ());
    }
}

loom::thread_local! {
    static OWNED: Owned = Owned(Lent(Arc::new(UnsafeCell::new(0))));
}

std::thread_local! {
    /// The thread to which a goroutine has lent something. Loom runs all threads of a model on one.
    static BORROWER: RefCell<Option<JoinHandle<()>>> = const { RefCell::new(None) };
}

/// A goroutine waits while main returns: bound to its thread, on the migrating runtime by a lock. With `wakes` the
/// borrower wakes it at some moment, before the end or after it.
fn leave(migrating: bool, wakes: bool) {
    let shape = Shape { migrating, ..Shape::new(2) };
    let main = move || {
        if !migrating && !wakes {
            // The goroutine starts elsewhere; else, on the pinned runtime, on main's own thread.
            lock_os_thread::<Watched>();
        }
        let main = current::<Watched>().expect("this is a goroutine");
        drop(go_on::<Watched, _>(move || {
            if migrating {
                lock_os_thread::<Watched>();
            }
            let lent = OWNED.with(|owned| owned.0.clone());
            let this = current::<Watched>().filter(|_| wakes);
            BORROWER.set(Some(thread::spawn(move || {
                lent.0.with(|_| ());
                if let Some(goroutine) = this {
                    goroutine.unpark();
                }
            })));
            main.unpark();
            // What is left on this stack is forgotten.
            drop(main);
            loop {
                park::<Watched>();
            }
        }));
        park::<Watched>();
    };
    run_leaving::<Watched>(shape, 1, main, |threads| {
        seen();
        assert_eq!(threads, 1, "L23: the goroutine's thread has ended, or another one has not");
        BORROWER.take().expect("a goroutine has begun").join().unwrap();
    });
}

/// Loom's threads, with a watcher.
struct Watched;

// SAFETY: as that which it is made of.
unsafe impl Platform for Watched {
    type Unwind = NoUnwind;

    as_threads!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        model::start::<Self>(m, || ())
    }
}

impl Machines for Watched {
    const WATCHED: bool = true;
}

g0_sched::default_parts!(Watched: ForeignCode, Interrupts, Reports, Unwinding);
