//! Explores models and prints a line for each; where one fails, how to see its schedule again.

use std::fs;
use std::panic::{self, AssertUnwindSafe, Location};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use g0_arch::sync::recorded;
use g0_sched::model;
use loom::model::Builder;

/// What a protocol is checked by.
pub struct Model {
    /// As given on the command line.
    pub name: &'static str,
    /// Its scenarios, each explored alone.
    pub scenarios: &'static [Scenario],
}

/// A few threads and what must hold however they run.
pub struct Scenario {
    /// Which of the model's.
    pub name: &'static str,
    /// What it can find broken. A failure that says no more (a data race, a deadlock) names these.
    pub invariants: &'static str,
    /// Preemptions beyond the common bound; fewer for what has many steps.
    pub extra: isize,
    /// The threads; called once for each schedule.
    pub run: fn(),
}

/// Names that stand for several models.
const CRATES: &[(&str, &[&str])] = &[("cgo", &["bridge", "extra"])];

/// Preemptions that are tried, in every place, in CI and with `--deep`.
const BOUND: [usize; 2] = [2, 3];
/// Steps after which a schedule counts as endless.
const STEPS: usize = 5_000;

/// The invariants of the scenario that is being explored, for the panic hook.
static CURRENT: Mutex<&str> = Mutex::new("");
static MUTED: Mutex<bool> = Mutex::new(false);
/// Failures of the scenario that is being explored.
static FAILURES: AtomicUsize = AtomicUsize::new(0);
/// What ends the program where nothing unwinds: the line of the table, and the schedule's replay.
static LAST_WORDS: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);
/// Whether a schedule came to what its scenario is about.
static SEEN: AtomicBool = AtomicBool::new(false);

/// A schedule has come to what its scenario is about: a P was taken, a thread slept. A scenario of
/// which no schedule does so shows nothing, and fails.
pub fn seen() {
    SEEN.store(true, Relaxed);
}

/// Which invariant a failure is to name, after which nothing more is asked; and whether one has.
static UNTIL: Mutex<Option<String>> = Mutex::new(None);
static NAMED: AtomicBool = AtomicBool::new(false);

/// What the panic says that the model expects: it is none of its failures.
static EXPECTED: Mutex<&str> = Mutex::new("");

/// Does `f`, which may panic with a message that contains `expected`.
pub fn expect<R>(expected: &'static str, f: impl FnOnce() -> R) -> R {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            *EXPECTED.lock().unwrap_or_else(PoisonError::into_inner) = "";
        }
    }
    *EXPECTED.lock().unwrap() = expected;
    let _end = End;
    f()
}

/// Says how a scenario failed.
fn say(failure: &str) {
    println!("  {failure}");
    let mut words = failure.split(|c: char| !c.is_ascii_alphanumeric());
    if UNTIL.lock().unwrap().as_ref().is_some_and(|until| words.any(|word| word == until)) {
        NAMED.store(true, Relaxed);
    }
}

/// Takes the option with this name, and what stands behind it, out of the arguments.
fn option(args: &mut Vec<String>, name: &str) -> Option<String> {
    let at = args.iter().position(|arg| arg == name)?;
    args.remove(at);
    Some(if at < args.len() { args.remove(at) } else { String::new() })
}

