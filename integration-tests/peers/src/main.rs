//! The Rust peers of the comparison: `g0-peers --list`, `g0-peers ROW/PEER`.
//!
//! README.md beside this has the protocol and, row by row, the loop that every peer runs.

mod coroutines;
mod defers;
mod difference;
mod fibers;
mod floor;
mod memory;
mod tasks;
mod threads;
mod timing;

use difference::Difference;
use std::process::ExitCode;
use std::time::Duration;

/// Measures a row: how many figures it has, and whether the first is a difference.
enum Measure {
    One(fn() -> f64),
    Two(fn() -> [f64; 2]),
    OverAndAll(fn() -> (Difference, f64)),
}

use Measure::{One, OverAndAll, Two};

impl Measure {
    fn figures(&self) -> Vec<String> {
        match self {
            One(measure) => vec![shown(measure())],
            Two(measure) => measure().map(shown).to_vec(),
            OverAndAll(measure) => {
                let (difference, with) = measure();
                vec![difference.to_string(), shown(with)]
            }
        }
    }
}

/// Every row.
const ROWS: &[(&str, Measure)] = &[
    ("switch/corosensei", One(fibers::switch)),
    ("parked/corosensei", One(fibers::parked)),
    ("guarded/corosensei", One(fibers::guarded)),
    ("yield/may", One(coroutines::yields)),
    ("spawn-join/may", One(coroutines::spawn_join)),
    ("spawn-1000/may", One(coroutines::spawn_1000)),
    ("channel/may-mpsc", One(coroutines::channel_mpsc)),
    ("channel/may-spsc", One(coroutines::channel_spsc)),
    ("select/may", One(coroutines::sync::select)),
    ("ring/may", One(coroutines::sync::ring)),
    ("mutex/may", One(coroutines::sync::mutex)),
    ("mutex-contended/may", One(coroutines::sync::mutex_contended)),
    ("sleep-10us/may", Two(coroutines::time::sleeps::<10>)),
    ("sleep-100us/may", Two(coroutines::time::sleeps::<100>)),
    ("sleep-1ms/may", Two(coroutines::time::sleeps::<1000>)),
    ("sleep-10ms/may", Two(coroutines::time::sleeps::<10_000>)),
    ("sleep-busy/may", Two(coroutines::time::sleep_busy)),
    ("parked/may", One(coroutines::many::parked)),
    ("wake-exit/may", One(coroutines::many::wake_exit)),
    ("guarded/may", One(coroutines::many::guarded)),
    ("yield/tokio", One(tasks::yields)),
    ("spawn-join/tokio", One(tasks::spawn_join)),
    ("spawn-1000/tokio", One(tasks::spawn_1000)),
    ("channel/tokio", One(tasks::channel)),
    ("buffered/tokio", One(tasks::buffered)),
    ("select/tokio", One(tasks::sync::select)),
    ("ring/tokio", One(tasks::sync::ring)),
    ("mutex/tokio", One(tasks::sync::mutex)),
    ("mutex-contended/tokio", One(tasks::sync::mutex_contended)),
    ("skynet/tokio", One(tasks::trees::skynet)),
    ("fib/tokio", One(tasks::trees::fib)),
    ("timers/tokio", One(tasks::time::timers)),
    ("sleep-10us/tokio", Two(tasks::time::sleeps::<10>)),
    ("sleep-100us/tokio", Two(tasks::time::sleeps::<100>)),
    ("sleep-1ms/tokio", Two(tasks::time::sleeps::<1000>)),
    ("sleep-10ms/tokio", Two(tasks::time::sleeps::<10_000>)),
    ("sleep-busy/tokio", Two(tasks::time::sleep_busy)),
    ("parked/tokio", One(tasks::many::parked)),
    ("wake-exit/tokio", One(tasks::many::wake_exit)),
    ("create-1m/tokio", Two(tasks::many::create)),
    ("locked-one/tokio", Two(tasks::locked::one)),
    ("locked-two/tokio", Two(tasks::locked::two)),
    ("locked-idle/tokio", Two(tasks::locked::idle)),
    ("mutex/std", One(threads::standard::alone)),
    ("mutex/parking_lot", One(threads::parking_lot::alone)),
    ("mutex-contended/std", One(threads::standard::contended)),
    ("mutex-contended/parking_lot", One(threads::parking_lot::contended)),
    ("defer-line/scopeguard", OverAndAll(defers::line)),
    ("defer-ten/boxes", One(defers::boxes::<10>)),
    ("defer-loop/boxes", One(defers::boxes::<1000>)),
    ("panic-unwind-floor", One(defers::unwind)),
    ("create-1m-floor", One(floor::create)),
    ("sleep-10us-floor", Two(floor::sleeps::<10>)),
    ("sleep-100us-floor", Two(floor::sleeps::<100>)),
    ("sleep-1ms-floor", Two(floor::sleeps::<1000>)),
    ("sleep-10ms-floor", Two(floor::sleeps::<10_000>)),
    ("locked-one-floor", Two(floor::locked::one)),
    ("locked-two-floor", Two(floor::locked::two)),
    ("locked-idle-floor", Two(floor::locked::idle)),
    ("locked-exit-floor", One(floor::locked::exit)),
    ("fork-join-9ms-floor", One(|| floor::fork_join(Duration::from_millis(9)) * 1e3)),
    ("fork-join-200us-floor", One(|| floor::fork_join(Duration::from_micros(200)) * 1e6)),
    ("latency-thread-floor", Two(floor::wake)),
    ("share-10ms-floor", Two(floor::share::share::<10_000>)),
    ("share-100us-floor", Two(floor::share::share::<100>)),
];

fn shown(figure: f64) -> String {
    if figure.is_finite() { format!("{figure:.3}") } else { "never".into() }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let known = |name| ROWS.iter().find(|(row, _)| *row == name);
    match words[..] {
        ["--list"] => ROWS.iter().for_each(|(row, _)| println!("{row}")),
        [name] if known(name).is_some() => {
            let (row, measure) = known(name).expect("just looked up");
            println!("{row} {}", measure.figures().join(" "));
        }
        _ => {
            eprintln!("g0-peers --list | ROW");
            return ExitCode::from(2);
        }
    }
    // Parked coroutines are not woken to be ended: the process is.
    std::process::exit(0);
}
