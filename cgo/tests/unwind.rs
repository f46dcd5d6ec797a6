//! `callback_unwind` over the runtime of sixty lines: a panic drops the frames of C.
#![cfg(feature = "std")]

mod common;

use std::cell::Cell;
use std::ffi::c_int;
use std::hint::black_box;
use std::panic::{catch_unwind, panic_any};
use std::rc::Rc;

use common::*;
use g0_defer::{Goexit, Panics, is_goexit};

/// C that calls back `times` times.
extern "C" fn in_turn(times: c_int, back: unsafe extern "C" fn(c_int) -> c_int) -> c_int {
    let local = black_box([3; 100]);
    // SAFETY: what the tests hand in; this frame owns nothing.
    let sum = (0..times).map(|i| unsafe { back(i) }).sum();
    assert_eq!(black_box(local), [3; 100]);
    sum
}

/// `callback_unwind`; between it and the call there are plain frames in all these tests.
fn unwinding<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: as said: nothing there waits to be dropped.
    unsafe { C::callback_unwind(f) }
}

unsafe extern "C" fn panics_at_3(i: c_int) -> c_int {
    unwinding(|| {
        yield_now();
        if i == 3 {
            quiet_panic("three")
        }
        i
    })
}

#[test]
fn a_closure_that_returns_gives_c_its_value() {
    goroutine(|| assert_eq!(C::call(|| in_turn(3, panics_at_3)), 3));
}

#[test]
fn a_panic_leaves_the_call_and_c_is_not_returned_to() {
    thread_local!(static C_WENT_ON: Cell<bool> = const { Cell::new(false) });
    goroutine(|| {
        let before = g0_sp();
        let payload = panic_of(|| {
            C::call(|| {
                in_turn(10, panics_at_3);
                C_WENT_ON.set(true);
            })
        });
        assert_eq!((text(&payload), C_WENT_ON.get(), g0_sp()), ("three", false, before));
        assert_eq!(C::call(|| in_turn(3, panics_at_3)), 3);
    });
}

#[test]
fn values_and_drops_around_a_dropped_call_are_as_with_any_panic() {
    struct Counted(Rc<Cell<u32>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    goroutine(|| {
        let drops = Rc::new(Cell::new(0));
        let (outside, inside) = (Counted(drops.clone()), Counted(drops.clone()));
        panic_of(move || {
            let _outside = outside;
            let mut inside = Some(inside);
            // The call's closure borrows: what it is handed it could not drop.
            let inside = &mut inside;
            C::call(|| {
                unwinding(|| {
                    let _inside = inside.take();
                    quiet_panic("dropped")
                })
            });
        });
        assert_eq!(drops.get(), 2);
    });
}

#[test]
fn a_large_value_that_was_never_made_is_not_dropped() {
    goroutine(|| {
        for _ in 0..10 {
            let payload = panic_of(|| -> [String; 8] {
                C::call(|| {
                    unwinding(|| quiet_panic("before the value"));
                    std::array::from_fn(|_| String::from("a value"))
                })
            });
            assert_eq!(text(&payload), "before the value");
            let payload = panic_of(|| -> Box<u8> {
                C::call(|| {
                    unwinding(|| quiet_panic("before the box"));
                    Box::new(1)
                })
            });
            assert_eq!(text(&payload), "before the box");
        }
    });
}

#[test]
fn goexit_leaves_like_a_panic() {
    goroutine(|| {
        let payload =
            panic_of(|| C::call(|| unwinding(|| std::panic::resume_unwind(Box::new(Goexit)))));
        assert!(is_goexit(&payload));
    });
}

#[test]
fn a_panic_held_before_goes_on_inside_the_one_that_leaves() {
    goroutine(|| {
        let payload = panic_of(|| {
            C::call(|| {
                C::callback((), || quiet_panic("held"));
                unwinding(|| quiet_panic("leaves"));
            })
        });
        let all: Vec<_> = Panics::of(payload).iter().map(|p| text(p).to_owned()).collect();
        assert_eq!(all, ["held", "leaves"]);
    });
}

/// Down by turns through both forms, with a panic at the bottom that goes all the way up.
fn down(depth: u32, ways: u32) {
    if depth == 0 {
        quiet_panic("bottom");
    }
    if depth.is_multiple_of(7) {
        yield_now();
    }
    let next = || down(depth - 1, ways.rotate_right(1));
    C::call(|| if ways & 1 == 0 { C::callback((), next) } else { unwinding(next) });
}

#[test]
fn l17_both_forms_nest_in_any_order() {
    on_large_stack(|| {
        goroutine(|| {
            for ways in [0, u32::MAX, 0x5555_5555, 0x3333_3333, 0x8000_0001, 0xdead_beef] {
                for depth in [1, 2, 3, 64, 1000] {
                    let before = g0_sp();
                    assert_eq!(text(&panic_of(|| down(depth, ways))), "bottom");
                    assert_eq!(g0_sp(), before);
                }
            }
        });
    });
}

#[test]
fn a_panic_recovered_half_way_leaves_the_outer_c_where_it_was() {
    goroutine(|| {
        let value = C::call(|| {
            let local = black_box([7; 50]);
            let inner = C::callback(0, || {
                let caught = catch_unwind(|| C::call(|| unwinding(|| panic_any(5_u8))));
                i32::from(*caught.unwrap_err().downcast::<u8>().unwrap())
            });
            inner + black_box(local)[0]
        });
        assert_eq!(value, 12);
    });
}

#[test]
fn l17_frames_of_other_goroutines_leave_the_g0_first() {
    thread_local!(static LOG: Cell<u32> = const { Cell::new(0) });
    goroutine(|| {
        go(|| {
            C::call(|| C::callback((), || (0..5).for_each(|_| yield_now())));
            LOG.set(LOG.get() + 1);
        });
        let payload = panic_of(|| {
            C::call(|| {
                unwinding(|| {
                    yield_now();
                    quiet_panic("while another is below")
                })
            })
        });
        assert_eq!((text(&payload), LOG.get()), ("while another is below", 1));
    });
}

#[test]
fn c_that_has_changed_the_rounding_mode_leaves_none_behind() {
    fn third() -> f64 {
        black_box(1.0) / black_box(3.0)
    }
    goroutine(|| {
        let before = third();
        panic_of(|| {
            C::call(|| {
                // SAFETY: no Rust code computes with floats before the escape puts it back.
                unsafe { fesetround(UPWARD) };
                unwinding(|| quiet_panic("rounds up"))
            })
        });
        // SAFETY: it only asks.
        assert_eq!((third(), unsafe { fegetround() }), (before, 0));
    });
}

#[cfg(target_arch = "x86_64")]
const UPWARD: c_int = 0x800;
#[cfg(target_arch = "aarch64")]
const UPWARD: c_int = 0x40_0000;

#[cfg_attr(target_os = "linux", link(name = "m"))]
unsafe extern "C" {
    fn fesetround(mode: c_int) -> c_int;
    fn fegetround() -> c_int;
}
