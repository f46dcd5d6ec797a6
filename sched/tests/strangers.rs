//! Goroutines of two runtimes of one process meet: each goes on on a thread of its own runtime.

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use common::{KINDS, Kind, bounded};
use g0_sched::{
    Barrier, Condvar, Goroutine, JoinHandle, Mutex, Once, Receiver, Runtime, RwLock, Semaphore,
    Sender, WaitGroup, block_on, channel, current, go, park, procs, scope, select, sleep,
    yield_now,
};

const ROUNDS: usize = 10;

/// A runtime of a test: its name is that of its threads, and no other has as many Ps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Home {
    name: &'static str,
    procs: usize,
    kind: Kind,
}

impl Home {
    fn run<R: Send>(self, main: impl FnOnce() -> R + Send) -> R {
        let builder = Runtime::builder().procs(self.procs).name(self.name);
        self.kind.build(builder).run(main).unwrap()
    }

    /// The calling goroutine is here. Never inlined: it looks at thread-locals.
    #[inline(never)]
    fn check(self, after: &str) {
        let thread = std::thread::current();
        assert_eq!(thread.name(), Some(self.name), "L1: another runtime's thread: {after}");
        assert_eq!(procs(), self.procs, "L1: another runtime's procs: {after}");
    }

    /// The same, and so it remains.
    fn stays(self, after: &str) {
        self.check(after);
        yield_now();
        self.check(after);
        sleep(Duration::from_micros(20));
        self.check(after);
    }
}

/// Every two kinds with the same fences, with one P and with two.
fn pairs() -> Vec<[Home; 2]> {
    let both = KINDS.into_iter().flat_map(|a| KINDS.map(|b| (a, b)));
    both.filter(|(a, b)| a.fences == b.fences)
        .flat_map(|(a, b)| {
            [(1, 2), (2, 1)].map(|(n, m)| {
                [
                    Home { name: "first", procs: n, kind: a },
                    Home { name: "second", procs: m, kind: b },
                ]
            })
        })
        .collect()
}

/// Runs `first` and `second` as main goroutines of two runtimes at the same time, for every pair, some rounds
/// each; both get what `shared` returns.
fn meet<S: Send + Sync + 'static>(
    shared: impl Fn() -> S + Send + Sync + 'static,
    first: impl Fn(Home, Arc<S>) + Send + Sync + 'static,
    second: impl Fn(Home, Arc<S>) + Send + Sync + 'static,
) {
    let all = Arc::new((shared, first, second));
    for homes @ [a, b] in pairs() {
        let all = all.clone();
        bounded(&format!("{homes:?}"), move || {
            for _ in 0..ROUNDS {
                let theirs = Arc::new(all.0());
                let (ours, all) = (theirs.clone(), all.clone());
                std::thread::scope(|threads| {
                    threads.spawn(|| b.run(|| all.2(b, theirs)));
                    a.run(|| all.1(a, ours));
                });
            }
        });
    }
}

/// As [`meet`], of two goroutines that do the same.
fn both<S: Send + Sync + 'static>(
    shared: impl Fn() -> S + Send + Sync + 'static,
    each: impl Fn(Home, Arc<S>) + Send + Sync + 'static,
) {
    let each = Arc::new(each);
    let too = each.clone();
    meet(shared, move |home, shared| each(home, shared), move |home, shared| too(home, shared));
}

/// The ends of a channel by which one main sends handles to the other, and is told to end.
struct Handles {
    handles: (Sender<JoinHandle<usize>>, Receiver<JoinHandle<usize>>),
    over: (Sender<()>, Receiver<()>),
}

impl Handles {
    fn new() -> Self {
        Self { handles: channel(0), over: channel(0) }
    }
}

#[test]
fn l1_who_joins_a_goroutine_of_another_runtime_goes_on_in_its_own() {
    meet(
        Handles::new,
        |home, shared| {
            for i in 0..6 {
                let handle = shared.handles.1.recv().unwrap();
                home.check("a receive");
                let joiner = move || {
                    let value = handle.join().unwrap();
                    home.stays("a join");
                    value
                };
                let value = if i % 2 == 0 { joiner() } else { go(joiner).join().unwrap() };
                assert_eq!(value, i);
            }
            shared.over.0.send(()).unwrap();
        },
        |home, shared| {
            for i in 0..6 {
                let handle = go(move || {
                    match i / 2 {
                        0 => yield_now(),
                        1 => sleep(Duration::from_micros(300)),
                        _ => {}
                    }
                    home.check("a start");
                    i
                });
                shared.handles.0.send(handle).unwrap();
                home.check("a send");
            }
            shared.over.1.recv().unwrap();
            home.stays("a receive");
        },
    );
}

