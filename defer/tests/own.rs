//! Panics that need no unwinder: payloads, memory, and what is fatal.
#![cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]

mod common;
#[path = "../../arch/tests/common/runner.rs"]
mod runner;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use common::{Here, Jumps, VISITS};
use g0_defer::{Cache, Depot, Goexit, Local, Own, Throw, Thrown, Unwind, recovering_in, scope_in};

/// Throws `value` through a scope; what is caught of it.
fn round_trip<T: Send + 'static>(value: T) -> T {
    let got = Cell::new(None);
    let done = recovering_in::<Jumps, Here, ()>(|s| {
        s.defer_recover(|r| got.set(r.recover()));
        Jumps::panic(value)
    });
    assert!(done.is_none());
    match got.take().expect("a panic").downcast::<T>() {
        Ok(value) => value,
        Err(other) => panic!("another payload: {other}"),
    }
}

#[test]
fn payloads_of_any_type_and_small_size_travel() {
    round_trip(());
    assert_eq!(round_trip(7_u8), 7);
    assert_eq!(round_trip("text"), "text");
    assert_eq!(round_trip([3_u64; 28]), [3; 28]);
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(64))]
    struct Line(u8);
    assert_eq!(round_trip(Line(5)), Line(5));
    assert_eq!(round_trip(Some(Box::new(1))), Some(Box::new(1)));
}

#[cfg(feature = "alloc")]
#[test]
fn payloads_of_any_size_travel() {
    assert_eq!(round_trip([9_u8; 100_000]), [9; 100_000]);
    assert_eq!(round_trip(vec![String::from("a"); 3]), ["a"; 3]);
}

#[test]
fn a_payload_is_dropped_once() {
    let alive = Arc::new(());
    let caught = Jumps::catch(|| {
        scope_in::<Jumps, Here, ()>(|s| {
            for _ in 0..4 {
                let one = alive.clone();
                s.defer(move || Jumps::panic(one));
            }
        })
    });
    let thrown = caught.expect_err("each panics");
    assert_eq!(Arc::strong_count(&alive), 5);
    assert_eq!(thrown.iter().count(), 4);
    let newest = thrown.downcast::<Arc<()>>().expect("each is of this type");
    assert_eq!(Arc::strong_count(&alive), 2, "those that it replaced are dropped");
    drop(newest);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_payload_of_another_type_is_given_back() {
    let thrown = Jumps::catch(|| -> () { Jumps::panic("text") }).expect_err("it panics");
    let thrown = thrown.downcast::<u8>().expect_err("it is text");
    assert_eq!(thrown.newest().downcast_ref(), Some(&"text"));
    assert_eq!(format!("{thrown}"), "panic: text");
    assert_eq!(format!("{thrown:?}"), "Thrown(panic: text)");
}

#[test]
fn the_chain_is_printed_oldest_first_without_goexit() {
    let caught = Jumps::catch(|| {
        scope_in::<Jumps, Here, ()>(|s| {
            s.defer(|| Jumps::panic(5_u8));
            s.defer(|| Jumps::goexit());
            s.defer(|| Jumps::panic("second"));
            Jumps::panic("first")
        })
    });
    let thrown = caught.expect_err("each unwinds");
    let text = "panic: first\n\tpanic: second\n\tpanic: (a value that is not text)";
    assert_eq!(thrown.to_string(), text);
    assert_eq!(thrown.iter().filter(|one| one.is::<Goexit>()).count(), 1);
}

#[test]
fn a_hundred_thousand_panics_meet_without_recursion() {
    let caught = Jumps::catch(|| {
        scope_in::<Jumps, Here, ()>(|s| {
            fn next<'a>(s: &'a g0_defer::Scope<'a, '_, Here>, n: u32) {
                if n > 0 {
                    s.defer(move || {
                        next(s, n - 1);
                        Jumps::panic(n)
                    });
                }
            }
            next(s, if cfg!(feature = "alloc") { 100_000 } else { 0 });
            Jumps::panic(0_u32)
        })
    });
    let thrown = caught.expect_err("each panics");
    let numbers = thrown.iter().map(|one| *one.downcast_ref::<u32>().expect("a number"));
    let expected = if cfg!(feature = "alloc") { 100_000 } else { 0 };
    assert!(numbers.eq(std::iter::once(0).chain((1..=expected).rev())));
}

#[test]
fn a_panic_within_the_cache_takes_no_lock_and_no_memory() {
    round_trip(1_u64);
    let before = VISITS.get();
    for n in 0..100_000_u64 {
        assert_eq!(round_trip(n), n);
    }
    let after = VISITS.get();
    assert_eq!((after.0 - before.0, after.1 - before.1), (200_000, 0));
}