/// The program: `[--deep] [--reached FILE] [--until ID] [MODEL | MODEL/SCENARIO]…`. With `--reached` it
/// writes down where in the source atomic operations were executed: `path:line:column`. With `--until`
/// it ends with the first failure that names this invariant, and stores no schedule: for mutants.
pub fn main(models: &[Model]) -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.first().is_some_and(|name| name == STORE) {
        return store_only(models, &names[1..]);
    }
    let reached = option(&mut names, "--reached");
    *UNTIL.lock().unwrap() = option(&mut names, "--until");
    if reached.is_some() {
        recorded::start();
    }
    let deep = names.iter().any(|name| name == "--deep");
    names.retain(|name| name != "--deep");
    let rows: Vec<(String, &Scenario)> = models
        .iter()
        .flat_map(|m| m.scenarios.iter().map(move |s| (format!("{}/{}", m.name, s.name), s)))
        .collect();
    // The names of crates stand for the models of what they do.
    for &(krate, its) in CRATES {
        if let Some(at) = names.iter().position(|name| name == krate) {
            names.splice(at..=at, its.iter().map(ToString::to_string));
        }
    }
    let matches = |row: &str, name: &str| row == name || row.split('/').next() == Some(name);
    if let Some(unknown) = names.iter().find(|name| !rows.iter().any(|(row, _)| matches(row, name)))
    {
        eprintln!("there is no model {unknown}; there are:");
        rows.iter().for_each(|(row, _)| eprintln!("  {row}"));
        return ExitCode::FAILURE;
    }
    panic::set_hook(Box::new(|info| {
        if *MUTED.lock().unwrap() {
            return die_at_work();
        }
        // What comes after a failure, while it unwinds through the model, is none.
        if FAILURES.load(Relaxed) > 0 {
            return die_at_work();
        }
        let text = info.payload();
        let text = text.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| info.payload().downcast_ref::<&str>().copied()).unwrap_or("?");
        let text = text.trim();
        let expected = *EXPECTED.lock().unwrap();
        if !expected.is_empty() && text.contains(expected) {
            return;
        }
        let first = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        let named = first.starts_with('L') && first[1..].parse::<u32>().is_ok();
        let prefix = if named { "" } else { *CURRENT.lock().unwrap() };
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        say(&format!("{prefix}{}{text}\n  at {at}", if prefix.is_empty() { "" } else { ": " }));
        die_at_work();
    }));
    println!(
        "{:<24} {:<12} {:>5} {:>10} {:>8}  result",
        "model", "invariant", "bound", "iterations", "seconds"
    );
    let mut failed = false;
    for (row, scenario) in &rows {
        let asked = names.is_empty() || names.iter().any(|name| matches(row, name));
        if asked && !NAMED.load(Relaxed) {
            failed |=
                !explore(row, scenario, BOUND[usize::from(deep)].strict_add_signed(scenario.extra));
        }
    }
    if let Some(file) = reached {
        let place = |at: &&Location| format!("{}:{}:{}\n", at.file(), at.line(), at.column());
        let text: String = recorded::places().iter().map(place).collect();
        if let Err(error) = fs::write(&file, text) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Explores one scenario and prints its line; true when all schedules passed.
fn explore(row: &str, scenario: &'static Scenario, bound: usize) -> bool {
    *CURRENT.lock().unwrap() = scenario.invariants;
    let run = scenario.run;
    if std::env::var_os("LOOM_CHECKPOINT_FILE").is_some() {
        // A replay: everything is in the environment, the first schedule is the failing one.
        let done = panic::catch_unwind(|| loom::model(move || schedule(run))).is_ok();
        println!("{row}: replayed, {}", if done { "ok" } else { "FAILED" });
        return done;
    }
    SEEN.store(false, Relaxed);
    FAILURES.store(0, Relaxed);
    let start = Instant::now();
    let line = move |row: &str, iterations: usize, result: &str| {
        let seconds = start.elapsed().as_secs_f64();
        let invariants = scenario.invariants;
        println!("{row:<24} {invariants:<12} {bound:>5} {iterations:>10} {seconds:>8.2}  {result}");
    };
    let count = Arc::new(AtomicUsize::new(0));
    *LAST_WORDS.lock().unwrap() = Some({
        let (row, count) = (row.to_string(), count.clone());
        Box::new(move || {
            line(&row, count.load(Relaxed), "FAILED");
            replay(&row, bound, count.load(Relaxed));
        })
    });
    let passed = check(run, bound, &count, None);
    *LAST_WORDS.lock().unwrap() = None;
    let idle = passed && !SEEN.load(Relaxed);
    if idle {
        say(&format!("{}: no schedule came to what {row} is about", scenario.invariants));
    }
    let ok = passed && !idle;
    let iterations = count.load(Relaxed);
    line(row, iterations, if ok { "ok" } else { "FAILED" });
    if !passed {
        replay(row, bound, iterations);
    }
    ok
}

/// A failure among goroutines cannot unwind out of them, nor can a second one that is met on the
/// way: the program ends here.
fn die_at_work() {
    let second = FAILURES.fetch_add(1, Relaxed) > 0;
    if model::at_work() || second {
        if let Some(last_words) = &*LAST_WORDS.lock().unwrap() {
            last_words();
        }
        // What the thread still holds is loom's, and there is no model any more to drop it in.
        model::begin();
        std::process::exit(1);
    }
}

/// One schedule.
fn schedule(run: fn()) {
    model::schedule(run);
    if model::waited() {
        seen();
    }
}

/// Runs every schedule within the bound, counting them; whether all passed.
/// `store`: the number of the schedule to be written down before it is run, and the file.
fn check(
    run: fn(),
    bound: usize,
    count: &Arc<AtomicUsize>,
    store: Option<(usize, PathBuf)>,
) -> bool {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(bound);
    builder.max_branches = STEPS;
    if let Some((number, file)) = store {
        builder.checkpoint_interval = number;
        builder.checkpoint_file = Some(file);
    }
    let counted = count.clone();
    let ok = panic::catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            counted.fetch_add(1, Relaxed);
            schedule(run);
        });
    }));
    ok.is_ok()
}

/// The first argument of a program that runs up to a schedule and writes it down.
const STORE: &str = "--store";

/// Writes the schedule with this number down and runs it: `ROW BOUND NUMBER FILE`.
fn store_only(models: &[Model], args: &[String]) -> ExitCode {
    *MUTED.lock().unwrap() = true;
    panic::set_hook(Box::new(|_| die_at_work()));
    let scenario = |row: &str| {
        let (model, name) = row.split_once('/')?;
        let model = models.iter().find(|m| m.name == model)?;
        model.scenarios.iter().find(|s| s.name == name)
    };
    let [row, bound, number, file] = args else { return ExitCode::FAILURE };
    let (Some(scenario), Ok(bound), Ok(number)) = (scenario(row), bound.parse(), number.parse())
    else {
        return ExitCode::FAILURE;
    };
    check(scenario.run, bound, &Arc::default(), Some((number, file.into())));
    ExitCode::SUCCESS
}

/// Runs up to the failing schedule again, writes it down, and prints what shows it.
fn replay(row: &str, bound: usize, iterations: usize) {
    if UNTIL.lock().unwrap().is_some() {
        return;
    }
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().map(|dir| dir.join("schedules")).unwrap_or_default();
    let file = folder.join(format!("{}.json", row.replace('/', "-")));
    let _ = fs::create_dir_all(&folder);
    let _ = fs::remove_file(&file);
    let mut again = Command::new(&program);
    again.args([STORE, row, &bound.to_string(), &iterations.to_string()]).arg(&file);
    let _ = again.output();
    if !file.exists() {
        return println!("  its schedule could not be written to {}", file.display());
    }
    println!(
        "  replay: LOOM_CHECKPOINT_FILE={} LOOM_MAX_PREEMPTIONS={bound} LOOM_MAX_BRANCHES={STEPS} \
         LOOM_LOCATION=1 LOOM_LOG=trace {} {row}",
        file.display(),
        program.display()
    );
}
