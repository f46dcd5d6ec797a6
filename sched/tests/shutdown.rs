//! What ends a run, and what becomes of the goroutines that are there then.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::count::Count;
use common::{on_each_kind, panic_text, quiet_panic, text, yield_until};
use g0_sched::{
    Error, RunError, WaitGroup, channel, go, goexit, lock_os_thread, park, try_go, yield_now,
};

#[test]
fn what_runs_is_unwound_at_its_next_operation() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let started = Arc::new(AtomicUsize::new(0));
        let ended = kind.with_procs_and_time(procs).run_counted(|| {
            for _ in 0..10 {
                let (guard, started) = (count.one(), started.clone());
                drop(go(move || {
                    let _guard = guard;
                    started.fetch_add(1, Ordering::SeqCst);
                    loop {
                        yield_now();
                    }
                }));
            }
            yield_until("all start", || started.load(Ordering::SeqCst) == 10);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(10);
    });
}

#[test]
fn what_has_not_started_drops_its_closure() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let ended = kind.with_procs_and_time(procs).run_counted(|| {
            for _ in 0..100 {
                let guard = count.one();
                drop(go(move || drop(guard)));
            }
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(100);
    });
}

#[test]
fn what_loops_for_ever_is_left_behind_and_counted() {
    on_each_kind(|kind, procs| {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = stop.clone();
        let begin = Instant::now();
        let ended = kind.with_procs(procs).run_counted(move || {
            // On the pinned runtime a goroutine starts nowhere but on a thread that is not locked:
            // so the loop does not get main's.
            lock_os_thread();
            let (tx, rx) = channel::<()>(0);
            drop(go(move || {
                tx.send(()).unwrap();
                while !theirs.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            }));
            rx.recv().unwrap();
        });
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        assert_eq!(ended.unwrap().left_behind, 1);
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn after_mains_goexit_the_others_go_on_to_their_end() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let theirs = count.clone();
        let result = kind.with_procs(procs).run(move || {
            for _ in 0..20 {
                let guard = theirs.one();
                drop(go(move || {
                    (0..20).for_each(|_| yield_now());
                    drop(go(move || drop(guard)));
                }));
            }
            goexit()
        });
        let result: Result<(), RunError> = result;
        assert!(matches!(result, Err(RunError::Goexit)), "{result:?}");
        count.assert_all_dropped(20);

        let alone: Result<(), RunError> = kind.with_procs(procs).run(|| goexit());
        assert!(matches!(alone, Err(RunError::Goexit)), "{alone:?}");
    });
}

#[test]
fn mains_panic_is_the_runs_error_and_ends_the_others() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let result: Result<(), RunError> = kind.with_procs(procs).run(|| {
            let guard = count.one();
            let (tx, rx) = channel::<()>(0);
            drop(go(move || {
                let _guard = guard;
                tx.send(()).unwrap();
                park();
                unreachable!("nobody unparks it");
            }));
            rx.recv().unwrap();
            quiet_panic("main gives up")
        });
        match result {
            Err(RunError::Panicked(payload)) => assert_eq!(text(&*payload), "main gives up"),
            other => panic!("{other:?}"),
        }
        count.assert_all_dropped(1);
    });
}

#[test]
fn nothing_starts_during_shutdown_and_it_is_said() {
    struct Late(Arc<std::sync::Mutex<Option<Error>>>);
    impl Drop for Late {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = try_go(|| ()).map(drop).err();
        }
    }
    on_each_kind(|kind, procs| {
        let said = Arc::new(std::sync::Mutex::new(None));
        let late = Late(said.clone());
        kind.with_procs(procs)
            .run(move || {
                let (tx, rx) = channel::<()>(0);
                drop(go(move || {
                    let _late = late;
                    tx.send(()).unwrap();
                    park();
                    unreachable!("nobody unparks it");
                }));
                rx.recv().unwrap();
            })
            .unwrap();
        assert_eq!(*said.lock().unwrap(), Some(Error::ShutDown));
        let outside = panic_text(|| go(|| ()));
        assert!(outside.contains("belongs to no runtime"), "{outside}");
    });
}

#[test]
fn what_is_parked_is_unwound_wherever_it_waits() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let started = Arc::new(AtomicUsize::new(0));
        // These outlive the run: nothing but shutdown ends the waits.
        let (tx, rx) = channel::<u32>(0);
        let (full, _keep) = channel::<u32>(1);
        full.send(1).unwrap();
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let ended = kind.with_procs_and_time(procs).run_counted(|| {
            let spawn = |wait: Box<dyn FnOnce() + Send>| {
                let (guard, started) = (count.one(), started.clone());
                drop(go(move || {
                    let _guard = guard;
                    started.fetch_add(1, Ordering::SeqCst);
                    wait();
                    yield_now();
                    unreachable!("the wait is over, and the run goes on");
                }));
            };
            spawn(Box::new(|| {
                loop {
                    park();
                }
            }));
            let rx = rx.clone();
            spawn(Box::new(move || _ = rx.recv()));
            let full = full.clone();
            spawn(Box::new(move || _ = full.send(2)));
            let group = group.clone();
            spawn(Box::new(move || group.wait()));
            spawn(Box::new(|| {
                let never = go(|| {
                    loop {
                        park();
                    }
                });
                drop(never.join());
            }));
            yield_until("all wait", || started.load(Ordering::SeqCst) == 5);
            (0..200).for_each(|_| yield_now());
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(5);
        drop(tx);
    });
}

#[test]
fn joiners_and_those_they_join_end_at_the_same_time() {
    on_each_kind(|kind, procs| {
        for _ in 0..20 {
            let count = Count::new();
            let ended = kind.with_procs_and_time(procs).run_counted(|| {
                for _ in 0..50 {
                    let (joiner, joined) = (count.one(), count.one());
                    drop(go(move || {
                        let _joiner = joiner;
                        let never = go(move || {
                            let _joined = joined;
                            loop {
                                park();
                            }
                        });
                        drop(never.join());
                    }));
                }
                (0..20).for_each(|_| yield_now());
            });
            assert_eq!(ended.unwrap().left_behind, 0);
            count.assert_all_dropped(100);
        }
    });
}
