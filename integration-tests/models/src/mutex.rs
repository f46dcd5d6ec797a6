//! The mutex: one owner, and nobody waits beside a free one (L21); a wait ends once (L22).
//!
//! Threads that are no Ms lock and unlock. Under the lock they use a cell in which loom sees any
//! race, a release or an acquire that is missing included. A wake that is lost is a deadlock.
//! With a clock that moves by more than a waiter's patience somebody starves, and the lock is
//! handed from one to the next.

use g0_sched::TryLockError;
use g0_sched::generic::{Instant, Mutex, yield_now};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::exec::{go, run};
use crate::runner::{Model, Scenario};
use crate::world::Threads;
use g0_sched::model::clock;

pub const MODEL: Model = Model {
    name: "mutex",
    scenarios: &[
        Scenario { name: "two", invariants: "L21,L22", extra: 3, run: || contended(2, 2) },
        Scenario { name: "three", invariants: "L21,L22", extra: 1, run: || contended(3, 1) },
        Scenario { name: "spinning", invariants: "L21,L22", extra: 2, run: spinning },
        Scenario { name: "goroutines", invariants: "L15,L21,L22", extra: 0, run: goroutines },
        Scenario { name: "starving", invariants: "L21,L22", extra: 0, run: starving },
        Scenario { name: "handed", invariants: "L21,L22", extra: 0, run: handed },
        Scenario { name: "deadline", invariants: "L21,L22", extra: 0, run: deadline },
    ],
};

/// Longer than a waiter's patience, nanoseconds.
const LONG: u64 = 2_000_000;

/// A mutex, and who is in it.
struct Shared {
    mutex: Mutex<usize, Threads>,
    inside: AtomicUsize,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { mutex: Mutex::new(0), inside: AtomicUsize::new(0) })
    }

    /// Locks and unlocks.
    fn visit(&self) {
        self.use_it(&mut self.mutex.lock().expect("nobody panics"));
    }

    /// As [`visit`](Self::visit), until the clock shows `at`; false when it was too late.
    fn visit_until(&self, at: u64) -> bool {
        match self.mutex.try_lock_until(Instant::from_nanos(at)) {
            Ok(mut count) => {
                self.use_it(&mut count);
                true
            }
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Poisoned(_)) => panic!("nobody panics"),
        }
    }

    fn use_it(&self, count: &mut usize) {
        // Relaxed, so that it orders nothing for the mutex.
        assert_eq!(self.inside.fetch_add(1, Ordering::Relaxed), 0, "L21: a mutex has two owners");
        *count += 1;
        self.inside.fetch_sub(1, Ordering::Relaxed);
    }

    fn count(&self) -> usize {
        *self.mutex.lock().expect("nobody panics")
    }
}

/// So many threads, the main one among them, so often each.
fn contended(threads: usize, times: usize) {
    let shared = Shared::new();
    let visits = move |shared: &Shared| (0..times).for_each(|_| shared.visit());
    let others = (1..threads).map(|_| {
        let shared = shared.clone();
        thread::spawn(move || visits(&shared))
    });
    let others: Vec<_> = others.collect();
    visits(&shared);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(shared.count(), threads * times, "L21: what one owner did is lost");
}

/// As [`contended`], where it pays to wait a little before one sleeps.
fn spinning() {
    clock::set_cpus(2);
    contended(2, 2);
}

/// Two goroutines on two Ms, one of which gives its P away while it holds the lock.
fn goroutines() {
    run(|| {
        let shared = Shared::new();
        let other = {
            let shared = shared.clone();
            go(move || shared.visit())
        };
        let mut count = shared.mutex.lock().expect("nobody panics");
        yield_now::<Threads>();
        shared.use_it(&mut count);
        drop(count);
        other.join().unwrap_or_else(|never| match never {});
        assert_eq!(shared.count(), 2, "L21: what one owner did is lost");
    });
}

/// One thread takes the lock again and again, two others wait for long.
fn starving() {
    clock::start();
    let shared = Shared::new();
    let waiters = [(); 2].map(|()| {
        let shared = shared.clone();
        thread::spawn(move || shared.visit())
    });
    let held = shared.mutex.lock().expect("nobody panics");
    clock::advance(LONG);
    drop(held);
    (0..2).for_each(|_| shared.visit());
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert_eq!(shared.count(), 4, "L21: what one owner did is lost");
}

/// A thread that has unlocked is on its way to the queue while another one locks and unlocks, and hands
/// over what that one has released, to a waiter that has begun to starve meanwhile.
fn handed() {
    clock::start();
    let shared = Shared::new();
    // Both owners give way where the waiter is to queue: a schedule comes to that without a preemption.
    let visit_slowly = |shared: &Shared, at: fn()| {
        let mut count = shared.mutex.lock().expect("no thread panics");
        thread::yield_now();
        at();
        shared.use_it(&mut count);
    };
    let waiter = {
        let shared = shared.clone();
        thread::spawn(move || shared.visit())
    };
    visit_slowly(&shared, || clock::advance(LONG));
    let other = {
        let shared = shared.clone();
        thread::spawn(move || visit_slowly(&shared, || ()))
    };
    shared.visit();
    waiter.join().unwrap();
    other.join().unwrap();
    assert_eq!(shared.count(), 4, "L21: what one owner did is lost");
}

/// A waiter gives up while the lock is about to be its own, and another waits behind it.
fn deadline() {
    clock::start();
    let shared = Shared::new();
    let impatient = {
        let shared = shared.clone();
        thread::spawn(move || usize::from(shared.visit_until(LONG)))
    };
    let waiter = {
        let shared = shared.clone();
        thread::spawn(move || shared.visit())
    };
    shared.visit();
    clock::advance(LONG);
    shared.visit();
    let came = impatient.join().unwrap();
    waiter.join().unwrap();
    assert_eq!(shared.count(), 3 + came, "L21: what one owner did is lost");
}
