//! `call` on the scheduler: values, panics, and that C which lasts holds no goroutine up.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use common::count::Count;
use common::{on_each_kind, on_every_runtime, panic_text, quiet_panic, text, tid, yield_until};
use g0_cgo::{call, call_blocking, call_leaf};
use g0_sched::{
    WaitGroup, block_on, channel, current, go, lock_os_thread, os_thread_locked, park, scope,
    unlock_os_thread, yield_now,
};

/// Sleeps in the kernel, as C may.
fn c_sleep(time: Duration) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: time.as_nanos() as libc::c_long };
    // SAFETY: the structure is there; how much was left is not asked.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

#[test]
fn calls_give_their_values_and_hand_on_panics() {
    on_every_runtime(2, || {
        assert_eq!(call(|| unsafe_abs(-5)), 5);
        assert_eq!(call(|| [7u64; 40]), [7; 40]);
        assert_eq!(call_leaf(1 << 10, || unsafe_abs(-6)), 6);
        assert_eq!(call_leaf(1 << 30, || unsafe_abs(-7)), 7);
        assert_eq!(call_blocking(|| unsafe_abs(-8)), 8);
        for _ in 0..3 {
            assert_eq!(panic_text(|| call(|| quiet_panic("in C's place"))), "in C's place");
            assert_eq!(panic_text(|| call_blocking(|| quiet_panic("slowly"))), "slowly");
        }
        let joined = go(|| call(|| -> u32 { quiet_panic("for the joiner") }));
        assert_eq!(text(&*joined.join().unwrap_err()), "for the joiner");
        assert!(!os_thread_locked());
    });

    fn unsafe_abs(i: i32) -> i32 {
        unsafe extern "C" {
            fn abs(i: i32) -> i32;
        }
        // SAFETY: libc's, for all numbers but the least.
        unsafe { abs(i) }
    }
}

#[test]
fn short_calls_without_end_share_the_p_like_any_endless_loop() {
    on_each_kind(|kind, _| {
        let ended = kind.with_procs(1).run(|| {
            let stop = Arc::new(AtomicBool::new(false));
            let theirs = stop.clone();
            let stopper = go(move || theirs.store(true, Ordering::SeqCst));
            // No call is long, and no retaker is quick enough to find the same one twice.
            while !call(|| stop.load(Ordering::SeqCst)) {}
            stopper.join().unwrap();
        });
        ended.unwrap();
    });
}

#[test]
fn c_has_the_threads_stack_and_not_the_goroutines() {
    #[inline(never)]
    fn large() -> u8 {
        let frame = std::hint::black_box([3u8; 1 << 20]);
        frame[frame.len() / 2]
    }
    on_every_runtime(2, || assert_eq!(call(large), 3));
}

#[test]
fn a_runtime_call_on_the_system_stack_panics_and_names_the_remedy() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(1);
        let group = WaitGroup::new();
        let me = current().expect("a goroutine");
        let handle = go(park);
        let said = |what: &str, f: &mut (dyn FnMut() + Send)| {
            // Caught where it happens, and carried across when it is not.
            let inside = call(|| panic_text(&mut *f));
            assert!(inside.contains("on the system stack"), "{what}: {inside}");
            assert!(inside.contains("callback"), "{what}: {inside}");
            let across = panic_text(|| call(&mut *f));
            assert_eq!(across, inside, "{what}");
        };
        said("yield_now", &mut yield_now);
        said("go", &mut || drop(go(|| ())));
        said("park", &mut park);
        said("current", &mut || drop(current()));
        said("lock_os_thread", &mut lock_os_thread);
        said("unlock_os_thread", &mut unlock_os_thread);
        said("os_thread_locked", &mut || _ = os_thread_locked());
        said("send", &mut || _ = tx.send(1));
        said("try_send", &mut || _ = tx.try_send(1));
        said("recv", &mut || _ = rx.recv());
        said("close", &mut || _ = tx.close());
        said("add", &mut || group.add(1));
        said("wait", &mut || group.wait());
        said("unpark", &mut || me.unpark());
        said("block_on", &mut || block_on(std::future::ready(())));
        said("scope", &mut || scope(|s| drop(s.go(|| ()))));
        let again = call(|| panic_text(|| call(|| ())));
        assert!(again.contains("already on the system stack"), "{again}");

        // Nothing has happened, and all is as before.
        assert!(rx.try_recv().is_err() && !os_thread_locked());
        tx.send(2).unwrap();
        assert_eq!(rx.recv(), Ok(2));
        yield_now();
        drop(handle);
    });
}

