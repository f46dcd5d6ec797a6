//! Once and once cells: one closure runs, all see what it did.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::count::Count;
use common::{on_each_kind, on_every_runtime, panic_text, quiet_panic, yield_until};
use g0_sched::{Once, OnceCell, channel, go, goexit, sleep, yield_now};

#[test]
fn of_many_callers_one_runs_and_all_see_it() {
    on_every_runtime(2, || {
        let (once, runs) = (Arc::new(Once::new()), Arc::new(AtomicUsize::new(0)));
        assert!(!once.is_completed());
        let call = || {
            let (once, runs) = (once.clone(), runs.clone());
            move || {
                once.call_once(|| {
                    yield_now();
                    runs.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(runs.load(Ordering::Relaxed), 1);
                assert!(once.is_completed());
            }
        };
        let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(call())).collect();
        let goroutines: Vec<_> = (0..8).map(|_| go(call())).collect();
        once.wait();
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| {
            yield_until("the thread ends", || t.is_finished());
            t.join().unwrap();
        });
        once.call_once(|| unreachable!("it has been done"));
        once.call_once_force(|_| unreachable!("it has been done"));
    });
}

#[test]
fn a_panic_poisons_until_it_is_forced() {
    on_every_runtime(2, || {
        for exits in [false, true] {
            let once = Arc::new(Once::new());
            let theirs = once.clone();
            let gone = go(move || {
                theirs.call_once(|| if exits { goexit() } else { quiet_panic("inside") });
            });
            assert!(gone.join().is_err());
            assert!(!once.is_completed());
            let words = "poisoned: its closure panicked";
            assert!(panic_text(|| once.call_once(|| ())).contains(words));
            assert!(panic_text(|| once.wait()).contains(words));
            let theirs = once.clone();
            let waits = go(move || theirs.wait_force());
            yield_now();
            let text = panic_text(|| {
                once.call_once_force(|state| {
                    assert!(state.is_poisoned());
                    quiet_panic("again");
                });
            });
            assert_eq!(text, "again");
            once.call_once_force(|state| assert!(state.is_poisoned()));
            waits.join().unwrap();
            assert!(once.is_completed());
            once.call_once(|| unreachable!("it has been done"));
        }
        Once::new().call_once_force(|state| assert!(!state.is_poisoned()));
    });
}

#[test]
fn those_who_wait_for_a_closure_that_panics_hear_of_it() {
    on_every_runtime(2, || {
        let once = Arc::new(Once::new());
        let (runs, running) = channel::<()>(0);
        let (tell, told) = channel::<()>(0);
        let theirs = once.clone();
        let panics = go(move || {
            theirs.call_once(|| {
                runs.send(()).unwrap();
                told.recv().unwrap();
                quiet_panic("while they wait");
            });
        });
        running.recv().unwrap();
        let waits: Vec<_> = (0..4)
            .map(|i| {
                let once = once.clone();
                go(move || {
                    panic_text(|| if i % 2 == 0 { once.call_once(|| ()) } else { once.wait() })
                })
            })
            .collect();
        (0..5).for_each(|_| yield_now());
        assert!(waits.iter().all(|w| !w.is_finished()));
        tell.send(()).unwrap();
        assert!(panics.join().is_err());
        waits.into_iter().for_each(|w| assert!(w.join().unwrap().contains("poisoned")));
    });
}

#[test]
fn a_closure_that_comes_back_to_its_own_once_panics() {
    on_every_runtime(2, || {
        let once = Once::new();
        let words = "called by its own closure";
        once.call_once(|| {
            assert!(panic_text(|| once.call_once(|| ())).contains(words));
            assert!(panic_text(|| once.wait()).contains(words));
        });
        assert!(once.is_completed());
        let cell = OnceCell::new();
        let value = cell.get_or_init(|| {
            assert!(panic_text(|| _ = cell.get_or_init(|| 1)).contains(words));
            assert!(panic_text(|| _ = cell.set(2)).contains(words));
            3
        });
        assert_eq!(*value, 3);
    });
}

