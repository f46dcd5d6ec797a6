//! Parking, and the tokens that end it.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{on_each_kind, on_every_runtime, quiet_panic, tid, yield_until};
use g0_sched::{Goroutine, channel, current, go, park, yield_now};

#[test]
fn an_unpark_before_the_park_is_not_lost() {
    on_every_runtime(2, || {
        current().expect("a goroutine").unpark();
        park();
    });
}

#[test]
fn there_is_at_most_one_token() {
    on_every_runtime(2, || {
        let me = current().expect("a goroutine");
        (0..5).for_each(|_| me.unpark());
        park();
        let released = Arc::new(AtomicBool::new(false));
        let theirs = released.clone();
        let waker = go(move || {
            (0..20).for_each(|_| yield_now());
            theirs.store(true, Ordering::SeqCst);
            me.unpark();
        });
        // Only the second round of unparks ends this. A park may return for no reason, but not
        // as often as tokens were given.
        let mut returns = 0;
        while !released.load(Ordering::SeqCst) {
            park();
            returns += 1;
        }
        assert!(returns <= 2, "{returns} returns: tokens were stored");
        waker.join().unwrap();
    });
}

#[test]
fn a_park_waits_for_its_token() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<Goroutine>(1);
        let returned = Arc::new(AtomicUsize::new(0));
        let theirs = returned.clone();
        let sleeper = go(move || {
            let me = current().expect("a goroutine");
            assert_eq!(me.name(), "", "only main has a name unasked");
            tx.send(me).unwrap();
            park();
            theirs.fetch_add(1, Ordering::SeqCst);
        });
        let handle = rx.recv().unwrap();
        for _ in 0..300 {
            assert_eq!(returned.load(Ordering::SeqCst), 0, "it returned without a token");
            yield_now();
        }
        handle.unpark();
        yield_until("the park returns", || returned.load(Ordering::SeqCst) == 1);
        sleeper.join().unwrap();
    });
}

#[test]
fn a_thread_that_runs_no_goroutine_may_unpark() {
    on_every_runtime(2, || {
        let go_on = Arc::new(AtomicUsize::new(0));
        let awaited = go_on.clone();
        let (tx, rx) = channel::<Goroutine>(1);
        let parker = go(move || {
            tx.send(current().expect("a goroutine")).unwrap();
            for round in 1..=200 {
                while awaited.load(Ordering::SeqCst) < round {
                    park();
                }
            }
        });
        let handle = rx.recv().unwrap();
        let thread = std::thread::spawn(move || {
            assert!(current().is_none(), "a thread is no goroutine");
            for _ in 0..200 {
                go_on.fetch_add(1, Ordering::SeqCst);
                handle.unpark();
                std::thread::yield_now();
            }
        });
        parker.join().unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn ping_pong_by_tokens() {
    on_every_runtime(2, || {
        let turn = Arc::new(AtomicUsize::new(0));
        let me = current().expect("a goroutine");
        let theirs = turn.clone();
        let (tx, rx) = channel::<Goroutine>(1);
        let other = go(move || {
            tx.send(current().expect("a goroutine")).unwrap();
            for round in 0..500 {
                while theirs.load(Ordering::SeqCst) != 2 * round + 1 {
                    park();
                }
                theirs.store(2 * round + 2, Ordering::SeqCst);
                me.unpark();
            }
        });
        let handle = rx.recv().unwrap();
        for round in 0..500 {
            turn.store(2 * round + 1, Ordering::SeqCst);
            handle.unpark();
            while turn.load(Ordering::SeqCst) != 2 * round + 2 {
                park();
            }
        }
        other.join().unwrap();
    });
}

#[test]
fn the_handle_of_an_ended_goroutine_wakes_nobody() {
    on_every_runtime(2, || {
        let stale: Vec<Goroutine> =
            (0..20).map(|_| go(|| current().expect("a goroutine")).join().unwrap()).collect();
        let ids: std::collections::HashSet<u64> = stale.iter().map(Goroutine::id).collect();
        assert_eq!(ids.len(), 20, "numbers are used once");
        let woken = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let parked: Vec<_> = (0..20)
            .map(|_| {
                let (woken, stop) = (woken.clone(), stop.clone());
                let (tx, rx) = channel::<Goroutine>(1);
                let parked = go(move || {
                    tx.send(current().expect("a goroutine")).unwrap();
                    while !stop.load(Ordering::SeqCst) {
                        park();
                        woken.fetch_add(1, Ordering::SeqCst);
                    }
                });
                (rx.recv().unwrap(), parked)
            })
            .collect();
        for _ in 0..10 {
            stale.iter().for_each(Goroutine::unpark);
            yield_now();
        }
        assert!(parked.iter().all(|(handle, _)| !ids.contains(&handle.id())), "ids come again");
        assert_eq!(woken.load(Ordering::SeqCst), 0, "a stale handle woke a stranger");
        stop.store(true, Ordering::SeqCst);
        for (handle, parked) in parked {
            handle.unpark();
            parked.join().unwrap();
        }
    });
}

#[test]
fn a_goroutine_that_parks_while_it_panics_keeps_its_thread() {
    struct Parks(Goroutine, Arc<AtomicUsize>);
    impl Drop for Parks {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            let before = tid();
            for _ in 0..10 {
                let me = current().expect("a goroutine");
                drop(go(move || {
                    assert!(!std::thread::panicking(), "the panic is not this goroutine's");
                    yield_now();
                    me.unpark();
                }));
                park();
                self.0.unpark();
                if tid() == before && std::thread::panicking() {
                    self.1.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
    on_each_kind(|kind, procs| {
        kind.with_procs(procs)
            .run(|| {
                let kept = Arc::new(AtomicUsize::new(0));
                let parks = Parks(current().expect("a goroutine"), kept.clone());
                let panicking = go(move || {
                    let _parks = parks;
                    quiet_panic("with a park on the way")
                });
                assert!(panicking.join().is_err());
                assert_eq!(kept.load(Ordering::SeqCst), 10, "thread and panic count stay");
            })
            .unwrap();
    });
}
