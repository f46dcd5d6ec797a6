//! Memory that goroutines once used is given back while they wait, and when they have ended (L27); and the limit for
//! all stacks together.

mod common;

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Exclusive, Migrating, Pinned, on_each_kind, suspends_often};
use g0_sched::{
    Builder, Error, Fences, Runtime, Stats, channel, current, go, lock_os_thread, park, recovering,
    sleep, stats, try_go, yield_now,
};
use g0_stack::StackError;

/// Bytes that a deep goroutine touches.
const DEEP: usize = 128 << 10;

/// For how long goroutines must have waited, where no test is of what is usual.
const REST: Duration = Duration::from_millis(100);

/// Longer than a sweep and what follows it take, on a machine that is not busy.
const LONGER: Duration = Duration::from_millis(600);

/// How long giving back may take, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn resting(procs: usize) -> Builder {
    Runtime::builder().procs(procs).give_back_after(REST)
}

/// Returns whether goroutines that wait keep their memory: where operations suspend that need not, fences are symmetric.
/// That they do keep it then, the first test sees.
fn keeps_all() -> bool {
    suspends_often()
}

fn now() -> Stats {
    stats().expect("a goroutine asks")
}

/// Uses much of the stack, and returns what must come out.
#[inline(never)]
fn deep(seed: u8) -> usize {
    let mut bytes = [seed; DEEP];
    black_box(&mut bytes);
    bytes.iter().map(|&b| usize::from(b)).sum()
}

/// Sleeps until it is so.
fn until(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < SOON, "{what}: {}", now());
        sleep(Duration::from_millis(20));
    }
}

/// Goroutines that go deep, wait, and go deep again. They are looked at meanwhile.
fn deep_and_parked(n: usize, meanwhile: impl FnOnce()) {
    let (tx, rx) = channel::<()>(0);
    let ready = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..n)
        .map(|i| {
            let (rx, ready) = (rx.clone(), ready.clone());
            go(move || {
                let seed = (i % 200) as u8 + 1;
                // What lies above the stack pointer must stay.
                let kept: [usize; 40] = std::array::from_fn(|k| k * i);
                black_box(&kept);
                let first = deep(seed);
                ready.fetch_add(1, Ordering::Relaxed);
                let _ = rx.recv();
                assert!(kept.iter().enumerate().all(|(k, &word)| word == k * i), "its own frame");
                assert_eq!((first, deep(seed)), (usize::from(seed) * DEEP, first));
                i
            })
        })
        .collect();
    until("all are deep", || ready.load(Ordering::Relaxed) == n);
    meanwhile();
    drop(tx);
    for (i, one) in all.into_iter().enumerate() {
        assert_eq!(one.join().unwrap(), i);
    }
}

fn committed() -> usize {
    now().stacks.committed.expect("the kernel tells")
}

#[test]
fn memory_of_parked_goroutines_is_given_back_and_their_frames_stay() {
    on_each_kind(|kind, procs| {
        let n = if kind.threads == Exclusive { 20 } else { 200 };
        let ended = kind.build(resting(procs)).run(move || {
            deep_and_parked(n, || {
                if kind.fences == Fences::Symmetric || keeps_all() {
                    sleep(LONGER);
                    assert_eq!(now().stacks.given_back, 0, "symmetric fences");
                    assert!(committed() > n * DEEP);
                    return;
                }
                until("all have given back", || now().stacks.given_back >= n as u64);
                let left = committed();
                assert!(left < n * DEEP / 4, "{left} bytes of {n} goroutines: {}", now());
            });
        });
        ended.expect("main returns");
    });
}

/// A runtime of this kind whose stacks ask by less than there is.
fn with(builder: Builder, threads: common::Threads) -> Runtime {
    threads.build(builder.procs(2))
}

#[test]
fn memory_is_given_back_where_the_kernel_tells_less() {
    if keeps_all() {
        return;
    }
    for with_mincore in [true, false] {
        for threads in [Pinned, Migrating] {
            let builder = resting(2).fences(Fences::Asymmetric).without_pagemap(with_mincore);
            let runtime = with(builder, threads);
            runtime
                .run(move || {
                    deep_and_parked(100, || {
                        // Where nothing is told each that waits gives back once, deep or not.
                        until("all have given back", || now().stacks.given_back >= 100);
                        assert_eq!(now().stacks.committed.is_some(), with_mincore);
                        let before = now().stacks.given_back;
                        sleep(LONGER);
                        let again = now().stacks.given_back - before;
                        assert!(again <= 3, "{again} of those that have not run give back again");
                    });
                })
                .expect("main returns");
        }
    }
}

