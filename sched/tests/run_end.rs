//! The end of a run reaches every goroutine that can be unwound, and none meets an error that it makes (L25).

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant as RealTime};

use common::child::in_children;
use common::count::Count;
use common::{Exclusive, Kind, on_each_kind, quiet_panic, yield_until};
use g0_sched::{
    Barrier, Chan, Condvar, Fences, Instant, Mutex, Once, OnceCell, Runtime, RwLock, Semaphore,
    WaitGroup, channel, go, goexit, lock_os_thread, park, scope, select, sleep, stats, try_go,
    unlock_os_thread, yield_now,
};

const LONG: Duration = Duration::from_secs(3600);

/// What a goroutine has in hand when the end unwinds it: it calls the closure, which parks for good.
type Partner = Box<dyn FnOnce(&dyn Fn()) + Send>;
/// What another one does when that has been unwound. No panic may come out.
type Then = Box<dyn FnOnce() + Send>;

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn holds<T: Send + 'static>(held: T, then: impl FnOnce() + Send + 'static) -> (Partner, Then) {
    let partner = move |waits: &dyn Fn()| {
        let _held = held;
        waits();
    };
    (Box::new(partner), Box::new(then))
}

fn inside(
    partner: impl FnOnce(&dyn Fn()) + Send + 'static,
    then: impl FnOnce() + Send + 'static,
) -> (Partner, Then) {
    (Box::new(partner), Box::new(then))
}

/// Every operation to which the end of one goroutine could be an error of another.
fn all_that_may_fail() -> Vec<(&'static str, (Partner, Then))> {
    let soon = || Instant::now() + LONG;
    let mut all = Vec::new();
    let mut add = |name, row| all.push((name, row));
    for room in [0, 1] {
        let ends = || channel::<u32>(room);
        let (tx, rx) = ends();
        add("send", holds(rx, move || tx.send(1).unwrap()));
        let (tx, rx) = ends();
        add("send_timeout", holds(rx, move || tx.send_timeout(1, LONG).unwrap()));
        let (tx, rx) = ends();
        add("send_deadline", holds(rx, move || tx.send_deadline(1, soon()).unwrap()));
        let (tx, rx) = ends();
        add("try_send", holds(rx, move || tx.try_send(1).unwrap()));
        let (tx, rx) = ends();
        add("recv", holds(tx, move || _ = rx.recv().unwrap()));
        let (tx, rx) = ends();
        add("recv_timeout", holds(tx, move || _ = rx.recv_timeout(LONG).unwrap()));
        let (tx, rx) = ends();
        add("recv_deadline", holds(tx, move || _ = rx.recv_deadline(soon()).unwrap()));
        let (tx, rx) = ends();
        let empty = g0_sched::TryRecvError::Empty;
        add("try_recv", holds(tx, move || assert_eq!(rx.try_recv(), Err(empty))));
        let (tx, rx) = ends();
        add("iter", holds(tx, move || panic!("the values end: {}", rx.iter().count())));
        let (tx, rx) = ends();
        add("select recv", holds(tx, move || select! { recv(rx) -> v => _ = v.unwrap() }));
        let (tx, rx) = ends();
        add("select send", holds(rx, move || select! { send(tx, 1) -> v => v.unwrap() }));
        let (tx, rx) = ends();
        let timed = move || select! { recv(rx) -> v => _ = v.unwrap(), default(LONG) => () };
        add("select default", holds(tx, timed));
        let chan = leak(Chan::<u32, 1>::new());
        let closes = |chan: &'static Chan<u32, 1>| {
            move |waits: &dyn Fn()| {
                struct Closes(&'static Chan<u32, 1>);
                impl Drop for Closes {
                    fn drop(&mut self) {
                        self.0.close().unwrap();
                    }
                }
                let _closes = Closes(chan);
                waits();
            }
        };
        add("close", inside(closes(chan), move || chan.close().unwrap()));
        let chan = leak(Chan::<u32, 1>::new());
        add("recv of one in place", inside(closes(chan), move || _ = chan.recv().unwrap()));
    }
    let lock = leak(Mutex::new(0));
    let locks = |lock: &'static Mutex<u32>| {
        move |waits: &dyn Fn()| {
            let _guard = lock.lock().unwrap();
            waits();
        }
    };
    add("lock", inside(locks(lock), move || *lock.lock().unwrap() += 1));
    let lock = leak(Mutex::new(0));
    add("try_lock", inside(locks(lock), move || *lock.try_lock().unwrap() += 1));
    let lock = leak(Mutex::new(0));
    add("try_lock_for", inside(locks(lock), move || *lock.try_lock_for(LONG).unwrap() += 1));
    let lock = leak(Mutex::new(0));
    let waits = |lock: &'static Mutex<u32>| {
        let condition = leak(Condvar::new());
        move || drop(condition.wait(lock.lock().unwrap()).unwrap())
    };
    add("wait for a condition", inside(locks(lock), waits(lock)));
    let lock = leak(RwLock::new(0));
    let writes = |lock: &'static RwLock<u32>| {
        move |waits: &dyn Fn()| {
            let _guard = lock.write().unwrap();
            waits();
        }
    };
    add("read", inside(writes(lock), move || _ = *lock.read().unwrap()));
    let lock = leak(RwLock::new(0));
    add("try_read", inside(writes(lock), move || _ = *lock.try_read().unwrap()));
    let lock = leak(RwLock::new(0));
    add("write", inside(writes(lock), move || *lock.write().unwrap() += 1));
    let once = leak(Once::new());
    add("call_once", inside(move |w| once.call_once(w), move || once.call_once(|| ())));
    let once = leak(Once::new());
    add("wait of a once", inside(move |w| once.call_once(w), move || once.wait()));
    let cell = leak(OnceCell::<u32>::new());
    let init = move |waits: &dyn Fn()| {
        cell.get_or_init(|| {
            waits();
            1
        });
    };
    add("get_or_init", inside(init, move || _ = cell.get_or_init(|| 2)));
    add("go", holds((), || _ = go(|| ())));
    add("try_go", holds((), || _ = try_go(|| ()).unwrap()));
    add("go and join", holds((), || go(|| ()).join().unwrap()));
    add("scope", holds((), || scope(|s| s.go(|| ()).join().unwrap())));
    let permits = leak(Semaphore::new(1));
    let acquires = move |waits: &dyn Fn()| {
        let _permit = permits.acquire();
        waits();
    };
    let timed = move || drop(permits.acquire_timeout(LONG).expect("a permit"));
    add("acquire_timeout", inside(acquires, timed));
    all
}

