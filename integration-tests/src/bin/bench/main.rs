//! g0's side of the comparison: one row a run, as `integration-tests/peers/README.md` describes.

mod beside;
mod bridge;
mod defers;
mod difference;
mod given_back;
mod grow;
mod latency;
mod locked;
mod memory;
mod pairs;
mod parallel;
mod runtimes;
mod sched;
mod share;
mod switch;
mod sync;
mod threads;
mod tickers;
mod time;
mod timing;
mod trees;

// The C files are linked into the library.
use g0_integration_tests as _;

use difference::Difference;
use runtimes::{Kind, measure_on};
use std::process::ExitCode;

/// Measures a row: how many figures it has, and whether the first is a difference.
enum Measure {
    One(fn() -> f64),
    Two(fn() -> [f64; 2]),
    Three(fn() -> [f64; 3]),
    Over(fn() -> Difference),
    OverAndAll(fn() -> (Difference, f64)),
}

use Measure::{One, Over, OverAndAll, Three, Two};

impl Measure {
    fn figures(&self) -> Vec<String> {
        let all = |figures: &[f64]| figures.iter().copied().map(shown).collect();
        match self {
            One(measure) => all(&[measure()]),
            Two(measure) => all(&measure()),
            Three(measure) => all(&measure()),
            Over(measure) => vec![measure().to_string()],
            OverAndAll(measure) => {
                let (difference, with) = measure();
                vec![difference.to_string(), shown(with)]
            }
        }
    }
}

fn shown(figure: f64) -> String {
    if figure.is_finite() { format!("{figure:.6}") } else { "never".into() }
}

const ROWS: &[(&str, Measure)] = &[
    ("switch", One(switch::switch)),
    ("yield", One(sched::yields)),
    ("spawn-join", One(sched::spawn_join)),
    ("spawn-1000", One(sched::spawn_1000)),
    ("channel", One(sync::channel_round_trip)),
    ("main-worker", One(sync::main_and_worker)),
    ("buffered", One(sync::buffered)),
    ("select", One(sync::select)),
    ("ring", One(sync::ring)),
    ("mutex", One(sync::mutex)),
    ("mutex-contended", One(sync::mutex_contended)),
    ("skynet", One(trees::skynet)),
    ("fib", One(trees::fib)),
    ("timers", One(time::timers)),
    ("sleep-10us", Two(time::sleeps::<10>)),
    ("sleep-100us", Two(time::sleeps::<100>)),
    ("sleep-1ms", Two(time::sleeps::<1000>)),
    ("sleep-10ms", Two(time::sleeps::<10_000>)),
    ("sleep-busy", Two(time::sleep_busy)),
    ("call", One(bridge::call)),
    ("call-floor", One(bridge::call_floor)),
    ("call-two", One(bridge::call_two)),
    ("cgo-noop", Two(bridge::noop)),
    ("callback", One(bridge::callback)),
    ("callback-only", One(bridge::callback_only)),
    ("foreign-callback", One(bridge::foreign_callback)),
    ("foreign-first", One(bridge::foreign_first)),
    ("foreign-thread", Over(bridge::foreign_thread)),
    ("foreign-rested", One(threads::foreign_rested)),
    ("nested-1", One(bridge::nested::<1>)),
    ("nested-4", One(bridge::nested::<4>)),
    ("nested-16", One(bridge::nested::<16>)),
    ("nested-64", One(bridge::nested::<64>)),
    ("lock", One(sched::lock)),
    ("locked-one", Two(locked::one::<false>)),
    ("locked-two", Two(locked::two::<false>)),
    ("locked-both-one", Two(locked::one::<true>)),
    ("locked-both-two", Two(locked::two::<true>)),
    ("locked-idle", Two(locked::idle)),
    ("locked-yield", One(locked::yields)),
    ("locked-exit", One(locked::exit)),
    ("fork-join-9ms", One(parallel::fork_join_9ms)),
    ("fork-join-200us", One(parallel::fork_join_200us)),
    ("wake-computing", One(latency::wake_computing)),
    ("hog-pair", One(pairs::hog)),
    ("beside-pair", One(pairs::beside)),
    ("beside", Three(beside::loops)),
    ("tickers", Two(tickers::beside_c)),
    ("tickers-offload", Two(tickers::beside_offload)),
    ("threads-left", One(threads::left)),
    ("latency-wake", Two(latency::wake)),
    ("latency-wake-on", Two(latency::wake_on)),
    ("latency-thread", Two(latency::thread)),
    ("latency-busy", Two(latency::busy)),
    ("share-10ms", Two(share::share::<10_000>)),
    ("share-100us", Two(share::share::<100>)),
    ("defer-line", OverAndAll(defers::line)),
    ("defer-lock", OverAndAll(defers::lock)),
    ("defer-ten", One(defers::many::<10>)),
    ("defer-loop", One(defers::many::<1000>)),
    ("panic-jump", One(defers::jump)),
    ("panic-unwind", One(defers::unwind)),
    ("panic-goexit", OverAndAll(defers::exit)),
    ("grow-fits", OverAndAll(grow::fits)),
    ("grow-kept", One(grow::kept)),
    ("grow-cached", One(grow::cached)),
    ("parked", One(memory::parked)),
    ("wake-exit", One(memory::wake_exit)),
    ("create-1m", Two(memory::create_1m)),
    ("packed-1m", Three(memory::packed::<1_000_000>)),
    ("packed-10m", Three(memory::packed::<10_000_000>)),
    ("guarded", One(memory::guarded)),
    ("given-back", One(given_back::given_back)),
];

/// Those of them that are measured on the pinned runtime too, listed as `ROW/pinned`.
const ON_PINNED_TOO: &[&str] = &[
    "yield",
    "spawn-join",
    "spawn-1000",
    "channel",
    "main-worker",
    "fork-join-9ms",
    "fork-join-200us",
    "wake-computing",
    "hog-pair",
    "beside-pair",
    "beside",
    "foreign-rested",
    "tickers",
    "tickers-offload",
    "threads-left",
];

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        eprintln!("usage: bench --list | bench ROW");
        return ExitCode::FAILURE;
    };
    if name == "--list" {
        ROWS.iter().for_each(|(row, _)| println!("{row}"));
        ON_PINNED_TOO.iter().for_each(|row| println!("{row}/pinned"));
        return ExitCode::SUCCESS;
    }
    let (row, kind) = match name.strip_suffix("/pinned") {
        Some(row) if ON_PINNED_TOO.contains(&row) => (row, Kind::Pinned),
        _ => (name.as_str(), Kind::Migrating),
    };
    match ROWS.iter().find(|(listed, _)| *listed == row) {
        Some((_, measure)) => {
            measure_on(kind);
            println!("{name} {}", measure.figures().join(" "));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("bench: no row {name}");
            ExitCode::FAILURE
        }
    }
}
