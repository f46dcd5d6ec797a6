//! Without the short forms: a platform of one's own, and several schedulers at the same time.

mod common;
mod own;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{KINDS, Migrating, Threads, bounded, on_each_kind};
use g0_sched::{Chan, Hosted, channel, generic};
use own::rt;

#[test]
fn two_runtimes_at_the_same_time_exchange_values() {
    on_each_kind(|kind, procs| {
        let (ask, asked) = channel::<u64>(0);
        let (answer, answered) = channel::<u64>(2);
        let other = std::thread::spawn(move || {
            kind.with_procs(procs).run(move || {
                let all: Vec<_> = (0..3)
                    .map(|_| {
                        let (asked, answer) = (asked.clone(), answer.clone());
                        g0_sched::go(move || {
                            for value in &asked {
                                answer.send(value * value).unwrap();
                            }
                        })
                    })
                    .collect();
                drop(answer);
                all.into_iter().for_each(|h| h.join().unwrap());
            })
        });
        let sum = kind.with_procs(procs).run(move || {
            let feeder = g0_sched::go(move || (1..=200).for_each(|i| ask.send(i).unwrap()));
            let sum: u64 = answered.iter().sum();
            feeder.join().unwrap();
            sum
        });
        assert_eq!(sum.unwrap(), (1..=200u64).map(|i| i * i).sum());
        other.join().unwrap().unwrap();
    });
}

#[test]
fn runtimes_of_all_kinds_go_together() {
    bounded("runtimes of all kinds", || {
        let (tx, rx) = channel::<usize>(1);
        let threads: Vec<_> = KINDS
            .into_iter()
            .map(|kind| {
                let tx = tx.clone();
                std::thread::spawn(move || {
                    kind.with_procs(2).run(move || {
                        let all: Vec<_> = (0..20)
                            .map(|i| {
                                let tx = tx.clone();
                                g0_sched::go(move || tx.send(i).unwrap())
                            })
                            .collect();
                        all.into_iter().for_each(|h| h.join().unwrap());
                    })
                })
            })
            .collect();
        drop(tx);
        assert_eq!(rx.iter().sum::<usize>(), KINDS.len() * 190);
        threads.into_iter().for_each(|t| t.join().unwrap().unwrap());
    });
}

#[test]
fn the_generic_functions_name_their_platform() {
    on_each_kind(|kind, procs| {
        kind.with_procs(procs)
            .run(|| {
                let chan = Arc::new(Chan::<u32, 0>::new());
                let theirs = chan.clone();
                let handle: generic::JoinHandle<u32, Hosted> = generic::Go::new()
                    .name("named")
                    .spawn::<Hosted, _, _>(move || {
                        generic::lock_os_thread::<Hosted>();
                        assert!(generic::os_thread_locked::<Hosted>());
                        let me = generic::current::<Hosted>().expect("a goroutine");
                        assert_eq!(me.name(), "named");
                        me.unpark();
                        generic::park::<Hosted>();
                        generic::yield_now::<Hosted>();
                        generic::unlock_os_thread::<Hosted>();
                        theirs.send(1).unwrap();
                        2
                    })
                    .unwrap();
                assert_eq!(chan.recv(), Ok(1));
                assert_eq!(handle.join().unwrap(), 2);
                let mut here = 0;
                generic::scope::<Hosted, _, _>(|s| {
                    s.go(|| here = 3);
                });
                assert_eq!(here, 3);
            })
            .unwrap();
    });
}

