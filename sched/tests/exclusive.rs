//! The exclusive runtime: a goroutine has its thread to itself.

mod common;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::child::{in_children, succeeds};
use common::{bounded, tid};
use g0_sched::{
    Builder, Deadlock, Error, Receiver, Runtime, channel, go, lock_os_thread, os_thread_locked,
    sleep, unlock_os_thread, yield_now,
};

/// Runs `main` with one P and with two, as `build` says else.
fn run<R: Send + 'static>(
    build: impl Fn(Builder) -> Builder + Copy + Send + 'static,
    main: impl Fn() -> R + Copy + Send + Sync + 'static,
) -> Vec<R> {
    bounded("exclusive runtimes", move || {
        let each = |procs| {
            let runtime = build(Runtime::builder().procs(procs)).build().expect("a runtime");
            let ended = runtime.run_counted(main).expect("main returns");
            assert_eq!(ended.left_behind, 0, "goroutines left behind");
            ended.result.expect("a result")
        };
        [1, 2].map(each).into_iter().collect()
    })
}

thread_local! {
    /// Goroutines that have begun on this thread and not ended.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// What every goroutine of a test does while it has a thread.
fn alone(wait: impl Fn()) -> i32 {
    let mine = tid();
    HERE.set(HERE.get() + 1);
    for _ in 0..20 {
        assert_eq!((HERE.get(), tid()), (1, mine), "shared, or another thread");
        wait();
    }
    assert_eq!((HERE.get(), tid()), (1, mine));
    HERE.set(0);
    mine
}

#[test]
fn a_goroutine_has_its_thread_to_itself_from_its_start_to_its_end() {
    run(
        |builder| builder,
        || {
            let (tx, rx) = channel::<u32>(0);
            let mut all: Vec<_> = (0..10)
                .map(|i| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    go(move || {
                        alone(|| {
                            if i % 2 == 0 {
                                tx.send(i).unwrap()
                            } else {
                                assert!(rx.recv().is_ok())
                            }
                        })
                    })
                })
                .collect();
            all.extend((0..10).map(|_| go(|| alone(yield_now))));
            all.extend((0..5).map(|_| go(|| alone(|| sleep(Duration::from_micros(50))))));
            all.extend((0..5).map(|_| go(|| alone(|| go(yield_now).join().unwrap()))));
            for one in all {
                one.join().unwrap();
            }
        },
    );
}

#[test]
fn threads_of_goroutines_that_have_ended_are_used_again() {
    let threads = run(
        |builder| builder,
        || {
            let all = (0..500).map(|_| go(|| alone(yield_now)).join().unwrap());
            all.collect::<HashSet<_>>().len()
        },
    );
    assert!(
        threads.iter().all(|used| *used < 100),
        "{threads:?} threads for 500 goroutines in a row"
    );
}

/// The initialiser of the thread-local waits; another goroutine of the thread, if there was one, would
/// initialise it meanwhile, and lose its value to the first.
#[test]
fn a_thread_local_whose_initialiser_waits_is_initialised_once_a_thread() {
    static GATE: Mutex<Option<Receiver<()>>> = Mutex::new(None);
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Value(Vec<u64>);
    impl Drop for Value {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static VALUE: Value = {
            let gate = GATE.lock().unwrap().take();
            let waited = gate.is_some_and(|gate| gate.recv().is_ok());
            Value(vec![u64::from(waited); 8])
        };
    }
    run(
        |builder| builder,
        || {
            DROPPED.store(0, Ordering::SeqCst);
            let (open, gate) = channel(0);
            *GATE.lock().unwrap() = Some(gate);
            let first = go(|| VALUE.with(|value| value.0[7]));
            while GATE.lock().unwrap().is_some() {
                yield_now();
            }
            let (told, wait) = channel::<()>(0);
            let (up, is_up) = channel::<()>(0);
            let second = go(move || {
                VALUE.with(|value| {
                    up.send(()).unwrap();
                    let _ = wait.recv();
                    value.0[7]
                })
            });
            is_up.recv().unwrap();
            open.send(()).unwrap();
            assert_eq!(first.join().unwrap(), 1);
            assert_eq!(DROPPED.load(Ordering::SeqCst), 0, "a value that another goroutine uses");
            told.send(()).unwrap();
            assert_eq!(second.join().unwrap(), 0);
        },
    );
}

