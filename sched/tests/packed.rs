//! Goroutines on packed stacks, and on stacks of a size of their own.
//!
//! In a build with debug assertions packed stacks are refused, and the tests of them do nothing:
//! `cargo test --release -p g0-sched --features std --test packed`.
#![cfg(target_os = "linux")]

#[path = "../../arch/tests/common/runner.rs"]
mod runner;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use g0_sched::generic::Go;
use g0_sched::{
    Builder, Error, Hosted, Mutex, Runtime, WaitGroup, channel, go, grow, sleep, stats, try_go,
    yield_now,
};
use g0_stack::StackError;

/// Whether this build has packed stacks.
const PACKS: bool = !cfg!(debug_assertions);

fn packed(procs: usize, bytes: usize) -> Builder {
    // SAFETY: these goroutines stay flat: what each does has been measured, by the last test here.
    unsafe { Runtime::builder().procs(procs).packed_stacks(bytes) }
}

fn built(builder: Builder) -> Runtime {
    // SAFETY: no goroutine here keeps anything of a thread's across a wait.
    unsafe { builder.build_migrating() }.expect("a runtime")
}

/// Returns an address in the caller's stack.
#[inline(always)]
fn address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

/// Runs the named test again in a process of its own, where `part` runs instead and has to abort; returns what it wrote
/// to standard error.
fn aborts(name: &str, part: fn()) -> Option<String> {
    const VARIABLE: &str = "G0_PACKED_CHILD";
    if std::env::var_os(VARIABLE).is_some() {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: no core file is left behind, and a child that hangs is ended.
        unsafe {
            libc::alarm(60);
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        }
        part();
        return None;
    }
    let out = runner::this_program()
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, "1")
        .output()
        .expect("a child");
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&out.status), Some(6), "{text}");
    Some(text)
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let refused = |builder: Builder| {
        // SAFETY: it is not run.
        unsafe { builder.build_migrating() }.err()
    };
    assert_eq!(packed(1, 1024).build().err(), Some(Error::PackedExclusive));
    let largest = 2048;
    let too_large = StackError::TooLarge { asked: 4096, largest };
    assert_eq!(refused(packed(1, 4096)), Some(Error::StackSize(too_large)));
    assert_eq!(refused(packed(1, 0)), Some(Error::StackSize(StackError::ZeroSize)));
    if !PACKS {
        let error = refused(packed(1, 1024)).unwrap();
        assert_eq!(error, Error::PackedStacks(StackError::Unoptimised));
        assert!(error.to_string().contains("--release"), "{error}");
    }
}

#[test]
fn a_goroutine_has_a_stack_of_the_size_that_it_asks_for() {
    built(Runtime::builder().procs(1).stack_size(16 << 10))
        .run(|| {
            // Touches what a smaller stack would not have.
            fn deep(bytes: usize) -> usize {
                let frame = black_box([1_u8; 1024]);
                usize::from(frame[bytes % 1024]) + if bytes > 1024 { deep(bytes - 1024) } else { 0 }
            }
            // Without optimisation a goroutine that does nothing takes more than 4 KiB.
            let least = if PACKS { 1 } else { 16 << 10 };
            for size in [least, 16 << 10, 64 << 10, 1 << 20, 4 << 20] {
                for _ in 0..3 {
                    let spawned = Go::new().stack_size(size).spawn::<Hosted, _, _>(move || {
                        deep(if size > 32 << 10 { size / 4 } else { 0 })
                    });
                    assert!(spawned.unwrap().join().unwrap() > 0);
                }
            }
            let largest = 1 << 30;
            let refused = |bytes: usize| {
                Go::new().stack_size(bytes).spawn::<Hosted, _, _>(|| ()).map(drop).unwrap_err()
            };
            assert_eq!(refused(0), Error::StackSize(StackError::ZeroSize));
            let too_large = StackError::TooLarge { asked: usize::MAX, largest };
            assert_eq!(refused(usize::MAX), Error::StackSize(too_large));
        })
        .unwrap();
}

#[test]
fn a_stack_of_another_class_is_used_again_by_the_next_of_that_class() {
    built(Runtime::builder().procs(1))
        .run(|| {
            let at = || {
                let spawned = Go::new().stack_size(1 << 20).spawn::<Hosted, _, _>(address);
                spawned.unwrap().join().unwrap()
            };
            let seen: std::collections::HashSet<_> = (0..100).map(|_| at() >> 20).collect();
            assert!(seen.len() <= 16, "{} stacks for one goroutine at a time", seen.len());
            // Detached, and held beyond the end.
            for _ in 0..100 {
                let spawned = Go::new().stack_size(1 << 20).spawn::<Hosted, _, _>(|| ());
                drop(spawned.unwrap());
                yield_now();
            }
        })
        .unwrap();
}