#[test]
fn a_cell_is_written_once() {
    on_every_runtime(2, || {
        let cell = Arc::new(OnceCell::new());
        assert_eq!((cell.get(), format!("{cell:?}")), (None, "OnceCell(<empty>)".into()));
        let init = |n: usize| {
            let cell = cell.clone();
            move || {
                *cell.get_or_init(|| {
                    yield_now();
                    n
                })
            }
        };
        let theirs = cell.clone();
        let waits = go(move || *theirs.wait());
        let threads: Vec<_> = (10..12).map(|n| std::thread::spawn(init(n))).collect();
        let goroutines: Vec<_> = (0..8).map(|n| go(init(n))).collect();
        let value = waits.join().unwrap();
        goroutines.into_iter().for_each(|g| assert_eq!(g.join().unwrap(), value));
        threads.into_iter().for_each(|t| {
            yield_until("the thread ends", || t.is_finished());
            assert_eq!(t.join().unwrap(), value);
        });
        assert_eq!(cell.get(), Some(&value));
        assert_eq!(cell.set(99), Err(99), "the value comes back");
        assert_eq!(format!("{cell:?}"), format!("OnceCell({value})"));
    });
}

#[test]
fn a_cell_whose_closure_fails_stays_empty() {
    on_every_runtime(2, || {
        let cell = OnceCell::<u32>::new();
        assert_eq!(panic_text(|| _ = cell.get_or_init(|| quiet_panic("inside"))), "inside");
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_try_init(|| Err("no")), Err("no"));
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_try_init(|| Ok::<_, ()>(4)), Ok(&4));
        assert_eq!(cell.get_or_try_init(|| Err(())), Ok(&4));
    });
}

#[test]
fn values_of_cells_are_dropped_once() {
    let count = Count::new();
    let mut cell = OnceCell::new();
    assert!(cell.set(count.one()).is_ok());
    assert!(cell.get_mut().is_some());
    assert!(cell.take().is_some() && cell.take().is_none() && cell.get().is_none());
    assert!(cell.set(count.one()).is_ok());
    assert!(cell.set(count.one()).is_err());
    assert!(cell.into_inner().is_some());
    drop(OnceCell::from(count.one()));
    drop(OnceCell::<g0_sched::JoinHandle<()>>::new());
    count.assert_all_dropped(4);
    let cell = OnceCell::from(String::from("a"));
    assert_eq!(cell, cell.clone());
    assert_ne!(cell, OnceCell::default());
    fn asks<T: Send + Sync>() {}
    asks::<OnceCell<u8>>();
    asks::<Once>();
}

#[test]
fn shutdown_ends_those_who_wait() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let (never, cell) = (Arc::new(Once::new()), Arc::new(OnceCell::<u32>::new()));
        let ended = kind.with_procs(procs).run_counted(|| {
            let started = Arc::new(AtomicUsize::new(0));
            for i in 0..6 {
                let (never, cell, one) = (never.clone(), cell.clone(), count.one());
                let started = started.clone();
                drop(go(move || {
                    let _one = one;
                    started.fetch_add(1, Ordering::SeqCst);
                    match i % 3 {
                        0 => never.wait(),
                        1 => drop(*cell.wait()),
                        // It is unwound in its closure, and the cell stays empty.
                        _ => drop(*cell.get_or_init(|| {
                            loop {
                                sleep(Duration::from_secs(1000));
                            }
                        })),
                    }
                    unreachable!("nobody does it");
                }));
            }
            yield_until("all start", || started.load(Ordering::SeqCst) == 6);
            sleep(Duration::from_millis(1));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(6);
        assert_eq!(cell.get(), None);
        // After all that they are as good as new.
        never.call_once(|| ());
        assert_eq!(*cell.get_or_init(|| 5), 5);
    });
}

#[test]
fn they_lie_in_statics() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static ONCE: Once = Once::new();
    static CELL: OnceCell<Vec<usize>> = OnceCell::new();
    on_every_runtime(2, || {
        ONCE.call_once(|| _ = RUNS.fetch_add(1, Ordering::SeqCst));
        let made = go(|| CELL.get_or_init(|| vec![RUNS.fetch_add(1, Ordering::SeqCst)]).len());
        assert_eq!(made.join().unwrap(), 1);
    });
    assert_eq!(RUNS.load(Ordering::SeqCst), 2);
}
