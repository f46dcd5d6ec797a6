//! A runtime that has given all back, and in which nothing runs, sleeps. Alone in its process, whose threads are
//! counted.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Migrating, suspends_often};
use g0_sched::{Fences, Runtime, channel, go, sleep, stats};

#[inline(never)]
fn deep() {
    // A variable: a constant would not lie on the stack.
    let mut bytes = [0_u8; 128 << 10];
    bytes.fill(black_box(1));
    black_box(&bytes);
}

#[test]
fn an_idle_runtime_rests() {
    if suspends_often() {
        // Fences are symmetric then, and what waits keeps its memory.
        return;
    }
    let runtime = Migrating.build(
        Runtime::builder()
            .procs(2)
            .fences(Fences::Auto)
            .give_back_after(Duration::from_millis(200)),
    );
    let watch = runtime.watch();
    let (tx, rx) = std::sync::mpsc::channel();
    let looker = std::thread::spawn(move || {
        rx.recv().unwrap();
        let (fences, slept) = (watch.stats().heavy_fences, sysmon_sleeps());
        std::thread::sleep(Duration::from_secs(3));
        (watch.stats().heavy_fences - fences, sysmon_sleeps() - slept)
    });
    runtime
        .run(move || {
            let (end, wait) = channel::<()>(0);
            let all: Vec<_> = (0..100)
                .map(|_| {
                    let wait = wait.clone();
                    go(move || {
                        deep();
                        let _ = wait.recv();
                    })
                })
                .collect();
            let start = Instant::now();
            let given_back = || stats().expect("a goroutine asks").stacks.given_back;
            while given_back() < 100 && start.elapsed() < Duration::from_secs(10) {
                sleep(Duration::from_millis(20));
            }
            assert!(given_back() >= 100, "only {} have given back", given_back());
            sleep(Duration::from_secs(1));
            tx.send(()).unwrap();
            sleep(Duration::from_secs(4));
            drop(end);
            all.into_iter().for_each(|one| one.join().unwrap());
        })
        .expect("main returns");
    let (fences, sleeps) = looker.join().unwrap();
    assert!(fences <= 2, "{fences} heavy fences while nothing runs");
    assert!(sleeps < 30, "sysmon sleeps {sleeps} times in three seconds");
}

/// How often sysmon has gone to sleep.
fn sysmon_sleeps() -> u64 {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        if read("comm").contains("sysmon") {
            let status = read("status");
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
            sum += line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    sum
}
