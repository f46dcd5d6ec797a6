//! `cargo xtask sanitize address|thread` and `cargo xtask valgrind`: the tests under memory checkers.
//!
//! ```text
//!   build       the tests, with the switches announced (`--cfg g0_asan`, …)
//!   can fail    programs with a planted mistake: the checker must find it, and nothing in one without
//!   tests       one test program after the other; any report fails it
//! ```
//!
//! No suppression file: what a checker reports is a mistake of ours, or of what we told it. Tests that a checker
//! cannot run are listed in [`left_out`], with the reason, and printed.

mod build;
mod left_out;

use crate::debian;
use crate::report::Report;
use crate::run::Cmd;
pub use build::build_program;
use build::{Program, Programs};
use std::path::Path;

/// A memory checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checker {
    /// clang's address sanitizer.
    Address,
    /// clang's thread sanitizer.
    Thread,
    /// valgrind's memcheck.
    Valgrind,
}

/// A program's seconds. No test takes half as long; what hangs is to be seen.
const LIMIT: u64 = 300;

impl Checker {
    /// The checker of this name.
    pub fn parse(name: &str) -> Option<Checker> {
        match name {
            "address" => Some(Checker::Address),
            "thread" => Some(Checker::Thread),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Checker::Address => "address",
            Checker::Thread => "thread",
            Checker::Valgrind => "valgrind",
        }
    }

    /// What must be there.
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            Checker::Address | Checker::Thread => {
                &["rustc-web", "rust-web-src", "cargo-web", "clang-22", "libclang-rt-22-dev"]
            }
            Checker::Valgrind => &["valgrind"],
        }
    }

    /// The mistakes of `planted` that it finds, and what it calls them.
    fn finds(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Checker::Address => &[
                ("use-after-return", "stack-use-after-return"),
                ("invalid-read", "heap-buffer-overflow"),
            ],
            Checker::Thread => &[("data-race", "data race")],
            Checker::Valgrind => &[("invalid-read", "Invalid read")],
        }
    }

    /// The program, watched.
    pub fn watch(self, program: &Path) -> Cmd {
        match self {
            // Leaks are not looked for: threads, Ms and stacks that are left behind are kept on purpose, and
            // what lies on a parked goroutine's stack is found from no root. Signal stacks are ours.
            Checker::Address => Cmd::new(program).env(
                "ASAN_OPTIONS",
                "detect_stack_use_after_return=1:detect_leaks=0:use_sigaltstack=0:handle_segv=0:\
                 handle_sigbus=0:handle_abort=0:exitcode=66",
            ),
            Checker::Thread => Cmd::new(program).env(
                "TSAN_OPTIONS",
                "halt_on_error=1:exitcode=66:handle_segv=0:handle_sigbus=0:handle_abort=0:\
                 die_after_fork=0:use_sigaltstack=0",
            ),
            Checker::Valgrind => {
                Cmd::new("valgrind").args(VALGRIND).args([program]).env("G0_TEST_RUNNER", "")
            }
        }
    }
}

/// Threads take turns fairly: a thread that spins for another would have it all.
const VALGRIND: [&str; 5] =
    ["--quiet", "--error-exitcode=66", "--fair-sched=try", "--num-callers=30", "--"];

/// Builds the tests for the checker and runs them.
pub fn run(report: &mut Report, checker: Checker, install: bool) {
    let name = checker.name();
    if !report.step(&format!("{name}: packages"), || debian::require(checker.packages(), install)) {
        return;
    }
    let mut built = None;
    report.step(&format!("{name}: build"), || {
        built = Some(build::build(checker)?);
        Ok(())
    });
    let Some(Programs { tests, planted }) = built else { return };
    report.step(&format!("{name}: can fail"), || can_fail(checker, &planted));
    report.step(&format!("{name}: left out"), || left_out::print(checker, &tests));
    for program in &tests {
        if left_out::whole(checker, &program.name) {
            continue;
        }
        report.step(&format!("{name}: {}", program.name), || {
            let mut cmd =
                checker.watch(&program.path).dir(&program.dir).args(["--quiet", "--exact"]);
            if checker == Checker::Valgrind {
                // It runs one thread at a time: tests side by side wait for each other.
                cmd = cmd.args(["--test-threads=1"]);
            }
            for test in left_out::tests(checker, &program.name) {
                cmd = cmd.args(["--skip", test]);
            }
            let out = cmd.limit(LIMIT).capture()?;
            let passed = out.stdout.lines().find(|line| line.starts_with("test result:"));
            println!("  {}", passed.unwrap_or("no result"));
            if out.success { Ok(()) } else { Err(format!("{}\n{}", out.ending, out.text())) }
        });
    }
}

/// It finds what is planted, and nothing where nothing is.
fn can_fail(checker: Checker, planted: &Program) -> Result<(), String> {
    let run = |mistake: &str| {
        checker.watch(&planted.path).dir(&planted.dir).args([mistake]).limit(LIMIT).capture()
    };
    let clean = run("nothing")?;
    if !clean.success {
        return Err(format!("it finds what is not there: {}\n{}", clean.ending, clean.text()));
    }
    for (mistake, called) in checker.finds() {
        let out = run(mistake)?;
        if out.success || !out.text().contains(called) {
            return Err(format!("{mistake} is not found: {}\n{}", out.ending, out.text()));
        }
        println!("  {mistake}: found, called \"{called}\"");
    }
    Ok(())
}
