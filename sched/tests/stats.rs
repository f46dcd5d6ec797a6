//! A runtime in numbers.

mod common;

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Exclusive, on_each_kind, yield_until};
use g0_sched::{
    Runtime, Stats, WaitReason, channel, go, lock_os_thread, park, set_procs, sleep, stats,
    yield_now,
};

/// The numbers of the runtime that runs this.
fn now() -> Stats {
    stats().expect("a goroutine asks")
}

#[test]
fn goroutines_are_counted_by_what_they_do() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run(move || {
            let (tx, rx) = channel::<u8>(0);
            for _ in 0..3 {
                let rx = rx.clone();
                drop(go(move || rx.recv()));
            }
            drop(go(|| sleep(Duration::from_secs(100))));
            drop(go(park));
            yield_until("all wait", || now().goroutines.waiting == 5);
            let stats = now();
            assert_eq!(stats.goroutines.waiting_for(WaitReason::Receive), 3);
            assert_eq!(stats.goroutines.waiting_for(WaitReason::Sleep), 1);
            assert_eq!(stats.goroutines.waiting_for(WaitReason::Park), 1);
            assert_eq!(stats.goroutines.waiting_for(WaitReason::Send), 0);
            assert_eq!((stats.goroutines.running, stats.goroutines.all()), (1, 6));
            assert_eq!((stats.started, stats.procs.busy + stats.procs.idle), (6, procs));
            assert!(stats.parks >= 5, "{stats:?}");
            let (said, reasons) = (format!("{stats:?}"), "{Park: 1, Receive: 3, Sleep: 1}");
            assert!(said.contains(&format!("waiting_for: {reasons}")), "{said}");
            drop(tx);
            yield_until("the receivers have ended", || now().goroutines.all() == 3);
        });
        ended.expect("main returns");
    });
}

#[test]
fn runnable_goroutines_are_counted() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(1).run(move || {
            let (up, over) = (procs * 10, Arc::new(AtomicBool::new(false)));
            let all: Vec<_> = (0..up)
                .map(|_| {
                    let over = over.clone();
                    go(move || {
                        while !over.load(Ordering::Relaxed) {
                            yield_now()
                        }
                    })
                })
                .collect();
            let stats = now();
            assert_eq!((stats.goroutines.runnable, stats.goroutines.running), (up, 1), "{stats}");
            over.store(true, Ordering::Relaxed);
            all.into_iter().for_each(|one| one.join().unwrap());
        });
        ended.expect("main returns");
    });
}

#[test]
fn ready_goroutines_whose_m_runs_another_are_counted() {
    on_each_kind(|kind, _| {
        let ended = kind.with_procs(1).run(move || {
            let seen = || {
                let (tx, rx) = channel(0);
                let receivers: Vec<_> = (0..3)
                    .map(|_| {
                        let rx = rx.clone();
                        go(move || rx.recv().unwrap())
                    })
                    .collect();
                yield_until("all wait", || now().goroutines.waiting == 3);
                // They wait, so that each is ready at once; a send might let them run in between.
                (0..3).for_each(|_| tx.try_send(()).unwrap());
                let stats = now();
                receivers.into_iter().for_each(|one| one.join().unwrap());
                stats.goroutines.runnable_behind_busy_m
            };
            if kind.is_pinned() {
                // On a busy machine another thread may have been the first to run some of them.
                yield_until("all three are on main's thread", || seen() == 3);
            } else {
                assert_eq!(seen(), 0, "they have an M of their own, or may run on any");
            }
        });
        ended.expect("main returns");
    });
}

#[test]
fn ms_and_ps_are_counted() {
    on_each_kind(|kind, _| {
        let builder = Runtime::builder().procs(1).max_procs(3);
        let ended = kind.build(builder).run(|| {
            let stats = now();
            assert_eq!((stats.procs.busy, stats.procs.idle, stats.procs.retired), (1, 0, 2));
            assert_eq!((stats.machines.running, stats.machines.all()), (1, 1), "{stats}");
            set_procs(3).expect("three Ps");
            let locked = go(|| {
                lock_os_thread();
                park();
            });
            let locked_ms = || now().machines.locked;
            // Where each goroutine has a thread to itself, no other is idle yet.
            let idle = || kind.threads == Exclusive || now().machines.idle >= 1;
            yield_until("a locked M", || locked_ms() == 1 && idle());
            let stats = now();
            assert_eq!((stats.procs.busy + stats.procs.idle, stats.procs.retired), (3, 0));
            drop(locked);
        });
        ended.expect("main returns");
    });
}

