//! Stacks that foreign code and callbacks overflow: the message says which, and whose.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use common::Kind;
use common::child::in_children;
use g0_cgo::{call, callback};
use g0_sched::{ForeignThreads, Runtime, go_named, yield_now};
use threads::{CThread, on_c_thread};

fn deep(n: usize) -> usize {
    let frame = black_box([n; 64]);
    if n == usize::MAX { 0 } else { deep(n + 1) + frame[n % 64] }
}

fn ends_with_a_message(texts: &[&str]) -> impl Fn(Kind, usize, &Output, &str) {
    move |kind, procs, out, said| {
        let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
        assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
        texts.iter().for_each(|text| assert!(said.contains(text), "no {text:?} in {what}"));
    }
}

#[test]
fn foreign_code_that_fills_the_system_stack_is_reported_with_its_goroutine() {
    in_children(
        "foreign_code_that_fills_the_system_stack_is_reported_with_its_goroutine",
        |kind, procs| {
            let builder = Runtime::builder().procs(procs).name("workers");
            let main = || {
                yield_now();
                go_named("caller", || call(|| deep(1))).join().expect("it is aborted");
            };
            kind.build(builder).run(main).expect("it is aborted");
        },
        ends_with_a_message(&[
            "stack overflow: the system stack of thread 'workers' (",
            " is full, in foreign code that goroutine",
            " caller, started at ",
        ]),
    );
}

#[test]
fn the_system_stack_of_the_thread_that_calls_run_is_one_too() {
    in_children(
        "the_system_stack_of_the_thread_that_calls_run_is_one_too",
        |kind, procs| {
            let builder = Runtime::builder().procs(procs).lock_main_thread();
            kind.build(builder).run(|| call(|| deep(1))).expect("it is aborted");
        },
        ends_with_a_message(&[
            "stack overflow: the system stack of thread 'the_system_stac' (",
            " is full, in foreign code that goroutine",
        ]),
    );
}

#[test]
fn a_thread_of_c_overflows_its_own_stack_beneath_a_callback() {
    in_children(
        "a_thread_of_c_overflows_its_own_stack_beneath_a_callback",
        |kind, procs| {
            let main = || on_c_thread(|| _ = callback(0, || call(|| deep(1))));
            kind.with_procs(procs).run(main).expect("it is aborted");
        },
        ends_with_a_message(&[
            "stack overflow: the system stack of thread ",
            ", in foreign code that goroutine",
            "foreign thread, started at ",
        ]),
    );
}

#[test]
fn a_callback_that_overflows_is_reported_however_its_thread_has_the_machine() {
    for how in [ForeignThreads::Bind, ForeignThreads::Borrow] {
        in_children(
            "a_callback_that_overflows_is_reported_however_its_thread_has_the_machine",
            |kind, procs| {
                let builder = Runtime::builder().procs(procs).foreign_threads(how);
                let main = || {
                    on_c_thread(|| {
                        callback((), yield_now);
                        callback(0, || deep(1));
                    });
                };
                kind.build(builder).run(main).expect("it is aborted");
            },
            ends_with_a_message(&["stack overflow: goroutine", "foreign thread, started at "]),
        );
    }
}

/// Calls back where a thread ends: in the destructor of a key that was made after the runtime's own.
unsafe extern "C" fn last_words(_: *mut libc::c_void) {
    callback(0, || deep(1));
}

#[test]
fn a_callback_that_overflows_while_its_thread_ends_is_reported() {
    in_children(
        "a_callback_that_overflows_while_its_thread_ends_is_reported",
        |kind, procs| {
            let main = || {
                call(|| {
                    CThread::new(|| {
                        callback((), yield_now);
                        let mut key = 0;
                        // SAFETY: the key is the test's own.
                        unsafe {
                            assert_eq!(libc::pthread_key_create(&raw mut key, Some(last_words)), 0);
                            let some = std::ptr::without_provenance(1);
                            assert_eq!(libc::pthread_setspecific(key, some), 0);
                        }
                    })
                    .join();
                });
            };
            kind.with_procs(procs).run(main).expect("it is aborted");
        },
        ends_with_a_message(&["stack overflow: goroutine", "foreign thread, started at "]),
    );
}
