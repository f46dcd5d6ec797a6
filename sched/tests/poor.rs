//! A machine that refuses threads, for good or for a while, and one with a single CPU: work goes on
//! with what there is.

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::child::{in_children, succeeds, threads};
use common::{Exclusive, Pinned, SCHEDULERS, Threads, bounded, tid};
use g0_sched::generic::{Receiver, Sender, channel};
use g0_sched::port::{Machines, Unwinding};
use g0_sched::{Config, Core, Error, M, More, Parker, Platform, RunError, Scheduler, StartError};
use own::{Own, as_own};

/// std's threads, as many as the tests allow.
#[derive(Debug)]
enum Poor {}

mod rt {
    g0_sched::platform!(super::Poor);
}

/// So many threads are refused from now on.
static REFUSE: AtomicUsize = AtomicUsize::new(0);
/// Threads that were refused, and that were started.
static REFUSED: AtomicUsize = AtomicUsize::new(0);
static STARTED: AtomicUsize = AtomicUsize::new(0);
static CPUS: AtomicUsize = AtomicUsize::new(2);
/// Whether there is another M when all are used.
static MORE: AtomicBool = AtomicBool::new(true);
/// How often the clock was read by an M.
static CLOCK_READS: AtomicU64 = AtomicU64::new(0);
const ALL: usize = usize::MAX;

// SAFETY: all that a platform promises is `Own`'s.
unsafe impl Platform for Poor {
    type Unwind = g0_defer::Rust;

    as_own!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        let less = |n: usize| if n == ALL { Some(n) } else { n.checked_sub(1) };
        if REFUSE.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            REFUSED.fetch_add(1, Ordering::SeqCst);
            return Err(StartError::NoThread);
        }
        STARTED.fetch_add(1, Ordering::SeqCst);
        own::thread::<Self>(m)
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        // SAFETY: the caller ensures the same.
        unsafe { Own::park(parker, deadline) }
    }

    fn now() -> u64 {
        if !Self::current().is_null() {
            CLOCK_READS.fetch_add(1, Ordering::Relaxed);
        }
        Own::now()
    }
}

impl Machines for Poor {
    const WATCHED: bool = true;

    unsafe fn watch(core: &'static Core) -> Result<(), StartError> {
        // SAFETY: as the caller ensures, on a thread of its own.
        std::thread::spawn(move || unsafe { g0_sched::sysmon::<Self>(core) });
        Ok(())
    }

    fn cpus() -> usize {
        CPUS.load(Ordering::Relaxed)
    }
}

impl Unwinding for Poor {
    const UNWINDS: bool = true;

    unsafe fn throw_goexit() {
        // SAFETY: the caller ensures the same.
        unsafe { Own::throw_goexit() };
    }
}

g0_sched::default_parts!(Poor: ForeignCode, Interrupts, Reports);

/// One test at a time has the machine.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs `main`, which is told the kind, on schedulers of each kind with one P and with two, on a machine
/// that refuses no thread yet.
fn on_every_scheduler(main: impl Fn(Threads) + Clone + Send + Sync + 'static) {
    on_schedulers_with(0, true, main);
}

/// As [`on_every_scheduler`], with so many Ms, and more if need be.
fn on_schedulers_with(
    machines: usize,
    more: bool,
    main: impl Fn(Threads) + Clone + Send + Sync + 'static,
) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    own::register();
    for (threads, symmetric, procs) in SCHEDULERS {
        if !more && threads == Exclusive {
            continue; // What has not started may wait for ever there.
        }
        for count in [&REFUSE, &REFUSED, &STARTED] {
            count.store(0, Ordering::SeqCst);
        }
        CPUS.store(2, Ordering::SeqCst);
        MORE.store(more, Ordering::SeqCst);
        let main = main.clone();
        let what = format!("{threads:?}, symmetric {symmetric}, {procs} procs");
        println!("{what}");
        bounded(&what, move || {
            let scheduler: &'static Scheduler<Poor> = Box::leak(Box::new(Scheduler::new(Config {
                machines: Box::leak((0..machines).map(|_| M::new()).collect()),
                // SAFETY: it only allocates.
                more: unsafe {
                    More::by(|| match MORE.load(Ordering::SeqCst) {
                        true => Some(Box::leak(Box::new(M::new()))),
                        false => None,
                    })
                },
                ..own::config(procs, threads.mobility(), symmetric)
            })));
            let ended = scheduler.run(|| main(threads)).unwrap();
            if let Err(payload) = ended.result.expect("main did not call goexit") {
                std::panic::resume_unwind(payload);
            }
            assert_eq!(ended.left_behind, 0);
        });
    }
}