#[test]
fn goroutines_that_are_woken_beside_the_sweep_keep_what_they_have() {
    if keeps_all() {
        return;
    }
    for threads in [Pinned, Migrating] {
        let builder = Runtime::builder().give_back_after(Duration::from_millis(2));
        let runtime = with(builder.fences(Fences::Asymmetric), threads);
        runtime
            .run(|| {
                let stop = Arc::new(AtomicBool::new(false));
                let (told, parkers) = std::sync::mpsc::channel();
                let all: Vec<_> = (0..60_usize)
                    .map(|i| {
                        let (stop, told) = (stop.clone(), told.clone());
                        go(move || {
                            if i % 3 == 0 {
                                told.send(current().expect("a goroutine")).unwrap();
                            }
                            drop(told);
                            let mut rounds = 0_usize;
                            while !stop.load(Ordering::Relaxed) {
                                let kept: [usize; 40] = std::array::from_fn(|k| k * i + rounds);
                                black_box(&kept);
                                assert_eq!(deep(7), 7 * DEEP);
                                // About as long as it must have waited: it wakes as the sweep comes by.
                                let wait = 1 + (i * 37 + rounds * 101) % 8;
                                if i % 3 == 0 {
                                    park();
                                } else {
                                    sleep(Duration::from_millis(wait as u64));
                                }
                                let same = |(k, &word): (usize, &usize)| word == k * i + rounds;
                                assert!(kept.iter().enumerate().all(same), "its own frame");
                                rounds += 1;
                            }
                            rounds
                        })
                    })
                    .collect();
                drop(told);
                sleep(Duration::from_millis(500));
                let parkers: Vec<_> = parkers.iter().collect();
                let start = Instant::now();
                while start.elapsed() < Duration::from_secs(3) {
                    sleep(Duration::from_millis(6));
                    for g in &parkers {
                        g.unpark();
                        yield_now();
                    }
                }
                println!("{}", now().stacks.waits);
                assert!(now().stacks.given_back > 200, "{}", now());
                stop.store(true, Ordering::Relaxed);
                parkers.iter().for_each(|g| g.unpark());
                for one in all {
                    assert!(one.join().unwrap() > 0);
                }
            })
            .expect("main returns");
    }
}

/// Is deep, waits until memory has been given back for it, and so on.
fn deep_until_given_back() {
    for n in 1..4 {
        let before = now().stacks.given_back;
        assert_eq!(deep(n), usize::from(n) * DEEP);
        until("it has given back", || now().stacks.given_back > before);
    }
}

#[test]
fn a_panic_goes_on_whose_goroutine_gives_back_while_it_unwinds() {
    if keeps_all() {
        return;
    }
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            deep_until_given_back();
        }
    }
    for threads in [Pinned, Migrating] {
        let builder = Runtime::builder().give_back_after(Duration::from_millis(2));
        let runtime = with(builder.fences(Fences::Asymmetric), threads);
        runtime
            .run(|| {
                let one = go(|| {
                    let kept = [7_usize; 40];
                    let recovered = RefCell::new(String::new());
                    recovering(|r| {
                        r.defer_recover(|panic| {
                            deep_until_given_back();
                            let payload = panic.recover().expect("a panic is in flight");
                            *recovered.borrow_mut() = common::text(&*payload).to_owned();
                        });
                        r.defer(deep_until_given_back);
                        // Its destructor runs within the unwinder's frames.
                        let _waits = Waits;
                        black_box(deep(9));
                        common::quiet_panic("in flight")
                    });
                    assert!(black_box(&kept).iter().all(|&word| word == 7), "its own frame");
                    recovered.into_inner()
                });
                assert_eq!(one.join().unwrap(), "in flight");
            })
            .expect("main returns");
    }
}

#[test]
fn goroutines_that_have_locked_their_thread_give_back_too() {
    if keeps_all() {
        return;
    }
    let runtime = with(Runtime::builder().fences(Fences::Asymmetric), Migrating);
    runtime
        .run(|| {
            let (tx, rx) = channel::<()>(0);
            let one = go(move || {
                lock_os_thread();
                let first = deep(3);
                let _ = rx.recv();
                first == deep(3)
            });
            until("it has given back", || now().stacks.given_back >= 1);
            drop(tx);
            assert!(one.join().unwrap());
        })
        .expect("main returns");
}

#[test]
fn free_stacks_give_back() {
    on_each_kind(|kind, procs| {
        let n = if kind.threads == Exclusive { 100 } else { 600 };
        let ended = kind.build(resting(procs)).run(move || {
            deep_and_parked(n, || {});
            // What the caches of the Ps hold stays, half a magazine's worth and more.
            let most = 130 * procs * (DEEP + (24 << 10)) + n * (8 << 10);
            until("free stacks have given back", || committed() < most.min(n * DEEP / 2).max(most));
        });
        ended.expect("main returns");
    });
}

#[test]
fn the_limit_is_an_error_to_the_spawner_and_room_comes_back() {
    const STACK: usize = 64 << 10;
    on_each_kind(|kind, procs| {
        let builder = Runtime::builder()
            .procs(procs)
            .fences(kind.fences)
            .stack_size(STACK)
            .stack_memory_limit(200 * STACK);
        let ended = kind.threads.build(builder).run(move || {
            for _ in 0..3 {
                let (tx, rx) = channel::<()>(0);
                let mut all = Vec::new();
                let error = loop {
                    let rx = rx.clone();
                    match try_go(move || rx.recv().is_err()) {
                        Ok(one) => all.push(one),
                        Err(error) => break error,
                    }
                    assert!(all.len() < 200, "the limit does not hold");
                };
                assert_eq!(error, Error::Stack(StackError::Limit { bytes: 200 * STACK }));
                assert!(error.to_string().contains("limit of 13107200 bytes"), "{error}");
                // All but main's, the sweep's own, and what another busy P keeps.
                assert!(all.len() >= 200 - 1 - 8 - 64 * (procs - 1), "only {}", all.len());
                assert!(now().stacks.reserved <= 200 * STACK);
                drop(tx);
                assert!(all.into_iter().all(|one| one.join().unwrap()));
            }
        });
        ended.expect("main returns");
    });
}

#[test]
fn a_limit_below_one_stack_is_an_error_of_the_run() {
    let runtime = Runtime::builder().stack_memory_limit(1000).build().unwrap();
    let error = runtime.run(|| ()).unwrap_err();
    assert!(error.to_string().contains("limit of 1000 bytes"), "{error}");
}
