//! Goroutines on stacks of 1 KiB: as many as are asked for and memory allows, up to ten million.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use g0_sched::{Builder, Error, Receiver, Runtime, WaitGroup, channel, stats, try_go, yield_now};

use crate::env::{Env, ensure, equal, grouped};
use crate::process;

/// With `--full`.
const MOST: u64 = 10_000_000;
/// Without it: for a tour that is as quick as without this step.
const FEW: u64 = 200_000;
/// Bytes of a stack.
const STACK: usize = 1 << 10;
/// A parked goroutine and its share of page tables; reckoned with some more.
const EACH: u64 = 1100;
/// A build with debug assertions, which has no packed stacks: a page and more.
const EACH_GUARDED: u64 = 8 << 10;

/// What the goroutines share.
struct Shared {
    closed: Receiver<()>,
    ended: WaitGroup,
    parked: AtomicU64,
    sum: AtomicU64,
}

/// What main has seen.
struct Seen {
    started: u64,
    refused: Option<Error>,
    packed: u64,
    create_ns: f64,
    end_ns: f64,
    resident: u64,
    page_tables: u64,
    sum: u64,
}

/// Goroutine `i`: flat, as its small stack wants it.
fn waiter(i: u64, shared: &Shared) {
    shared.parked.fetch_add(1, Ordering::Relaxed);
    let _ = shared.closed.recv();
    shared.sum.fetch_add(i, Ordering::Relaxed);
    shared.ended.done();
}

fn builder() -> Builder {
    // One processor: with more, they compete for the process's memory map at each first touch.
    let builder = Runtime::builder().procs(1);
    if cfg!(debug_assertions) {
        return builder;
    }
    // SAFETY: all goroutines are `waiter`s, which count, wait and end; none panics. This program has no signal handlers
    // but those of std and of the runtime, and the build looks at the rest.
    unsafe { builder.packed_stacks(STACK) }
}

/// Parks up to `n` goroutines at the same time, and lets them go again.
fn park(env: &Env, n: u64) -> Result<Seen, String> {
    let count = env.stage("goroutines parked in a receive", n);
    env.run(builder(), move || {
        let (gate, closed) = channel::<()>(0);
        let zero = || AtomicU64::new(0);
        let ended = WaitGroup::new();
        let shared = Arc::new(Shared { closed, ended, parked: zero(), sum: zero() });
        let memory = || Ok::<_, String>((process::resident()?, process::page_tables()?));
        let before = memory()?;
        let (mut started, mut refused) = (0, None);
        let start = Instant::now();
        while started < n && refused.is_none() {
            shared.ended.add(1);
            let theirs = shared.clone();
            match try_go(move || waiter(started, &theirs)) {
                Ok(handle) => {
                    drop(handle);
                    started += 1;
                }
                Err(error) => {
                    shared.ended.done();
                    refused = Some(error);
                }
            }
            // Those that were started park before there are many of them.
            if started.is_multiple_of(1000) {
                yield_now();
                count.add(1000);
            }
        }
        while shared.parked.load(Ordering::Relaxed) != started {
            yield_now();
        }
        let create_ns = start.elapsed().as_nanos() as f64 / started as f64;
        count.stage("looking at the memory", 0);
        let after = memory()?;
        let packed = stats().map_or(0, |stats| stats.packed_stacks as u64);
        count.stage("goroutines woken and ended", started);
        let start = Instant::now();
        gate.close().map_err(|_| "the gate was closed before")?;
        shared.ended.wait();
        let end_ns = start.elapsed().as_nanos() as f64 / started as f64;
        count.stage("giving the memory back", 0);
        Ok::<_, String>(Seen {
            started,
            refused,
            packed,
            create_ns,
            end_ns,
            resident: after.0.saturating_sub(before.0),
            page_tables: after.1.saturating_sub(before.1),
            sum: shared.sum.load(Ordering::Relaxed),
        })
    })?
}

pub fn run(env: &Env) -> Result<(), String> {
    let packs = !cfg!(debug_assertions);
    let wanted = env.at_most(if env.is_full() { MOST } else { FEW });
    // A quarter of what is there stays for others.
    let room = process::available()? / 4 * 3 / if packs { EACH } else { EACH_GUARDED };
    let n = wanted.min(room).max(1);
    if n < MOST {
        let why = if n < wanted { "by memory" } else { "--full asks for ten million" };
        env.figure(&format!("as many as allowed, {why}"), grouped(n));
    }
    if !packs {
        env.figure("packed stacks, in a build with debug assertions", "refused: guarded ones");
    }
    let seen = park(env, n)?;
    env.figure("goroutines parked at the same time", grouped(seen.started));
    if let Some(error) = seen.refused {
        println!("      {error}");
    }
    env.figure("on stacks of 1 KiB, side by side", grouped(seen.packed));
    let each = |bytes: u64| bytes as f64 / seen.started as f64;
    env.figure("resident, each", format!("{:.0} bytes", each(seen.resident)));
    env.figure("page tables, each", format!("{:.1} bytes", each(seen.page_tables)));
    env.figure("started and parked, each", format!("{:.0} ns", seen.create_ns));
    env.figure("woken and ended, each", format!("{:.0} ns", seen.end_ns));

    ensure(seen.started >= n.min(10_000), || format!("only {} of {n} started", seen.started))?;
    let sum = env.result(seen.sum);
    let wanted = (0..seen.started).sum::<u64>();
    equal("the sum of those that were woken and ended", &sum, &wanted)?;
    equal("packed stacks", &seen.packed, &if packs { seen.started } else { 0 })?;
    ensure(!packs || seen.started < 100_000 || each(seen.resident) <= 1060.0, || {
        format!("{:.0} bytes each, and 1060 are allowed", each(seen.resident))
    })
}