/// Sets its flag when it is dropped.
struct Sets(Arc<AtomicBool>);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits without an operation.
fn spin_until(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        std::hint::spin_loop();
    }
}

#[test]
fn l25_what_computes_meets_no_error_that_the_unwinding_of_another_makes() {
    on_each_kind(|kind, procs| {
        for (name, (partner, then)) in all_that_may_fail() {
            let gone = Arc::new(AtomicBool::new(false));
            let sets = Sets(gone.clone());
            let ended = kind.with_procs(procs).run_counted(move || {
                // So that on the pinned runtime what computes has a thread without main and partner.
                lock_os_thread();
                let (tx, rx) = channel::<()>(1);
                let tell = tx.clone();
                drop(go(move || {
                    lock_os_thread();
                    let _sets = sets;
                    partner(&|| {
                        tell.send(()).unwrap();
                        park();
                        unreachable!("it is unwound");
                    });
                }));
                rx.recv().unwrap();
                drop(go(move || {
                    tx.send(()).unwrap();
                    drop(tx);
                    spin_until(&gone);
                    then();
                    loop {
                        yield_now();
                    }
                }));
                rx.recv().unwrap();
                std::mem::forget(rx);
                7
            });
            let ended = ended.unwrap();
            let seen = (ended.result, ended.left_behind, ended.panics);
            assert_eq!(seen, (Some(7), 0, 0), "{name} on {kind:?} with {procs}");
        }
    });
}

