//! `cargo xtask loom [NAME…]`: builds the models with `--cfg loom` and runs them.
//!
//! `--cfg loom` changes other crates too, so it is given only to `-p g0-models`, and in a target folder of its own.
//! The program prints a line a model (model, invariant, bound, iterations, seconds, result) and, where one fails, the
//! command that replays its schedule.

use crate::report::Report;
use crate::run::Cmd;
use crate::tree;
use std::path::{Path, PathBuf};

/// Builds the models of the tree at `root` into `target`; gives the program.
pub fn build(root: &Path, target: &Path) -> Result<PathBuf, String> {
    if !root.join("integration-tests/models/Cargo.toml").is_file() {
        return Err("integration-tests/models does not exist: there is nothing to model".into());
    }
    let cmd =
        Cmd::cargo().args(["build", "--release", "--quiet", "-p", "g0-models", "--target-dir"]);
    let cmd = cmd.args([target]).env("RUSTFLAGS", "--cfg loom").dir(root);
    // The models run for seconds; a mutant's build should not take longer than that: of many units
    // only those are built anew that the mistake is in.
    let quick = [("LTO", "off"), ("OPT_LEVEL", "1"), ("CODEGEN_UNITS", "64"), ("DEBUG", "0")];
    let cmd = quick
        .iter()
        .fold(cmd, |cmd, (name, value)| cmd.env(&format!("CARGO_PROFILE_RELEASE_{name}"), value))
        .env("CARGO_INCREMENTAL", "1");
    let out = cmd.limit(600).capture()?;
    if !out.success {
        return Err(format!("the models do not build: {}\n{}", out.ending, out.text()));
    }
    Ok(target.join("release/g0-models"))
}

/// Tests the facade of atomics, cells and locks with loom behind it.
pub fn facade(report: &mut Report) {
    report.step("the facade under loom", || {
        let test = ["test", "--locked", "-p", "g0-arch", "--features", "loom", "--test", "loom"];
        let test =
            Cmd::cargo().args(test).args(["--target-dir".into(), tree::target().join("loom")]);
        test.env("RUSTFLAGS", "--cfg loom").dir(tree::root()).limit(600).run()
    });
}

/// Runs the models by these names, all when there is none.
pub fn run(report: &mut Report, names: &[String], deep: bool) {
    if names.is_empty() {
        facade(report);
    }
    let mut program = None;
    report.step("loom build", || {
        program = Some(build(tree::root(), &tree::target().join("loom"))?);
        Ok(())
    });
    let limit = if deep { 3600 } else { 600 };
    report.step(if deep { "loom --deep" } else { "loom" }, || {
        let program = program.ok_or("the models were not built")?;
        let cmd = Cmd::new(program).args(names).args(deep.then_some("--deep"));
        cmd.dir(tree::root()).limit(limit).run()
    });
}
