//! A panic's message names the goroutine, and the program's own hooks are as they were.
//!
//! Hooks are the process's, so each part runs in one of its own.

mod common;

use std::panic::{catch_unwind, set_hook, take_hook};
use std::process::Output;

use common::child::{in_children, succeeds};
use common::{Kind, panic_text};
use g0_sched::{Builder, GoroutineInfo, RunError, Runtime, go, go_named, scope};

const HERE: &str = "sched/tests/panics.rs:";

fn builder(procs: usize) -> Builder {
    Runtime::builder().procs(procs)
}

/// The lines that name a goroutine.
fn named(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("g0: panicked in ")).collect()
}

/// The child came to its end, and has named a goroutine with each of these `names`, in order.
fn names(names: &[&str]) -> impl Fn(Kind, usize, &Output, &str) {
    move |kind, procs, out, said| {
        succeeds(kind, procs, out, said);
        let lines = named(said);
        assert_eq!(lines.len(), names.len(), "{kind:?} with {procs} procs: {said}");
        for (line, name) in lines.iter().zip(names) {
            assert!(line.starts_with("g0: panicked in goroutine "), "{line}");
            assert!(line.contains(&format!("{name}, running, started at ")), "{line}");
            assert!(line.contains(HERE), "{line}");
        }
    }
}

#[test]
fn the_message_of_a_panic_is_followed_by_the_goroutine() {
    in_children(
        "the_message_of_a_panic_is_followed_by_the_goroutine",
        |kind, procs| {
            let main = || {
                // Joined, caught, in a scope, and on a thread that runs no goroutine.
                let joined = go_named("joined", || panic!("first")).join();
                assert_eq!(common::text(&*joined.unwrap_err()), "first");
                let caught = go(|| catch_unwind(|| panic!("second")).is_err());
                assert!(caught.join().unwrap());
                let all = || scope(|s| drop(s.go(|| panic!("third"))));
                assert!(panic_text(all).contains("scope"), "a scope tells of it");
                assert!(std::thread::spawn(|| panic!("no goroutine")).join().is_err());
                panic!("last");
            };
            match kind.build(builder(procs)).run(main) {
                Err(RunError::Panicked(payload)) => assert_eq!(common::text(&*payload), "last"),
                other => panic!("{other:?}"),
            }
        },
        |kind, procs, out, said| {
            let message = said.find("first").expect("std's message");
            let line = said.find("g0: panicked in").expect("the runtime's");
            assert!(message < line, "{said}");
            assert!(said.contains("no goroutine"), "{said}");
            // The scope's own panic is main's.
            names(&[" (joined)", "", "", " (main)", " (main)"])(kind, procs, out, said);
        },
    );
}

#[test]
fn a_hook_that_was_set_before_is_called_first() {
    in_children(
        "a_hook_that_was_set_before_is_called_first",
        |kind, procs| {
            set_hook(Box::new(|_| eprintln!("the program's hook")));
            for _ in 0..2 {
                // It is set in front of it once, however many runtimes are built.
                let main = || assert!(go_named("worker", || panic!("hidden")).join().is_err());
                kind.build(builder(procs)).run(main).unwrap();
            }
        },
        |kind, procs, out, said| {
            names(&[" (worker)", " (worker)"])(kind, procs, out, said);
            let lines: Vec<_> = said.lines().collect();
            assert_eq!(lines.len(), 4, "{said}");
            assert_eq!((lines[0], lines[2]), ("the program's hook", "the program's hook"));
        },
    );
}

#[test]
fn a_hook_that_is_set_afterwards_takes_its_place() {
    in_children(
        "a_hook_that_is_set_afterwards_takes_its_place",
        |kind, procs| {
            let runtime = kind.build(builder(procs));
            set_hook(Box::new(|_| match GoroutineInfo::of_caller() {
                Some(seen) => eprintln!("in {}", seen.name),
                None => eprintln!("in none"),
            }));
            let main = || {
                assert!(go_named("worker", || panic!("hidden")).join().is_err());
                assert!(std::thread::spawn(|| panic!("hidden")).join().is_err());
            };
            runtime.run(main).unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said, "in worker\nin none\n");
        },
    );
}

#[test]
fn a_runtime_that_is_to_leave_the_hook_alone_does() {
    in_children(
        "a_runtime_that_is_to_leave_the_hook_alone_does",
        |kind, procs| {
            set_hook(Box::new(|_| eprintln!("the program's hook")));
            let panics = || assert!(go_named("worker", || panic!("hidden")).join().is_err());
            let without = || builder(procs).without_panic_hook();
            kind.build(without()).run(panics).unwrap();
            // Also where another one has set its own.
            let other = kind.build(builder(procs));
            kind.build(without()).run(panics).unwrap();
            drop(other);
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said, "the program's hook\nthe program's hook\n");
        },
    );
}

#[test]
fn a_runtime_that_is_built_while_a_thread_panics_leaves_the_hook_to_the_next() {
    struct Builds(Kind, usize);
    impl Drop for Builds {
        fn drop(&mut self) {
            drop(self.0.build(builder(self.1)));
        }
    }
    in_children(
        "a_runtime_that_is_built_while_a_thread_panics_leaves_the_hook_to_the_next",
        |kind, procs| {
            let builds = std::thread::spawn(move || {
                let _builds = Builds(kind, procs);
                common::quiet_panic("unwinds");
            });
            assert!(builds.join().is_err());
            drop(take_hook());
            let main = || assert!(go_named("worker", || panic!("told")).join().is_err());
            kind.build(builder(procs)).run(main).unwrap();
        },
        names(&[" (worker)"]),
    );
}
