//! As many parked goroutines as memory allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use g0_cgo::{CallerContext, Runtime as _, Sched};
use g0_sched::{Error, Hosted, Runtime, WaitGroup, try_go, yield_now};
use g0_stack::StackError;

use crate::env::{Env, ensure, equal, grouped};
use crate::process;
use crate::ticker::Count;

const MOST: u64 = 1_000_000;
const STACK: usize = 64 << 10;
/// A parked goroutine: one page, and its share of the page tables; reckoned with some more.
const EACH: u64 = 8 << 10;
/// One goroutine of so many looks whether there is a guard beneath its stack.
const LOOK: u64 = 1000;

/// What the goroutines share.
struct Shared {
    count: Count,
    /// All wait for it.
    gate: WaitGroup,
    ended: WaitGroup,
    parked: AtomicU64,
    sum: AtomicU64,
    looked: AtomicU64,
    guards: AtomicU64,
}

impl Shared {
    fn new(count: Count) -> Self {
        let zero = || AtomicU64::new(0);
        let (gate, ended) = (WaitGroup::new(), WaitGroup::new());
        let (parked, sum, looked, guards) = (zero(), zero(), zero(), zero());
        Self { count, gate, ended, parked, sum, looked, guards }
    }
}

struct GoroutineInfo {
    started: u64,
    refused: Option<Error>,
    create_ns: f64,
    end_ns: f64,
    resident: u64,
    page_tables: u64,
    shared: Arc<Shared>,
}

/// Whether the byte beneath the running goroutine's stack is out of reach. The kernel is asked to
/// read it: it reports what would be a fault here.
fn guard_beneath() -> bool {
    let CallerContext::Goroutine(handle) = Sched::<Hosted>::here() else { return false };
    let mut ends = [0; 2];
    // SAFETY: the kernel writes two descriptors; they are closed once. From the address it only
    // copies, and says EFAULT where it cannot.
    unsafe {
        if libc::pipe(ends.as_mut_ptr()) != 0 {
            return false;
        }
        let written = libc::write(ends[1], handle.limit.wrapping_sub(1).cast(), 1);
        libc::close(ends[0]);
        libc::close(ends[1]);
        written < 0
    }
}

/// Parks up to `n` goroutines at the same time, and lets them go again.
fn park(env: &Env, n: u64, guards: bool) -> Result<GoroutineInfo, String> {
    let count = env.stage("goroutines parked", n);
    // One processor: with more, they compete for the process's memory map at each first touch.
    let builder = Runtime::builder().procs(1).stack_size(STACK);
    // SAFETY: its goroutines park in their first call.
    let builder = if guards { builder } else { unsafe { builder.without_guards() } };
    env.run(builder, move || {
        let shared = Arc::new(Shared::new(count.clone()));
        shared.gate.add(1);
        let memory = || Ok::<_, String>((process::resident()?, process::page_tables()?));
        let before = memory()?;
        let (mut started, mut refused) = (0, None);
        let start = Instant::now();
        while started < n && refused.is_none() {
            shared.ended.add(1);
            let theirs = shared.clone();
            match try_go(move || waiter(started, &theirs)) {
                Ok(handle) => drop(handle),
                Err(error) => {
                    shared.ended.done();
                    refused = Some(error);
                    continue;
                }
            }
            started += 1;
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
        count.stage("goroutines woken and ended", started);
        let start = Instant::now();
        shared.gate.done();
        shared.ended.wait();
        let end_ns = start.elapsed().as_nanos() as f64 / started as f64;
        count.stage("giving the memory back", 0);
        Ok::<_, String>(GoroutineInfo {
            started,
            refused,
            create_ns,
            end_ns,
            resident: after.0.saturating_sub(before.0),
            page_tables: after.1.saturating_sub(before.1),
            shared,
        })
    })?
}

/// Goroutine `i`.
fn waiter(i: u64, shared: &Shared) {
    if i.is_multiple_of(LOOK) {
        shared.looked.fetch_add(1, Ordering::Relaxed);
        shared.guards.fetch_add(u64::from(guard_beneath()), Ordering::Relaxed);
    }
    shared.parked.fetch_add(1, Ordering::Relaxed);
    shared.gate.wait();
    shared.sum.fetch_add(i, Ordering::Relaxed);
    if i.is_multiple_of(LOOK) {
        shared.count.add(LOOK);
    }
    shared.ended.done();
}

pub fn run(env: &Env) -> Result<(), String> {
    // A quarter of what is there stays for others.
    let room = process::available()? / 4 * 3 / EACH;
    let n = env.at_most(MOST.min(room)).max(1);
    if n < MOST {
        env.figure("as many as allowed, by memory or --most", grouped(n));
    }
    let mut seen = park(env, n, true)?;
    let mut guarded = true;
    if let Some(error @ Error::Stack(StackError::TooManyMappings)) = seen.refused {
        // Without light guards each takes mappings, and their number is limited.
        env.figure("guarded ones, until the kernel refused", grouped(seen.started));
        println!("      {error}");
        guarded = false;
        seen = park(env, n, guarded)?;
    }
    let load = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let (looked, guards) = (load(&seen.shared.looked), load(&seen.shared.guards));
    let how = if guarded { "each with a guard" } else { "without guards" };
    env.figure("goroutines parked at the same time", format!("{}, {how}", grouped(seen.started)));
    if let Some(error) = seen.refused {
        println!("      {error}");
    }
    env.figure(
        "guards found beneath stacks, one in 1000 looked at",
        format!("{guards} of {looked}"),
    );
    env.figure("stack of each", format!("{} KiB of address space", STACK >> 10));
    let each = |bytes: u64| bytes as f64 / seen.started as f64;
    env.figure("resident, each", format!("{:.0} bytes", each(seen.resident)));
    env.figure("page tables, each", format!("{:.0} bytes", each(seen.page_tables)));
    env.figure("started and parked, each", format!("{:.0} ns", seen.create_ns));
    env.figure("woken and ended, each", format!("{:.0} ns", seen.end_ns));

    // A limit on address space may come before the one on memory; not before this.
    ensure(seen.started >= n.min(10_000), || format!("only {} of {n} started", seen.started))?;
    let sum = env.result(load(&seen.shared.sum));
    let wanted = (0..seen.started).sum::<u64>();
    equal("the sum of those that were woken and ended", &sum, &wanted)?;
    let wanted = if guarded { looked } else { 0 };
    equal("guards beneath the stacks that were looked at", &guards, &wanted)
}
