//! `cargo xtask hostile [--times N]`: what would break memory if a runtime let it, under the address sanitizer.
//!
//! The program `hostile` says itself what it has: names, the kinds of runtime to run each on, and how each must
//! end. Each run is a process of its own, with one P and with two. First come programs that are unsound, which
//! the sanitizer must find: where it does not, the rest would show nothing, and is not run.

mod list;

use std::path::Path;

use crate::checkers::{self, Checker};
use crate::report::Report;
use crate::run::Cmd;
use crate::{debian, tree};
use list::{Ends, Program, as_expected, read};

/// A program's seconds: longer than it gives itself, so that a hang is told from a slow end.
const LIMIT: u64 = 90;

/// How often each program runs: once, unless `--times` says more.
pub fn parse(args: &[String]) -> Result<usize, String> {
    match args {
        [] => Ok(1),
        [flag, times] if flag == "--times" => match times.parse() {
            Ok(times) if times > 0 => Ok(times),
            _ => Err(format!("--times needs a number, not `{times}`")),
        },
        _ => Err(format!("hostile does not know `{}`", args.join(" "))),
    }
}

/// Builds the programs and runs each `times` times.
pub fn run(report: &mut Report, times: usize, install: bool) {
    let packages = || debian::require(Checker::Address.packages(), install);
    if !report.step("hostile: packages", packages) {
        return;
    }
    let mut built = None;
    report.step("hostile: build", || {
        let path = checkers::build_program(Checker::Address, "hostile", "dump")?;
        built = Some((listed(Checker::Address.watch(&path))?, path));
        Ok(())
    });
    let Some((programs, path)) = built else { return };
    let planted = |program: &&Program| matches!(program.ends, Ends::Found(_));
    let (found, hostile): (Vec<_>, Vec<_>) = programs.iter().partition(planted);
    if report.step("hostile: can fail", || table(&path, &found, 1)) {
        report.step("hostile: programs", || table(&path, &hostile, times));
    }
    report.step("hostile: where panics abort", || aborting(times));
}

/// What the program says that it has.
fn listed(cmd: Cmd) -> Result<Vec<Program>, String> {
    let out = cmd.args(["list"]).limit(LIMIT).capture()?;
    let programs = out.stdout.lines().map(read).collect::<Result<Vec<_>, _>>()?;
    let planted = programs.iter().any(|program| matches!(program.ends, Ends::Found(_)));
    let hostile = programs.iter().any(|program| !matches!(program.ends, Ends::Found(_)));
    if out.success && planted && hostile {
        Ok(programs)
    } else {
        Err(format!("the list lacks planted programs, or all others:\n{}", out.text()))
    }
}

/// Runs the programs, each on its kinds, with a line for each of them.
fn table(path: &Path, programs: &[&Program], times: usize) -> Result<(), String> {
    rows(programs, times, || Checker::Address.watch(path))
}

/// What is lent when nothing unwinds: no destructor ends a goroutine then, so each that waits is left behind.
/// Another compilation of std would be needed for the sanitizer; the programs look for themselves.
fn aborting(times: usize) -> Result<(), String> {
    let args = ["build", "--locked", "-p", "g0-integration-tests", "--bin", "hostile"];
    Cmd::cargo().args(args).args(["--profile", "abort-dev"]).dir(tree::root()).run()?;
    let path = tree::target().join("abort-dev").join("hostile");
    let programs = listed(Cmd::new(&path))?;
    let lent: Vec<_> = programs.iter().filter(|program| program.name.contains("-lent")).collect();
    if lent.is_empty() {
        return Err("no program lends anything".into());
    }
    rows(&lent, times, || Cmd::new(&path))
}

fn rows(programs: &[&Program], times: usize, cmd: impl Fn() -> Cmd) -> Result<(), String> {
    let mut failed = Vec::new();
    for program in programs {
        for kind in &program.kinds {
            let runs = (0..times).flat_map(|_| ["1", "2"]);
            let errors: Vec<_> =
                runs.filter_map(|procs| one(program, kind, procs, cmd()).err()).collect();
            let verdict = if errors.is_empty() { "ok" } else { "failed" };
            println!("  {:<28} {kind:<10} {verdict}", program.name);
            // The first one says what is wrong.
            errors.into_iter().take(1).for_each(|error| println!("{error}"));
            if verdict != "ok" {
                failed.push(format!("{} {kind}", program.name));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// One run, in a process of its own.
fn one(program: &Program, kind: &str, procs: &str, cmd: Cmd) -> Result<(), String> {
    let out = cmd.args([&program.name, kind, procs]).limit(LIMIT).capture()?;
    if as_expected(&program.ends, &out) {
        Ok(())
    } else {
        let Program { name, ends, .. } = program;
        Err(format!("{name} {kind} {procs} must end so: {ends:?}; {}\n{}", out.ending, out.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_runs_once_unless_told_otherwise() {
        let parse =
            |line: &str| parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>());
        assert_eq!((parse(""), parse("--times 10")), (Ok(1), Ok(10)));
        assert!(parse("--times").is_err() && parse("--times 0").is_err() && parse("10").is_err());
    }
}