/// As `scoped-tls` does: the pointer to a frame is right only while frames of a thread nest.
#[test]
fn pointers_to_frames_in_thread_locals_nest() {
    thread_local! {
        static SCOPES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }
    fn scoped(n: usize, body: impl FnOnce()) {
        SCOPES.with_borrow_mut(|scopes| scopes.push(n));
        body();
        assert_eq!(SCOPES.with_borrow_mut(Vec::pop), Some(n), "another goroutine's frame");
    }
    run(
        |builder| builder,
        || {
            let all: Vec<_> = (0..20)
                .map(|n| {
                    go(move || {
                        scoped(n, || scoped(100 + n, || sleep(Duration::from_micros(n as u64))))
                    })
                })
                .collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        },
    );
}

#[test]
fn what_has_not_started_waits_for_a_thread_when_all_are_taken() {
    run(
        |builder| builder.max_threads(3),
        || {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let all: Vec<_> = (0..50)
                .map(|_| {
                    let (now, most) = (now.clone(), most.clone());
                    go(move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let mine = alone(|| sleep(Duration::from_micros(20)));
                        now.fetch_sub(1, Ordering::SeqCst);
                        mine
                    })
                })
                .collect();
            let used: HashSet<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
            let most = most.load(Ordering::SeqCst);
            assert!(used.len() <= 2 && most <= 2, "{used:?}, {most} at a time, beside main");
            assert!(!used.contains(&tid()));
        },
    );
}

#[test]
fn l9_a_thread_that_ends_with_its_goroutine_makes_room_for_another() {
    run(
        |builder| builder.max_threads(2),
        || {
            let gone: HashSet<_> = (0..10)
                .map(|_| {
                    let ends = go(|| {
                        lock_os_thread();
                        tid()
                    });
                    ends.join().unwrap()
                })
                .collect();
            assert_eq!(gone.len(), 10, "a thread each");
        },
    );
}

#[test]
fn goroutines_that_all_wait_for_one_that_gets_no_thread_are_a_deadlock() {
    in_children(
        "goroutines_that_all_wait_for_one_that_gets_no_thread_are_a_deadlock",
        |kind, procs| {
            let builder = Runtime::builder().procs(procs).max_threads(2);
            let runtime = kind.build(builder.deadlock(Deadlock::Report));
            let _ = runtime.run(|| {
                // As all do on the exclusive runtime.
                lock_os_thread();
                let (tx, rx) = channel::<u32>(0);
                let waits = go(move || {
                    lock_os_thread();
                    rx.recv()
                });
                sleep(Duration::from_millis(5));
                // Main has one thread, the receiver the other.
                go(move || tx.send(1)).join().unwrap().unwrap();
                assert_eq!(waits.join().unwrap(), Ok(1));
            });
        },
        |kind, procs, out, said| {
            if kind.is_pinned() {
                // There it may run on the thread of one that waits: no other can be had.
                return succeeds(kind, procs, out, said);
            }
            assert!(!out.status.success());
            assert!(said.contains("deadlock: all goroutines wait for ever"), "{said}");
            assert!(said.contains("no thread for what has not started"), "{said}");
            assert!(
                said.contains("as many threads as it may have: 2 (Builder::max_threads)"),
                "{said}"
            );
        },
    );
}

#[test]
fn locks_of_the_thread_count_beside_the_one_from_the_start() {
    run(
        |builder| builder,
        || {
            assert!(!os_thread_locked());
            unlock_os_thread();
            lock_os_thread();
            lock_os_thread();
            unlock_os_thread();
            assert!(os_thread_locked());
            unlock_os_thread();
            assert!(!os_thread_locked());
            // Another unlock would not give the thread away.
            unlock_os_thread();
            alone(|| go(yield_now).join().unwrap());
        },
    );
}

#[test]
fn a_runtime_that_may_start_no_thread_is_refused() {
    for threads in common::Threads::ALL {
        let refused = threads.try_build(Runtime::builder().max_threads(0)).unwrap_err();
        assert_eq!(refused, Error::MaxThreads);
        assert!(refused.to_string().contains("it may start none"), "{refused}");
    }
}
