//! Which rows there are.

use super::{Row, row};
use crate::compare::unit::Unit::{Bytes, Ms, Rate, Share, Threads, Times, Us};

/// The peers whose stacks, or what stands for them, wait for the clock.
const SLEEPERS: &[&str] = &["go", "tokio", "may", "boost", "floor"];

/// The peers that give a goroutine, or what stands for it, a thread of its own.
const LOCKERS: &[&str] = &["go", "tokio", "floor"];

/// What a row of the pinned runtime stands beside: the same on the migrating one, too.
const BESIDE: &[&str] = &["go", "migrating"];

/// All rows.
pub static ROWS: &[Row] = &[
    row("switch", &["corosensei", "boost"]).at_most(4.0),
    row("yield", &["go", "may", "tokio", "boost"]).at_most(10.0),
    row("spawn-join", &["go", "may", "tokio", "boost"]).at_most(60.0),
    row("spawn-1000", &["go", "may", "tokio", "boost"]).at_most(35.0),
    row("channel", &["go", "may-mpsc", "may-spsc", "tokio", "boost"]).at_most(45.0),
    row("buffered", &["go", "tokio", "boost"]).at_most(8.0),
    row("select", &["go", "tokio", "may"]).times(1.0, "go"),
    row("ring", &["go", "tokio", "may", "boost"]).times(1.0, "go"),
    row("mutex", &["go", "tokio", "may", "boost", "parking_lot", "std"]).at_most(9.5),
    row("mutex-contended", &["go", "tokio", "may", "parking_lot", "std"]).times(1.0, "go").on_two(),
    row("lock", &["go"]).at_most(1.8),
    row("locked-one", LOCKERS).at_most(5000.0).on_one_cpu(),
    row("locked-one-cpu", LOCKERS).times(1.0, "go").on_one_cpu().from("locked-one", 1).aside(),
    row("locked-two", LOCKERS).at_most(1000.0).on_two(),
    row("locked-two-cpu", LOCKERS).times(1.0, "go").on_two().from("locked-two", 1).aside(),
    row("locked-both-one", &["go"]).times(1.0, "go").on_one_cpu(),
    row("locked-both-one-cpu", &["go"])
        .times(1.0, "go")
        .on_one_cpu()
        .from("locked-both-one", 1)
        .aside(),
    row("locked-both-two", &["go"]).times(1.0, "go").on_two(),
    row("locked-both-two-cpu", &["go"])
        .times(1.0, "go")
        .on_two()
        .from("locked-both-two", 1)
        .aside(),
    row("locked-idle", LOCKERS).times(1.0, "go").in_unit(Us).on_two(),
    row("locked-idle-cpu", LOCKERS)
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("locked-idle", 1)
        .aside(),
    row("locked-yield", &["go"]).at_most(20.0),
    row("locked-exit", &["go", "floor"]).times(1.1, "floor"),
    row("call", &["go", "floor"]).at_most(2.5).times(1.8, "floor"),
    row("call-two", &["go"]).at_most(2.5).on_two(),
    row("cgo-noop", &["go"]).at_most(2.5),
    row("cgo-noop-deferred", &["go"]).at_most(3.0).from("cgo-noop", 1),
    row("callback", &["go"]).at_most(8.0),
    row("callback-only", &["go"]).at_most(5.0),
    row("foreign-callback", &["go"]).at_most(12.0).on_two(),
    // What a thread pays once: held to the row below.
    row("foreign-first", &["go"]).at_most(1_000.0).on_two(),
    row("foreign-thread", &["go"]).at_most(1_000.0).on_two(),
    row("nested-1", &["go"]).at_most(12.0),
    row("nested-4", &["go"]).at_most(12.0),
    row("nested-16", &["go"]).at_most(12.0),
    row("nested-64", &["go"]).at_most(12.0),
    row("defer-line", &["go", "scopeguard"]).at_most(0.5),
    row("defer-line-all", &["go", "scopeguard"]).times(1.0, "go").from("defer-line", 1).aside(),
    row("defer-lock", &["go"]).at_most(0.5),
    row("defer-lock-all", &["go"]).times(1.0, "go").from("defer-lock", 1).aside(),
    row("defer-ten", &["go", "boxes"]).at_most(3.0),
    row("defer-loop", &["go", "boxes"]).at_most(3.0),
    row("grow-fits", &["go"]).at_most(0.3),
    row("grow-fits-all", &["go"]).times(1.0, "go").from("grow-fits", 1).aside(),
    row("grow-kept", &["go"]).at_most(5.0),
    row("grow-cached", &["go"]).at_most(40.0),
    row("panic-jump", &["go"]).at_most(60.0),
    row("panic-unwind", &["go", "floor"]).times(1.05, "floor"),
    // A Goexit unwinds, as a panic does: there is no target, but what Go has.
    row("panic-goexit", &["go"]).times(1.0, "go"),
    row("panic-goexit-all", &["go"]).times(1.0, "go").from("panic-goexit", 1).aside(),
    row("skynet", &["go", "tokio"]).at_most(150.0).on_two(),
    row("fib", &["go", "tokio"]).at_most(150.0).in_unit(Ms).on_two(),
    row("timers", &["go", "tokio", "boost"]).at_most(1e9 / 6e6).on_two(),
    row("sleep-10us-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-10us", 0),
    row("sleep-10us-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-10us", 1),
    row("sleep-100us-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-100us", 0),
    row("sleep-100us-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-100us", 1),
    row("sleep-1ms-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-1ms", 0),
    row("sleep-1ms-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-1ms", 1),
    row("sleep-10ms-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-10ms", 0),
    row("sleep-10ms-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-10ms", 1),
    row("sleep-busy-p50", &["go", "tokio", "may", "boost"])
        .at_most(11_000.0)
        .in_unit(Us)
        .on_two()
        .from("sleep-busy", 0),
    row("sleep-busy-p99", &["go", "tokio", "may", "boost"])
        .at_most(21_000.0)
        .in_unit(Us)
        .on_two()
        .from("sleep-busy", 1),
    row("latency-wake-p50", &["go"]).times(1.0, "go").in_unit(Us).on_two().from("latency-wake", 0),
    row("latency-wake-p99", &["go"]).times(1.0, "go").in_unit(Us).on_two().from("latency-wake", 1),
    row("latency-wake-on-p50", &["go"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-wake-on", 0),
    row("latency-wake-on-p99", &["go"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-wake-on", 1),
    row("latency-thread-p50", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-thread", 0),
    row("latency-thread-p99", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-thread", 1),
    row("latency-busy-p50", &["go"]).at_most(11_000.0).in_unit(Us).on_two().from("latency-busy", 0),
    row("latency-busy-p99", &["go"]).at_most(21_000.0).in_unit(Us).on_two().from("latency-busy", 1),
    row("share-10ms", &["go", "floor"]).at_least(0.85).on_one_cpu(),
    row("share-10ms-sleeps", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Rate)
        .on_one_cpu()
        .from("share-10ms", 1)
        .aside(),
    row("share-100us", &["go", "floor"]).times(1.0, "go").in_unit(Share).on_one_cpu().aside(),
    row("share-100us-sleeps", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Rate)
        .on_one_cpu()
        .from("share-100us", 1)
        .aside(),
    row("parked", &["go", "tokio", "may", "corosensei"]).at_most(4300.0).in_unit(Bytes),
    row("given-back", &["go"]).at_most(5120.0).in_unit(Bytes).on_two(),
    row("wake-exit", &["go", "tokio", "may", "boost"]).at_most(100.0),
    row("create-1m", &["go", "tokio", "floor"]).times(1.1, "floor"),
    row("create-1m-reused", &["go", "tokio"]).at_most(100.0).from("create-1m", 1),
    row("packed-1m-bytes", &["go"]).at_most(1060.0).in_unit(Bytes).from("packed-1m", 0),
    row("packed-1m-create", &["go"]).at_most(600.0).from("packed-1m", 1),
    row("packed-1m-wake", &["go"]).at_most(250.0).from("packed-1m", 2),
    // Once: it takes ten gigabytes.
    row("packed-10m-bytes", &[])
        .at_most(1060.0)
        .in_unit(Bytes)
        .from("packed-10m", 0)
        .once()
        .aside(),
    row("packed-10m-create", &[]).at_most(600.0).from("packed-10m", 1).once().aside(),
    row("packed-10m-wake", &[]).at_most(250.0).from("packed-10m", 2).once().aside(),
    row("guarded", &["corosensei", "may", "boost"]).counts(1_000_000.0),
    row("main-worker", &["go"]).times(1.0, "go").on_two(),
    row("fork-join-9ms", &["go", "floor"]).times(1.05, "go").in_unit(Ms).on_two(),
    row("fork-join-200us", &["go", "floor"]).times(1.05, "go").in_unit(Us).on_two(),
    row("wake-computing", &["go"]).times(1.0, "go").in_unit(Us).on_two(),
    row("hog-pair", &["go"]).at_most(2.0).in_unit(Times).aside(),
    row("beside-pair", &["go"]).times(1.0, "go").in_unit(Ms),
    row("beside-channel", &["go"]).at_most(20.0).in_unit(Ms).from("beside", 0),
    row("beside-select", &["go"]).at_most(20.0).in_unit(Ms).from("beside", 1),
    row("beside-mutex", &["go"]).at_most(20.0).in_unit(Ms).from("beside", 2),
    row("foreign-rested", &["go"]).times(1.0, "go").in_unit(Us).on_two(),
    row("tickers-p50", &["go"]).times(1.0, "go").in_unit(Us).on_two().from("tickers", 0),
    row("tickers-p99", &["go"]).times(1.0, "go").in_unit(Us).on_two().from("tickers", 1),
    row("tickers-offload-p50", &["go"])
        .at_most(1000.0)
        .in_unit(Us)
        .on_two()
        .from("tickers-offload", 0),
    row("threads-left", &["go"]).at_most(64.0).in_unit(Threads).on_two().once().aside(),
    // On the pinned runtime.
    row("yield-pinned", BESIDE).at_most(10.0).pinned("yield", 0),
    row("spawn-join-pinned", BESIDE).at_most(60.0).pinned("spawn-join", 0),
    row("spawn-1000-pinned", BESIDE).at_most(35.0).pinned("spawn-1000", 0),
    row("channel-pinned", BESIDE).at_most(45.0).pinned("channel", 0),
    row("main-worker-pinned", BESIDE).times(1.0, "go").on_two().pinned("main-worker", 0),
    row("fork-join-9ms-pinned", BESIDE)
        .times(1.05, "go")
        .in_unit(Ms)
        .on_two()
        .pinned("fork-join-9ms", 0),
    row("fork-join-200us-pinned", BESIDE)
        .times(1.05, "go")
        .in_unit(Us)
        .on_two()
        .pinned("fork-join-200us", 0),
    row("wake-computing-pinned", BESIDE)
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .pinned("wake-computing", 0),
    row("hog-pair-pinned", BESIDE).at_most(2.0).in_unit(Times).pinned("hog-pair", 0),
    row("beside-pair-pinned", BESIDE).times(1.0, "go").in_unit(Ms).pinned("beside-pair", 0),
    row("beside-channel-pinned", BESIDE).at_most(20.0).in_unit(Ms).pinned("beside", 0),
    row("beside-select-pinned", BESIDE).at_most(20.0).in_unit(Ms).pinned("beside", 1),
    row("beside-mutex-pinned", BESIDE).at_most(20.0).in_unit(Ms).pinned("beside", 2),
    row("foreign-rested-pinned", BESIDE)
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .pinned("foreign-rested", 0),
    row("tickers-p50-pinned", BESIDE).times(1.0, "go").in_unit(Us).on_two().pinned("tickers", 0),
    row("tickers-p99-pinned", BESIDE).times(1.0, "go").in_unit(Us).on_two().pinned("tickers", 1),
    row("tickers-offload-p50-pinned", BESIDE)
        .at_most(1000.0)
        .in_unit(Us)
        .on_two()
        .pinned("tickers-offload", 0),
    row("threads-left-pinned", BESIDE)
        .at_most(64.0)
        .in_unit(Threads)
        .on_two()
        .once()
        .pinned("threads-left", 0),
];
