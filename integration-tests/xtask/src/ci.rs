//! `cargo xtask ci`: what every change must pass, in the order in which a mistake is cheapest to find.

use crate::report::Report;
use crate::run::Cmd;
use crate::{
    arrows, conformance, coverage, debian, downstream, features, loom, mutants, nostd, register,
    shuttle, soak, targets, tree,
};

/// Runs all steps of `ci`.
pub fn run(report: &mut Report, install: bool) {
    format(report);
    arrows::run(report, None);
    lint(report);
    documentation(report);
    conformance::run(report);
    register::run(report);
    report.step("cargo test", || cargo(["test", "--locked", "--no-fail-fast"]));
    // Every operation that may suspend does so, and on migrating runtimes the goroutine goes on elsewhere.
    report.step("cargo test, suspending often", || {
        let args = ["test", "--locked", "--no-fail-fast", "--tests"];
        Cmd::cargo().args(args).env("G0_SUSPEND", "often").dir(tree::root()).run()
    });
    report.step("test xtask", || cargo(["test", "--locked", "-p", "xtask"]));
    features::run(report);
    // Its bound is another one when optimised.
    report.step("a callback's budget", || {
        let test = ["test", "--locked", "--release", "-p", "g0-cgo", "--test", "sched_budget"];
        Cmd::cargo().args(test).args(["--features", "std,sched"]).dir(tree::root()).limit(600).run()
    });
    // Refused, without optimisation.
    report.step("packed stacks", || {
        let test = ["test", "--locked", "--release", "-p", "g0-stack", "-p", "g0-sched"];
        let features = ["--features", "g0-stack/std,g0-sched/std", "--test", "packed"];
        Cmd::cargo().args(test).args(features).dir(tree::root()).limit(600).run()
    });
    aborting(report);
    left_behind(report);
    report.step("gdb across stacks", || {
        debian::require(&["gdb"], install)?;
        // The program that it is about is no part of the test program.
        gdb(["build", "-p", "g0-arch", "--example", "two_stacks"])?;
        gdb(["test", "-p", "g0-arch", "--test", "gdb"])?;
        gdb(["test", "-p", "g0-c", "--test", "program", "gdb"])
    });
    nostd::run(report);
    loom::facade(report);
    // The models, and what they do not come to.
    coverage::run(report);
    downstream::run(report);
    shuttle::run(report, 30, None);
    mutants::run(report, &[], mutants::Unpatched::Before);
    soak::run(report, &soak::Options::seconds(60));
    targets::aarch64(report, install);
    report.step("package", package);
}

fn cargo<const N: usize>(args: [&str; N]) -> Result<(), String> {
    Cmd::cargo().args(args).dir(tree::root()).run()
}

/// Go's semantics in programs whose panics abort, so that nothing unwinds: the same tests as of Rust's unwinder.
fn aborting(report: &mut Report) {
    for profile in ["abort", "abort-dev"] {
        for example in ["semantics", "alone"] {
            report.step(&format!("defer {example}, {profile}"), || {
                let args = ["run", "--locked", "-p", "g0-defer", "--profile", profile];
                let cmd = Cmd::cargo().args(args).args(["--example", example]).dir(tree::root());
                let out = cmd.limit(600).stdout()?;
                print!("{out}");
                match example {
                    "semantics" if !out.contains("panics abort") => Err("it unwinds".into()),
                    _ => Ok(()),
                }
            });
        }
    }
}

/// What becomes of goroutines at the end of a run in such programs.
fn left_behind(report: &mut Report) {
    for profile in ["abort", "abort-dev"] {
        report.step(&format!("goroutines left behind, {profile}"), || {
            let args = ["run", "--locked", "-p", "g0-cgo", "--features", "std,sched"];
            let cmd = Cmd::cargo().args(args).args(["--profile", profile]);
            let cmd = cmd.args(["--example", "left_behind"]).dir(tree::root());
            print!("{}", cmd.limit(600).stdout()?);
            Ok(())
        });
    }
}

/// For a test that gdb takes part in. It reads variables, which a build for less disk leaves out.
fn gdb<const N: usize>(args: [&str; N]) -> Result<(), String> {
    let cargo = Cmd::cargo().args(args).args(["--locked"]);
    cargo
        .env("G0_GDB", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "full")
        .dir(tree::root())
        .limit(600)
        .run()
}

fn format(report: &mut Report) {
    report.step("fmt", || cargo(["fmt", "--all", "--check"]));
    for workspace in tree::EXCLUDED {
        report.step(&format!("fmt {workspace}"), || {
            // By file: `cargo fmt --all` would take in the crates that the workspace depends on.
            tree::manifest(workspace)?;
            let files = ["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"];
            let dir = tree::root().join(workspace);
            let listed = Cmd::new("git").args(files).dir(&dir).stdout()?;
            Cmd::new("rustfmt")
                .args(["--check", "--edition", "2024"])
                .args(listed.lines())
                .dir(&dir)
                .run()
        });
    }
}

fn lint(report: &mut Report) {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    report.step("clippy", || {
        let args = ["clippy", "--locked", "--workspace", "--all-targets"];
        Cmd::cargo().args(args).args(DENY).dir(tree::root()).run()
    });
    // Alone and without features a crate has less to use: what is dead then shows only here.
    report.step("clippy, crates alone", || {
        for krate in tree::CRATES {
            let args = ["clippy", "--locked", "--no-default-features", "-p", &tree::package(krate)];
            Cmd::cargo().args(args).args(DENY).dir(tree::root()).run()?;
        }
        Ok(())
    });
    report.step("clippy no-std", || nostd::lint(&DENY));
    report.step("clippy downstream", || downstream::lint(&DENY));
}

fn documentation(report: &mut Report) {
    report.step("doc", || {
        for features in ["--no-default-features", "--all-features"] {
            let mut doc = Cmd::cargo().args(["doc", "--locked", "--no-deps", features]);
            for krate in tree::CRATES {
                doc = doc.args(["-p", &tree::package(krate)]);
            }
            doc.env("RUSTDOCFLAGS", "-D warnings").dir(tree::root()).run()?;
        }
        Ok(())
    });
}

/// `cargo package` of the five crates, each verified by a build of what would be published.
///
/// In a folder that has not been used before: cargo keeps the sources of packages it has unpacked
/// by folder and version, and would verify the crates that depend on one against an earlier state.
fn package() -> Result<(), String> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let unique = time.map_err(|e| e.to_string())?.as_nanos();
    let folder = tree::target().join(format!("package-{unique}"));
    let packaged = package_in(&folder);
    let removed = std::fs::remove_dir_all(&folder).map_err(|e| e.to_string());
    packaged.and(removed)
}

fn package_in(folder: &std::path::Path) -> Result<(), String> {
    let mut package = Cmd::cargo().args(["package", "--locked", "--quiet"]);
    for krate in tree::CRATES {
        package = package.args(["-p", &tree::package(krate)]);
    }
    if std::env::var_os("CI").is_none() {
        package = package.args(["--allow-dirty"]);
    }
    package.args(["--target-dir".as_ref(), folder.as_os_str()]).dir(tree::root()).run()
}
