//! What is built like the mutex: condition variable, reader-writer lock, semaphore, once, barrier.
//! Whoever may go on does (L21), a wait ends once (L22).
//!
//! The threads are no Ms. A wake that is lost is a deadlock; data that comes without its release and
//! acquire is a race on the value in the lock, or on a cell.

use core::time::Duration;

use g0_sched::generic::{Barrier, Condvar, Mutex, Once, RwLock, RwLockWriteGuard, Semaphore};
use g0_sched::model::clock;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::runner::{Model, Scenario};
use crate::world::Threads;

pub const MODEL: Model = Model {
    name: "locks",
    scenarios: &[
        Scenario { name: "condvar", invariants: "L21,L22", extra: 0, run: condvar },
        Scenario { name: "condvar-all", invariants: "L21,L22", extra: 0, run: condvar_all },
        Scenario { name: "rwlock", invariants: "L21,L22", extra: 1, run: rwlock },
        Scenario { name: "readers", invariants: "L21,L22", extra: 0, run: readers },
        Scenario { name: "downgrade", invariants: "L21,L22", extra: 1, run: downgrade },
        Scenario { name: "semaphore", invariants: "L21,L22", extra: 1, run: semaphore },
        Scenario { name: "leaving", invariants: "L21,L22", extra: 1, run: leaving },
        Scenario { name: "once", invariants: "L21,L22", extra: 2, run: once },
        Scenario { name: "barrier", invariants: "L21,L22", extra: 1, run: barrier },
    ],
};

/// A waiter gives up after it, nanoseconds; the clock moves by as much.
const LONG: u64 = 1_000;
const PATIENCE: Duration = Duration::from_nanos(LONG);

/// Runs `f` on so many threads, the calling one among them, each with its number.
fn on<S: 'static>(threads: usize, shared: S, f: fn(&S, usize)) -> Arc<S> {
    let shared = Arc::new(shared);
    let others = (1..threads).map(|i| {
        let shared = shared.clone();
        thread::spawn(move || f(&shared, i))
    });
    let others: Vec<_> = others.collect();
    f(&shared, 0);
    others.into_iter().for_each(|other| other.join().unwrap());
    shared
}

/// A count under a mutex, and who waits for it to change.
type Watched = (Mutex<usize, Threads>, Condvar<Threads>);

fn wait_for(watched: &Watched, count: usize) {
    let guard = watched.0.lock().expect("nobody panics");
    drop(watched.1.wait_while(guard, |now| *now < count).expect("nobody panics"));
}

/// The count is raised, and those who wait are told when the mutex is free again.
fn raise(watched: &Watched) {
    *watched.0.lock().expect("nobody panics") += 1;
}

/// Two threads tell one waiter of one change each.
fn condvar() {
    on(3, (Mutex::new(0), Condvar::new()), |watched: &Watched, i| {
        if i == 0 {
            return wait_for(watched, 2);
        }
        raise(watched);
        watched.1.notify_one();
    });
}

/// One thread tells two waiters.
fn condvar_all() {
    on(3, (Mutex::new(0), Condvar::new()), |watched: &Watched, i| {
        if i > 0 {
            return wait_for(watched, 1);
        }
        raise(watched);
        watched.1.notify_all();
    });
}

/// Two writers, and a reader that sees nothing half done.
fn rwlock() {
    let lock = RwLock::<_, Threads>::new((0, 0));
    let lock = on(3, lock, |lock, i| {
        if i == 0 {
            let pair = lock.read().expect("nobody panics");
            assert_eq!(pair.0, pair.1, "L21: a reader sees what a writer has half done");
            return;
        }
        let mut pair = lock.write().expect("nobody panics");
        pair.0 += 1;
        pair.1 += 1;
    });
    assert_eq!(*lock.read().expect("nobody panics"), (2, 2), "L21: what one owner did is lost");
}

