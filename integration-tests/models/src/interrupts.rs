//! Interrupt handlers: a wake in one is not lost (L22), and one that gives up the last handle of a goroutine gives
//! its stack back, once (L15).
//!
//! A handler is a closure that a goroutine runs between two steps of its own, and which the platform takes for an
//! interrupt of that M.

use std::cell::Cell;

use g0_defer::NoUnwind;
use g0_sched::generic::{current, park, yield_now};
use g0_sched::model::{self, Shape, run_on};
use g0_sched::port::Interrupts;
use g0_sched::{M, Platform, StartError};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};

use crate::exec::go_on;
use crate::runner::{Model, Scenario, seen};
use crate::world::as_threads;

pub const MODEL: Model = Model {
    name: "interrupts",
    scenarios: &[
        Scenario { name: "wake", invariants: "L15,L22", extra: 0, run: || wake(true) },
        Scenario { name: "wake-bound", invariants: "L1,L22", extra: -1, run: || wake(false) },
        Scenario { name: "last", invariants: "L15", extra: 0, run: last },
    ],
};

loom::thread_local! {
    static IN_HANDLER: Cell<bool> = Cell::new(false);
}

/// What an interrupt handler does on the calling M.
fn interrupt<T>(handler: impl FnOnce() -> T) -> T {
    IN_HANDLER.with(|on| on.set(true));
    let value = handler();
    IN_HANDLER.with(|on| on.set(false));
    value
}

/// Loom's threads, with interrupts.
enum Cores {}

// SAFETY: as that which it is made of.
unsafe impl Platform for Cores {
    type Unwind = NoUnwind;

    as_threads!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        model::start::<Self>(m, || ())
    }
}

impl Interrupts for Cores {
    fn in_interrupt() -> bool {
        IN_HANDLER.with(Cell::get)
    }
}

g0_sched::default_parts!(Cores: ForeignCode, Machines, Reports, Unwinding);

/// Main parks while a handler on the other M wakes it: into the inbox of that M, or of the one it is bound to.
fn wake(migrating: bool) {
    run_on::<Cores>(Shape { migrating, ..Shape::new(2) }, || {
        let main = current::<Cores>().expect("a goroutine");
        let done = Arc::new(AtomicUsize::new(0));
        let theirs = done.clone();
        let other = go_on::<Cores, _>(move || {
            // Relaxed: the token carries what was done before.
            theirs.store(1, Ordering::Relaxed);
            interrupt(|| main.unpark());
            main
        });
        while done.load(Ordering::Relaxed) == 0 {
            park::<Cores>();
            seen();
        }
        drop(other.join());
    });
}

/// A handler gives up the last handle of a goroutine that has ended; its M gives the stack back.
fn last() {
    run_on::<Cores>(Shape::new(1), || {
        for _ in 0..2 {
            let ended = go_on::<Cores, _>(|| current::<Cores>().expect("a goroutine"));
            let handle = ended.join().unwrap_or_else(|never| match never {});
            interrupt(|| drop(handle));
            // The M comes to its inbox.
            yield_now::<Cores>();
        }
        seen();
    });
}
