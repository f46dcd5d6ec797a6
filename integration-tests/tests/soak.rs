//! The soak, for a few seconds: everything that blocks, mixed; and its check can fail.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn soak(args: &[&str]) -> (Output, String) {
    let program = env!("CARGO_BIN_EXE_soak");
    let output = Command::new(program).args(args).output().expect("the soak starts");
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output, text)
}

const WORKS: [&str; 10] = [
    "channels",
    "requests",
    "mutex",
    "rwlock",
    "condvar",
    "semaphore",
    "barrier",
    "parking",
    "sleepers",
    "loiterers",
];

#[test]
fn nothing_is_lost_whatever_is_mixed() {
    let (output, text) = soak(&["--seconds", "4"]);
    assert!(output.status.success() && text.contains("ok: "), "{text}");
}

#[test]
fn each_work_alone_passes_and_a_forged_entry_is_found() {
    for work in WORKS {
        let (output, text) = soak(&["--rounds", "6", "--only", work]);
        assert!(output.status.success() && text.contains("ok: 6 rounds"), "{work}: {text}");
        let (output, text) = soak(&["--rounds", "1", "--only", work, "--sabotage"]);
        assert_eq!(output.status.code(), Some(1), "{work}: {text}");
        assert!(text.contains("FAILED: ") && text.contains("again: soak --seed "), "{text}");
    }
}

#[test]
fn a_seed_composes_the_same_round_again() {
    // What it composes shows in what a forged round says of itself.
    let about = |seed: &str| {
        let (_, text) = soak(&["--rounds", "1", "--seed", seed, "--sabotage"]);
        let line = text.lines().find(|line| line.starts_with("FAILED: ")).expect("it fails");
        let about = line.rsplit_once(": ").expect("what does not agree").0;
        about.split(" fences").next().expect("the runtime").to_owned()
            + text.lines().last().unwrap()
    };
    assert_eq!(about("12345"), about("12345"));
    let several: Vec<String> = ["1", "2", "3", "4"].map(about).into();
    assert!(several.windows(2).any(|two| two[0] != two[1]), "{several:?}");
}

#[test]
fn a_round_that_hangs_ends_the_program_and_says_who_waits() {
    use std::os::unix::process::ExitStatusExt;
    let start = Instant::now();
    // No round ends within no time: the watchdog barks at the first that it sees.
    let (output, text) = soak(&["--seconds", "40", "--limit", "0"]);
    assert_eq!(output.status.signal(), Some(6), "{text}");
    assert!(text.contains("a round has not ended after 0 s"), "{text}");
    assert!(text.contains("in the round: ") && text.contains("again: soak --seed "), "{text}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_is_not_understood_is_refused() {
    for args in [&["--minutes"][..], &["--seconds", "x"], &["--only", "nothing"], &["five"]] {
        let (output, text) = soak(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    }
}
