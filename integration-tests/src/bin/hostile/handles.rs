//! Handles that are forgotten, used twice, or dropped on other threads when the run is over.
#![forbid(unsafe_code)]

use std::mem::{ManuallyDrop, forget};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_cgo::{BadHandle, Handle};
use g0_sched::{
    Mutex, Runtime, Semaphore, WaitGroup, channel, current, go, goexit, park, scope, yield_now,
};

use crate::setup::{Setup, until};

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Handles, ends, guards and permits that are never dropped: what they keep stays kept, and the run ends.
pub fn forgotten(setup: Setup) -> String {
    setup.run(|| {
        let kept = Arc::new(Mutex::new([7_u64; 64]));
        let permits = Arc::new(Semaphore::new(2));
        let (tx, rx) = channel::<Box<u64>>(4);
        let taken = Arc::new(WaitGroup::new());
        taken.add(3);
        for n in 0..10 {
            let (kept, permits, tx, rx) = (kept.clone(), permits.clone(), tx.clone(), rx.clone());
            let taken = taken.clone();
            let handle = go(move || {
                if n < 2 {
                    forget(permits.acquire());
                    let _ = tx.try_send(Box::new(n));
                    forget((tx, rx, current()));
                    taken.done();
                }
                scope(|s| forget(s.go(yield_now)));
                if n == 2 {
                    forget(kept.lock().expect("no panic"));
                    taken.done();
                    goexit();
                }
                if n > 2 {
                    // Taken by those that are gone, for ever.
                    let _ = permits.acquire();
                }
                Box::new(n)
            });
            forget(current().clone());
            match n % 3 {
                0 => drop(handle),
                1 => forget(handle),
                _ => _ = ManuallyDrop::new(handle),
            }
        }
        taken.wait();
        assert!(kept.try_lock().is_err(), "a guard that is forgotten keeps its lock");
        assert_eq!(permits.available_permits(), 0);
        assert_eq!(rx.try_iter().map(|n| *n).sum::<u64>(), 1);
        // Words for C, released twice and after another has the place.
        let word = Handle::new(vec![1_u8; 100]);
        assert_eq!(word.release().map(|bytes| bytes.len()).ok(), Some(100));
        let others: Vec<_> = (0..100).map(|n| Handle::new(vec![n; 10])).collect();
        assert_eq!((word.get(), word.release()), (Err(BadHandle::Gone), Err(BadHandle::Gone)));
        others.into_iter().for_each(forget);
    });
    "what was forgotten stayed, and the run ended".to_owned()
}

/// Handles and ends that see the end of their runtime, and go on threads that have never run a goroutine,
/// beside a runtime that may have the same memory.
pub fn dropped_late(setup: Setup) -> String {
    const ROUNDS: usize = 10;
    let dropped = Arc::new(AtomicUsize::new(0));
    for _ in 0..ROUNDS {
        let count = dropped.clone();
        let left = setup.run_on(Runtime::builder().name("first"), move || {
            let (tx, rx) = channel::<Counted>(4);
            assert!(tx.try_send(Counted(count.clone())).is_ok());
            let value = Counted(count.clone());
            let done = go(move || value);
            until("its end", || done.is_finished());
            let value = Counted(count.clone());
            let cut = go(move || {
                let _value = value;
                loop {
                    park();
                }
            });
            yield_now();
            let value = Counted(count);
            let unstarted = go(move || value);
            (tx, rx, done, cut, unstarted, current())
        });
        let (tx, rx, done, cut, unstarted, main) = left;
        let one = std::thread::spawn(move || drop((tx, done, main)));
        let other = std::thread::spawn(move || {
            drop(rx);
            assert!(cut.is_finished(), "its runtime has ended");
            drop(cut);
            drop(unstarted.join());
        });
        setup.run(|| (0..20).for_each(|n| assert_eq!(go(move || n).join().ok(), Some(n))));
        one.join().expect("it drops");
        other.join().expect("it drops");
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 4 * ROUNDS, "values dropped once");
    format!("{} values were dropped once each", 4 * ROUNDS)
}
