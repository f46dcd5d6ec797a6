//! What a goroutine does without another one, or with no more of it than its end.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use g0_sched::{deferring, go, lock_os_thread, sleep, unlock_os_thread, yield_now};

/// Two goroutines take turns.
pub(crate) fn yields(operations: u64) {
    let turns = move || (0..operations / 2).for_each(|_| yield_now());
    let both = [go(turns), go(turns)];
    both.into_iter().for_each(|one| one.join().expect("it only yields"));
}

pub(crate) fn spawn_join(operations: u64) {
    (0..operations).for_each(|_| go(|| ()).join().expect("an empty goroutine"));
}

/// A hundred are started, then joined: more than a P keeps free stacks for.
pub(crate) fn spawn_many(operations: u64) {
    const MANY: u64 = 100;
    let mut handles = Vec::with_capacity(MANY as usize);
    for _ in 0..operations / MANY {
        handles.extend((0..MANY).map(|_| go(|| ())));
        handles.drain(..).for_each(|one| one.join().expect("an empty goroutine"));
    }
}

/// A timer is armed, and its deadline has passed when the M looks at it: no clock is waited for.
pub(crate) fn timer_fires(operations: u64) {
    (0..operations).for_each(|_| sleep(Duration::from_nanos(1)));
}

/// A scope with one deferred call.
pub(crate) fn defer_one(operations: u64) {
    defers::<1>(operations);
}

/// A scope with a hundred deferred calls: more than a P keeps free records for.
pub(crate) fn defer_many(operations: u64) {
    defers::<100>(operations);
}

/// Each call captures more than a record in the scope's frame holds, so that its record comes from the pool.
fn defers<const IN_SCOPE: u64>(operations: u64) {
    let sum = Cell::new(0);
    for _ in 0..operations / IN_SCOPE {
        deferring(|s| {
            for _ in 0..IN_SCOPE {
                let (sum, large) = (&sum, black_box([1_u64; 6]));
                s.defer(move || sum.set(sum.get() + black_box(large)[5]));
            }
        });
    }
    assert_eq!(sum.get(), operations);
}

pub(crate) fn lock(operations: u64) {
    for _ in 0..operations {
        lock_os_thread();
        unlock_os_thread();
    }
}