#[test]
fn closures_that_fill_a_larger_stack_are_for_that_stack_alone() {
    // Main's own stack has no room for what it tries.
    let tries = || {
        let large = [7_u8; 8 << 10];
        let spawned = Go::new().spawn::<Hosted, _, _>(move || large[17]);
        assert_eq!(spawned.map(drop).unwrap_err(), Error::ClosureTooLarge);
        let sized = Go::new().stack_size(256 << 10);
        let spawned = sized.spawn::<Hosted, _, _>(move || large[17]);
        assert_eq!(spawned.unwrap().join().unwrap(), 7);
    };
    built(Runtime::builder().procs(1).stack_size(16 << 10))
        .run(move || {
            let roomy = Go::new().stack_size(1 << 20);
            roomy.spawn::<Hosted, _, _>(tries).unwrap().join().unwrap();
        })
        .unwrap();
}

#[test]
fn packed_goroutines_wait_and_are_woken() {
    if !PACKS {
        return;
    }
    const COUNT: usize = 20_000;
    for bytes in [1, 1024, 2048] {
        for procs in [1, 2] {
            built(packed(procs, bytes))
                .run(|| {
                    let (gate, closed) = channel::<()>(0);
                    let shared = Arc::new((closed, WaitGroup::new(), AtomicUsize::new(0)));
                    shared.1.add(COUNT);
                    for i in 0..COUNT {
                        let shared = shared.clone();
                        go(move || {
                            let _ = shared.0.recv();
                            shared.2.fetch_add(i, Ordering::Relaxed);
                            shared.1.done();
                        });
                    }
                    yield_now();
                    assert_eq!(stats().unwrap().packed_stacks, COUNT);
                    gate.close().unwrap();
                    shared.1.wait();
                    assert_eq!(shared.2.load(Ordering::Relaxed), (0..COUNT).sum());
                    // Main's own stack is no packed one, nor is one that asks for more.
                    let sized = Go::new().stack_size(4096).spawn::<Hosted, _, _>(|| ());
                    sized.unwrap().join().unwrap();
                })
                .unwrap();
        }
    }
}

