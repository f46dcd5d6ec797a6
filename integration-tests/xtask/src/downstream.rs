//! `cargo xtask downstream`: a user's project, its tests on goroutines and its models under loom.
//!
//! It lies in a workspace of its own and sees only what the crates publish. Two of its models are meant to fail: they
//! hold mistakes that loom must find. What a project without models must not get is in `fresh`.

use crate::fresh;
use crate::report::Report;
use crate::run::Cmd;
use crate::tree;

const PROJECT: &str = "integration-tests/downstream";
/// What models are built with.
pub const LOOM: (&str, &str) = ("RUSTFLAGS", "--cfg loom");

/// A cargo command there. `--cfg loom` changes other crates too, and has a target folder of its own.
fn cargo(command: &str, modelled: bool) -> Result<Cmd, String> {
    tree::manifest(PROJECT)?;
    let target = tree::target().join(if modelled { "downstream-loom" } else { "downstream" });
    let cmd = Cmd::cargo().args([command, "--locked", "--all-targets", "--target-dir"]);
    let cmd = cmd.args([target]).dir(&tree::root().join(PROJECT)).limit(600);
    Ok(if modelled { cmd.env(LOOM.0, LOOM.1) } else { cmd })
}

/// Runs its tests and its models, and looks at a project that has no models.
pub fn run(report: &mut Report) {
    report.step("downstream", || cargo("test", false)?.run());
    report.step("downstream under loom", || cargo("test", true)?.run());
    fresh::run(report);
}

/// Clippy over it, as it is and as it is modelled.
pub fn lint(deny: &[&str]) -> Result<(), String> {
    cargo("clippy", false)?.args(deny).run()?;
    // Of this project only: `--cfg loom` leaves much of g0-sched unused, which is no mistake.
    cargo("clippy", true)?.args(["--no-deps"]).args(deny).run()
}
