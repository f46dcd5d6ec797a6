//! The report of a deadlock (L12): what it says, and when it does not come.
//!
//! The parts run in processes of their own. A test program has threads of its own as well, so the
//! runtimes here are told that those wake nobody; `deadlock_auto.rs` is a program without.

mod common;
#[allow(dead_code, reason = "the other test files use the rest")]
mod own;

use std::hint::black_box;
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::Kind;
use common::child::{in_children, succeeds};
use common::late::{wait_for_a_handle, wait_for_a_waker};
use g0_sched::{
    Barrier, Condvar, Deadlock, Mutex, Once, RunError, Runtime, RwLock, Semaphore, WaitGroup,
    block_on, channel, current, go, go_named, goexit, lock_os_thread, park, scope, select, sleep,
    yield_now,
};

/// Runs `main`, whose threads wake nobody.
fn run(kind: Kind, procs: usize, main: impl FnOnce() + Send) {
    let runtime = kind.build(Runtime::builder().procs(procs).deadlock(Deadlock::Report));
    match runtime.run(main) {
        Ok(()) | Err(RunError::Goexit) => {}
        Err(error) => panic!("{error}"),
    }
}

/// The report without what differs from run to run: numbers of goroutines, times, places.
fn plain(said: &str) -> String {
    let mut out = String::new();
    for line in said.lines() {
        let mut digits = false;
        let keep = !line.starts_with("goroutine ");
        for c in line.chars() {
            if c.is_ascii_digit() && !keep {
                if !digits {
                    out.push('#');
                }
                digits = true;
            } else {
                out.push(c);
                digits = false;
            }
        }
        out.push('\n');
    }
    out
}

/// The child has reported `lines` below the reason, and nothing else.
fn reports(lines: &[&str]) -> impl Fn(Kind, usize, &Output, &str) {
    let reason = "fatal error: deadlock: all goroutines wait for ever\n";
    reports_that(reason, lines)
}

fn reports_that(reason: &str, lines: &[&str]) -> impl Fn(Kind, usize, &Output, &str) {
    let here = "sched/tests/deadlock.rs:#:#";
    let lines: String = lines.iter().map(|line| format!("goroutine # {line}{here}\n")).collect();
    let expected = format!("{reason}{lines}").replace("# ,", "#,");
    move |kind, procs, out, said| {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(plain(said), expected, "{kind:?} with {procs} procs");
        assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{kind:?} with {procs} procs");
    }
}

#[test]
fn main_that_receives_from_itself_is_reported() {
    in_children(
        "main_that_receives_from_itself_is_reported",
        |kind, procs| {
            run(kind, procs, || {
                let (_tx, rx) = channel::<u8>(0);
                let _ = rx.recv();
            });
        },
        reports(&["(main), waits for # ms: channel receive, started at "]),
    );
}

#[test]
fn two_mutexes_crossed_are_reported() {
    in_children(
        "two_mutexes_crossed_are_reported",
        |kind, procs| {
            run(kind, procs, || {
                let both = Arc::new((Mutex::new(()), Mutex::new(())));
                let (other, met) = (both.clone(), Arc::new(Barrier::new(2)));
                let meet = met.clone();
                let one = go_named("crossing", move || {
                    let _second = other.1.lock();
                    meet.wait();
                    let _first = other.0.lock();
                });
                let _first = both.0.lock();
                met.wait();
                let _second = both.1.lock();
                let _ = one.join();
            });
        },
        reports(&[
            "(main), waits for # ms: mutex, started at ",
            "(crossing), waits for # ms: mutex, started at ",
        ]),
    );
}

/// Its last M looks itself, for nobody watches.
#[test]
fn a_scheduler_of_another_platform_reports_to_its_platform() {
    in_children(
        "a_scheduler_of_another_platform_reports_to_its_platform",
        |kind, procs| {
            let symmetric = kind.fences == g0_sched::Fences::Symmetric;
            let scheduler =
                own::scheduler_that(Deadlock::Report, procs, kind.threads.mobility(), symmetric);
            let ended = scheduler.run(|| {
                // Timers, threads and locked goroutines come and go before.
                for _ in 0..20 {
                    own::rt::go(|| own::rt::sleep(Duration::from_micros(100))).join().unwrap();
                    let locked = own::rt::go(|| {
                        own::rt::lock_os_thread();
                        own::rt::sleep(Duration::from_micros(100));
                    });
                    locked.join().unwrap();
                }
                own::rt::park();
            });
            unreachable!("{:?}", ended.map(|ended| ended.left_behind));
        },
        |kind, procs, _, said| {
            let expected = "fatal error: deadlock: all goroutines wait for ever\n";
            assert_eq!(said, expected, "{kind:?} with {procs} procs");
        },
    );
}

