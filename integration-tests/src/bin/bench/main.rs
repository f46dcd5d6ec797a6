//! g0's side of the comparison: one row a run, as `integration-tests/peers/README.md` describes.

mod bridge;
mod defers;
mod latency;
mod locked;
mod memory;
mod sched;
mod share;
mod switch;
mod sync;
mod time;
mod trees;

// The C files are linked into the library.
use g0_integration_tests as _;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Measures a row, of one figure or of two.
enum Measure {
    One(fn() -> f64),
    Two(fn() -> [f64; 2]),
}

use Measure::{One, Two};

const ROWS: &[(&str, Measure)] = &[
    ("switch", One(switch::switch)),
    ("yield", One(sched::yields)),
    ("spawn-join", One(sched::spawn_join)),
    ("spawn-1000", One(sched::spawn_1000)),
    ("channel", One(sync::channel_round_trip)),
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
    ("foreign-thread", One(bridge::foreign_thread)),
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
    ("latency-wake", Two(latency::wake)),
    ("latency-wake-on", Two(latency::wake_on)),
    ("latency-thread", Two(latency::thread)),
    ("latency-busy", Two(latency::busy)),
    ("share-10ms", Two(share::share::<10_000>)),
    ("share-100us", Two(share::share::<100>)),
    ("defer-line", Two(defers::line)),
    ("defer-lock", Two(defers::lock)),
    ("defer-ten", One(defers::many::<10>)),
    ("defer-loop", One(defers::many::<1000>)),
    ("panic-jump", One(defers::jump)),
    ("panic-unwind", One(defers::unwind)),
    ("panic-goexit", Two(defers::exit)),
    ("parked", One(memory::parked)),
    ("wake-exit", One(memory::wake_exit)),
    ("create-1m", Two(memory::create_1m)),
    ("guarded", One(memory::guarded)),
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

/// What all threads of this process have computed so far, in the kernel too.
fn cpu_time() -> Duration {
    // SAFETY: all zero is a value of this type, and the call fills it in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    let micros = |time: libc::timeval| (time.tv_sec * 1_000_000 + time.tv_usec).unsigned_abs();
    Duration::from_micros(micros(usage.ru_utime) + micros(usage.ru_stime))
}

/// As [`median`]; the second figure is the processor time of an operation.
fn with_cpu_time(n: u64, mut batch: impl FnMut(u64)) -> [f64; 2] {
    let mut cpu = Vec::new();
    let wall = median(n, |n| {
        let before = cpu_time();
        batch(n);
        cpu.push((cpu_time() - before).as_nanos() as f64 / n as f64);
    });
    // The first is the warm-up's.
    cpu[1..].sort_by(f64::total_cmp);
    [wall, cpu[3]]
}

/// This row is for one CPU, and who starts it sees to that.
fn one_cpu() {
    let cpus = std::thread::available_parallelism().expect("a number of CPUs");
    assert_eq!(cpus.get(), 1, "to be started on one CPU: taskset -c 0 bench ROW");
}

/// Runs `main` on a migrating runtime with one P.
fn on_one_p<R: Send>(main: impl FnOnce() -> R + Send) -> R {
    on(1, main)
}

/// Runs `main` on a migrating runtime with this many Ps.
fn on<R: Send>(procs: usize, main: impl FnOnce() -> R + Send) -> R {
    // SAFETY: the rows keep no thread-local and no thread-bound value across a suspension point.
    let runtime = unsafe { g0_sched::Runtime::builder().procs(procs).build_migrating() };
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
            let figures = match measure {
                One(measure) => vec![measure()],
                Two(measure) => measure().to_vec(),
            };
            let figures: Vec<_> = figures.iter().map(|figure| format!("{figure:.3}")).collect();
            println!("{row} {}", figures.join(" "));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("bench: no row {name}");
            ExitCode::FAILURE
        }
    }
}
