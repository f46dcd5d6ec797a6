//! Hostile programs: what may be written without `unsafe`, or with `unsafe` that keeps its contract, and would
//! break memory if the crates relied on anything but types and their own checks.
//!
//! `hostile NAME KIND [PROCS]` runs one of them on one kind of runtime, with so many Ps (else with one and then
//! with two), and says what held. A program that ends its process on purpose does so with the first.
//! `hostile list` prints their names, the kinds on which each has something to break, and how it must end, for
//! `cargo xtask hostile`, which runs each in a process of its own under the address sanitizer.
//!
//! The programs of [`planted`] are unsound: they show that the sanitizer would see it.

mod closures;
mod destructors;
#[cfg(feature = "dump")]
mod dumps;
mod handles;
mod joins;
mod libcalls;
mod lockers;
mod meeting;
mod names;
mod nested;
mod overflow;
mod planted;
mod programs;
mod run_end;
mod sandbox;
mod scopes;
mod setup;
mod thread_locals;
mod threads;
mod wakers;

// The C files are linked into the library.
use g0_integration_tests as _;

use std::process::ExitCode;

use programs::{PROGRAMS, Program};
use setup::{Kind, Setup};

const HELP: &str = "hostile NAME KIND [PROCS]\nhostile list";

/// A program that is not done by then hangs, seconds; under a sanitizer beside other work it takes a tenth.
const LIMIT: u32 = 60;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (name, kind, procs) = match words[..] {
        ["list"] => {
            PROGRAMS.iter().for_each(|program| println!("{program}"));
            return ExitCode::SUCCESS;
        }
        [name, kind] => (name, kind, [1, 2].as_slice()),
        [name, kind, "1"] => (name, kind, [1].as_slice()),
        [name, kind, "2"] => (name, kind, [2].as_slice()),
        _ => return wrong(HELP),
    };
    let Some(program) = PROGRAMS.iter().find(|program| program.name == name) else {
        return wrong("there is no such program: see `hostile list`");
    };
    let Some(kind) = Kind::ALL.into_iter().find(|known| known.name() == kind) else {
        return wrong("KIND is exclusive, pinned or migrating");
    };
    if !program.kinds.contains(&kind) {
        return wrong("the program has nothing to break on that kind, or may not run there");
    }
    bound();
    procs.iter().for_each(|&procs| run(program, Setup { kind, procs }));
    ExitCode::SUCCESS
}

fn run(program: &Program, setup: Setup) {
    let held = (program.run)(setup);
    println!("{} {} {}: held: {held}", program.name, setup.kind.name(), setup.procs);
}

fn wrong(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

/// Ends the process when it takes too long, and lets it leave no core file.
fn bound() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: they change what the kernel does with this process, and nothing else.
    unsafe {
        libc::alarm(LIMIT);
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
    }
}
