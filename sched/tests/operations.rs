//! The table of operations in `src/operations.md`, row by row: what may suspend does when its turn is over, and
//! ends when the run does; nothing else does either. And the table is whole.

mod common;
mod rows;

/// The platform whose operations are the rows.
mod under_test {
    pub use g0_sched::*;
    pub type P = Hosted;
}

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant as StdInstant};

use common::{Kind, Pinned, SCHEDULERS, bounded, suspends_often, tid, yield_until};
use g0_sched::generic::{Go, OnRecv, try_select};
use g0_sched::{
    Builder, Condvar, Fences, Hosted, Mutex, Runtime, RwLock, Semaphore, WaitGroup, current, go,
    go_named, grow, lock_os_thread, offload, os_thread_locked, procs, set_procs, sleep, stats,
    try_go, unlock_os_thread, yield_now,
};
use rows::{MAY, Op, Row, UNCUT, op, with_chan, with_channel};

const PAGE: &str = include_str!("../src/operations.md");

/// What may suspend, on this platform alone.
const OFFLOAD: Row = ("offload", || op(|| offload(|| ())));

/// What the table says may suspend.
fn may() -> impl Iterator<Item = &'static Row> {
    MAY.iter().chain([&OFFLOAD])
}

/// What the table says never suspends.
const NEVER: &[Row] = &[
    ("Sender::try_send", || with_channel(|tx, _| _ = tx.try_send(1))),
    ("Receiver::try_recv", || with_channel(|_, rx| _ = rx.try_recv())),
    ("Receiver::try_iter", || with_channel(|_, rx| assert_eq!(rx.try_iter().next(), None))),
    ("Chan::try_send", || with_chan(|chan| _ = chan.try_send(1))),
    ("Chan::try_recv", || with_chan(|chan| _ = chan.try_recv())),
    ("try_select", || {
        with_channel(|_, rx| {
            let mut case = rx.on_recv();
            assert!(!try_select::<Hosted>(&mut [&mut case]));
        })
    }),
    ("Sender::close", || with_channel(|tx, _| _ = tx.close())),
    ("Chan::close", || with_chan(|chan| _ = chan.close())),
    ("Mutex::try_lock", || {
        let lock = Mutex::new(0);
        op(move || *lock.try_lock().unwrap() += 1)
    }),
    ("RwLock::try_read", || {
        let lock = RwLock::new(0);
        op(move || assert_eq!(*lock.try_read().unwrap(), 0))
    }),
    ("RwLock::try_write", || {
        let lock = RwLock::new(0);
        op(move || *lock.try_write().unwrap() += 1)
    }),
    ("RwLockWriteGuard::downgrade", || {
        let lock = RwLock::new(0);
        op(move || drop(g0_sched::RwLockWriteGuard::downgrade(lock.try_write().unwrap())))
    }),
    ("Semaphore::try_acquire", || {
        let permits = Semaphore::new(1);
        op(move || drop(permits.try_acquire().unwrap()))
    }),
    ("Semaphore::try_acquire_many", || {
        let permits = Semaphore::new(3);
        op(move || drop(permits.try_acquire_many(3).unwrap()))
    }),
    ("Semaphore::release", || {
        let permits = Semaphore::new(0);
        op(move || permits.release(1).unwrap())
    }),
    ("Permit::forget", || {
        let permits = Semaphore::new(1 << 20);
        op(move || {
            if let Some(permit) = permits.try_acquire() {
                permit.forget();
            }
        })
    }),
    ("Condvar::notify_one", || {
        let condvar = Condvar::new();
        op(move || condvar.notify_one())
    }),
    ("Condvar::notify_all", || {
        let condvar = Condvar::new();
        op(move || condvar.notify_all())
    }),
    ("WaitGroup::add", || {
        let group = WaitGroup::new();
        op(move || {
            group.add(1);
            group.done();
        })
    }),
    ("WaitGroup::done", || {
        let group = WaitGroup::new();
        op(move || {
            group.add(1);
            group.done();
        })
    }),
    ("Goroutine::unpark", || {
        let this = current().unwrap();
        op(move || this.unpark())
    }),
    ("go", || op(|| drop(go(|| ())))),
    ("go_named", || op(|| drop(go_named("another", || ())))),
    ("Scope::go", || {
        op(|| {
            // Its scope would wait: the short form of the same.
            drop(go(|| ()));
        })
    }),
    ("Go::spawn", || op(|| drop(Go::new().spawn::<Hosted, _, _>(|| ())))),
    ("try_go", || op(|| drop(try_go(|| ())))),
    ("Scope::try_go", || {
        op(|| {
            // Its scope would wait: the short form of the same.
            drop(try_go(|| ()));
        })
    }),
    ("current", || op(|| drop(current().unwrap()))),
    ("stats", || op(|| _ = stats().unwrap())),
    ("procs", || op(|| assert_ne!(procs(), 0))),
    ("set_procs", || op(|| _ = set_procs(procs()))),
    ("lock_os_thread", || {
        op(|| {
            lock_os_thread();
            unlock_os_thread();
        })
    }),
    ("unlock_os_thread", || {
        op(|| {
            lock_os_thread();
            unlock_os_thread();
        })
    }),
    ("os_thread_locked", || op(|| _ = os_thread_locked())),
    ("deferring", || op(|| g0_sched::deferring(|s| s.defer(|| ())))),
    ("recovering", || op(|| _ = g0_sched::recovering(|_| ()))),
    ("grow::call", || op(|| assert_eq!(grow::call(LARGE, || 7), 7))),
    ("grow::try_call", || op(|| assert_eq!(grow::try_call(LARGE, || 7).unwrap(), 7))),
    ("grow::remaining", || op(|| assert_ne!(grow::remaining(), 0))),
    ("grow::trim", || {
        op(|| {
            grow::call(LARGE, || ());
            grow::trim();
        })
    }),
];

