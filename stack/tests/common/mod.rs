//! Parts of tests that need a process of their own.

use std::process::{Command, Output};

const CHILD: &str = "G0_STACK_TEST_CHILD";

/// Whether this process is one that [`again`] started.
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the named test again in a process of its own, which `front` starts (nothing: we do), and
/// returns what became of it.
///
/// `G0_TEST_RUNNER` is the emulator's command line where the test program runs under one.
pub fn again(front: &[&str], name: &str) -> Output {
    let program = std::env::current_exe().unwrap();
    let runner = std::env::var("G0_TEST_RUNNER").unwrap_or_default();
    let words = front.iter().copied().chain(runner.split_whitespace());
    let mut line = words.map(Into::into).chain([program.into_os_string()]);
    Command::new(line.next().unwrap())
        .args(line)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap()
}
