//! Ends of processes: faults and aborts in C and in callbacks are what they are without a runtime.

#[path = "../../../sched/tests/common/mod.rs"]
mod common;

use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::sync::Mutex;

use common::child::in_children;
use common::{Kind, quiet_panic};
use g0_cgo::{call, callback, callback_unwind};
use g0_sched::{go, go_named, yield_now};

unsafe extern "C" {
    safe fn c_faults();
    safe fn c_aborts();
    safe fn c_catches_aborts() -> c_int;
}

/// A child whose main goroutine ends it.
fn ends(test: &str, part: fn(), check: impl Fn(&Output, &str)) {
    in_children(
        test,
        |kind: Kind, procs| drop(kind.with_procs(procs).run(part)),
        |kind, procs, out, said| {
            println!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            check(out, said);
        },
    );
}

fn by_signal(signal: c_int) -> impl Fn(&Output, &str) {
    move |out, said| {
        assert_eq!(out.status.signal(), Some(signal));
        assert!(!said.contains("overflow"), "it is none: {said}");
    }
}

#[test]
fn a_fault_in_c_ends_the_process_as_a_fault() {
    ends(
        "a_fault_in_c_ends_the_process_as_a_fault",
        || call(|| c_faults()),
        by_signal(libc::SIGSEGV),
    );
}

#[test]
fn a_fault_in_a_callback_ends_the_process_as_a_fault() {
    ends(
        "a_fault_in_a_callback_ends_the_process_as_a_fault",
        || {
            call(|| {
                callback((), || {
                    yield_now();
                    c_faults();
                })
            })
        },
        by_signal(libc::SIGSEGV),
    );
}

#[test]
fn an_abort_in_c_ends_the_process_at_once() {
    ends(
        "an_abort_in_c_ends_the_process_at_once",
        || call(|| c_aborts()),
        by_signal(libc::SIGABRT),
    );
}

#[test]
fn c_catches_the_crash_that_a_panic_brings() {
    ends(
        "c_catches_the_crash_that_a_panic_brings",
        || {
            assert_eq!(call(|| c_catches_aborts()), 0);
            // Nobody will join it: the panic ends the process.
            drop(go_named("culprit", || call(|| callback((), || panic!("for nobody")))));
            loop {
                yield_now();
            }
        },
        |out, said| {
            assert_eq!(out.status.code(), Some(42));
            assert!(said.contains("for nobody") && said.contains("culprit"), "{said}");
            assert!(said.ends_with("C has caught the end\n"), "{said}");
        },
    );
}

#[test]
fn a_panic_that_ends_the_process_waits_for_nothing_that_it_holds() {
    static HELD: Mutex<u32> = Mutex::new(0);
    static PARKING: g0_sched::Mutex<u32> = g0_sched::Mutex::new(0);
    ends(
        "a_panic_that_ends_the_process_waits_for_nothing_that_it_holds",
        || {
            drop(go(|| {
                let (_held, _parking) = (HELD.lock(), PARKING.lock());
                call(|| {
                    // SAFETY: this closure owns nothing.
                    unsafe {
                        callback_unwind(|| {
                            let _stdout = std::io::stdout().lock();
                            quiet_panic("while it holds them")
                        })
                    }
                });
            }));
            // They wait for what it holds; or find it poisoned.
            drop(go(|| drop(PARKING.lock())));
            loop {
                yield_now();
            }
        },
        |out, said| {
            assert_eq!(out.status.signal(), Some(libc::SIGABRT));
            assert!(said.contains("a panic in a detached goroutine"), "{said}");
        },
    );
}