/// Two readers, and a writer that the last of them lets in: it comes after what the other one has read.
fn readers() {
    let lock = on(3, RwLock::<_, Threads>::new(0), |lock, i| {
        if i == 2 {
            *lock.write().expect("no thread panics") += 1;
            return;
        }
        assert!(*lock.read().expect("no thread panics") < 2, "L21: a lock has two writers");
    });
    assert_eq!(*lock.read().expect("no thread panics"), 1, "L21: what one owner did is lost");
}

/// A writer becomes a reader and keeps the lock until another reader has come and gone: that one is let
/// in without an unlock, and comes after what was written.
fn downgrade() {
    let lock = Arc::new(RwLock::<_, Threads>::new(0));
    let reader = {
        let lock = lock.clone();
        thread::spawn(move || *lock.read().expect("no thread panics"))
    };
    let mut count = lock.write().expect("no thread panics");
    *count += 1;
    let count = RwLockWriteGuard::downgrade(count);
    let seen = reader.join().unwrap();
    assert!(seen <= *count, "L21: a reader sees what no writer has written");
}

/// Something that one thread at a time uses.
struct Used(UnsafeCell<usize>);

// SAFETY: that the cell is used by one thread at a time is what the model checks.
unsafe impl Sync for Used {}
// SAFETY: as above.
unsafe impl Send for Used {}

impl Used {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn touch(&self) {
        // SAFETY: loom reports the access if it races.
        self.0.with_mut(|count| unsafe { *count += 1 });
    }

    fn count(&self) -> usize {
        // SAFETY: as above.
        self.0.with(|count| unsafe { *count })
    }
}

/// Two permits: one thread needs both, two need one each.
fn semaphore() {
    let used = [Used::new(), Used::new()];
    let shared = on(3, (Semaphore::<Threads>::new(2), used), |(semaphore, used), i| {
        if i == 0 {
            let both = semaphore.acquire_many(2);
            used.iter().for_each(Used::touch);
            drop(both);
        } else {
            let one = semaphore.acquire();
            used[i - 1].touch();
            drop(one);
        }
    });
    assert_eq!(shared.0.available_permits(), 2, "L21: a permit is lost");
    assert!(shared.1.iter().all(|used| used.count() == 2), "L21: what one owner did is lost");
}

/// Two permits, one of which stays held: the thread that needs both gives up, and the one behind it, which
/// needs one, has that at the latest then.
fn leaving() {
    clock::start();
    let semaphore = Arc::new(Semaphore::<Threads>::new(2));
    let held = semaphore.acquire();
    let impatient = {
        let semaphore = semaphore.clone();
        thread::spawn(move || semaphore.acquire_many_timeout(2, PATIENCE).is_none())
    };
    let waiter = {
        let semaphore = semaphore.clone();
        thread::spawn(move || drop(semaphore.acquire()))
    };
    clock::advance(LONG);
    assert!(impatient.join().unwrap(), "L21: a permit has two owners");
    waiter.join().unwrap();
    drop(held);
    assert_eq!(semaphore.available_permits(), 2, "L21: a permit is lost");
}

/// Three threads need something to be done once.
fn once() {
    on(3, (Once::<Threads>::new(), Used::new()), |(once, used), _| {
        once.call_once(|| used.touch());
        assert_eq!(used.count(), 1, "L21: it is done once, before all go on");
    });
}

/// Three threads go on when all have come, and one of them leads.
fn barrier() {
    let used = [Used::new(), Used::new(), Used::new()];
    let leaders = Mutex::<_, Threads>::new(0);
    let shared = (Barrier::<Threads>::new(3), used, leaders);
    let shared = on(3, shared, |(barrier, used, leaders), i| {
        used[i].touch();
        let leads = barrier.wait().is_leader();
        assert!(used.iter().all(|used| used.count() == 1), "L22: a wait ends before all have come");
        *leaders.lock().expect("nobody panics") += usize::from(leads);
    });
    assert_eq!(*shared.2.lock().expect("nobody panics"), 1, "L21: one of them leads");
}