#[test]
fn a_waker_wakes_from_the_system_stack() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<Waker>(1);
        let (awake, value) = (Arc::new(AtomicBool::new(false)), Count::new());
        let (seen, kept) = (awake.clone(), value.one());
        let waits = go(move || {
            block_on(poll_fn(|context| {
                if seen.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                tx.try_send(context.waker().clone()).unwrap();
                Poll::Pending
            }));
            kept
        });
        let waker = rx.recv().unwrap();
        awake.store(true, Ordering::SeqCst);
        // Also the last of them, whose goroutine has ended.
        let last = waker.clone();
        call(move || waker.wake());
        drop(waits.join().unwrap());
        call(move || last.wake());
        value.assert_all_dropped(1);
    });
}

#[test]
fn what_is_dropped_on_the_system_stack_is_dropped() {
    on_every_runtime(2, || {
        let count = Count::new();
        let (tx, rx) = channel::<u32>(0);
        let waits = go(move || rx.recv());
        (0..20).for_each(|_| yield_now());
        call(move || drop(tx));
        assert!(waits.join().unwrap().is_err(), "the last sender has gone");

        for early in [true, false] {
            let value = count.one();
            let handle = go(move || value);
            if !early {
                yield_until("it ends", || handle.is_finished());
            }
            call(move || drop(handle));
        }
        let me = current().expect("a goroutine");
        call(move || drop(me));
        yield_until("the results are dropped", || count.dropped() == 2);
        count.assert_all_dropped(2);
    });
}

#[test]
fn twenty_goroutines_that_sleep_in_c_hold_nobody_up() {
    const NAP: Duration = Duration::from_millis(200);
    on_each_kind(|kind, _| {
        kind.with_procs(1)
            .run(move || {
                let begin = Instant::now();
                let asleep = Arc::new(AtomicUsize::new(0));
                let sleepers: Vec<_> = (0..20)
                    .map(|i| {
                        let asleep = asleep.clone();
                        go(move || {
                            let nap = || {
                                asleep.fetch_add(1, Ordering::SeqCst);
                                c_sleep(NAP);
                            };
                            if i % 2 == 0 { call(nap) } else { call_blocking(nap) }
                        })
                    })
                    .collect();
                let busy: Vec<_> =
                    (0..5).map(|_| go(|| (0..500).for_each(|_| yield_now()))).collect();
                busy.into_iter().for_each(|h| h.join().unwrap());
                sleepers.into_iter().for_each(|h| h.join().unwrap());
                assert_eq!(asleep.load(Ordering::SeqCst), 20);
                let took = begin.elapsed();
                assert!(took < NAP * 15, "one after the other: {took:?}");
            })
            .unwrap();
    });
}

#[test]
fn c_that_waits_for_a_goroutine_gets_it_on_one_proc() {
    on_every_runtime(2, || {
        for round in 0..20 {
            let flag = Arc::new(AtomicBool::new(false));
            let theirs = flag.clone();
            // Not started when C begins to wait; its P is taken from this M.
            let other = go(move || theirs.store(true, Ordering::SeqCst));
            let wait = || {
                while !flag.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            };
            if round % 2 == 0 {
                call(wait)
            } else {
                call_blocking(wait)
            }
            other.join().unwrap();
        }
    });
}

#[test]
fn goroutines_that_do_nothing_but_call_all_start() {
    on_each_kind(|kind, _| {
        kind.with_procs(2)
            .run(|| {
                for nap in [10, 100, 1000] {
                    let started = Arc::new(AtomicUsize::new(0));
                    let all: Vec<_> = (0..8)
                        .map(|_| {
                            let started = started.clone();
                            go(move || {
                                started.fetch_add(1, Ordering::SeqCst);
                                while started.load(Ordering::SeqCst) < 8 {
                                    call(|| c_sleep(Duration::from_micros(nap)));
                                }
                            })
                        })
                        .collect();
                    all.into_iter().for_each(|h| h.join().unwrap());
                }
            })
            .unwrap();
    });
}