#[test]
fn the_end_of_the_run_leaves_packed_goroutines_that_wait() {
    if !PACKS {
        return;
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Tells;
    impl Drop for Tells {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let runtime = built(packed(1, 1024).grace(Duration::from_millis(100)));
    let ended = runtime.run_counted(|| {
        let (gate, closed) = channel::<()>(0);
        for _ in 0..10 {
            let closed = closed.clone();
            go(move || {
                let _tells = Tells;
                let _ = closed.recv();
            });
        }
        yield_now();
        // One that begins when main has returned.
        go(|| {
            let refused = try_go(|| ()).map(drop);
            assert!(matches!(refused, Ok(()) | Err(Error::ShutDown)));
        });
        std::mem::forget(gate);
    });
    assert_eq!(ended.unwrap().left_behind, 10);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
}

#[test]
fn an_overwritten_canary_names_its_goroutine() {
    if !PACKS {
        return;
    }
    let Some(text) = aborts("an_overwritten_canary_names_its_goroutine", || {
        let _ = built(packed(1, 1024)).run(|| {
            let spawned = Go::new().name("deep one").spawn::<Hosted, _, _>(|| {
                let bottom = address() & !1023;
                // SAFETY: the damage under test, to the canary alone.
                unsafe { std::ptr::with_exposed_provenance_mut::<u64>(bottom).write_volatile(1) };
            });
            spawned.unwrap().join().unwrap();
        });
    }) else {
        return;
    };
    assert!(text.contains("deep one, started at") && text.contains("canary"), "{text}");
}

#[test]
fn an_overflow_of_the_lowest_stack_faults_and_names_its_goroutine() {
    if !PACKS {
        return;
    }
    let name = "an_overflow_of_the_lowest_stack_faults_and_names_its_goroutine";
    let Some(text) = aborts(name, || {
        #[inline(never)]
        fn deeper(n: usize) -> usize {
            let frame = black_box([n; 16]);
            if black_box(n) == usize::MAX { 0 } else { deeper(n + 1) + frame[n % 16] }
        }
        let _ = built(packed(1, 1024)).run(|| {
            // Of those that are made in one go, the lowest is handed out last.
            let (gate, closed) = channel::<()>(0);
            for left in (0..8).rev() {
                let closed = closed.clone();
                let named = Go::new().name(if left == 0 { "lowest" } else { "above" });
                let spawned = named.spawn::<Hosted, _, _>(move || match left {
                    0 => deeper(0),
                    _ => closed.recv().map_or(0, |()| 1),
                });
                drop(spawned.unwrap());
                yield_now();
            }
            drop(gate);
        });
    }) else {
        return;
    };
    assert!(text.contains("lowest, started at") && text.contains("packed"), "{text}");
}

/// Where stacks were that goroutines used, of 2 KiB: the deepest that each has come is looked up at the end.
static USED: [AtomicUsize; 4096] = [const { AtomicUsize::new(0) }; 4096];

#[inline(always)]
fn note() {
    let bottom = address() & !2047;
    USED[bottom / 2048 % USED.len()].store(bottom, Ordering::Relaxed);
}

/// Returns the most bytes that a stack has been used of, its record included.
fn deepest() -> usize {
    let used = USED.iter().map(|word| word.swap(0, Ordering::Relaxed)).filter(|&at| at != 0);
    let depth = |bottom: usize| {
        // SAFETY: the source is not dropped: its stacks are read while the runtime runs, where nothing runs on them.
        let word =
            |at: usize| unsafe { std::ptr::with_exposed_provenance::<u64>(at).read_volatile() };
        // Beyond the canary.
        let first = (bottom + 32..bottom + 2048).step_by(8).find(|&at| word(at) != 0);
        first.map_or(0, |at| bottom + 2048 - at)
    };
    used.map(depth).max().unwrap_or(0)
}

/// Runs `count` goroutines that each call `f`, and waits for them.
fn all(count: usize, f: fn(usize)) {
    let wait = Arc::new(WaitGroup::new());
    wait.add(count);
    for i in 0..count {
        let wait = wait.clone();
        go(move || {
            note();
            f(i);
            wait.done();
        });
    }
    wait.wait();
}

const ROUNDS: usize = 2000;

fn channels() {
    let (give, take) = channel::<usize>(0);
    let taker = go(move || {
        note();
        let mut sum = 0;
        while let Ok(n) = take.recv() {
            sum += n;
        }
        sum
    });
    let wait = Arc::new(WaitGroup::new());
    for i in 0..50 {
        let (give, wait) = (give.clone(), wait.clone());
        wait.add(1);
        go(move || {
            note();
            (0..ROUNDS).for_each(|_| give.send(i).unwrap_or(()));
            wait.done();
        });
    }
    wait.wait();
    drop(give);
    assert!(taker.join().is_ok());
}

/// A segment for each, and for some a larger one than the P keeps.
fn grows() {
    #[inline(never)]
    fn deep(n: usize) -> usize {
        let frame = black_box([n; 512]);
        yield_now();
        frame[n % 512]
    }
    all(100, |n| {
        for i in 0..ROUNDS / 100 {
            let need = if i % 8 == 7 { 100 << 10 } else { 16 << 10 };
            assert_eq!(grow::call(need, || deep(n)), n);
            yield_now();
        }
    });
}

fn locks() {
    static LOCK: Mutex<usize> = Mutex::new(0);
    all(50, |_| {
        for _ in 0..ROUNDS / 10 {
            if let Ok(mut n) = LOCK.lock() {
                *n += 1;
                yield_now();
            }
        }
    });
}

fn starts() {
    all(50, |_| {
        for _ in 0..ROUNDS / 10 {
            if let Ok(handle) = try_go(note) {
                let _ = handle.join();
            }
        }
    });
}

/// What is done with goroutines that wait, wake, start and join, while threads that compute take the CPUs away, so
/// that each slow path is met: which of it fits 1 KiB, and which asks for 2.
#[test]
fn what_the_runtime_does_on_a_goroutines_stack_fits_1_or_2_kib() {
    if !PACKS {
        return;
    }
    /// Bytes of a stack of 1 KiB but for its canary.
    const ONE: usize = 1024 - 32;
    /// Of one of 2 KiB, with as much left for the goroutine's own.
    const TWO: usize = 2048 - 32 - 512;
    const KINDS: [(&str, usize, fn()); 7] = [
        ("ends", ONE, || all(100, |_| ())),
        ("yields", ONE, || all(100, |_| (0..ROUNDS).for_each(|_| yield_now()))),
        ("sleeps", ONE, || all(100, |_| sleep(Duration::from_millis(5)))),
        ("channels", ONE, channels),
        ("grows", ONE, grows),
        ("locks", TWO, locks),
        ("starts and joins", TWO, starts),
    ];
    let stop = Arc::new(AtomicUsize::new(0));
    let hogs: Vec<_> = (0..2)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || while stop.load(Ordering::Relaxed) == 0 {})
        })
        .collect();
    let mut found = Vec::new();
    for (name, most, does) in KINDS {
        for procs in [1, 2] {
            let builder = packed(procs, 2048).slice(Duration::from_micros(200));
            let bytes = built(builder).run(|| {
                does();
                deepest()
            });
            found.push((name, procs, bytes.unwrap(), most));
            // To measure takes no room of the stack that is measured.
            let builder = packed(procs, 2048).slice(Duration::from_micros(200));
            let runtime = built(builder.measure_stacks(true));
            let watch = runtime.watch();
            runtime.run(does).unwrap();
            let sites = watch.stack_use().into_iter().filter(|stats| stats.name != "main");
            let (ended, bytes) =
                sites.fold((0, 0), |(n, most), s| (n + s.ended, s.stack.max(most)));
            assert!(ended >= 50, "{name}: {ended}");
            found.push((name, procs, bytes, most));
        }
    }
    stop.store(1, Ordering::Relaxed);
    hogs.into_iter().for_each(|hog| hog.join().unwrap());
    println!("bytes of a stack: {found:?}");
    let fits = |&(_, _, bytes, most): &(&str, usize, usize, usize)| bytes > 0 && bytes <= most;
    assert!(found.iter().all(fits), "{found:?}");
}