#[test]
fn l1_a_handle_is_joined_after_its_runtime_has_ended() {
    for [ours, theirs] in pairs() {
        bounded(&format!("{ours:?} {theirs:?}"), move || {
            for _ in 0..ROUNDS {
                let (done, cut, panicked) = theirs.run(|| {
                    let done = go(|| 7);
                    let panicked = go(|| -> usize { common::quiet_panic("told late") });
                    let cut = go(|| -> usize {
                        loop {
                            park();
                        }
                    });
                    while !done.is_finished() || !panicked.is_finished() {
                        yield_now();
                    }
                    (done, cut, panicked)
                });
                ours.run(move || {
                    assert!(done.is_finished() && cut.is_finished());
                    assert_eq!(done.join().unwrap(), 7);
                    ours.check("a join");
                    assert!(g0_defer::is_goexit(
                        &go(move || cut.join()).join().unwrap().unwrap_err()
                    ));
                    assert_eq!(common::text(&*panicked.join().unwrap_err()), "told late");
                    ours.stays("a join");
                });
            }
        });
    }
}

#[test]
fn l1_the_end_of_one_runtime_reaches_those_of_another_who_join() {
    meet(
        Handles::new,
        |home, shared| {
            // All of them end at the same time as that runtime does.
            let joiners: Vec<_> = shared
                .handles
                .1
                .iter()
                .take(4)
                .map(|handle| {
                    go(move || {
                        let ended = handle.join();
                        home.stays("a join");
                        ended.is_err()
                    })
                })
                .collect();
            shared.over.0.send(()).unwrap();
            for joiner in joiners {
                assert!(joiner.join().unwrap(), "it was parked, and ended by its runtime");
            }
            home.stays("all joins");
        },
        |_, shared| {
            for _ in 0..4 {
                let parked = go(|| -> usize {
                    loop {
                        park();
                    }
                });
                shared.handles.0.send(parked).unwrap();
            }
            shared.over.1.recv().unwrap();
        },
    );
}

/// The joiners leave of their own accord, for their runtime ends, while those that they join end.
#[test]
fn l22_a_runtime_ends_while_its_goroutines_join_those_of_another() {
    meet(
        Handles::new,
        |_, shared| {
            for handle in shared.handles.1.iter().take(8) {
                drop(go(move || handle.join().is_ok()));
            }
            shared.over.0.send(()).unwrap();
            yield_now();
        },
        |home, shared| {
            let (end, ends) = channel::<()>(0);
            for _ in 0..8 {
                let ends = ends.clone();
                let joined = go(move || {
                    let _ = ends.recv();
                    home.stays("a receive");
                    1
                });
                shared.handles.0.send(joined).unwrap();
            }
            shared.over.1.recv().unwrap();
            drop(end);
            let mut fresh = Vec::new();
            for _ in 0..20 {
                fresh.push(go(move || home.stays("a start")));
            }
            fresh.into_iter().for_each(|one| one.join().unwrap());
        },
    );
}

#[test]
fn l1_two_runtimes_share_channels() {
    meet(
        || [channel::<usize>(0), channel::<usize>(2)],
        |home, shared| {
            let [(ask, _), (_, answered)] = &*shared;
            for i in 0..20 {
                ask.send(i).unwrap();
                home.check("a send");
                assert_eq!(answered.recv(), Ok(i + 1));
                home.check("a receive");
            }
            home.stays("an exchange");
        },
        |home, shared| {
            let [(_, asked), (answer, _)] = &*shared;
            for i in 0..20 {
                assert_eq!(asked.recv_timeout(Duration::from_secs(20)), Ok(i));
                home.check("a receive with a deadline");
                answer.send(i + 1).unwrap();
                home.check("a send");
            }
            home.stays("an exchange");
        },
    );
}

#[test]
fn l1_two_runtimes_select_on_the_same_channels() {
    both(
        || (channel::<Home>(0), channel::<Home>(0), AtomicUsize::new(0)),
        |home, shared| {
            let ((a, b), (c, d), ends) = &*shared;
            let all: Vec<_> = (0..2)
                .map(|_| {
                    let (a, b, c, d) = (a.clone(), b.clone(), c.clone(), d.clone());
                    go(move || {
                        // As many give as take, in the end.
                        for i in 0..10 {
                            select! {
                                send(a, home) -> sent => sent.unwrap(),
                                recv(b) -> home => assert!(home.is_ok()),
                                send(c, home) -> sent => sent.unwrap(),
                                recv(d) -> home => assert!(home.is_ok()),
                                default(Duration::from_millis(1 + i % 3)) => {}
                            }
                            home.check("a select");
                        }
                        home.stays("all selects");
                    })
                })
                .collect();
            all.into_iter().for_each(|one| one.join().unwrap());
            ends.fetch_add(1, Ordering::SeqCst);
            home.stays("a join");
        },
    );
}

