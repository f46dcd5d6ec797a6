//! Threads and the goroutines that are locked to them, as the kernel sees them.

mod common;

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use common::child::{in_children, status_bytes, succeeds, threads};
use common::{KINDS, on_each_kind, on_every_runtime, tid, yield_until};
use g0_sched::{
    Runtime, channel, go, lock_os_thread, os_thread_locked, procs, set_procs, sleep, stats,
    unlock_os_thread, yield_now,
};

const ALONE: &str = "G0_TEST_BEFORE_MAIN";

/// Runs before `main`, on the program's first thread: as Go's `init` functions do.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    let Ok(kind) = std::env::var(ALONE) else { return };
    // SAFETY: the process is to be ended if it hangs.
    unsafe { libc::alarm(60) };
    let builder = Runtime::builder().procs(2).lock_main_thread();
    let kind = KINDS.into_iter().find(|one| format!("{:?}", one.threads) == kind).expect("a kind");
    let first = || assert_eq!(tid() as u32, std::process::id(), "main left the first thread");
    kind.build(builder)
        .run(|| {
            first();
            let others: Vec<_> = (0..10)
                .map(|_| {
                    go(|| {
                        for _ in 0..50 {
                            yield_now();
                            assert_ne!(tid() as u32, std::process::id(), "on main's thread");
                        }
                    })
                })
                .collect();
            for _ in 0..50 {
                yield_now();
                first();
                sleep(Duration::from_micros(50));
                first();
            }
            others.into_iter().for_each(|other| other.join().unwrap());
            first();
        })
        .unwrap();
    std::process::exit(0);
}

#[test]
fn a_main_goroutine_locked_before_main_stays_on_the_first_thread_of_the_process() {
    for kind in ["Exclusive", "Pinned", "Migrating"] {
        let program = std::env::current_exe().expect("a test program");
        let out = Command::new(program).env(ALONE, kind).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success() && out.stdout.is_empty(), "{kind}: {:?}: {said}", out.status);
    }
}

#[test]
fn the_thread_that_calls_run_runs_main_alone_also_after_main_has_unlocked_it() {
    on_each_kind(|kind, procs| {
        let here = tid();
        kind.build(Runtime::builder().procs(procs).lock_main_thread())
            .run(move || {
                assert_eq!(tid(), here);
                unlock_os_thread();
                assert!(!os_thread_locked());
                let others: Vec<_> = (0..50)
                    .map(|_| {
                        go(move || {
                            for _ in 0..20 {
                                assert_ne!(tid(), here, "on main's thread");
                                yield_now();
                            }
                        })
                    })
                    .collect();
                others.into_iter().for_each(|other| other.join().unwrap());
                assert_eq!(tid(), here);
            })
            .unwrap();
    });
}

/// What only this thread sees from now on: a working directory of its own.
fn leave_the_others_directory() {
    // SAFETY: the path ends, and the call concerns this thread alone.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_FS), 0);
        assert_eq!(libc::chdir(c"/proc".as_ptr()), 0);
    }
}

