//! `G0_SUSPEND=often`: operations that may wait suspend.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::this_test_with;
use common::{Exclusive, Migrating, on_each_kind, suspends_often, tid};
use g0_sched::{Error, Mutex, Runtime, RwLock, Semaphore, channel, go, yield_now};

/// What may wait and need not, a hundred times; returns on how many turns another goroutine ran meanwhile, and
/// on how many the thread was another one.
fn turns(name: &str) -> (usize, usize) {
    static LOCK: Mutex<u32> = Mutex::new(0);
    static SHARED: RwLock<u32> = RwLock::new(0);
    static PERMITS: Semaphore = Semaphore::new(3);
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    static OVER: AtomicUsize = AtomicUsize::new(0);

    let (tx, rx) = channel::<u32>(200);
    OVER.store(0, Ordering::SeqCst);
    let other = go(|| {
        while OVER.load(Ordering::SeqCst) == 0 {
            TURNS.fetch_add(1, Ordering::SeqCst);
            yield_now();
        }
    });
    let (mut ran, mut moved) = (0, 0);
    for i in 0..100 {
        let (before, there) = (TURNS.load(Ordering::SeqCst), tid());
        match name {
            "send" => tx.send(i).unwrap(),
            "lock" => *LOCK.lock().unwrap() += 1,
            "read" => drop(SHARED.read().unwrap()),
            "write" => drop(SHARED.write().unwrap()),
            "acquire" => drop(PERMITS.acquire()),
            // These never wait.
            "try_send" => tx.try_send(i).unwrap(),
            "try_lock" => drop(LOCK.try_lock().unwrap()),
            "spawn" => drop(go(|| ())),
            _ => panic!("{name}?"),
        }
        ran += usize::from(TURNS.load(Ordering::SeqCst) != before);
        moved += usize::from(tid() != there);
    }
    OVER.store(1, Ordering::SeqCst);
    other.join().unwrap();
    drop(rx);
    (ran, moved)
}

#[test]
fn what_may_wait_suspends_and_what_may_not_does_not() {
    let run = this_test_with(
        "what_may_wait_suspends_and_what_may_not_does_not",
        &[("G0_SUSPEND", "often")],
        || {
            on_each_kind(|kind, _| {
                kind.with_procs(1)
                    .run(move || {
                        for name in ["send", "lock", "read", "write", "acquire"] {
                            let (ran, moved) = turns(name);
                            // Between threads the other one may have yet to ask for the P again.
                            let least = if kind.threads == Exclusive { 1 } else { 40 };
                            assert!(ran >= least, "{kind:?}, {name}: suspended {ran} times of 100");
                            let moves = kind.threads == Migrating;
                            assert!(!moves || moved > 50, "{kind:?}, {name}: moved {moved} times");
                            assert!(moves || moved == 0, "{kind:?}, {name}: moved {moved} times");
                        }
                        for name in ["try_send", "try_lock", "spawn"] {
                            let (ran, moved) = turns(name);
                            let most = if kind.threads == Exclusive { 20 } else { 5 };
                            assert!(ran <= most, "{kind:?}, {name}: suspended {ran} times");
                            assert_eq!(moved, 0, "{kind:?}, {name}");
                        }
                    })
                    .unwrap();
            });
        },
    );
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn without_being_asked_nothing_suspends_that_need_not() {
    if suspends_often() {
        return;
    }
    on_each_kind(|kind, _| {
        if kind.threads == Exclusive {
            return; // There it is sysmon's to say whose turn it is.
        }
        kind.with_procs(1)
            .run(move || {
                for name in ["send", "lock", "read", "write", "acquire"] {
                    let (ran, moved) = turns(name);
                    assert!(ran <= 5 && moved <= 5, "{kind:?}, {name}: {ran}, {moved}");
                }
            })
            .unwrap();
    });
}

#[test]
fn a_word_that_means_nothing_is_an_error() {
    let run =
        this_test_with("a_word_that_means_nothing_is_an_error", &[("G0_SUSPEND", "oftne")], || {
            for threads in common::Threads::ALL {
                let refused = threads.try_build(Runtime::builder()).unwrap_err();
                assert_eq!(refused, Error::Environment("G0_SUSPEND"));
                assert!(refused.to_string().contains("G0_SUSPEND"), "{refused}");
            }
        });
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