#[test]
fn l1_two_runtimes_share_locks() {
    both(
        || (Mutex::new(0), RwLock::new(0), Semaphore::new(1)),
        |home, shared| {
            let all: Vec<_> = (0..3)
                .map(|_| {
                    let shared = shared.clone();
                    go(move || {
                        for _ in 0..5 {
                            *shared.0.lock().unwrap() += 1;
                            home.check("a mutex");
                            {
                                let _held = shared.0.lock().unwrap();
                                yield_now();
                            }
                            home.check("a mutex that was held for long");
                            {
                                *shared.1.write().unwrap() += 1;
                                let _held = shared.1.read().unwrap();
                                yield_now();
                            }
                            home.check("a lock of readers and writers");
                            let permit = shared.2.acquire();
                            home.check("a semaphore");
                            yield_now();
                            drop(permit);
                        }
                        home.stays("all locks");
                    })
                })
                .collect();
            all.into_iter().for_each(|one| one.join().unwrap());
            home.stays("a join");
        },
    );
}

#[test]
fn l1_two_runtimes_wait_for_one_another() {
    both(
        || (Barrier::new(2), Mutex::new([0; 2]), Condvar::new(), WaitGroup::new(), Once::new()),
        |home, shared| {
            let (barrier, turns, condvar, group, once) = &*shared;
            let me = usize::from(home.name == "first");
            for round in 0..5 {
                barrier.wait();
                home.check("a barrier");
                let mut mine = turns.lock().unwrap();
                mine[me] = round + 1;
                condvar.notify_all();
                let theirs = condvar.wait_while(mine, |turns| turns[1 - me] <= round).unwrap();
                home.check("a condition variable");
                drop(theirs);
            }
            once.call_once(|| {
                yield_now();
                sleep(Duration::from_micros(100));
            });
            home.check("a once");
            if me == 0 {
                group.add(1);
            }
            barrier.wait();
            if me == 0 {
                yield_now();
                group.done();
            }
            group.wait();
            home.stays("a wait group");
            barrier.wait();
        },
    );
}

/// What one main goroutine shows to the other.
#[derive(Default)]
struct Shown {
    goroutine: Mutex<Option<Goroutine>>,
    waker: Mutex<Option<Waker>>,
    /// Rounds that it has gone, and at last one more.
    rounds: AtomicUsize,
}

#[test]
fn l1_tokens_and_wakers_cross_runtimes() {
    both(<[Shown; 2]>::default, |home, shared| {
        let me = usize::from(home.name == "first");
        let goroutine = current();
        *shared[me].goroutine.lock().unwrap() = goroutine;
        let other = loop {
            match &*shared[1 - me].goroutine.lock().unwrap() {
                Some(other) => break other.clone(),
                None => yield_now(),
            }
        };
        for round in 1..=10 {
            shared[me].rounds.store(round, Ordering::SeqCst);
            other.unpark();
            while shared[1 - me].rounds.load(Ordering::SeqCst) < round {
                park();
                home.check("a park");
            }
        }
        home.stays("ten tokens");
        let theirs = shared.clone();
        let waker = go(move || {
            sleep(Duration::from_micros(200));
            theirs[me].rounds.store(11, Ordering::SeqCst);
            if let Some(waker) = theirs[1 - me].waker.lock().unwrap().take() {
                waker.wake();
            }
        });
        block_on(poll_fn(|context| {
            *shared[me].waker.lock().unwrap() = Some(context.waker().clone());
            match shared[1 - me].rounds.load(Ordering::SeqCst) {
                11 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        home.stays("a future");
        waker.join().unwrap();
        // The other one's are not kept beyond its run.
        shared[me].waker.lock().unwrap().take();
    });
}

#[test]
fn l1_goroutines_of_another_runtime_end_a_scope() {
    for [ours, theirs] in pairs() {
        bounded(&format!("{ours:?} {theirs:?}"), move || {
            for _ in 0..ROUNDS {
                ours.run(|| {
                    let mut seen = [0; 4];
                    scope(|s| {
                        let [a, b, c, d] = &mut seen;
                        let joined = std::thread::scope(|threads| {
                            let started = threads.spawn(|| {
                                theirs.run(|| {
                                    let joined = s.go(move || {
                                        sleep(Duration::from_micros(100));
                                        theirs.check("a start in a scope");
                                        *a = 1;
                                        5
                                    });
                                    s.go(move || *b = 1).join().unwrap();
                                    theirs.stays("a join in a scope");
                                    while !joined.is_finished() {
                                        yield_now();
                                    }
                                    joined
                                })
                            });
                            started.join().unwrap()
                        });
                        s.go(move || *c = 1);
                        assert_eq!(joined.join().unwrap(), 5);
                        ours.check("a scope's join");
                        s.go(move || *d = 1);
                    });
                    ours.stays("a scope");
                    assert_eq!(seen, [1; 4]);
                });
            }
        });
    }
}
