//! g0's side of the comparison: one row a run, as `integration-tests/peers/README.md` describes.

mod bridge;
mod memory;
mod sched;
mod switch;

// The C files are linked into the library.
use g0_integration_tests as _;

use std::process::ExitCode;
use std::time::Instant;

/// A row: its name, and what measures it.
type Row = (&'static str, fn() -> f64);

const ROWS: &[Row] = &[
    ("switch", switch::switch),
    ("yield", sched::yields),
    ("spawn-join", sched::spawn_join),
    ("spawn-1000", sched::spawn_1000),
    ("channel", sched::channel_round_trip),
    ("buffered", sched::buffered),
    ("call", bridge::call),
    ("call-floor", bridge::call_floor),
    ("callback", bridge::callback),
    ("lock", sched::lock),
    ("parked", memory::parked),
    ("create-1m", memory::create_1m),
];

/// A warm-up, then the median of five batches: nanoseconds an operation.
fn median(n: u64, mut batch: impl FnMut(u64)) -> f64 {
    batch(n / 4);
    let mut samples: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            batch(n);
            start.elapsed().as_nanos() as f64 / n as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[2]
}

/// Runs `main` on a migrating runtime with one P.
fn on_one_p<R: Send>(main: impl FnOnce() -> R + Send) -> R {
    // SAFETY: the rows keep no thread-local and no thread-bound value across a suspension point.
    let runtime = unsafe { g0_sched::Runtime::builder().procs(1).build_migrating() };
    runtime.expect("a runtime").run(main).expect("main returns")
}

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        eprintln!("usage: bench --list | bench ROW");
        return ExitCode::FAILURE;
    };
    if name == "--list" {
        ROWS.iter().for_each(|(row, _)| println!("{row}"));
        return ExitCode::SUCCESS;
    }
    match ROWS.iter().find(|(row, _)| *row == name) {
        Some((row, measure)) => {
            println!("{row} {:.3}", measure());
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("bench: no row {name}");
            ExitCode::FAILURE
        }
    }
}
