//! Programs of C alone, built with the header and the static library, and run.

#[path = "../../../arch/tests/common/runner.rs"]
mod runner;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The library lies beside this test; the one that was built last is the one built for it.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let beside = test.parent().unwrap();
    let mut found: Vec<_> = std::fs::read_dir(beside)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("libg0-") && name.ends_with(".a") || name == "libg0.a"
        })
        .collect();
    found.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    found.pop().unwrap_or_else(|| panic!("no libg0.a in {}", beside.display()))
}

/// Builds `source`; the caller removes the program.
fn build(source: &str) -> PathBuf {
    // Several tests of one process may build the same.
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let number = BUILT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let name = source.rsplit('/').next().unwrap().trim_end_matches(".c");
    let program = std::env::temp_dir().join(format!("g0-{name}-{}-{number}", std::process::id()));
    let built = Command::new(env!("G0_CC"))
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-o"])
        .arg(&program)
        .arg("-I")
        .arg(folder.join("../include"))
        .arg(folder.join(source))
        .arg(library())
        .args(["-lpthread", "-ldl", "-lm"])
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

/// What the program of `source` prints.
fn run(source: &str) -> String {
    let program = build(source);
    let out = runner::program(&[], &program).output().expect("the program");
    let _ = std::fs::remove_file(program);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{:?}: {said}{}",
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    said
}

#[test]
fn a_c_program_starts_a_runtime_spawns_calls_and_is_called_back() {
    let said = run("examples/primes.c");
    assert_eq!(said, "the 50th prime is 229; sorted backwards with waiting: 229 .. 2\n");
}

#[test]
fn what_a_c_program_does_wrong_is_an_error_and_nothing_worse() {
    assert_eq!(run("tests/programs/misuse.c"), "all of it is refused\n");
}

/// Runs only where `G0_GDB` says that there is gdb, and says so where not.
#[test]
fn gdb_reads_from_a_callback_through_c_to_the_goroutines_start() {
    if std::env::var_os("G0_GDB").is_none_or(|v| v != "1") {
        // Past the harness, which keeps what passing tests print.
        let note = b"NOT RUN: gdb_reads_from_a_callback_through_c_to_the_goroutines_start (needs gdb and G0_GDB=1)\n";
        std::io::stderr().write_all(note).unwrap();
        return;
    }
    let program = build("examples/primes.c");
    let out = Command::new("gdb")
        .args(["-nx", "-batch", "-ex", "set pagination off", "-ex", "set debuginfod enabled off"])
        .args(["-ex", "break compare_patiently", "-ex", "run", "-ex", "bt"])
        .arg(&program)
        .output()
        .expect("G0_GDB=1 and no gdb");
    let _ = std::fs::remove_file(program);
    let text = String::from_utf8_lossy(&out.stdout);
    let mut rest = text.split("#0 ").nth(1).unwrap_or_else(|| panic!("no backtrace in\n{text}"));
    let frames = [
        "compare_patiently",
        "g0::run::Body::run",
        "<signal",
        "g0::bridge::g0_callback",
        " compare ",
        "qsort",
        " sort ",
        "<signal",
        "g0::bridge::g0_call",
        " start ",
        "g0_sched::exec::spawn::run",
        "context::start",
    ];
    for name in frames {
        let at = rest.find(name).unwrap_or_else(|| panic!("no {name} in this order in\n{text}"));
        rest = &rest[at + name.len()..];
    }
    assert!(!text.contains("Backtrace stopped"), "{text}");
}

#[test]
fn a_c_programs_own_handlers_and_its_endless_loops_live_beside_the_runtime() {
    assert_eq!(run("tests/programs/handlers.c"), "handled: 5 5 5; its own handler\n");
}

#[test]
fn overflows_are_reported_where_main_is_cs_and_no_thread_has_a_stack_for_signals() {
    let program = build("tests/programs/overflow.c");
    let run = |kind: &str, what: &str| {
        runner::program(&[], &program).args([kind, what]).output().expect("the program")
    };
    for kind in ["exclusive", "pinned", "migrating"] {
        let ends = [
            ("goroutine", "stack overflow: goroutine"),
            ("own", "stack overflow: goroutine"),
            ("callback", "foreign thread, started at "),
            ("call", ", in foreign code that goroutine"),
        ];
        for (what, message) in ends {
            let out = run(kind, what);
            let said = String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{kind}, {what}: {said}");
            assert!(said.contains("stack overflow: ") && said.contains(message), "{said}");
        }
        let out = run(kind, "alternate");
        let said = String::from_utf8_lossy(&out.stdout);
        assert_eq!(said, "main 1, other 1, afterwards 0\n".repeat(2), "{kind}");
    }
    let _ = std::fs::remove_file(program);
}