#[test]
fn a_select_without_cases_is_reported() {
    in_children(
        "a_select_without_cases_is_reported",
        |kind, procs| run(kind, procs, || select! {}),
        reports(&["(main), waits for # ms: select without cases, started at "]),
    );
}

#[test]
fn a_wait_group_that_is_never_done_is_reported() {
    in_children(
        "a_wait_group_that_is_never_done_is_reported",
        |kind, procs| {
            run(kind, procs, || {
                let group = WaitGroup::new();
                group.add(1);
                group.wait();
            });
        },
        reports(&["(main), waits for # ms: wait group, started at "]),
    );
}

#[test]
fn what_is_left_when_main_has_gone_is_reported() {
    in_children(
        "what_is_left_when_main_has_gone_is_reported",
        |kind, procs| {
            run(kind, procs, || {
                drop(go(|| {
                    let (tx, _rx) = channel(0);
                    let _ = tx.send(1);
                }));
                goexit()
            });
        },
        reports_that(
            "fatal error: deadlock: main has called goexit, and all other goroutines wait for ever\n",
            &[", waits for # ms: channel send, started at "],
        ),
    );
}

#[test]
fn each_goroutine_says_what_it_waits_for() {
    in_children(
        "each_goroutine_says_what_it_waits_for",
        |kind, procs| {
            run(kind, procs, || {
                let mutex = Arc::new(Mutex::new(()));
                let lock = Arc::new(RwLock::new(()));
                let read = lock.read();
                let other = lock.clone();
                drop(go(move || drop(other.write())));
                yield_now();
                sleep(Duration::from_millis(20));
                let other = lock.clone();
                drop(go(move || drop(other.read())));
                drop(go(move || {
                    let guard = mutex.lock().unwrap();
                    drop(Condvar::new().wait(guard));
                }));
                drop(go(|| drop(Semaphore::new(0).acquire())));
                drop(go(|| {
                    static ONCE: Once = Once::new();
                    drop(go(|| ONCE.call_once(park)));
                    sleep(Duration::from_millis(20));
                    ONCE.wait();
                }));
                drop(go(|| {
                    Barrier::new(2).wait();
                }));
                drop(go(|| block_on(std::future::pending::<()>())));
                drop(go(|| {
                    let (tx, rx) = channel::<u8>(0);
                    select! { recv(rx) -> _ => {}, send(tx, 1) -> _ => {} }
                }));
                drop(go(|| {
                    lock_os_thread();
                    scope(|s| drop(s.go(park)));
                }));
                let _ = go(park).join();
                drop(read);
            });
        },
        |kind, procs, _, said| {
            let mut reasons: Vec<_> = said
                .lines()
                .skip(1)
                .map(|line| line.split(": ").nth(1).and_then(|rest| rest.split(',').next()))
                .map(|reason| reason.unwrap_or("?"))
                .collect();
            reasons.sort_unstable();
            let expected = [
                "barrier",
                "condition variable",
                "future",
                "join",
                "once",
                "park",
                "park",
                "park",
                "read lock",
                "scope",
                "select",
                "semaphore",
                "write lock",
            ];
            assert_eq!(reasons, expected, "{kind:?} with {procs} procs: {said}");
        },
    );
}

#[test]
fn a_long_report_is_cut() {
    in_children(
        "a_long_report_is_cut",
        |kind, procs| {
            run(kind, procs, || {
                for _ in 0..149 {
                    drop(go(park));
                }
                park();
            });
        },
        |kind, procs, _, said| {
            assert_eq!(said.lines().count(), 102, "{kind:?} with {procs} procs: {said}");
            assert!(said.ends_with("and 50 more goroutines\n"), "{said}");
        },
    );
}

#[test]
fn a_wait_that_lasted_is_told() {
    in_children(
        "a_wait_that_lasted_is_told",
        |kind, procs| {
            run(kind, procs, || {
                drop(go(park));
                sleep(Duration::from_millis(600));
                park();
            });
        },
        |_, _, _, said| {
            let waited: Vec<u32> = said
                .lines()
                .filter_map(|line| line.split("waits for ").nth(1)?.split(' ').next()?.parse().ok())
                .collect();
            assert_eq!(waited.len(), 2, "{said}");
            assert!(waited[0] < 400 && waited[1] >= 400, "{said}");
        },
    );
}

