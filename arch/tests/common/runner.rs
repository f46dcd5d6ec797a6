//! Programs that tests start: under the emulator, where the tests themselves run under one.
#![allow(dead_code, reason = "each test program uses a part")]

use std::ffi::OsString;
use std::process::Command;

/// This test program, once more.
pub fn this_program() -> Command {
    program(&[], std::env::current_exe().expect("a test program"))
}

/// `program`, which `front` starts (nothing: this process does). `G0_TEST_RUNNER` is the emulator's
/// command line.
pub fn program(front: &[&str], program: impl Into<OsString>) -> Command {
    let runner = std::env::var("G0_TEST_RUNNER").unwrap_or_default();
    let words = front.iter().copied().chain(runner.split_whitespace());
    let mut line = words.map(Into::into).chain([program.into()]);
    let mut command = Command::new(line.next().expect("a program at least"));
    command.args(line);
    command
}