#[test]
fn l25_what_waits_meets_no_error_that_the_unwinding_of_another_makes() {
    on_each_kind(|kind, procs| {
        for round in 0..4 {
            let count = Count::new();
            let ended = kind.with_procs(procs).run_counted(|| {
                let started = Arc::new(AtomicUsize::new(0));
                let start = |f: Box<dyn FnOnce() + Send>| {
                    let (started, one) = (started.clone(), count.one());
                    drop(go(move || {
                        let _one = one;
                        started.fetch_add(1, Ordering::SeqCst);
                        f();
                    }));
                };
                // A ring, each of which waits for the one before it: whichever goes first, its neighbours see it.
                let ends: Vec<_> = (0..6).map(|_| channel::<u32>(round % 2)).collect();
                for i in 0..6 {
                    let (rx, tx) = (ends[i].1.clone(), ends[(i + 1) % 6].0.clone());
                    start(match i % 3 {
                        0 => Box::new(move || tx.send(rx.recv().unwrap()).unwrap()),
                        1 => Box::new(move || {
                            select! { recv(rx) -> v => tx.send(v.unwrap()).unwrap() }
                        }),
                        _ => Box::new(move || tx.send(rx.recv_timeout(LONG).unwrap()).unwrap()),
                    });
                }
                let (lock, group) = (leak(Mutex::new(())), leak(WaitGroup::new()));
                group.add(1);
                for _ in 0..2 {
                    start(Box::new(|| {
                        let _guard = lock.lock().unwrap();
                        group.wait();
                    }));
                }
                let once = leak(Once::new());
                for _ in 0..2 {
                    start(Box::new(|| once.call_once(|| group.wait())));
                }
                let barrier = leak(Barrier::new(9));
                start(Box::new(|| _ = barrier.wait()));
                start(Box::new(|| go(|| group.wait()).join().unwrap()));
                start(Box::new(|| scope(|s| s.go(|| group.wait()).join().unwrap())));
                start(Box::new(|| scope(|s| _ = s.go(|| group.wait()))));
                yield_until("all start", || started.load(Ordering::SeqCst) == 14);
                (0..50).for_each(|_| yield_now());
                std::mem::forget(ends);
            });
            let ended = ended.unwrap();
            assert_eq!((ended.left_behind, ended.panics), (0, 0), "{kind:?} with {procs}");
            count.assert_all_dropped(14);
        }
    });
}

/// Does something when it is dropped.
struct InDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for InDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn l25_what_is_unwound_sends_to_those_that_were_and_the_value_is_dropped() {
    on_each_kind(|kind, procs| {
        for how in 0..5 {
            let count = Count::new();
            let theirs = count.clone();
            let ended = kind.with_procs(procs).run_counted(move || {
                let (tx, rx) = channel(0);
                let (told, gone) = (channel::<()>(2), Arc::new(AtomicBool::new(false)));
                let (tell, sets) = (told.0.clone(), Sets(gone.clone()));
                drop(go(move || {
                    // On the pinned runtime the other one starts elsewhere: it waits for this one, and unwinds.
                    lock_os_thread();
                    let (_sets, _rx) = (sets, rx);
                    tell.send(()).unwrap();
                    park();
                }));
                told.1.recv().unwrap();
                let tell = told.0.clone();
                drop(go(move || {
                    let _bye = InDrop(|| {
                        while !gone.load(Ordering::SeqCst) {
                            sleep(Duration::from_micros(100));
                        }
                        let value = theirs.one();
                        match how {
                            0 => assert!(tx.send(value).is_ok()),
                            1 => assert!(tx.try_send(value).is_ok()),
                            2 => assert!(tx.send_timeout(value, LONG).is_ok()),
                            3 => select! { send(tx, value) -> sent => assert!(sent.is_ok()) },
                            _ => select! {
                                send(tx, value) -> sent => assert!(sent.is_ok()),
                                default => panic!("a closed channel is ready"),
                            },
                        }
                    });
                    tell.send(()).unwrap();
                    park();
                }));
                told.1.recv().unwrap();
                std::mem::forget(told);
            });
            let ended = ended.unwrap();
            assert_eq!((ended.left_behind, ended.panics), (0, 0), "{how}: {kind:?} with {procs}");
            count.assert_all_dropped(1);
        }
    });
}

