//! `cargo xtask`: the one home of the project's checks.
//!
//! Every check is a step with a name and a time limit; it is announced, timed and judged, and the table at the end
//! lists all of them. A step whose tool or whose subject is missing fails and says what is missing: nothing is skipped.
//!
//! ```text
//!   main ── ci ──┬── arrows     which module names which
//!                ├── features   each crate alone, each feature
//!                ├── conformance  the behaviours, each with its test
//!                ├── register   the invariants, each with its keeper, models and mutants
//!                ├── nostd      linked without std
//!                ├── loom       the models          ┐ mutants builds and runs
//!                ├── mutants    what they must kill ┘ the models of a changed tree
//!                ├── targets    other processors, under qemu (debian: its compiler and packages)
//!                └── soak       a minute of everything that blocks
//!            checkers           the tests under sanitizers and valgrind
//!            hostile            programs that would break memory if a runtime let them
//!            compare            g0 and the peers, side by side
//!            instructions       of this tree and of another, counted
//!   report: the steps      run: commands with a time limit      tree: where things are
//! ```

mod arrows;
mod checkers;
mod ci;
mod compare;
mod conformance;
mod coverage;
mod debian;
mod downstream;
mod features;
mod fresh;
mod hostile;
mod instructions;
mod loom;
mod mutants;
mod nostd;
mod other_tree;
mod patch;
mod register;
mod report;
mod run;
mod shuttle;
mod soak;
mod targets;
mod tree;

use checkers::Checker;
use report::Report;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  ci [--install]                 all that every change must pass:
                                 fmt, clippy, doc, cargo test, each crate alone with each feature, and the ten below
  arrows [--files CRATE]         the modules of each crate name only what lies below them, in one order of layers,
                                 and no files form a cycle (--files: of this crate every file's arrows)
  conformance                    every behaviour that is listed is shown by a test that exists
  register                       CONTRIBUTING.md is true: every invariant is stated where it says, and has the models and
                                 mutants that it says; every file, function and name on the page exists
  no-std                         each crate alone linked without std; with std it must fail to link
  loom [NAME...] [--deep]        the models, exhaustively up to their bound (--deep: larger bounds)
  loom --coverage                every atomic operation of sched and cgo is reached by a model, or listed with the reason
  downstream                     a user's project: its tests on goroutines, its models under loom;
                                 a project that models nothing has no model checker in its lock file
  soak --shuttle [--seconds N]   whole schedulers with a thousand goroutines in random schedules (default: a minute)
       [--seed S]
  mutants [NAME...]              each known mistake, put into the source, must be found by its model; NAME: of one, or how some begin
  targets aarch64 [--install]    tests under qemu-user, and the bare-metal image under qemu-system
  soak [--minutes N]             everything that goroutines and threads block on, mixed at random, on all kinds
       [--seconds N] [--seed S]  of runtime (default: an hour; ci: a minute): nothing is lost, nobody waits for ever

  compare [NAME...]              g0 and its peers side by side, row by row
                                 (a NAME also selects the rows that begin with NAME and a hyphen; locked, latency, cgo,
                                 fair and pinned select groups)
          [--runs N]             samples of each (default 5, not less)
          [--json FILE]          the same table for programs
          [--plot FILE.svg]      the same table drawn
          [--from FILE]          what --json wrote before, in place of measuring
          [--against COMMIT|FOLDER]  g0 alone, beside that tree's: no row may be worse beyond the noise, which is
                                 what two equal programs differ by in the same run
  instructions [ROW...]          instructions of an operation, counted by callgrind
      [--against COMMIT|FOLDER]  beside those of another tree: none may rise by more than 1 %
      [--install]
  sanitize address|thread        the tests under clang's sanitizers, every switch of stacks announced; a planted mistake
           [--install]           must be found; what cannot run there is listed with the reason
  valgrind [--install]           the same under memcheck
  hostile [--times N]            programs that would break memory if a runtime let them, each in a process of its own
          [--install]            on each kind of runtime, under the address sanitizer; first unsound ones must be found
  all [--install]                ci, loom --deep, sanitize, hostile, valgrind, the counts of instructions, and compare

--install   lets a step install the Debian packages it needs; without it the step prints the command and fails
";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let install = take_flag(&mut args, "--install");
    let deep = take_flag(&mut args, "--deep");
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut report = Report::default();
    run::take_commands_along();
    match words[..] {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["arrows"] => arrows::run(&mut report, None),
        ["arrows", "--files", krate] if tree::CRATES.contains(&krate) => {
            arrows::run(&mut report, Some(krate));
        }
        ["ci"] => ci::run(&mut report, install),
        ["conformance"] => conformance::run(&mut report),
        ["register"] => register::run(&mut report),
        ["no-std"] => nostd::run(&mut report),
        ["loom", "--coverage"] => coverage::run(&mut report),
        ["loom", ..] => loom::run(&mut report, &args[1..], deep),
        ["soak", "--shuttle", ..] => match shuttle::parse(&args[2..]) {
            Ok((seconds, seed)) => shuttle::run(&mut report, seconds, seed),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        },
        ["downstream"] => downstream::run(&mut report),
        ["mutants", ..] => mutants::run(&mut report, &args[1..], mutants::Unpatched::Here),
        ["targets", "aarch64"] => targets::aarch64(&mut report, install),
        ["compare", ..] => match compare::Options::parse(&args[1..], install) {
            Ok(options) => compare::run(&mut report, &options),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        },
        ["instructions", ..] => match instructions::Options::parse(&args[1..], install) {
            Ok(options) => instructions::run(&mut report, &options),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        },
        ["sanitize", name] if Checker::parse(name).is_some() => {
            let checker = Checker::parse(name).expect("as the guard says");
            checkers::run(&mut report, checker, install);
        }
        ["hostile", ..] => match hostile::parse(&args[1..]) {
            Ok(times) => hostile::run(&mut report, times, install),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        },
        ["valgrind"] => checkers::run(&mut report, Checker::Valgrind, install),
        ["soak", ..] => match soak::Options::parse(&args[1..]) {
            Ok(options) => soak::run(&mut report, &options),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        },
        ["all"] => {
            ci::run(&mut report, install);
            loom::run(&mut report, &[], true);
            for checker in [Checker::Address, Checker::Thread, Checker::Valgrind] {
                checkers::run(&mut report, checker, install);
            }
            hostile::run(&mut report, 1, install);
            instructions::run(&mut report, &instructions::Options::alone(install));
            compare::run(&mut report, &compare::Options::all(install));
        }
        _ => {
            eprint!("unknown command: {}\n\n{HELP}", words.join(" "));
            return ExitCode::from(2);
        }
    }
    if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn take_flag(args: &mut Vec<String>, flag: &str) -> bool {
    let before = args.len();
    args.retain(|arg| arg != flag);
    args.len() != before
}
