//! Misuse, and the message with which it ends. Each case runs in a child process.

mod common;
#[path = "../../arch/tests/common/runner.rs"]
mod runner;

use std::process::Stdio;

use common::*;
use g0_cgo::{BadCall, Bridge, CallerContext, MHandle, NoUnwind, Runtime};

const CHILD: &str = "G0_CGO_CHILD";

/// Runs `misuse` in a child process that is this very test, and returns what it printed when it
/// was ended.
fn dies(test: &str, misuse: impl FnOnce()) -> String {
    if std::env::var_os(CHILD).is_some() {
        misuse();
        println!("survived");
        std::process::exit(0);
    }
    let output = runner::this_program()
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it survived: {printed}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("survived"));
    printed
}

fn dies_of(bad: BadCall, test: &str, misuse: impl FnOnce()) {
    let printed = dies(test, misuse);
    assert!(printed.contains(&format!("fatal: {bad}")), "{printed}");
    assert!(printed.contains("bad g in callback"), "{printed}");
}

#[test]
fn callback_from_goroutine_code() {
    dies_of(BadCall::NotInCall, "callback_from_goroutine_code", || {
        run(|| C::callback((), || ()));
    });
}

#[test]
fn callback_inside_a_callbacks_closure() {
    dies_of(BadCall::NotInCall, "callback_inside_a_callbacks_closure", || {
        run(|| C::call(|| C::callback((), || C::callback((), || ()))));
    });
}

#[test]
fn callback_after_its_call_has_ended() {
    dies_of(BadCall::NotInCall, "callback_after_its_call_has_ended", || {
        // C has kept the function, and calls it later.
        extern "C" fn back() {
            C::callback((), || ());
        }
        run(|| {
            let kept: extern "C" fn() = C::call(|| {
                back();
                back
            });
            kept();
        });
    });
}

#[test]
fn callback_that_unwinds_after_its_call_has_ended() {
    dies_of(BadCall::NotInCall, "callback_that_unwinds_after_its_call_has_ended", || {
        run(|| {
            C::call(|| ());
            // SAFETY: there is no frame to be dropped.
            unsafe { C::callback_unwind(|| ()) }
        });
    });
}

#[test]
fn callback_inside_a_leaf() {
    dies_of(BadCall::NotInCall, "callback_inside_a_leaf", || {
        run(|| C::call_leaf(0, || C::callback((), || ())));
    });
}

#[test]
fn callback_inside_a_leaf_that_did_not_fit() {
    dies_of(BadCall::NotInCall, "callback_inside_a_leaf_that_did_not_fit", || {
        run(|| C::call_leaf(1 << 30, || C::callback((), || ())));
    });
}

#[test]
fn callback_on_an_unknown_thread() {
    dies_of(BadCall::UnknownThread, "callback_on_an_unknown_thread", || {
        C::callback((), || ());
    });
}

#[test]
fn callback_on_a_thread_that_c_started() {
    dies_of(BadCall::UnknownThread, "callback_on_a_thread_that_c_started", || {
        run(|| {
            C::call(|| std::thread::spawn(|| C::callback((), || ())).join().unwrap());
        });
    });
}

#[test]
fn callback_from_the_scheduler() {
    dies_of(BadCall::SystemStack, "callback_from_the_scheduler", || {
        Bridge::<Scheduling>::callback((), || ());
    });
}

#[test]
fn call_from_the_scheduler() {
    let printed = dies("call_from_the_scheduler", || Bridge::<Scheduling>::call(|| ()));
    assert!(printed.contains("already on the system stack"), "{printed}");
}

#[test]
fn a_panic_never_passes_c_where_nothing_catches_it() {
    // Without an unwinder, as on a kernel, the base ends the program instead of unwinding into C.
    let printed = dies("a_panic_never_passes_c_where_nothing_catches_it", || {
        run(|| Bridge::<Kernel>::call(|| panic!("nobody catches this")));
    });
    assert!(printed.contains("nobody catches this"), "{printed}");
    // The first if the unwinder gets as far as the base, the second if it finds no catch at all.
    let ends = ["cannot unwind", "failed to initiate panic"];
    assert!(ends.iter().any(|end| printed.contains(end)), "{printed}");
}

#[test]
fn runtime_calls_made_on_g0() {
    let printed = dies("runtime_calls_made_on_g0", || run(|| C::call(yield_now)));
    assert!(printed.contains("not a goroutine's code"), "{printed}");
}

/// A runtime whose scheduler is always running.
struct Scheduling;

// SAFETY: nothing is promised by `SystemStack`, and there are no handles.
unsafe impl Runtime for Scheduling {
    type Unwind = NoUnwind;
    fn here() -> CallerContext {
        CallerContext::SystemStack
    }
    unsafe fn enter(_: MHandle) {}
    unsafe fn leave(_: MHandle) {}
    unsafe fn begin(_: MHandle) -> usize {
        0
    }
    unsafe fn end(_: MHandle, _: usize) {}
    unsafe fn settle(_: MHandle, _: *mut u8) {}
    fn fatal(bad: BadCall) -> ! {
        Sixty::fatal(bad)
    }
}

/// The runtime of sixty lines without an unwinder.
struct Kernel;

// SAFETY: everything is the other's, which keeps its promises; and this program uses one of them.
unsafe impl Runtime for Kernel {
    type Unwind = NoUnwind;
    fn here() -> CallerContext {
        Sixty::here()
    }
    unsafe fn enter(_: MHandle) {}
    unsafe fn leave(_: MHandle) {}
    unsafe fn begin(_: MHandle) -> usize {
        0
    }
    unsafe fn end(_: MHandle, _: usize) {}
    unsafe fn settle(handle: MHandle, bottom: *mut u8) {
        // SAFETY: the contract is handed through.
        unsafe { Sixty::settle(handle, bottom) }
    }
    fn fatal(bad: BadCall) -> ! {
        Sixty::fatal(bad)
    }
}
