//! Foreign calls as they are seen from outside: in the statistics, and in the look for deadlocks.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use common::child::{in_children, succeeds};
use common::{Kind, on_each_kind};
use g0_cgo::{call, call_blocking, callback};
use g0_sched::{Deadlock, Runtime, go, park, sleep, stats, yield_now};

/// Sleeps in the kernel, as C may.
fn c_sleep(time: Duration) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: time.as_nanos() as libc::c_long };
    // SAFETY: the structure is there; how much was left is not asked.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

/// C that calls back.
extern "C" fn c_calls_back(back: extern "C" fn()) {
    back();
}

const NAP: Duration = Duration::from_millis(150);

/// Runs `main`, whose threads wake no other thread.
fn run(kind: Kind, procs: usize, main: fn()) {
    let runtime = kind.build(Runtime::builder().procs(procs).deadlock(Deadlock::Report));
    runtime.run(main).expect("main returns");
}

#[test]
fn calls_and_callbacks_are_counted() {
    extern "C" fn back() {
        callback((), yield_now);
    }
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run(|| {
            let before = stats().expect("a goroutine asks");
            (0..10).for_each(|_| call(|| c_calls_back(back)));
            (0..5).for_each(|_| call_blocking(|| c_sleep(Duration::from_micros(1))));
            let after = stats().expect("a goroutine asks");
            assert_eq!(after.foreign_calls - before.foreign_calls, 15);
            assert_eq!(after.callbacks - before.callbacks, 10);
        });
        ended.expect("main returns");
    });
}

#[test]
fn who_is_in_foreign_code_is_counted_there() {
    on_each_kind(|kind, procs| {
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        // From a thread: main may be bound to one of those that are away.
        let watching = std::thread::spawn(move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(30) {
                let stats = watch.stats();
                if (stats.goroutines.foreign, stats.machines.foreign) == (3, 3) {
                    return true;
                }
            }
            false
        });
        let ended = runtime.run(|| {
            let all: Vec<_> = (0..3).map(|_| go(|| call_blocking(|| c_sleep(4 * NAP)))).collect();
            all.into_iter().for_each(|one| one.join().unwrap());
            let now = stats().expect("a goroutine asks");
            assert_eq!((now.machines.foreign, now.goroutines.foreign), (0, 0), "{now}");
        });
        ended.expect("main returns");
        assert!(watching.join().expect("the thread ends"), "never three in foreign code");
    });
}

#[test]
fn l12_who_is_in_foreign_code_is_not_dead() {
    in_children(
        "l12_who_is_in_foreign_code_is_not_dead",
        |kind, procs| {
            run(kind, procs, || {
                go(|| call_blocking(|| c_sleep(NAP))).join().unwrap();
                go(|| call(|| c_sleep(NAP))).join().unwrap();
                // Its P goes to the one that works meanwhile, and is idle after that.
                let slow = go(|| call(|| c_sleep(2 * NAP)));
                go(|| (0..30).for_each(|_| sleep(Duration::from_millis(1)))).join().unwrap();
                slow.join().unwrap();
            });
        },
        succeeds,
    );
}

#[test]
fn l12_a_callback_that_sleeps_or_blocks_is_not_dead() {
    extern "C" fn back() {
        callback((), || {
            sleep(NAP);
            call(|| c_sleep(NAP));
            go(|| sleep(NAP)).join().unwrap();
        });
    }
    in_children(
        "l12_a_callback_that_sleeps_or_blocks_is_not_dead",
        |kind, procs| run(kind, procs, || go(|| call(|| c_calls_back(back))).join().unwrap()),
        succeeds,
    );
}

#[test]
fn a_deadlock_below_frames_of_c_is_reported() {
    extern "C" fn back() {
        callback((), park);
    }
    in_children(
        "a_deadlock_below_frames_of_c_is_reported",
        |kind, procs| run(kind, procs, || go(|| call(|| c_calls_back(back))).join().unwrap()),
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {said}");
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
            assert!(said.starts_with("fatal error: deadlock: all goroutines wait for ever\n"));
            // An emulator has a word to say too.
            assert_eq!(
                said.lines().filter(|line| !line.starts_with("qemu: ")).count(),
                3,
                "{what}"
            );
            assert!(said.contains(" ms: join, ") && said.contains(" ms: park, "), "{what}");
        },
    );
}