#[test]
fn l12_a_timer_that_was_disarmed_does_not_put_the_report_off() {
    const LONG: Duration = Duration::from_secs(3600);
    in_children(
        "l12_a_timer_that_was_disarmed_does_not_put_the_report_off",
        |kind, procs| {
            run(kind, procs, || {
                let mutex = Mutex::new(());
                let semaphore = Semaphore::new(1);
                for late in [false, true] {
                    let (tx, rx) = channel::<u8>(0);
                    let sender = go(move || {
                        // On another P, if there is one; or before the receiver waits.
                        if late {
                            sleep(Duration::from_millis(1));
                        }
                        for _ in 0..2 {
                            tx.send(1).unwrap();
                        }
                    });
                    assert_eq!(rx.recv_timeout(LONG), Ok(1));
                    select! {
                        recv(rx) -> value => assert_eq!(value, Ok(1)),
                        default(LONG) => panic!("an hour has passed"),
                    }
                    sender.join().unwrap();
                    drop(mutex.try_lock_for(LONG).unwrap());
                    drop(semaphore.acquire_timeout(LONG).unwrap());
                }
                let (_tx, rx) = channel::<u8>(0);
                let _ = rx.recv();
            });
        },
        reports(&["(main), waits for # ms: channel receive, started at "]),
    );
}

/// The parts below come to their end; each is idle for a while on the way.
const NAP: Duration = Duration::from_millis(150);

#[test]
fn who_sleeps_is_not_dead() {
    in_children(
        "who_sleeps_is_not_dead",
        |kind, procs| {
            run(kind, procs, || {
                let sleeper = go(|| sleep(NAP));
                sleeper.join().unwrap();
                let (_tx, rx) = channel::<u8>(0);
                assert!(rx.recv_timeout(NAP).is_err());
            });
        },
        succeeds,
    );
}

#[test]
fn l12_who_was_evicted_is_not_dead() {
    in_children(
        "l12_who_was_evicted_is_not_dead",
        |kind, procs| {
            run(kind, procs, || {
                let loops: Vec<_> = (0..procs)
                    .map(|_| {
                        go(|| {
                            let start = Instant::now();
                            while start.elapsed() < NAP {
                                black_box(());
                            }
                        })
                    })
                    .collect();
                loops.into_iter().for_each(|one| one.join().unwrap());
            });
        },
        succeeds,
    );
}

#[test]
fn who_blocks_its_thread_is_not_dead() {
    in_children(
        "who_blocks_its_thread_is_not_dead",
        |kind, procs| {
            run(kind, procs, || {
                let blocked = go(|| std::thread::sleep(NAP));
                // Work that takes the thread's P away.
                (0..20).for_each(|_| sleep(Duration::from_millis(1)));
                blocked.join().unwrap();
            });
        },
        succeeds,
    );
}

#[test]
fn locked_goroutines_that_hand_over_are_not_dead() {
    in_children(
        "locked_goroutines_that_hand_over_are_not_dead",
        |kind, procs| {
            run(kind, procs, || {
                let (tx, rx) = channel(0);
                let one = go(move || {
                    lock_os_thread();
                    for i in 0..2000 {
                        tx.send(i).unwrap();
                    }
                    sleep(NAP);
                    // Its thread ends with it.
                });
                lock_os_thread();
                assert_eq!(rx.iter().count(), 2000);
                one.join().unwrap();
            });
        },
        succeeds,
    );
}

#[test]
fn who_can_be_woken_by_a_waker_is_not_dead() {
    in_children(
        "who_can_be_woken_by_a_waker_is_not_dead",
        |kind, procs| {
            run(kind, procs, || {
                wait_for_a_waker(NAP);
                wait_for_a_handle(NAP);
            });
        },
        succeeds,
    );
}

#[test]
fn a_handle_does_not_hide_who_waits_for_something_else() {
    in_children(
        "a_handle_does_not_hide_who_waits_for_something_else",
        |kind, procs| {
            run(kind, procs, || {
                let _me = current();
                let (_tx, rx) = channel::<u8>(0);
                let _ = rx.recv();
            });
        },
        reports(&["(main), waits for # ms: channel receive, started at "]),
    );
}

#[test]
fn who_ignores_deadlocks_waits_on() {
    in_children(
        "who_ignores_deadlocks_waits_on",
        |kind, procs| {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(500));
                std::process::exit(0);
            });
            let builder = Runtime::builder().procs(procs).deadlock(Deadlock::Ignore);
            let _ = kind.build(builder).run(park);
        },
        succeeds,
    );
}
