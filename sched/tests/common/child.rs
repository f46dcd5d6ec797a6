//! Parts of tests that end their process, or change what belongs to all of it.

use std::os::unix::process::ExitStatusExt;
use std::process::Output;

#[path = "../../../arch/tests/common/runner.rs"]
mod runner;

use super::{KINDS, Kind};
use runner::this_program;

const VARIABLE: &str = "G0_TEST_CHILD";

/// Runs `part` in a process of its own for each kind of runtime, with one P and with two, and
/// lets `check` look at what became of it. `test` is the calling test's name: the test program is
/// started again for this test alone, and gets here.
pub fn in_children(
    test: &str,
    part: impl Fn(Kind, usize),
    check: impl Fn(Kind, usize, &Output, &str),
) {
    if let Some(n) = std::env::var(VARIABLE).ok().and_then(|n| n.parse::<usize>().ok()) {
        // SAFETY: a child that hangs is ended by the alarm; nobody wants its core.
        unsafe {
            libc::alarm(60);
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        }
        part(KINDS[n / 2], n % 2 + 1);
        std::process::exit(0);
    }
    for n in 0..KINDS.len() * 2 {
        let out = this_program()
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, n.to_string())
            .output()
            .expect("a child");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        let (kind, procs) = (KINDS[n / 2], n % 2 + 1);
        let stdout = String::from_utf8_lossy(&out.stdout);
        assert!(!stdout.contains("running 0 tests"), "no test is called {test}");
        assert_ne!(
            out.status.signal(),
            Some(libc::SIGALRM),
            "{test}: {kind:?} with {procs} procs hangs: {said}"
        );
        check(kind, procs, &out, &said);
    }
}

/// The child came to its end.
pub fn succeeds(kind: Kind, procs: usize, out: &Output, said: &str) {
    assert!(out.status.success(), "{kind:?} with {procs} procs: {:?}: {said}", out.status);
}

/// A line of `/proc/self/status`, without its name.
pub fn status_line(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in the status")).trim().to_owned()
}

/// A line of `/proc/self/status` that counts kilobytes, in bytes.
pub fn status_bytes(name: &str) -> usize {
    let line = status_line(name);
    line.trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// The threads of this process.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("proc").count()
}

/// Runs `part` in a process of its own whose environment has `variables` besides, and returns what became of
/// it. `test` is the calling test's name, as for [`in_children`].
pub fn this_test_with(test: &str, variables: &[(&str, &str)], part: impl FnOnce()) -> Output {
    if std::env::var_os(VARIABLE).is_some() {
        // SAFETY: a child that hangs is ended by the alarm.
        unsafe { libc::alarm(60) };
        part();
        std::process::exit(0);
    }
    this_program()
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, "alone")
        .envs(variables.iter().copied())
        .output()
        .expect("a child")
}
