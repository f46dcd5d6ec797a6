//! The edges of the state diagram, as a runtime sees them.

mod common;

use std::cell::RefCell;

use common::*;
use g0_cgo::{BadCall, Bridge, Call, CallerContext, MHandle, Runtime};

thread_local!(static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) });

fn log(what: &'static str) {
    LOG.with_borrow_mut(|log| log.push(what));
}

/// The runtime of sixty lines, taking notes.
struct Noting;

// SAFETY: everything is the other's, which keeps its promises. Tests that use this one do not use
// the other's bridge.
unsafe impl Runtime for Noting {
    type Unwind = <Sixty as Runtime>::Unwind;
    fn here() -> CallerContext {
        Sixty::here()
    }
    unsafe fn enter(handle: MHandle) {
        log("enter");
        // SAFETY: the contract is handed through, here and below; the word is the M's.
        unsafe {
            assert!((*handle.call).is_null());
            Sixty::enter(handle);
        }
    }
    unsafe fn leave(handle: MHandle) {
        // SAFETY: as above.
        unsafe {
            assert!((*handle.call).is_null());
            Sixty::leave(handle);
        }
        log("leave");
    }
    unsafe fn release(handle: MHandle) -> *mut Call {
        log("release");
        // SAFETY: as above.
        unsafe {
            assert!(!(*handle.call).is_null());
            Sixty::release(handle)
        }
    }
    unsafe fn released(handle: MHandle, outer: *mut Call) {
        log("released");
        // SAFETY: as above.
        unsafe {
            assert!((*handle.call).is_null() && outer.is_null());
            Sixty::released(handle, outer);
        }
    }
    unsafe fn rests(handle: MHandle, call: *mut Call) {
        log("rests");
        // SAFETY: as above.
        unsafe {
            assert_eq!(*handle.call, call);
            Sixty::rests(handle, call);
        }
    }
    unsafe fn begin(handle: MHandle) -> usize {
        log("begin");
        // SAFETY: as above.
        unsafe {
            assert!((*handle.call).is_null());
            Sixty::begin(handle)
        }
    }
    unsafe fn end(handle: MHandle, word: usize) {
        // SAFETY: as above.
        unsafe {
            assert!((*handle.call).is_null());
            Sixty::end(handle, word);
        }
        log("end");
    }
    unsafe fn settle(handle: MHandle, bottom: *mut u8) {
        log("settle");
        // SAFETY: as above.
        unsafe { Sixty::settle(handle, bottom) }
    }
    fn fatal(bad: BadCall) -> ! {
        Sixty::fatal(bad)
    }
}

type N = Bridge<Noting>;

#[test]
fn a_call_enters_and_leaves() {
    goroutine(|| N::call(|| log("C")));
    assert_eq!(LOG.take(), ["enter", "C", "leave"]);
}

#[test]
fn a_blocking_call_gives_its_p_away_before_it_starts() {
    goroutine(|| N::call_blocking(|| log("C")));
    assert_eq!(LOG.take(), ["enter", "release", "C", "released", "leave"]);
}

#[test]
fn a_leaf_tells_nobody_unless_it_does_not_fit() {
    goroutine(|| N::call_leaf(100, || log("C")));
    assert_eq!(LOG.take(), ["C"]);
    goroutine(|| N::call_leaf(1 << 30, || log("C")));
    assert_eq!(LOG.take(), ["enter", "C", "leave"]);
}

#[test]
fn l19_a_closure_runs_between_begin_and_end() {
    goroutine(|| {
        N::call(|| {
            log("C");
            N::callback((), || {
                log("closure");
                N::call(|| log("C again"));
            });
            log("C");
        })
    });
    let wanted = [
        "enter", "C", "begin", "closure", "enter", "C again", "leave", "end", "rests", "C", "leave",
    ];
    assert_eq!(LOG.take(), wanted);
}

#[cfg(feature = "std")]
#[test]
fn panics_walk_the_same_edges() {
    goroutine(|| {
        panic_of(|| N::call(|| quiet_panic("own")));
        assert_eq!(LOG.take(), ["enter", "leave"]);
        panic_of(|| N::call(|| N::callback((), || quiet_panic("held"))));
        assert_eq!(LOG.take(), ["enter", "begin", "end", "rests", "leave"]);
    });
}

#[test]
fn settle_is_for_frames_of_others_only() {
    goroutine(|| {
        N::call(|| N::callback((), yield_now));
        assert_eq!(LOG.take(), ["enter", "begin", "end", "rests", "leave"]);
        go(|| N::call(|| N::callback((), || (0..3).for_each(|_| yield_now()))));
        N::call(|| N::callback((), yield_now));
        assert_eq!(LOG.take().iter().filter(|what| **what == "settle").count(), 1);
    });
}
