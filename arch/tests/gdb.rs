//! What a debugger shows across stacks. Needs gdb: runs when `G0_GDB=1` is set, and says so when not.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Builds come in `target/<profile>`, this test in `deps` beneath, examples beside it.
fn example() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/two_stacks")
}

#[test]
fn gdb_shows_the_frames_of_both_stacks() {
    if std::env::var_os("G0_GDB").is_none_or(|v| v != "1") {
        // Past the harness, which keeps what passing tests print.
        let note = b"NOT RUN: gdb_shows_the_frames_of_both_stacks (needs gdb and G0_GDB=1)\n";
        std::io::stderr().write_all(note).unwrap();
        return;
    }
    let out = Command::new("gdb")
        .args(["-nx", "-batch", "-ex", "set pagination off", "-ex", "set debuginfod enabled off"])
        .args(["-ex", "break two_stacks::innermost", "-ex", "run", "-ex", "bt"])
        .args(["-ex", "continue", "-ex", "bt", "-ex", "continue"])
        .arg(example())
        .output()
        .expect("G0_GDB=1 and no gdb");
    let text = String::from_utf8_lossy(&out.stdout);
    // Once with each of the two stacks above the other.
    let backtraces: Vec<&str> = text.split("#0 ").skip(1).collect();
    assert_eq!(backtraces.len(), 2, "{text}");
    for backtrace in backtraces {
        let mut rest = backtrace;
        let names = ["innermost", "on_b", "<signal", "on_b", "on_a", "<signal", "on_a"];
        for name in names.into_iter().chain(["first_of_a", "start"]) {
            let at = rest.find(name).unwrap_or_else(|| panic!("no {name} in order in\n{text}"));
            rest = &rest[at + name.len()..];
        }
    }
    assert!(!text.contains("Backtrace stopped"), "{text}");
    assert!(text.contains("two stacks: done"), "{text}");
}