/// An operation, and what it is called.
type Named = (&'static str, fn(&Loop));

/// Loops, each over one operation that may wait and finds no reason to.
fn loops() -> Vec<Named> {
    vec![
        ("lock", |l| drop(l.lock.lock().unwrap())),
        ("read", |l| drop(l.values.read().unwrap())),
        ("write", |l| drop(l.values.write().unwrap())),
        ("acquire", |l| drop(l.permits.acquire())),
        ("send and receive", |l| {
            l.chan.send(1).unwrap();
            l.chan.recv().unwrap();
        }),
        ("select", |l| select! { recv(l.chan) -> _ => (), default => () }),
        ("yield", |_| yield_now()),
        ("sleep", |_| sleep(Duration::from_nanos(1))),
        ("wait for a group", |l| l.group.wait()),
        ("barrier", |l| _ = l.barrier.wait()),
    ]
}

struct Loop {
    lock: Mutex<()>,
    values: RwLock<()>,
    permits: Semaphore,
    chan: Chan<u32, 1>,
    group: WaitGroup,
    barrier: Barrier,
}

#[test]
fn l25_what_loops_over_operations_that_may_wait_is_unwound_and_what_never_does_is_left() {
    on_each_kind(|kind, procs| {
        let left: [Named; 2] =
            [("spawn", |_| drop(go(|| ()))), ("try_lock", |l| drop(l.lock.try_lock()))];
        for (i, (name, operation)) in loops().into_iter().chain(left).enumerate() {
            let expected = u64::from(i >= loops().len());
            let (count, stop) = (Count::new(), Arc::new(AtomicBool::new(false)));
            let (one, theirs) = (count.one(), stop.clone());
            // Long enough for a busy machine where all end, and none of it is waited for.
            let grace = Duration::from_millis(if expected == 0 { 10_000 } else { 300 });
            let ended =
                kind.build(Runtime::builder().procs(procs).grace(grace)).run_counted(move || {
                    lock_os_thread();
                    let (tx, rx) = channel::<()>(2);
                    let (over, tell) = (Arc::new(AtomicBool::new(expected == 0)), tx.clone());
                    let sets = Sets(over.clone());
                    drop(go(move || {
                        lock_os_thread();
                        let _sets = sets;
                        tell.send(()).unwrap();
                        park();
                    }));
                    rx.recv().unwrap();
                    drop(go(move || {
                        let _one = one;
                        let all = Loop {
                            lock: Mutex::new(()),
                            values: RwLock::new(()),
                            permits: Semaphore::new(1),
                            chan: Chan::new(),
                            group: WaitGroup::new(),
                            barrier: Barrier::new(1),
                        };
                        tx.send(()).unwrap();
                        // What never ends by itself begins when the end has.
                        spin_until(&over);
                        while !theirs.load(Ordering::Relaxed) {
                            operation(&all);
                        }
                    }));
                    rx.recv().unwrap();
                });
            let left_behind = ended.unwrap().left_behind;
            stop.store(true, Ordering::Relaxed);
            assert_eq!(left_behind, expected, "{name} on {kind:?} with {procs}");
            if expected == 0 {
                count.assert_all_dropped(1);
            }
        }
    });
}

/// A runtime that has patience where all goroutines end: the machine may be busy.
fn patient(kind: Kind, procs: usize) -> Runtime {
    kind.build(Runtime::builder().procs(procs).grace(Duration::from_secs(20)))
}

/// Starts `many` goroutines that park, with `f`, and returns when all do.
fn many_park(many: usize, f: impl Fn() + Clone + Send + 'static) {
    let started = Arc::new(AtomicUsize::new(0));
    for _ in 0..many {
        let (f, started) = (f.clone(), started.clone());
        drop(go(move || {
            let _ends = InDrop(f);
            started.fetch_add(1, Ordering::SeqCst);
            park();
        }));
    }
    yield_until("all start", || started.load(Ordering::SeqCst) == many);
}

#[test]
fn l25_however_many_are_parked_none_is_left_as_long_as_they_end() {
    on_each_kind(|kind, procs| {
        let many = match (kind.threads, kind.fences) {
            (Exclusive, _) => 1_000,
            (_, Fences::Auto) if procs == 2 => 100_000,
            _ => 10_000,
        };
        let ended = patient(kind, procs).run_counted(move || many_park(many, || ()));
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}

#[test]
fn l25_threads_are_few_though_thousands_wait_while_they_unwind() {
    on_each_kind(|kind, procs| {
        let (many, dropped) = (kind.at_most(3000), Arc::new(AtomicUsize::new(0)));
        let (theirs, most) = (dropped.clone(), Arc::new(AtomicUsize::new(0)));
        let seen = most.clone();
        let runtime = patient(kind, procs);
        let watch = runtime.watch();
        let ended = runtime.run_counted(move || {
            many_park(many, move || {
                sleep(Duration::from_micros(200));
                if theirs.fetch_add(1, Ordering::SeqCst).is_multiple_of(100) {
                    seen.fetch_max(watch.stats().machines.all(), Ordering::SeqCst);
                }
            });
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        assert_eq!(dropped.load(Ordering::SeqCst), many);
        let most = most.load(Ordering::SeqCst);
        assert!(many <= 100 || most < many / 4, "{most} threads for {many} goroutines: {kind:?}");
    });
}

#[test]
fn l25_a_chain_of_those_that_wait_for_one_another_while_they_unwind_comes_to_its_end() {
    on_each_kind(|kind, procs| {
        let many = kind.at_most(200);
        let runtime = if kind.is_pinned() { kind.with_procs(procs) } else { patient(kind, procs) };
        let ended = runtime.run_counted(move || {
            let started = Arc::new(AtomicUsize::new(0));
            let mut before: Option<Arc<AtomicBool>> = None;
            for _ in 0..many {
                let gone = Arc::new(AtomicBool::new(false));
                let (sets, started) = (Sets(gone.clone()), started.clone());
                // Each waits for one that was started later.
                let awaited = before.replace(gone);
                drop(go(move || {
                    let _sets = sets;
                    let _waits = InDrop(|| {
                        while awaited.as_ref().is_some_and(|gone| !gone.load(Ordering::SeqCst)) {
                            sleep(Duration::from_millis(1));
                        }
                    });
                    started.fetch_add(1, Ordering::SeqCst);
                    park();
                }));
            }
            yield_until("all start", || started.load(Ordering::SeqCst) == many);
        });
        // On the pinned runtime those of one thread wait for one another.
        let left_behind = ended.unwrap().left_behind;
        assert!(kind.is_pinned() || left_behind == 0, "{left_behind} of {many}: {kind:?}");
    });
}

/// A run whose goroutine has a destructor that blocks its thread until `stop`; how long its end takes.
fn blocked(runtime: Runtime, stop: &Arc<AtomicBool>, unlocks: bool) -> (Duration, u64) {
    let theirs = stop.clone();
    let ended = runtime.run_counted(move || {
        if unlocks {
            unlock_os_thread();
        }
        let started = Arc::new(AtomicUsize::new(0));
        for _ in 0..4 {
            let (stop, started) = (theirs.clone(), started.clone());
            drop(go(move || {
                let _blocks = InDrop(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                });
                started.fetch_add(1, Ordering::SeqCst);
                park();
            }));
        }
        yield_until("all start", || started.load(Ordering::SeqCst) == 4);
        (0..20).for_each(|_| yield_now());
        sleep(Duration::from_millis(5));
        RealTime::now()
    });
    let ended = ended.unwrap();
    (ended.result.expect("main returns").elapsed(), ended.left_behind)
}

#[test]
fn l25_whatever_blocks_the_run_returns_after_the_grace() {
    on_each_kind(|kind, procs| {
        for (locked, unlocks) in [(false, false), (true, false), (true, true)] {
            let stop = Arc::new(AtomicBool::new(false));
            let builder = Runtime::builder().procs(procs).grace(Duration::from_millis(200));
            let builder = if locked { builder.lock_main_thread() } else { builder };
            let (took, left) = blocked(kind.build(builder), &stop, unlocks);
            stop.store(true, Ordering::Relaxed);
            assert!((1..=4).contains(&left), "{left} left behind: {kind:?} {locked} {unlocks}");
            assert!(took < Duration::from_secs(10), "{took:?}: {kind:?} {locked} {unlocks}");
        }
    });
}

#[test]
fn a_grace_of_zero_ends_nothing_and_one_without_end_waits_for_all() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let one = count.one();
        let builder = Runtime::builder().procs(procs).grace(Duration::ZERO);
        let ended = kind.build(builder).run_counted(|| {
            let started = Arc::new(AtomicBool::new(false));
            let sets = Sets(started.clone());
            drop(go(move || {
                let _one = one;
                drop(sets);
                park();
            }));
            yield_until("it parks", || {
                started.load(Ordering::SeqCst) && stats().unwrap().goroutines.waiting == 1
            });
        });
        assert_eq!((ended.unwrap().left_behind, count.dropped()), (1, 0));

        let builder = Runtime::builder().procs(procs).grace(Duration::MAX);
        let ended = kind.build(builder).run_counted(|| {
            many_park(1, || std::thread::sleep(Duration::from_millis(700)));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}

#[test]
fn l25_a_panic_that_is_not_taken_after_mains_return_is_counted() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| {
            lock_os_thread();
            let over = Arc::new(AtomicBool::new(false));
            let (tx, rx) = channel::<()>(1);
            let (sets, tell) = (Sets(over.clone()), tx.clone());
            drop(go(move || {
                lock_os_thread();
                let _sets = sets;
                tell.send(()).unwrap();
                park();
            }));
            rx.recv().unwrap();
            drop(go(move || {
                tx.send(()).unwrap();
                spin_until(&over);
                quiet_panic("after main's return");
            }));
            rx.recv().unwrap();
            "the result"
        });
        let ended = ended.unwrap();
        let seen = (ended.result, ended.left_behind, ended.panics);
        assert_eq!(seen, (Some("the result"), 0, 1), "{kind:?} with {procs}");
    });
}

#[test]
fn l20_l21_what_is_left_behind_is_given_nothing() {
    on_each_kind(|kind, procs| {
        let chan: &'static Chan<u32, 4> = leak(Chan::new());
        let handed: &'static Chan<u32, 0> = leak(Chan::new());
        let (lock, permits) = (leak(Mutex::new(())), leak(Semaphore::new(1)));
        let values = leak(RwLock::new(()));
        let (held, permit, written) = (lock.lock(), permits.acquire(), values.write());
        let builder = Runtime::builder().procs(procs).grace(Duration::ZERO);
        let ended = kind.build(builder).run_counted(|| {
            let started = Arc::new(AtomicUsize::new(0));
            let start = |f: fn(&'static Chan<u32, 4>)| (f, started.clone());
            for (f, started) in [start(|c| _ = c.recv()), start(|c| _ = c.recv_timeout(LONG))] {
                drop(go(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    f(chan);
                }));
            }
            let waits: [Box<dyn FnOnce() + Send>; 5] = [
                Box::new(|| _ = handed.recv()),
                Box::new(|| drop(lock.lock())),
                Box::new(|| drop(permits.acquire())),
                Box::new(|| drop(values.read())),
                Box::new(|| drop(values.write())),
            ];
            for f in waits {
                let started = started.clone();
                drop(go(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    f();
                }));
            }
            yield_until("all start", || started.load(Ordering::SeqCst) == 7);
            sleep(Duration::from_millis(5));
        });
        assert_eq!(ended.unwrap().left_behind, 7);
        for i in 0..4 {
            chan.try_send(i).unwrap();
        }
        assert!((0..4).all(|i| chan.recv_timeout(LONG) == Ok(i)), "L20: a value is swallowed");
        assert!(handed.try_send(1).is_err(), "L20: a value is swallowed");
        drop((held, permit, written));
        assert!(lock.try_lock_for(LONG).is_ok(), "L21: a lock is held for ever");
        assert!(permits.acquire_timeout(LONG).is_some(), "L21: a permit is lost");
        assert!(values.try_write().is_ok(), "L21: a lock is held for ever");
    });
}

