//! The model's clock and its processors.
//!
//! A thread sees the clock move when it waits until a deadline, and when it is woken by a thread that
//! has seen it: so much for time that passes between two of its steps.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use loom::sync::atomic::{AtomicU64, Ordering};

use super::park;

loom::thread_local! {
    static NOW: Cell<u64> = Cell::new(0);
}

std::thread_local! {
    // Loom runs all threads of a model on one.
    static CPUS: Cell<usize> = const { Cell::new(1) };
    static CLOCK: RefCell<Option<Rc<AtomicU64>>> = const { RefCell::new(None) };
}

pub(super) fn begin() {
    // What a failure has left belongs to no schedule any more.
    core::mem::forget(CLOCK.take());
    CPUS.set(1);
}

pub(super) fn end() {
    CLOCK.take();
}

/// What the clock shows to the calling thread, nanoseconds: what it showed when the thread last
/// looked, or when somebody looked who has woken it since. It begins at 0.
pub fn now() -> u64 {
    NOW.with(Cell::get)
}

/// The calling thread looks at the clock.
pub fn look() -> u64 {
    // Relaxed: time orders nothing.
    let now =
        CLOCK.with_borrow(Clone::clone).map_or(0, |clock| clock.fetch_add(0, Ordering::Relaxed));
    learn(now);
    now
}

pub(super) fn learn(now: u64) {
    NOW.with(|known| known.set(known.get().max(now)));
}

/// This schedule has a clock that moves. Before its threads start.
pub fn start() {
    CLOCK.set(Some(Rc::new(AtomicU64::new(0))));
}

/// The clock shows `now`: who waits until then, and not later, waits no more. By one thread.
///
/// # Panics
///
/// Without [`start`].
pub fn advance(now: u64) {
    let clock = CLOCK.with_borrow(Clone::clone).expect("the model has started a clock");
    // Relaxed: as above.
    clock.swap(now, Ordering::Relaxed);
    learn(now);
    park::strike(now);
}

/// How many processors there are: with one, as in the beginning, nobody spins.
pub fn cpus() -> usize {
    CPUS.get()
}

/// In this schedule there are so many. Before its threads start.
pub fn set_cpus(cpus: usize) {
    CPUS.set(cpus);
}