/// More than a goroutine's own stack has.
const LARGE: usize = 300 << 10;

/// `SCHEDULERS`, one after the other.
fn on_each_scheduler(what: &'static str, test: impl Fn(Kind, usize) + Send + Copy + 'static) {
    for (threads, symmetric, procs) in SCHEDULERS {
        let fences = if symmetric { Fences::Symmetric } else { Fences::Auto };
        let kind = Kind { threads, fences };
        println!("{kind:?} with {procs} procs");
        bounded(what, move || test(kind, procs));
    }
}

#[test]
fn a_sleeper_has_its_turns_beside_a_loop_of_any_operation_that_may_wait() {
    // One tick in all the time there is, where nothing gives way.
    const TICKS: usize = 3;
    on_each_scheduler("a sleeper beside a loop", |kind, procs| {
        kind.with_procs(procs)
            .run(move || {
                static NOW: AtomicUsize = AtomicUsize::new(0);
                static OVER: AtomicBool = AtomicBool::new(false);
                NOW.store(0, Ordering::SeqCst);
                OVER.store(false, Ordering::SeqCst);
                let sleeper = go(|| {
                    while !OVER.load(Ordering::SeqCst) {
                        sleep(Duration::from_millis(1));
                        NOW.fetch_add(1, Ordering::SeqCst);
                    }
                });
                yield_until("the sleeper sleeps", || NOW.load(Ordering::SeqCst) != 0);
                for &(name, make) in may().chain(UNCUT) {
                    let hog = go(move || {
                        let (mut op, before) = (make(), NOW.load(Ordering::SeqCst));
                        let start = StdInstant::now();
                        while NOW.load(Ordering::SeqCst) < before + TICKS {
                            assert!(start.elapsed() < Duration::from_secs(10), "{name} starves it");
                            (0..100).for_each(|_| op());
                        }
                    });
                    let ended = hog.join();
                    assert!(ended.is_ok(), "{kind:?} with {procs} procs, {name}: it starves");
                }
                OVER.store(true, Ordering::SeqCst);
                sleeper.join().unwrap();
            })
            .unwrap();
    });
}