#[test]
fn a_hundred_thousand_calls() {
    on_every_runtime(2, || {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                go(|| {
                    let mut sum = 0u64;
                    for i in 0..25_000u64 {
                        sum += call(|| std::hint::black_box(i));
                        if i % 1000 == 0 {
                            yield_now();
                        }
                    }
                    sum
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.join().unwrap(), 25_000 * 24_999 / 2);
        }
    });
}

#[test]
fn l1_a_locked_goroutine_makes_its_calls_on_its_thread() {
    on_every_runtime(2, || {
        let all: Vec<_> = (0..4)
            .map(|_| {
                go(|| {
                    lock_os_thread();
                    let mine = tid();
                    for _ in 0..20 {
                        assert_eq!(call(tid), mine);
                        call(|| c_sleep(Duration::from_micros(300)));
                        assert_eq!(tid(), mine);
                        yield_now();
                        assert_eq!(call_blocking(tid), mine);
                    }
                    unlock_os_thread();
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn the_end_waits_for_a_call_that_comes_back() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let in_c = Arc::new(AtomicBool::new(false));
        let ended = kind.with_procs(procs).run_counted(|| {
            // Main keeps a thread of its own, also on the pinned runtime.
            lock_os_thread();
            let (guard, theirs) = (count.one(), in_c.clone());
            drop(go(move || {
                let _guard = guard;
                call_blocking(|| {
                    theirs.store(true, Ordering::SeqCst);
                    c_sleep(Duration::from_millis(50));
                });
                yield_now();
                unreachable!("the run is over");
            }));
            yield_until("it is in C", || in_c.load(Ordering::SeqCst));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(1);
    });
}

#[test]
fn a_call_that_does_not_come_back_is_left_behind_and_counted() {
    on_each_kind(|kind, procs| {
        let stop = Arc::new(AtomicBool::new(false));
        let in_c = Arc::new(AtomicBool::new(false));
        let begin = Instant::now();
        let ended = kind.with_procs(procs).run_counted(|| {
            lock_os_thread();
            let (theirs, stop) = (in_c.clone(), stop.clone());
            drop(go(move || {
                call(|| {
                    theirs.store(true, Ordering::SeqCst);
                    while !stop.load(Ordering::SeqCst) {
                        c_sleep(Duration::from_millis(1));
                    }
                });
            }));
            yield_until("it is in C", || in_c.load(Ordering::SeqCst));
        });
        assert_eq!(ended.unwrap().left_behind, 1);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn l24_a_loop_of_calls_that_were_said_to_last_lets_the_goroutines_of_its_thread_run() {
    on_each_kind(|kind, _| {
        kind.with_procs(1)
            .run(|| {
                let turns: Arc<[AtomicUsize; 8]> = Arc::default();
                let over = Arc::new(AtomicBool::new(false));
                let others: Vec<_> = (0..turns.len())
                    .map(|i| {
                        let (turns, over) = (turns.clone(), over.clone());
                        go(move || {
                            while !over.load(Ordering::SeqCst) {
                                turns[i].fetch_add(1, Ordering::SeqCst);
                                yield_now();
                            }
                        })
                    })
                    .collect();
                let caller = go(move || {
                    let begin = Instant::now();
                    // One turn is the first: what had run before runs again.
                    while turns.iter().any(|turns| turns.load(Ordering::SeqCst) < 3) {
                        assert!(begin.elapsed() < Duration::from_secs(60), "{kind:?}: {turns:?}");
                        call_blocking(|| c_sleep(Duration::from_millis(1)));
                    }
                    over.store(true, Ordering::SeqCst);
                });
                caller.join().unwrap();
                others.into_iter().for_each(|other| other.join().unwrap());
            })
            .expect("main returns");
    });
}

#[test]
fn l25_the_end_meets_a_loop_of_calls_that_were_said_to_last_after_a_call() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| {
            let (up, is_up) = channel(1);
            drop(go(move || {
                up.send(()).unwrap();
                loop {
                    call_blocking(|| c_sleep(Duration::from_millis(1)));
                }
            }));
            is_up.recv().unwrap();
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}
