//! Parts of tests that need a process of their own.

#[path = "../../../arch/tests/common/runner.rs"]
mod runner;

use std::process::Output;

const CHILD: &str = "G0_STACK_TEST_CHILD";

/// Returns whether this process is one that [`again`] started.
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the named test again in a process of its own, which `front` starts (nothing: this process does),
/// and returns what became of it.
pub fn again(front: &[&str], name: &str) -> Output {
    runner::program(front, std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap()
}
