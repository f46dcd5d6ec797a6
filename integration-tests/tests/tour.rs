//! The tour as a program: its steps pass, and each fails when its result is corrupted.
//!
//! Steps whose goroutines are there for their number run with fewer of them here (`--most`).

use std::process::{Command, Output};

const STEPS: [&str; 11] = [
    "goroutines",
    "sqlite",
    "qsort",
    "locked",
    "blocking",
    "waiting",
    "panics",
    "million",
    "ten-million",
    "deep",
    "overflow",
];

fn tour(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_tour");
    Command::new(program).args(args).output().expect("the tour starts")
}

/// The exit status, and everything that was printed.
fn status(args: &[&str]) -> (Option<i32>, String) {
    let output = tour(args);
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn passes_and_can_fail(step: &str) {
    let (code, text) = status(&["--most", "20000", step]);
    assert_eq!(code, Some(0), "{step}:\n{text}");
    assert!(text.contains("1 of 1 steps ok"), "{text}");

    let (code, text) = status(&["--most", "20000", "--sabotage", step]);
    assert_eq!(code, Some(1), "{step}, sabotaged:\n{text}");
    assert!(text.contains("FAILED after") && text.contains(&format!("failed: {step};")), "{text}");
}

macro_rules! steps {
    ($($step:ident)*) => {$(
        #[test]
        fn $step() {
            passes_and_can_fail(&stringify!($step).replace('_', "-"));
        }
    )*};
}

steps! { goroutines sqlite qsort locked blocking waiting panics million ten_million deep overflow }

#[test]
fn the_list_names_every_step_and_what_it_shows() {
    let (code, text) = status(&["--list"]);
    assert_eq!(code, Some(0));
    let listed: Vec<_> = text.lines().map(|line| line.split_once(' ').expect("a name")).collect();
    assert_eq!(listed.iter().map(|(name, _)| *name).collect::<Vec<_>>(), STEPS);
    assert!(listed.iter().all(|(_, shows)| shows.trim().len() > 10), "{text}");
}

#[test]
fn what_is_named_runs_in_that_order() {
    let (code, text) = status(&["panics", "overflow"]);
    assert_eq!(code, Some(0), "{text}");
    let at = |step: &str| text.find(&format!("{step}: ")).expect("its line");
    assert!(at("panics") < at("overflow") && text.contains("2 of 2 steps ok"), "{text}");
}

#[test]
fn what_is_not_understood_is_refused() {
    for args in [
        &["--sabotage"][..],
        &["--sabotage", "nothing"],
        &["nothing"],
        &["--loud"],
        &["--most", "x"],
    ] {
        let (code, text) = status(args);
        assert_eq!(code, Some(2), "{args:?}:\n{text}");
        assert!(text.contains("usage: cargo tour"), "{text}");
    }
}