/// What a goroutine of the platform [`Own`] may do; for every kind of scheduler.
fn everything() {
    let group = Arc::new(rt::WaitGroup::new());
    let chan = Arc::new(rt::Chan::<usize, 4>::new());
    let seen = Arc::new(AtomicUsize::new(0));
    group.add(10);
    for _ in 0..10 {
        let (group, chan, seen) = (group.clone(), chan.clone(), seen.clone());
        drop(rt::go(move || {
            for _ in 0..20 {
                seen.fetch_add(chan.recv().unwrap(), Ordering::SeqCst);
                rt::yield_now();
            }
            group.done();
        }));
    }
    (0..200).for_each(|i| chan.send(i).unwrap());
    group.wait();
    assert_eq!(seen.load(Ordering::SeqCst), 199 * 100);
    rt::lock_os_thread();
    assert!(rt::os_thread_locked());
    let locked = rt::go_named("locked", || {
        rt::lock_os_thread();
        let me = rt::current().expect("a goroutine");
        let waker = rt::go(move || me.unpark());
        rt::park();
        waker.join().unwrap();
        rt::unlock_os_thread();
        7
    });
    assert_eq!(locked.join().unwrap(), 7);
    rt::unlock_os_thread();
    let mut parts = [0; 5];
    rt::scope(|s| {
        for (i, part) in parts.iter_mut().enumerate() {
            s.go(move || *part = i);
        }
    });
    assert_eq!(parts, [0, 1, 2, 3, 4]);
    assert!(rt::try_go(|| ()).unwrap().join().is_ok());
    let panics = rt::go(|| common::quiet_panic("on a platform of one's own"));
    let panics: Result<(), _> = panics.join();
    assert!(panics.is_err());
}

#[test]
fn a_scheduler_on_a_platform_of_ones_own_lies_in_a_static() {
    bounded("the static scheduler", || {
        let ended = own::STATIC.run(|| {
            everything();
            11
        });
        let ended = ended.unwrap();
        assert_eq!((ended.result.unwrap().unwrap(), ended.left_behind), (11, 0));
        let again = own::STATIC.run(|| ());
        assert_eq!(again.unwrap_err(), g0_sched::Error::Procs, "it has run");
    });
}

#[test]
fn schedulers_on_a_platform_of_ones_own_run_side_by_side() {
    for threads in Threads::ALL {
        for symmetric in [false, true] {
            for procs in [1, 2] {
                let what = format!("{threads:?}, symmetric {symmetric}, {procs} procs");
                bounded(&what, move || {
                    let both: Vec<_> = (0..2)
                        .map(|_| {
                            std::thread::spawn(move || {
                                let scheduler =
                                    own::scheduler(procs, threads.mobility(), symmetric);
                                let _watch = own::watch(scheduler);
                                let ended = scheduler.run(everything).unwrap();
                                ended.result.unwrap().unwrap();
                                assert_eq!(ended.left_behind, 0);
                            })
                        })
                        .collect();
                    both.into_iter().for_each(|t| t.join().unwrap());
                });
            }
        }
    }
}

#[test]
fn a_hosted_runtime_and_one_of_ones_own_share_a_program() {
    bounded("hosted and own", || {
        let (tx, rx) = channel::<usize>(8);
        let own = std::thread::spawn(move || {
            let scheduler = own::scheduler(2, Migrating.mobility(), true);
            scheduler
                .run(|| {
                    // A hosted channel, used by a goroutine that is not hosted: its thread waits.
                    let all: Vec<_> = (0..5)
                        .map(|i| {
                            let tx = tx.clone();
                            rt::go(move || (0..20).for_each(|_| tx.send(i).unwrap()))
                        })
                        .collect();
                    all.into_iter().for_each(|h| h.join().unwrap());
                    drop(tx);
                })
                .unwrap();
        });
        let sum = KINDS[2].with_procs(2).run(move || rx.iter().sum::<usize>());
        assert_eq!(sum.unwrap(), 200);
        own.join().unwrap();
    });
}

#[test]
fn two_schedulers_do_not_share_their_procs() {
    use g0_sched::{Config, Error, Mobility, Proc, Scheduler};

    let procs: &'static [Proc] = Box::leak((0..1).map(|_| Proc::new()).collect());
    let scheduler = || -> &'static Scheduler<own::Own> {
        let config = own::config(1, Mobility::EXCLUSIVE, true);
        Box::leak(Box::new(Scheduler::new(Config { procs, ..config })))
    };
    let (first, second) = (scheduler(), scheduler());
    assert_eq!(first.run(|| 1).unwrap().result.unwrap().ok(), Some(1));
    assert_eq!(second.run(|| 2).err(), Some(Error::ProcsInUse));
    assert_eq!(first.run(|| 3).err(), Some(Error::Procs), "a scheduler runs once");
}