#[test]
fn what_never_suspends_lets_no_other_goroutine_of_its_thread_run() {
    if suspends_often() {
        return;
    }
    let kind = Kind { threads: Pinned, fences: Fences::Auto };
    bounded("what never suspends", move || {
        kind.with_procs(1)
            .run(|| {
                static RAN: AtomicUsize = AtomicUsize::new(0);
                static OVER: AtomicBool = AtomicBool::new(false);
                let here = tid();
                let other = go(move || {
                    while !OVER.load(Ordering::SeqCst) {
                        assert_eq!(tid(), here, "they share a thread");
                        RAN.fetch_add(1, Ordering::SeqCst);
                        yield_now();
                    }
                });
                yield_until("the other has begun", || RAN.load(Ordering::SeqCst) != 0);
                for &(name, make) in NEVER {
                    let mut op = make();
                    let (before, start) = (RAN.load(Ordering::SeqCst), StdInstant::now());
                    // Longer than a turn, and than sysmon sleeps.
                    while start.elapsed() < Duration::from_millis(30) {
                        op();
                    }
                    assert_eq!(RAN.load(Ordering::SeqCst), before, "{name} has suspended");
                    drop(op);
                    // What it has started.
                    let ran = RAN.load(Ordering::SeqCst);
                    yield_until("the other has a turn", || RAN.load(Ordering::SeqCst) != ran);
                }
                OVER.store(true, Ordering::SeqCst);
                other.join().unwrap();
            })
            .unwrap();
    });
}

#[test]
fn what_never_suspends_keeps_its_thread_on_every_runtime() {
    on_each_scheduler("what keeps its thread", |kind, procs| {
        kind.with_procs(procs)
            .run(move || {
                let other = go(|| sleep(Duration::from_millis(1)));
                for &(name, make) in NEVER {
                    // Not locked to a thread, as main may be.
                    let hog = go(move || {
                        let mut op = make();
                        let (here, start) = (tid(), StdInstant::now());
                        while start.elapsed() < Duration::from_millis(12) {
                            (0..20).for_each(|_| op());
                            assert_eq!(tid(), here, "{name} has moved");
                        }
                    });
                    assert!(hog.join().is_ok(), "{kind:?}, {name}: on another thread");
                }
                other.join().unwrap();
            })
            .unwrap();
    });
}

/// Loops over an operation when main returns; returns how many goroutines were left behind after `grace`.
fn at_the_end(kind: Kind, procs: usize, make: fn() -> Op, grace: Duration) -> u64 {
    let begun = Arc::new(AtomicBool::new(false));
    let over = Arc::new(AtomicBool::new(false));
    let stop = over.clone();
    let ended = kind
        .build(quiet(Runtime::builder().procs(procs).grace(grace)))
        .run_counted(move || {
            let started = begun.clone();
            drop(go(move || {
                let mut op = make();
                while !stop.load(Ordering::SeqCst) {
                    op();
                    started.store(true, Ordering::SeqCst);
                }
            }));
            yield_until("the loop has begun", || begun.load(Ordering::SeqCst));
        })
        .unwrap();
    over.store(true, Ordering::SeqCst);
    ended.left_behind
}

/// What the end of the run finds is expected here.
fn quiet(builder: Builder) -> Builder {
    builder.deadlock(g0_sched::Deadlock::Ignore)
}

#[test]
fn the_end_of_the_run_ends_a_loop_of_any_operation_that_may_wait() {
    on_each_scheduler("the end of loops", |kind, procs| {
        for &(name, make) in may() {
            // On a busy machine a thread may not run for long.
            let left = at_the_end(kind, procs, make, Duration::from_secs(20));
            assert_eq!(left, 0, "{kind:?} with {procs} procs, {name}: left behind");
        }
    });
}

#[test]
fn the_end_of_the_run_leaves_a_loop_behind_that_never_waits() {
    const GRACE: Duration = Duration::from_millis(500);
    // Not on the pinned runtime, where main would wait for a loop that shares its thread. Several at a time: each
    // waits for its grace.
    let others = SCHEDULERS.into_iter().filter(|scheduler| scheduler.0 != Pinned).cycle();
    let rows: Vec<_> = NEVER.iter().chain(UNCUT).zip(others).collect();
    for some in rows.chunks(9) {
        std::thread::scope(|s| {
            for &(&(name, make), (threads, _, procs)) in some {
                s.spawn(move || {
                    let kind = Kind { threads, fences: Fences::Auto };
                    let left = bounded(name, move || at_the_end(kind, procs, make, GRACE));
                    // Beside it, what it has started and has not begun.
                    assert_ne!(left, 0, "{kind:?} with {procs} procs, {name}: ended");
                });
            }
        });
    }
}

/// What stands in backticks on the page.
fn named() -> BTreeSet<&'static str> {
    PAGE.split('`').skip(1).step_by(2).collect()
}

