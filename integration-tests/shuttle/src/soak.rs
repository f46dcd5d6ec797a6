//! Schedule after schedule until the time is over.

use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use g0_arch::sync::recorded;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::mix::{self, LOCKED, Random};
use crate::platform;

/// Ps and goroutines of a large schedule.
pub const PROCS: usize = 8;
const GOROUTINES: usize = 1000;
/// Steps after which a schedule counts as endless.
const STEPS: usize = 50_000_000;
/// Change points of a schedule by priorities: how many preemptions, at random places, it has.
const DEPTH: usize = 3;

/// Of the last schedule.
static SWITCHES: AtomicUsize = AtomicUsize::new(0);
/// What runs now, for the report.
static NOW: Mutex<String> = Mutex::new(String::new());

/// `[--seconds N] [--seed S] [--goroutines N] [--one] [--reached FILE]`; `--one`: this seed's schedule
/// only; `--reached`: writes down where in the source atomic operations were executed.
pub fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut seconds, mut seed, mut goroutines, mut one) = (60, None, GOROUTINES, false);
    let mut reached = None;
    while let Some(arg) = args.next() {
        if arg == "--one" {
            one = true;
            continue;
        }
        if arg == "--reached" {
            reached = args.next();
            recorded::start();
            continue;
        }
        let Some(number) = args.next().and_then(|text| text.parse::<u64>().ok()) else {
            eprintln!("{arg} needs a number");
            return ExitCode::from(2);
        };
        match arg.as_str() {
            "--seconds" => seconds = number,
            "--seed" => seed = Some(number),
            "--goroutines" => goroutines = number as usize,
            _ => {
                eprintln!("unknown: {arg}");
                return ExitCode::from(2);
            }
        }
    }
    let first = seed.unwrap_or_else(|| {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        time.map_or(1, |time| time.as_secs())
    });
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        hook(info);
        println!("  {}", NOW.lock().unwrap());
        // Goroutines cannot be unwound, and whoever waits for them waits for ever.
        std::process::exit(1);
    }));
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let mut seed = first;
    let mut rows = [("random", 0, 0, 0), ("priorities", 0, 0, 0)];
    while Instant::now() < end && (seed == first || !one) {
        // Of every four, two small ones, which reach what only few do; by priorities every other.
        let count = if seed % 4 < 2 { goroutines } else { goroutines / 20 + 2 };
        let (kind, schedules, started, steps) = &mut rows[(seed % 2) as usize];
        *NOW.lock().unwrap() =
            format!("again: g0-shuttle --seed {seed} --one --goroutines {goroutines} ({kind})");
        *steps += schedule(seed, count);
        *schedules += 1;
        *started += count;
        seed += 1;
    }
    println!("{:<12} {:>10} {:>12} {:>14}", "order", "schedules", "goroutines", "switches");
    for (kind, schedules, started, steps) in rows {
        println!("{kind:<12} {schedules:>10} {started:>12} {steps:>14}");
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("seeds {first} to {}: none failed, {seconds:.0} s", seed - 1);
    let place = |at: &&panic::Location| format!("{}:{}:{}\n", at.file(), at.line(), at.column());
    let places: String = recorded::places().iter().map(place).collect();
    match reached.map(|file| std::fs::write(file, places)) {
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// The schedule of this seed: how often another thread went on.
fn schedule(seed: u64, goroutines: usize) -> usize {
    let mut config = Config::new();
    config.stack_size = 512 << 10;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let model = move || {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let cpus = 1 + random.below(8) as usize;
        let procs = 1 + random.below(PROCS as u64) as usize;
        let procs = if goroutines > GOROUTINES / 2 { PROCS } else { procs };
        let machines = procs + LOCKED + 8;
        platform::run(procs, machines, cpus, move || mix::main(goroutines, &mut random));
        SWITCHES.store(shuttle::current::context_switches(), Relaxed);
    };
    if seed.is_multiple_of(2) {
        Runner::new(RandomScheduler::new_from_seed(seed, 1), config).run(model);
    } else {
        Runner::new(PctScheduler::new_from_seed(seed, DEPTH, 1), config).run(model);
    }
    SWITCHES.load(Relaxed)
}
