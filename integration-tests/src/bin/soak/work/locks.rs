//! Locks: what they guard is whole whenever somebody looks, and nobody is forgotten.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_sched::{Condvar, Mutex, MutexGuard, RwLock, TryLockError, sleep};

use crate::crew::{Crew, give_way};
use crate::random::Random;
use crate::watch::Desk;

/// Holds a lock for a moment, sometimes across a wait.
fn hold(random: &mut Random) {
    match random.below(12) {
        0 => sleep(random.moment()),
        1 | 2 => give_way(),
        _ => {}
    }
}

fn lock<'a, T>(desk: &Desk, random: &mut Random, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    loop {
        let tried = match random.below(4) {
            0 => {
                desk.at(&"try_lock");
                mutex.try_lock()
            }
            1 => {
                desk.at(&"try_lock_for");
                mutex.try_lock_for(random.moment())
            }
            _ => {
                desk.at(&"lock");
                return mutex.lock().expect("not poisoned");
            }
        };
        match tried {
            Ok(guard) => return guard,
            Err(TryLockError::WouldBlock) => give_way(),
            Err(TryLockError::Poisoned(_)) => panic!("poisoned"),
        }
    }
}

/// Two numbers under a mutex that are equal whenever it is free.
pub fn mutex(crew: &mut Crew) {
    let books = crew.books("mutex");
    let pair = Arc::new(Mutex::new((0u64, 0u64)));
    for _ in 0..crew.random.between(1, 8) {
        let (books, pair, turns) = (books.clone(), pair.clone(), crew.random.between(1, 120));
        crew.hire("mutex: an adder", move |desk, mut random| {
            for _ in 0..turns {
                let mut pair = lock(desk, &mut random, &pair);
                pair.0 += 1;
                let mine = pair.0;
                hold(&mut random);
                pair.1 += 1;
                assert_eq!(*pair, (mine, mine), "two at a time");
                // Each number comes once.
                books.sent(mine);
                books.got(pair.1);
            }
        });
    }
}

/// As [`mutex`], with those who read.
pub fn rwlock(crew: &mut Crew) {
    let books = crew.books("rwlock");
    let pair = Arc::new(RwLock::new((0u64, 0u64)));
    let readers = Arc::new(AtomicUsize::new(0));
    for _ in 0..crew.random.between(1, 3) {
        let (books, pair, turns) = (books.clone(), pair.clone(), crew.random.between(1, 60));
        let readers = readers.clone();
        crew.hire("rwlock: a writer", move |desk, mut random| {
            for _ in 0..turns {
                desk.at(&"write");
                let mut pair = pair.write().expect("not poisoned");
                assert_eq!(readers.load(Ordering::SeqCst), 0, "a writer beside readers");
                pair.0 += 1;
                books.sent(pair.0);
                hold(&mut random);
                pair.1 += 1;
                books.got(pair.1);
                assert_eq!(readers.load(Ordering::SeqCst), 0, "a writer beside readers");
            }
        });
    }
    for _ in 0..crew.random.between(1, 6) {
        let (pair, readers, turns) = (pair.clone(), readers.clone(), crew.random.between(1, 100));
        crew.hire("rwlock: a reader", move |desk, mut random| {
            for _ in 0..turns {
                let guard = if random.one_in(4) {
                    desk.at(&"try_read");
                    let Ok(guard) = pair.try_read() else {
                        give_way();
                        continue;
                    };
                    guard
                } else {
                    desk.at(&"read");
                    pair.read().expect("not poisoned")
                };
                readers.fetch_add(1, Ordering::SeqCst);
                assert_eq!(guard.0, guard.1, "a reader beside a writer");
                hold(&mut random);
                readers.fetch_sub(1, Ordering::SeqCst);
            }
        });
    }
}

/// A buffer under a mutex, with a condition for either end.
struct Buffer {
    values: Mutex<VecDeque<u64>>,
    room: usize,
    not_full: Condvar,
    not_empty: Condvar,
    producers: AtomicUsize,
}

impl Buffer {
    /// Waits, in one way or another, while `condition` holds.
    fn wait_while<'a>(
        random: &mut Random,
        condvar: &Condvar,
        mut guard: MutexGuard<'a, VecDeque<u64>>,
        condition: impl Fn(&VecDeque<u64>) -> bool,
    ) -> MutexGuard<'a, VecDeque<u64>> {
        if random.one_in(3) {
            return condvar.wait_while(guard, |values| condition(values)).expect("not poisoned");
        }
        while condition(&guard) {
            guard = match random.below(3) {
                0 => condvar.wait_timeout(guard, random.moment()).expect("not poisoned").0,
                _ => condvar.wait(guard).expect("not poisoned"),
            };
        }
        guard
    }
}

/// One wake for one value: a notice that is lost leaves somebody waiting.
pub fn condvar(crew: &mut Crew) {
    let books = crew.books("condvar");
    let producers = crew.random.between(1, 4);
    let buffer = Arc::new(Buffer {
        values: Mutex::new(VecDeque::new()),
        room: crew.random.between(1, 4),
        not_full: Condvar::new(),
        not_empty: Condvar::new(),
        producers: AtomicUsize::new(producers),
    });
    for producer in 0..producers as u64 {
        let (books, buffer) = (books.clone(), buffer.clone());
        let values = crew.random.between(1, 80) as u64;
        crew.hire("condvar: a producer", move |desk, mut random| {
            for i in 0..values {
                let guard = lock(desk, &mut random, &buffer.values);
                desk.at(&"wait for room");
                let mut guard =
                    Buffer::wait_while(&mut random, &buffer.not_full, guard, |values| {
                        values.len() == buffer.room
                    });
                guard.push_back(producer << 32 | i);
                books.sent(producer << 32 | i);
                drop(guard);
                buffer.not_empty.notify_one();
            }
            desk.at(&"the last lock");
            let guard = buffer.values.lock().expect("not poisoned");
            if buffer.producers.fetch_sub(1, Ordering::SeqCst) == 1 {
                drop(guard);
                buffer.not_empty.notify_all();
            }
        });
    }
    for _ in 0..crew.random.between(1, 4) {
        let (books, buffer) = (books.clone(), buffer.clone());
        crew.hire("condvar: a consumer", move |desk, mut random| {
            loop {
                let guard = lock(desk, &mut random, &buffer.values);
                desk.at(&"wait for a value");
                let mut guard =
                    Buffer::wait_while(&mut random, &buffer.not_empty, guard, |values| {
                        values.is_empty() && buffer.producers.load(Ordering::SeqCst) != 0
                    });
                let Some(value) = guard.pop_front() else { return };
                drop(guard);
                buffer.not_full.notify_one();
                books.got(value);
            }
        });
    }
}