/// The rows of the table: the names in the first column, and the second and the last one.
fn rows() -> Vec<(Vec<&'static str>, &'static str, &'static str)> {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| operation |")).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let names = cells[1].split('`').skip(1).step_by(2).collect();
            (names, cells[2], cells[4])
        })
        .collect()
}

#[test]
fn the_table_says_of_each_operation_what_the_tests_here_hold_it_to() {
    let mut told = BTreeSet::new();
    for (names, suspends, throws) in rows() {
        for name in names {
            // Of the other crate, whose tests walk them; or beside the operation itself.
            let apart = ["default", "Waker", "JoinHandle", "goexit"];
            if name.starts_with("g0_cgo::") || apart.contains(&name) {
                continue;
            }
            let list: Vec<&Row> = match (suspends.starts_with("yes"), throws.split(' ').next()) {
                (true, Some("yes")) => may().collect(),
                (true, _) => UNCUT.iter().collect(),
                (false, Some("no" | "")) => NEVER.iter().collect(),
                (false, other) => panic!("{name}: {other:?}"),
            };
            assert!(list.iter().any(|row| row.0 == name), "{name}: {suspends}, {throws}: no test");
            told.insert(name);
        }
    }
    for (name, _) in may().chain(UNCUT).chain(NEVER) {
        assert!(told.contains(name), "{name} is in no row of the table");
    }
}

/// Public functions that are no operations of goroutines.
const APART: [&str; 7] =
    ["Scheduler::", "Core::", "sysmon", "defer_depot", "refuse", "Go::insists", "GoroutineStats::"];

/// The functions of the module `grow`.
const GROW: [&str; 4] = ["call", "try_call", "remaining", "trim"];

#[test]
fn every_public_operation_is_on_the_page() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let named = named();
    let (mut found, mut missing) = (0, vec![]);
    let mut files = vec![source.join("exec/yields.rs"), source.join("hosted/offload.rs")];
    let mut folders: Vec<_> = ["api", "sync", "task", "time"].map(|at| source.join(at)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (mut types, mut is_hidden) = (vec![], false);
        for line in text.lines() {
            let code = line.trim_start();
            // For this workspace alone: what stands between it and its function are attributes.
            let was_hidden = is_hidden;
            is_hidden = code == "#[doc(hidden)]" || is_hidden && code.starts_with("#[");
            if code.starts_with("impl") {
                types = types_of(code);
            } else if line.starts_with("pub fn") || line.starts_with("pub unsafe fn") {
                types.clear();
            }
            let Some(name) = name_of(code).filter(|_| !was_hidden) else { continue };
            let whole = match &types[..] {
                [] if GROW.contains(&name) => vec![format!("grow::{name}")],
                [] => vec![name.to_owned()],
                types => types.iter().map(|of| format!("{of}::{name}")).collect(),
            };
            for name in whole {
                if APART.iter().any(|apart| name.starts_with(apart)) {
                    continue;
                }
                found += 1;
                if !named.contains(&*name) {
                    missing.push(name);
                }
            }
        }
    }
    assert!(missing.is_empty(), "without a row: {missing:?}");
    assert!(found > 80, "the sources have {found} operations only: they are read wrongly");
}

/// The type that `impl…` is for: that of a macro for both ends of a channel is both.
fn types_of(line: &str) -> Vec<String> {
    let rest = line.trim_start_matches("impl");
    let rest = match rest.strip_prefix('<') {
        // The generics end where as many brackets are closed as were opened.
        Some(_) => {
            let mut depth = 0;
            let end = rest.char_indices().find(|&(i, c)| {
                depth += match c {
                    '<' => 1,
                    '>' if !rest[..i].ends_with('-') => -1,
                    _ => 0,
                };
                depth == 0
            });
            &rest[end.map_or(0, |(i, _)| i + 1)..]
        }
        None => rest,
    };
    let whole = rest.split(" for ").last().unwrap_or(rest).trim();
    match whole.split(['<', ' ', '{']).next().unwrap_or_default() {
        "$name" => vec!["Sender".into(), "Receiver".into()],
        name => vec![name.rsplit("::").next().unwrap_or(name).into()],
    }
}

/// The name of a public function, if the line begins one.
fn name_of(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
    let rest = rest.strip_prefix("const ").unwrap_or(rest).strip_prefix("fn ")?;
    rest.split(['<', '(']).next()
}