/// Goroutines, channels, sleeps, and a thread.
fn some_work() {
    let (tx, rx): (Sender<u64, Poor>, Receiver<u64, Poor>) = channel(0);
    let senders: Vec<_> = (0..20)
        .map(|i| {
            let tx = tx.clone();
            rt::go(move || {
                rt::sleep(Duration::from_micros(50 * i));
                tx.send(i).unwrap();
                rt::yield_now();
            })
        })
        .collect();
    let thread = std::thread::spawn(move || tx.send(20).unwrap());
    assert_eq!((0..21).map(|_| rx.recv().unwrap()).sum::<u64>(), 210);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    thread.join().unwrap();
}

#[test]
fn where_threads_are_refused_work_goes_on_with_those_there_are() {
    on_every_scheduler(|kind| {
        if kind == Exclusive {
            return; // What has not started waits for a thread, here for ever.
        }
        REFUSE.store(ALL, Ordering::SeqCst);
        let before = STARTED.load(Ordering::SeqCst);
        some_work();
        let there: HashSet<_> = (0..10).map(|_| rt::go(tid).join().unwrap()).collect();
        assert!(there.len() <= 1 + before, "main's and what was started before");
        assert_eq!(STARTED.load(Ordering::SeqCst), before);
    });
}

/// Main is ready before the calling thread works, and whoever starts it could take the only M: then
/// `run` would return while main runs, and what main borrows would be gone.
#[test]
fn a_run_with_a_single_m_has_it_on_the_calling_thread() {
    on_schedulers_with(1, false, |_| {
        some_work();
        assert_eq!(STARTED.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn with_two_threads_and_never_more_those_who_block_them_are_waited_for() {
    on_schedulers_with(2, false, |_| {
        // More than there are threads block theirs, or keep them.
        let all: Vec<_> = (0..6)
            .map(|i| {
                rt::go(move || {
                    if i % 2 == 0 {
                        rt::lock_os_thread();
                        rt::yield_now();
                        rt::unlock_os_thread();
                    }
                    std::thread::sleep(Duration::from_millis(2));
                })
            })
            .collect();
        some_work();
        all.into_iter().for_each(|one| one.join().unwrap());
        assert!(STARTED.load(Ordering::SeqCst) <= 1, "main's thread and another");
    });
}

#[test]
fn threads_that_are_refused_for_a_while_come_later() {
    on_every_scheduler(|kind| {
        REFUSE.store(3, Ordering::SeqCst);
        // Each needs a thread of its own, but on the pinned one, where they may share one.
        let (tx, rx) = channel::<i32, Poor>(0);
        let (end, ended) = channel::<(), Poor>(0);
        rt::lock_os_thread();
        let all: Vec<_> = (0..3)
            .map(|_| {
                let (tx, ended) = (tx.clone(), ended.clone());
                rt::go(move || {
                    rt::lock_os_thread();
                    tx.send(tid()).unwrap();
                    let _ = ended.recv();
                    rt::unlock_os_thread();
                })
            })
            .collect();
        let mut there: HashSet<i32> = (0..3).map(|_| rx.recv().unwrap()).collect();
        there.insert(tid());
        if kind != Pinned {
            assert_eq!(there.len(), 4, "L2: one thread, two locks");
            assert_eq!(REFUSED.load(Ordering::SeqCst), 3);
        }
        drop(end);
        all.into_iter().for_each(|one| one.join().unwrap());
        rt::unlock_os_thread();
        some_work();
    });
}

#[test]
fn l9_when_the_last_thread_has_ended_locked_a_new_one_is_asked_for_until_it_comes() {
    on_every_scheduler(|kind| {
        // Each takes its thread with it, until none is left that there was before.
        let gone: HashSet<_> = (0..4)
            .map(|_| {
                REFUSE.store(2, Ordering::SeqCst);
                let ends = rt::go(|| {
                    rt::lock_os_thread();
                    tid()
                });
                ends.join().unwrap()
            })
            .collect();
        if kind != Pinned {
            assert_eq!(gone.len(), 4, "L9: a goroutine on a thread that another has ended");
            assert!(!gone.contains(&tid()));
            assert!(REFUSED.load(Ordering::SeqCst) >= 2, "five threads came without a refusal");
        }
        some_work();
    });
}

/// How often an M reads the clock while the locked main goroutine waits for somebody outside.
fn reads_of_a_wait() -> u64 {
    let (tx, rx) = channel::<(), Poor>(0);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(3));
        tx.send(()).unwrap();
    });
    let before = CLOCK_READS.load(Ordering::Relaxed);
    rx.recv().unwrap();
    let reads = CLOCK_READS.load(Ordering::Relaxed) - before;
    thread.join().unwrap();
    reads
}

#[test]
fn on_one_cpu_nobody_waits_on_his_feet() {
    on_every_scheduler(|_| {
        rt::lock_os_thread();
        let most = |cpus| {
            CPUS.store(cpus, Ordering::SeqCst);
            (0..10).map(|_| reads_of_a_wait()).max()
        };
        let (two, one) = (most(2), most(1));
        // A look of 20 µs reads the clock in every round; without one it is read a few times.
        assert!(one < Some(10) && two > one, "{two:?} reads with two CPUs, {one:?} with one");
        rt::unlock_os_thread();
    });
}

/// From now on this process is nobody's, for whom limits hold.
fn be_nobody() {
    // SAFETY: it concerns this process alone.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(65534) | libc::setuid(65534), 0);
        }
    }
}