#[test]
fn what_unwinds_already_is_not_thrown_again_and_its_waits_are_ordinary() {
    on_each_kind(|kind, procs| {
        let passed = Arc::new(AtomicUsize::new(0));
        let theirs = passed.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            for throws in [|| goexit(), || park(), || quiet_panic("its own")] as [fn(); 3] {
                let (passed, started) = (theirs.clone(), Arc::new(AtomicBool::new(false)));
                let sets = Sets(started.clone());
                let handle = go(move || {
                    let _waits = InDrop(|| {
                        (0..10).for_each(|_| sleep(Duration::from_millis(1)));
                        passed.fetch_add(1, Ordering::SeqCst);
                    });
                    drop(sets);
                    throws();
                });
                std::mem::forget(handle);
                yield_until("it starts", || started.load(Ordering::SeqCst));
            }
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        assert_eq!(passed.load(Ordering::SeqCst), 3, "{kind:?} with {procs}");
    });
}

#[test]
fn a_destructor_that_panics_while_the_end_unwinds_ends_the_program() {
    in_children(
        "a_destructor_that_panics_while_the_end_unwinds_ends_the_program",
        |kind, procs| {
            // On a busy machine the panic takes its time to be told.
            let builder = Runtime::builder().procs(procs).grace(Duration::MAX);
            drop(kind.build(builder).run_counted(|| {
                many_park(1, || panic!("a destructor's"));
            }));
        },
        |kind, procs, out, said| {
            assert!(!out.status.success(), "{kind:?} with {procs}: {said}");
            assert!(said.contains("a destructor's"), "{kind:?} with {procs}: {said}");
        },
    );
}
