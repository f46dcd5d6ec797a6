//! What the model's clock shows, and how many processors there are.
//!
//! A thread sees the clock move when it waits until a deadline, and when it is woken by a thread that
//! has seen it: between two of its steps no time passes.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use loom::sync::atomic::{AtomicU64, Ordering};

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

/// Returns what the clock shows to the calling thread, nanoseconds: what it showed when the thread last
/// looked, or when a thread looked that has woken it since. It begins at 0.
pub fn now() -> u64 {
    NOW.with(Cell::get)
}

/// Looks at the clock, for the calling thread.
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

/// Gives this schedule a clock that moves. Must be called before its threads start.
pub fn start() {
    CLOCK.set(Some(Rc::new(AtomicU64::new(0))));
}

/// Lets the clock show `now` from now on, which the calling thread alone has seen.
///
/// # Panics
///
/// Without [`start`].
pub(super) fn set(now: u64) {
    let clock = CLOCK.with_borrow(Clone::clone).expect("the model has started a clock");
    // Relaxed: as above.
    clock.swap(now, Ordering::Relaxed);
    learn(now);
}

/// Returns how many processors there are: with one, as in the beginning, no thread spins.
pub fn cpus() -> usize {
    CPUS.get()
}

/// In this schedule there are so many. Before its threads start.
pub fn set_cpus(cpus: usize) {
    CPUS.set(cpus);
}