#[test]
fn a_catch_gives_the_value_and_is_taken_out_again() {
    let value = Jumps::catch(|| Jumps::catch(|| String::from("value")));
    assert_eq!(value.expect("no panic").expect("no panic"), "value");
    let inner = Jumps::catch(|| Jumps::catch(|| -> () { Jumps::panic(1_u8) }).is_err());
    assert!(matches!(inner, Ok(true)));
    let outer = Jumps::catch(|| {
        assert!(Jumps::catch(|| ()).is_ok());
        Jumps::panic(2_u8)
    });
    let outer: Result<(), _> = outer;
    assert!(matches!(outer.map_err(|thrown| thrown.downcast::<u8>()), Err(Ok(2))));
}

/// Floats and the registers that a function keeps are as they were.
#[test]
fn locals_of_the_catching_frame_are_as_they_were() {
    let (a, b, c) = (std::hint::black_box(1.5_f64), std::hint::black_box(7_u64), Rc::new(3));
    let mut sum = 0;
    for n in 0..100_u64 {
        let d = std::hint::black_box(n * 3);
        let caught = Jumps::catch(|| -> u64 { Jumps::panic(d) });
        sum += caught.expect_err("it panics").downcast::<u64>().expect("a number") - d + b;
    }
    assert_eq!((sum, a * 2.0, *c), (700, 3.0, 3));
}

/// Chains of frames and tables alike lead on from where a panic was recovered.
#[test]
fn a_backtrace_after_a_recover_is_that_of_the_function_that_recovered() {
    #[inline(never)]
    fn recovers_in_here(throws: bool) -> String {
        let caught = Jumps::catch(|| {
            if throws {
                Jumps::panic(1_u8)
            }
        });
        assert_eq!(caught.is_err(), throws);
        std::backtrace::Backtrace::force_capture().to_string()
    }
    let (after, plain) = (recovers_in_here(true), recovers_in_here(false));
    assert!(after.contains("recovers_in_here"), "{after}");
    assert!(after.contains("a_backtrace_after_a_recover_is_that_of"), "{after}");
    assert_eq!(after.lines().count(), plain.lines().count(), "{after}");
}

/// Runs what ends the process, as a child; returns what it wrote.
fn ends(name: &str, f: fn()) -> String {
    if std::env::var_os("G0_CHILD").is_some() {
        f();
        unreachable!("it should have ended the process");
    }
    let mut child = runner::this_program();
    let child = child.args(["--exact", name, "--nocapture"]).env("G0_CHILD", "1");
    let out = child.output().expect("a child");
    assert!(!out.status.success(), "{name} ended well");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn a_panic_that_nothing_catches_is_fatal() {
    let said = ends("a_panic_that_nothing_catches_is_fatal", || {
        let _ = std::thread::spawn(|| -> () { Jumps::panic("alone") }).join();
    });
    assert!(said.contains("fatal error: a panic that nothing catches"), "{said}");
}

#[cfg(not(feature = "alloc"))]
#[test]
fn a_payload_that_there_is_no_memory_for_is_fatal_and_says_the_remedy() {
    let said = ends("a_payload_that_there_is_no_memory_for_is_fatal_and_says_the_remedy", || {
        let _ = Jumps::catch(|| -> () { Jumps::panic([0_u8; 10_000]) });
    });
    assert!(said.contains("no memory for the payload of a panic"), "{said}");
}

/// Not every program can promise for all of its frames.
enum Careful {}
type CarefulOwn = Own<Careful>;

// SAFETY: as `Here`, which does it.
unsafe impl Local for Careful {
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        // SAFETY: as the caller ensures.
        unsafe { Here::with(f) }
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        // SAFETY: as the caller ensures.
        unsafe { Here::with_depot(f) }
    }
}

// SAFETY: as above.
unsafe impl g0_defer::Catches for Careful {
    fn innermost() -> *const g0_defer::Catch {
        <Here as g0_defer::Catches>::innermost()
    }

    unsafe fn set_innermost(catch: *const g0_defer::Catch) {
        // SAFETY: as the caller ensures.
        unsafe { <Here as g0_defer::Catches>::set_innermost(catch) };
    }
}

#[test]
fn without_the_promise_a_throw_is_unsafe() {
    let caught: Result<(), Thrown<Careful>> = CarefulOwn::catch(|| {
        // SAFETY: nothing lies between that is dropped.
        unsafe { CarefulOwn::throw_over(3_u8) }
    });
    assert!(matches!(caught.map_err(Thrown::downcast::<u8>), Err(Ok(3))));
}