/// Whether the system refuses every further thread.
fn refuse_threads(refuse: bool) {
    // SAFETY: the structure is there.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit), 0);
        limit.rlim_cur = if refuse { 0 } else { limit.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit), 0);
    }
}

#[test]
fn a_run_for_which_the_system_has_no_thread_is_an_error_to_who_begins_it() {
    in_children(
        "a_run_for_which_the_system_has_no_thread_is_an_error_to_who_begins_it",
        |kind, procs| {
            be_nobody();
            let before = threads();
            let runtime = kind.with_procs(procs);
            refuse_threads(true);
            match runtime.run(|| unreachable!("it begins")) {
                Err(RunError::NotStarted(Error::ThreadSpawn)) => {}
                Ok(()) => panic!("it ran"),
                Err(other) => panic!("{other:?}"),
            }
            refuse_threads(false);
            assert_eq!(threads(), before, "none is left");
            // The next one begins.
            assert_eq!(kind.with_procs(procs).run(|| 5).unwrap(), 5);
        },
        succeeds,
    );
}

#[test]
fn threads_that_the_system_refuses_for_a_while_come_later() {
    in_children(
        "threads_that_the_system_refuses_for_a_while_come_later",
        |kind, procs| {
            be_nobody();
            let (refused, seen) = std::sync::mpsc::channel();
            let lifting = std::thread::spawn(move || {
                seen.recv().unwrap();
                std::thread::sleep(Duration::from_millis(50));
                refuse_threads(false);
            });
            kind.with_procs(procs)
                .run(|| {
                    use g0_sched::{go, lock_os_thread, unlock_os_thread};
                    refuse_threads(true);
                    refused.send(()).unwrap();
                    lock_os_thread();
                    let all: Vec<_> = (0..4).map(|_| go(tid)).collect();
                    for other in all {
                        let there = other.join().unwrap();
                        assert!(kind.is_pinned() || there != tid(), "L2: on a locked thread");
                    }
                    unlock_os_thread();
                    assert!(go(|| true).join().unwrap());
                })
                .unwrap();
            lifting.join().unwrap();
        },
        succeeds,
    );
}
