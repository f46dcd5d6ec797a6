//! Programs of C alone, built with the header and the static library, and run.

use std::path::PathBuf;
use std::process::Command;

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

/// Builds `source` and returns what the program printed.
fn run(source: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let name = source.rsplit('/').next().unwrap().trim_end_matches(".c");
    let program = std::env::temp_dir().join(format!("g0-{name}-{}", std::process::id()));
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
    let runner = std::env::var("G0_TEST_RUNNER").unwrap_or_default();
    let mut line =
        runner.split_whitespace().map(Into::into).chain([program.clone().into_os_string()]);
    let out = Command::new(line.next().unwrap()).args(line).output().expect("the program");
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