#[test]
fn steals_timers_and_starts_are_counted() {
    on_each_kind(|kind, _| {
        let ended = kind.with_procs(2).run(|| {
            let before = now();
            let done = Arc::new(AtomicUsize::new(0));
            let spin = |done: &Arc<AtomicUsize>| {
                let done = done.clone();
                move || {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(300) {
                        black_box(());
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            };
            let mut rounds = 0;
            // The system may let the thief's thread wait for longer than a round takes.
            while rounds == 0 || now().steals == before.steals {
                assert!(rounds < 300, "nothing is stolen: {}", now());
                rounds += 1;
                let all: Vec<_> = (0..100).map(|_| go(spin(&done))).collect();
                all.into_iter().for_each(|one| one.join().unwrap());
            }
            for _ in 0..10 {
                sleep(Duration::from_micros(100));
            }
            let after = now();
            assert_eq!(after.started - before.started, 100 * rounds);
            assert_eq!(after.timers - before.timers, 10);
            assert!(after.parks > before.parks);
        });
        ended.expect("main returns");
    });
}

/// Loops for ever, until told.
fn loops(over: &Arc<AtomicBool>) -> impl FnOnce() + Send + 'static {
    let over = over.clone();
    move || {
        while !over.load(Ordering::Relaxed) {
            black_box(());
        }
    }
}

#[test]
fn evictions_are_counted_and_bounded() {
    on_each_kind(|kind, _| {
        // Two loops for one P that others wait for: one of them at most runs on without.
        let builder = Runtime::builder().procs(1).max_evicted(1);
        let runtime = kind.build(builder);
        let watch = runtime.watch();
        let over = Arc::new(AtomicBool::new(false));
        let (most, seen) = (Arc::new(AtomicUsize::new(0)), over.clone());
        let highest = most.clone();
        let watching = std::thread::spawn(move || {
            // The loops hold main up, so somebody else ends them.
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(150) {
                highest.fetch_max(watch.stats().machines.evicted, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
            }
            seen.store(true, Ordering::SeqCst);
            watch
        });
        let ended = runtime.run(|| {
            let all: Vec<_> = (0..3).map(|_| go(loops(&over))).collect();
            all.into_iter().for_each(|one| one.join().unwrap());
            now()
        });
        let stats = ended.expect("main returns");
        let watch = watching.join().unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 1, "{stats}");
        assert!(stats.evictions >= 1 && stats.retakes >= stats.evictions, "{stats}");
        assert_eq!(stats.machines.evicted, 0, "{stats}");
        // The runtime has gone; what it was last is still told.
        let last = watch.stats();
        assert_eq!((last.started, last.goroutines.all()), (4, 0), "{last}");
        assert_eq!(last.evictions, stats.evictions);
    });
}

#[test]
fn without_evictions_a_loop_keeps_its_p() {
    on_each_kind(|kind, _| {
        let runtime = kind.build(Runtime::builder().procs(1).max_evicted(0));
        let ended = runtime.run(|| {
            let start = Instant::now();
            let one = go(move || {
                while start.elapsed() < Duration::from_millis(100) {
                    black_box(());
                }
            });
            yield_now();
            assert!(start.elapsed() >= Duration::from_millis(100), "main ran beside the loop");
            one.join().unwrap();
            now()
        });
        let stats = ended.expect("main returns");
        assert_eq!(stats.evictions, 0, "{stats}");
    });
}

#[test]
fn a_runtime_is_watched_from_before_its_run_until_after() {
    on_each_kind(|kind, procs| {
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        assert_eq!(watch.stats(), Stats::default(), "it has not run");
        let (tx, rx) = std::sync::mpsc::channel();
        let (sent, during) = (tx, watch.clone());
        let thread = std::thread::spawn(move || {
            rx.recv().expect("main has come so far");
            during.stats()
        });
        let ended = runtime.run(move || {
            let waits = go(park);
            yield_until("it waits", || now().goroutines.waiting == 1);
            sent.send(()).expect("the thread listens");
            let during = thread.join().expect("the thread ends");
            assert_eq!(during.goroutines.waiting_for(WaitReason::Park), 1);
            drop(waits);
        });
        ended.expect("main returns");
        assert_eq!(watch.stats().goroutines.all(), 0);
        assert_eq!(watch.stats().started, 2);
    });
    assert!(stats().is_none(), "no goroutine");
}

#[test]
fn a_trace_is_a_line_at_a_period() {
    const CHILD: &str = "G0_TEST_TRACED";
    if let Ok(by) = std::env::var(CHILD) {
        let mut builder = Runtime::builder().procs(2);
        if by == "builder" {
            builder = builder.trace(Duration::from_millis(10));
        }
        let main = || {
            drop(go(park));
            sleep(Duration::from_millis(100));
        };
        return builder.build().expect("a runtime").run(main).expect("main returns");
    }
    for by in ["builder", "variable", "nothing"] {
        let mut child = Command::new(std::env::current_exe().expect("a test program"));
        let test = "a_trace_is_a_line_at_a_period";
        child.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, by);
        if by == "variable" {
            child.env("G0_TRACE", "10");
        }
        let out = child.output().expect("a child");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with("g0 ")).collect();
        if by == "nothing" {
            assert!(lines.is_empty(), "{said}");
            continue;
        }
        // Also while all is at rest; a busy machine leaves some out, or sleeps for longer.
        assert!((2..=100).contains(&lines.len()), "{} lines: {said}", lines.len());
        assert!(lines[0].starts_with("g0 0 ms: 2 Ps ("), "{said}");
        let at_rest = |line: &&str| line.contains(": 2 Ps (2 idle), ");
        let at_rest =
            lines.iter().find(|line| at_rest(line)).expect("main sleeps nearly all the time");
        assert!(at_rest.contains(" 2 goroutines, "), "{at_rest}");
        let queues = "queued 0 + [0 0], 0 ready behind busy Ms";
        assert!(at_rest.ends_with(queues), "{at_rest}");
    }
}
