//! A tour of g0: each step shows one thing at work, checks its own result, and prints its figures.
//!
//! `cargo tour -- --help` says how it is used. The steps run on the migrating runtime, so their
//! goroutines keep its promise (see [`Env::run`]): among other things they print nothing. They
//! count, a [`ticker`] prints, and the checks are made when a runtime has ended, on the thread that
//! ran it.
//!
//! Whether a check bites is shown by `--sabotage STEP`: it corrupts the result that the step's
//! check looks at, in [`Env::result`], and nothing else. So the step has to fail.

mod blocking;
mod deep;
mod env;
mod goroutines;
mod locked;
mod million;
mod overflow;
mod panics;
mod process;
mod qsort;
mod sqlite;
mod ten_million;
mod ticker;
mod waiting;

// The C files are linked into the library.
use g0_integration_tests as _;

use std::process::ExitCode;
use std::time::Instant;

use env::Env;

/// One thing to see.
struct Step {
    name: &'static str,
    /// In a line: what it shows.
    shows: &'static str,
    run: fn(&Env) -> Result<(), String>,
}

const STEPS: &[Step] = &[
    Step {
        name: "goroutines",
        shows: "goroutines by the hundred thousand: started, run, joined; how fast they yield",
        run: goroutines::run,
    },
    Step {
        name: "sqlite",
        shows: "SQLite calls SQL functions and a collation that are goroutine code, and park inside",
        run: sqlite::run,
    },
    Step {
        name: "qsort",
        shows: "libc's qsort with a comparator that yields, and one that calls qsort itself",
        run: qsort::run,
    },
    Step {
        name: "locked",
        shows: "locked goroutines keep C's thread-local state while others scramble the threads",
        run: locked::run,
    },
    Step {
        name: "blocking",
        shows: "goroutines asleep in C hold nobody up, with one processor",
        run: blocking::run,
    },
    Step {
        name: "waiting",
        shows: "sleeps, selects and futures by the ten thousand; a plain thread wakes goroutines",
        run: waiting::run,
    },
    Step {
        name: "panics",
        shows: "a panic and a goexit inside a callback: C returns by itself first, then they go on",
        run: panics::run,
    },
    Step {
        name: "million",
        shows: "as many parked goroutines as memory allows, up to a million, guarded",
        run: million::run,
    },
    Step {
        name: "ten-million",
        shows: "goroutines on stacks of 1 KiB side by side, all parked, all woken: ten million of them with --full",
        run: ten_million::run,
    },
    Step {
        name: "deep",
        shows: "a recursive parser on goroutines of 1 KiB: what is nested deeply is read on segments",
        run: deep::run,
    },
    Step {
        name: "overflow",
        shows: "a goroutine overflows its stack in a child process: the message it leaves",
        run: overflow::run,
    },
];

const HELP: &str = "\
usage: cargo tour [-- OPTION… STEP…]

Runs the steps that are named, or all. The exit status is 0 if every one of them passed its check.

  --list           the steps, and what each shows
  --sabotage STEP  corrupts the result of STEP, whose check then fails: so does the tour
  --most N         no step starts more than N goroutines for the sake of their number
  --full           ten-million starts ten million, as far as memory allows (11 GB); without it 200,000
  --help           this text";

/// What the command line asks for.
struct Request {
    steps: Vec<&'static Step>,
    sabotage: Option<&'static str>,
    most: u64,
    full: bool,
}

fn step(name: &str) -> Result<&'static Step, String> {
    STEPS.iter().find(|step| step.name == name).ok_or_else(|| format!("no step {name:?}"))
}

/// `None`: it asked for something to read, which has been printed.
fn request(mut args: impl Iterator<Item = String>) -> Result<Option<Request>, String> {
    let mut request = Request { steps: Vec::new(), sabotage: None, most: u64::MAX, full: false };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            "--list" => {
                for step in STEPS {
                    println!("{:<12}{}", step.name, step.shows);
                }
                return Ok(None);
            }
            "--full" => request.full = true,
            "--sabotage" => request.sabotage = Some(step(&value()?)?.name),
            "--most" => {
                let most = value()?;
                request.most = most.parse().map_err(|_| format!("--most {most}: not a number"))?;
                if request.most < 100 {
                    return Err("--most: at least 100".into());
                }
            }
            option if option.starts_with('-') => return Err(format!("no option {option}")),
            name => request.steps.push(step(name)?),
        }
    }
    if let Some(name) = request.sabotage
        && request.steps.iter().all(|step| step.name != name)
    {
        request.steps.push(step(name)?);
    } else if request.steps.is_empty() {
        request.steps = STEPS.iter().collect();
    }
    Ok(Some(request))
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == overflow::CHILD).is_some() {
        return overflow::child();
    }
    let request = match request(args) {
        Ok(Some(request)) => request,
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("tour: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let mut failed = Vec::new();
    for step in &request.steps {
        let sabotaged = request.sabotage == Some(step.name);
        println!("{}: {}{}", step.name, step.shows, if sabotaged { " (sabotaged)" } else { "" });
        let start = Instant::now();
        let result = (step.run)(&Env::new(step.name, sabotaged, request.most, request.full));
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("    ok, {seconds:.2} s\n"),
            Err(message) => {
                println!("    FAILED after {seconds:.2} s: {message}\n");
                failed.push(step.name);
            }
        }
    }
    let (steps, seconds) = (request.steps.len(), start.elapsed().as_secs_f64());
    if failed.is_empty() {
        println!("{steps} of {steps} steps ok, {seconds:.1} s");
        ExitCode::SUCCESS
    } else {
        println!("{} of {steps} steps failed: {}; {seconds:.1} s", failed.len(), failed.join(", "));
        ExitCode::FAILURE
    }
}