#[test]
fn l10_what_a_locked_goroutine_did_to_its_thread_reaches_no_new_thread() {
    in_children(
        "l10_what_a_locked_goroutine_did_to_its_thread_reaches_no_new_thread",
        |kind, procs| {
            let home = std::env::current_dir().unwrap();
            assert_ne!(home.to_str(), Some("/proc"));
            kind.with_procs(procs)
                .run(|| {
                    let (end, ended) = channel::<()>(0);
                    let strange: Vec<_> = (0..4)
                        .map(|i| {
                            let ended = ended.clone();
                            go(move || {
                                lock_os_thread();
                                leave_the_others_directory();
                                // Some end at once and take their threads along, where those end.
                                if i % 2 == 0 || kind.is_pinned() {
                                    let _ = ended.recv();
                                }
                                assert_eq!(
                                    std::env::current_dir().unwrap().to_str(),
                                    Some("/proc")
                                );
                            })
                        })
                        .collect();
                    // Each wants a thread for itself, so new ones are needed.
                    let (tx, rx) = channel(0);
                    let others: Vec<_> = (0..8)
                        .map(|_| {
                            let (tx, ended) = (tx.clone(), ended.clone());
                            go(move || {
                                lock_os_thread();
                                yield_now();
                                tx.send(std::env::current_dir().unwrap()).unwrap();
                                let _ = ended.recv();
                                unlock_os_thread();
                            })
                        })
                        .collect();
                    for _ in 0..8 {
                        assert_eq!(rx.recv().unwrap(), home);
                    }
                    drop(end);
                    others.into_iter().chain(strange).for_each(|one| one.join().unwrap());
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn l10_two_who_lock_at_once_while_procs_changes_both_get_on() {
    on_each_kind(|kind, _| {
        for _ in 0..10 {
            // Anew each time: threads of a locked goroutine's come from one that is there already.
            kind.build(Runtime::builder().procs(2).max_procs(3))
                .run(|| {
                    let both: Vec<_> = (0..2)
                        .map(|_| {
                            go(|| {
                                for _ in 0..10 {
                                    lock_os_thread();
                                    yield_now();
                                    unlock_os_thread();
                                }
                            })
                        })
                        .collect();
                    for i in 0..20 {
                        set_procs(i % 3 + 1).unwrap();
                        yield_now();
                    }
                    both.into_iter().for_each(|one| one.join().unwrap());
                })
                .unwrap();
        }
    });
}

#[test]
fn l9_threads_that_end_locked_leave_nothing_behind() {
    in_children(
        "l9_threads_that_end_locked_leave_nothing_behind",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    let many_end = |n: usize| {
                        for _ in 0..n {
                            go(lock_os_thread).join().unwrap();
                        }
                    };
                    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
                    let mappings =
                        || std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
                    many_end(200);
                    // Main's, the watcher, this test's and its own, one on its way in and one out.
                    let few = || yield_until("the threads end", || threads() <= 8);
                    few();
                    let before = (status_bytes("VmRSS"), mappings(), open());
                    many_end(1000);
                    few();
                    // Not a page for each; the C library keeps some stacks and heaps.
                    let more = status_bytes("VmRSS").saturating_sub(before.0);
                    assert!(more < 3 << 20, "{} KiB more after 1000 threads", more >> 10);
                    let more = mappings().saturating_sub(before.1);
                    assert!(more < 100, "{more} mappings more after 1000 threads");
                    assert_eq!(open(), before.2);
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn a_locked_goroutine_may_yield_sleep_and_end_without_unlocking() {
    on_every_runtime(2, || {
        for _ in 0..10 {
            let locked = go(|| {
                lock_os_thread();
                let mine = tid();
                for _ in 0..10 {
                    yield_now();
                    assert_eq!(tid(), mine);
                    sleep(Duration::from_micros(100));
                    assert_eq!(tid(), mine);
                }
            });
            locked.join().unwrap();
        }
    });
}

#[test]
fn l9_no_proc_is_lost_to_a_thread_that_ends_while_procs_changes() {
    on_each_kind(|kind, _| {
        kind.build(Runtime::builder().procs(2).max_procs(4))
            .run(|| {
                let over = Arc::new(AtomicBool::new(false));
                let seen = over.clone();
                let changing = go(move || {
                    let mut n = 0usize;
                    while !seen.load(Ordering::SeqCst) {
                        n = n.wrapping_mul(31).wrapping_add(7);
                        set_procs(n % 4 + 1).unwrap();
                        yield_now();
                    }
                    set_procs(4).unwrap();
                });
                for _ in 0..20 {
                    let all: Vec<_> = (0..10)
                        .map(|_| {
                            go(|| {
                                lock_os_thread();
                                yield_now();
                            })
                        })
                        .collect();
                    all.into_iter().for_each(|one| one.join().unwrap());
                }
                over.store(true, Ordering::SeqCst);
                changing.join().unwrap();
                assert_eq!(procs(), 4);
                // All four are there: four run at a time.
                let arrived = Arc::new(AtomicUsize::new(0));
                let four: Vec<_> = (0..4)
                    .map(|_| {
                        let arrived = arrived.clone();
                        go(move || {
                            arrived.fetch_add(1, Ordering::SeqCst);
                            while arrived.load(Ordering::SeqCst) < 4 {
                                std::thread::yield_now();
                            }
                        })
                    })
                    .collect();
                four.into_iter().for_each(|one| one.join().unwrap());
                let stats = stats().unwrap();
                assert_eq!((stats.procs.busy + stats.procs.idle, stats.procs.retired), (4, 0));
            })
            .unwrap();
    });
}

/// A goroutine that gives values one by one, and one that takes them. Each is locked from the
/// beginning, from the middle on, or never; or until the middle.
#[test]
fn l1_either_side_of_a_generator_may_be_locked_from_any_time_on() {
    /// Whether one is locked before value 5, and whether afterwards.
    const WAYS: [[bool; 2]; 4] = [[false, false], [true, true], [false, true], [true, false]];
    /// Locks as `way` says, and asserts that the thread stays while it is locked.
    fn step(way: [bool; 2], at: u32, mine: &mut i32) {
        if at == 0 && way[0] || at == 5 && !way[0] && way[1] {
            lock_os_thread();
            *mine = tid();
        }
        if at == 5 && way[0] && !way[1] {
            unlock_os_thread();
            *mine = 0;
        }
        assert!(*mine == 0 || *mine == tid(), "locked, and on another thread");
    }
    on_every_runtime(2, || {
        for (give, take) in WAYS.iter().flat_map(|&g| WAYS.map(|t| (g, t))) {
            let (tx, rx) = channel::<u32>(0);
            let taken = go(move || {
                let generator = go(move || {
                    let mut mine = 0;
                    for i in 0..10 {
                        step(give, i, &mut mine);
                        tx.send(i).unwrap();
                    }
                    if give[1] {
                        unlock_os_thread();
                    }
                    os_thread_locked()
                });
                let (mut mine, mut sum) = (0, 0);
                for (at, value) in (0..).zip(rx.iter()) {
                    step(take, at, &mut mine);
                    sum += value;
                }
                assert!(!generator.join().unwrap());
                assert_eq!(os_thread_locked(), take[1]);
                if take[1] {
                    unlock_os_thread();
                }
                sum
            });
            assert_eq!(taken.join().unwrap(), 45, "given {give:?}, taken {take:?}");
        }
    });
}

/// The thread on which the last signal came.
static CAME_ON: AtomicI32 = AtomicI32::new(0);

/// `SIGUSR2` notes where it comes; what it interrupts is not gone on with by the kernel.
fn note_signals() {
    extern "C" fn note(_: libc::c_int) {
        CAME_ON.store(tid(), Ordering::SeqCst);
    }
    // SAFETY: the handler does what handlers may; the mask is empty, as zeroes are.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// Signals one thread of this process; one that has ended gets none.
fn signal(thread: i32) {
    // SAFETY: no memory is passed.
    unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), thread, libc::SIGUSR2) };
}

#[test]
fn a_signal_to_a_locked_goroutines_thread_arrives_there() {
    in_children(
        "a_signal_to_a_locked_goroutines_thread_arrives_there",
        |kind, procs| {
            note_signals();
            kind.with_procs(procs)
                .run(|| {
                    let (tx, rx) = channel(0);
                    let (end, ended) = channel::<()>(0);
                    let locked: Vec<_> = (0..3)
                        .map(|_| {
                            let (tx, ended) = (tx.clone(), ended.clone());
                            go(move || {
                                lock_os_thread();
                                tx.send(tid()).unwrap();
                                let _ = ended.recv();
                                unlock_os_thread();
                            })
                        })
                        .collect();
                    let all: HashSet<i32> = (0..3).map(|_| rx.recv().unwrap()).collect();
                    for _ in 0..20 {
                        for &thread in &all {
                            CAME_ON.store(0, Ordering::SeqCst);
                            signal(thread);
                            yield_until("it comes", || CAME_ON.load(Ordering::SeqCst) != 0);
                            assert_eq!(CAME_ON.load(Ordering::SeqCst), thread);
                        }
                    }
                    drop(end);
                    locked.into_iter().for_each(|one| one.join().unwrap());
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn signals_that_end_waits_early_do_not_lengthen_sleeps() {
    const NAP: Duration = Duration::from_millis(20);
    in_children(
        "signals_that_end_waits_early_do_not_lengthen_sleeps",
        |kind, procs| {
            note_signals();
            let over = Arc::new(AtomicBool::new(false));
            let seen = over.clone();
            let pest = std::thread::spawn(move || {
                // Ten times within a sleep: one that began anew each time would never end.
                while !seen.load(Ordering::SeqCst) {
                    for task in std::fs::read_dir("/proc/self/task").unwrap() {
                        let thread = task.unwrap().file_name().to_str().unwrap().parse().unwrap();
                        if thread != tid() {
                            signal(thread);
                        }
                    }
                    std::thread::sleep(NAP / 10);
                }
            });
            kind.with_procs(procs)
                .run(|| {
                    let all: Vec<_> = (0..4)
                        .map(|i| {
                            go(move || {
                                for _ in 0..5 {
                                    let start = std::time::Instant::now();
                                    if i % 2 == 0 {
                                        sleep(NAP);
                                    } else {
                                        let (_tx, rx) = channel::<u8>(0);
                                        assert!(rx.recv_timeout(NAP).is_err());
                                    }
                                    assert!(start.elapsed() >= NAP, "early");
                                }
                            })
                        })
                        .collect();
                    all.into_iter().for_each(|one| one.join().unwrap());
                    assert_ne!(CAME_ON.load(Ordering::SeqCst), 0);
                })
                .unwrap();
            over.store(true, Ordering::SeqCst);
            pest.join().unwrap();
        },
        succeeds,
    );
}
