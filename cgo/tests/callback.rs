//! `callback`, from C, seen from both sides.

mod common;

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::rc::Rc;

use common::*;
use g0_arch::stack_pointer;
use g0_cgo::{CallerContext, Runtime};

/// C that calls back `times` times, and has state of its own in its frame meanwhile.
extern "C" fn in_turn(times: c_int, back: extern "C" fn(c_int) -> c_int) -> c_int {
    let locals: [c_int; 64] = black_box(std::array::from_fn(|i| i as c_int));
    let mut sum = 0;
    for i in 0..times {
        sum += back(i);
        assert_eq!(black_box(&locals).iter().sum::<c_int>(), 63 * 32);
    }
    sum
}

#[test]
fn the_closure_runs_on_the_goroutines_stack_below_the_call() {
    goroutine(|| {
        let (limit, above) = (handle().limit, stack_pointer());
        let value = C::call(|| {
            assert!(!on_stack_of(limit));
            let value = C::callback(0, || {
                assert!(on_stack_of(limit) && stack_pointer() < above);
                handle();
                1
            });
            assert!(!on_stack_of(limit));
            value
        });
        assert_eq!(value, 1);
    });
}

#[test]
fn frames_and_values_survive_parking() {
    extern "C" fn back(i: c_int) -> c_int {
        C::callback(-1, || {
            let mine = black_box([i; 100]);
            yield_now();
            mine.iter().sum()
        })
    }
    goroutine(|| {
        let ticks = Rc::new(Cell::new(0));
        let theirs = ticks.clone();
        go(move || {
            for _ in 0..10 {
                theirs.set(theirs.get() + 1);
                yield_now();
            }
        });
        let captured = black_box([5_u64; 32]);
        assert_eq!(C::call(|| in_turn(10, back)), 4500);
        assert_eq!((captured, ticks.get()), ([5; 32], 10));
    });
}

fn nest(depth: u32) -> u64 {
    if depth == 0 {
        return 0;
    }
    extern "C" fn c(depth: u32, back: extern "C" fn(u32) -> u64) -> u64 {
        let local = black_box(u64::from(depth));
        local + back(depth - 1)
    }
    extern "C" fn back(depth: u32) -> u64 {
        C::callback(0, || {
            if depth.is_multiple_of(7) {
                yield_now();
            }
            nest(depth)
        })
    }
    let before = g0_sp();
    let sum = C::call(|| c(depth, back));
    assert_eq!(g0_sp(), before);
    sum
}

#[test]
fn l17_calls_and_callbacks_nest_to_any_depth() {
    on_large_stack(|| {
        goroutine(|| {
            for depth in [1, 2, 64, 1000] {
                assert_eq!(nest(depth), u64::from(depth) * u64::from(depth + 1) / 2);
            }
        });
    });
}

#[test]
fn several_goroutines_nest_on_one_thread_at_once() {
    on_large_stack(|| {
        let done = Rc::new(Cell::new(0));
        let theirs = done.clone();
        goroutine(move || {
            for depth in [3, 50, 7, 100, 21] {
                let done = theirs.clone();
                go(move || {
                    assert_eq!(nest(depth), u64::from(depth) * u64::from(depth + 1) / 2);
                    done.set(done.get() + 1);
                });
            }
            nest(30);
        });
        assert_eq!(done.get(), 5);
    });
}

/// Another goroutine calls C while the first is parked in a callback, so its C frames lie below on
/// the same g0: the first one's closure may end before, but its C goes on after.
#[test]
fn l17_frames_on_a_g0_leave_it_last_in_first_out() {
    thread_local!(static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) });
    fn log(what: &'static str) {
        LOG.with_borrow_mut(|log| log.push(what));
    }
    goroutine(|| {
        go(|| {
            C::call(|| {
                log("2: C");
                C::callback((), || {
                    for _ in 0..5 {
                        yield_now();
                    }
                    log("2: closure ends");
                });
                log("2: back in C");
            });
        });
        C::call(|| {
            log("1: C");
            let local = black_box([1; 1000]);
            C::callback((), || {
                yield_now();
                log("1: closure ends");
            });
            assert_eq!(black_box(local), [1; 1000]);
            log("1: back in C");
        });
    });
    let wanted =
        ["1: C", "2: C", "1: closure ends", "2: closure ends", "2: back in C", "1: back in C"];
    assert_eq!(LOG.take(), wanted);
}

#[test]
fn values_of_every_size_reach_c() {
    struct Counted(Rc<Cell<u32>>, [u64; 40]);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    goroutine(|| {
        let drops = Rc::new(Cell::new(0));
        let new = || Counted(drops.clone(), [3; 40]);
        C::call(|| {
            assert_eq!(C::callback(0_u8, || 7), 7);
            assert_eq!(C::callback(0.5, || 1.5), 1.5);
            assert_eq!(C::callback([0_u8; 5], || [4; 5]), [4; 5]);
            assert_eq!(C::callback([0_u64; 500], || [4; 500]), [4; 500]);
            let captured = new();
            let value = C::callback(new(), move || {
                let captured = captured;
                assert_eq!(captured.1, [3; 40]);
                new()
            });
            // The default and what was captured.
            assert_eq!((drops.get(), value.1), (2, [3; 40]));
        });
        assert_eq!(drops.get(), 3);
    });
}

#[test]
fn callbacks_leave_the_stack_aligned() {
    extern "C" fn nothing() {
        C::callback((), || {
            aligned_frame();
            C::call(|| aligned_frame());
        });
        aligned_frame();
    }
    goroutine(|| C::call(|| nothing()));
}

/// Debuggers and panics see from the closure through C into the goroutine's own frames.
#[test]
fn a_backtrace_reads_through_c_into_the_goroutine() {
    #[inline(never)]
    fn the_goroutines_function() -> String {
        extern "C" fn the_c_function(seen: &mut String) {
            *seen = C::callback(String::new(), the_closure);
        }
        let mut seen = String::new();
        C::call(|| the_c_function(&mut seen));
        seen
    }
    #[inline(never)]
    fn the_closure() -> String {
        std::backtrace::Backtrace::force_capture().to_string()
    }
    goroutine(|| {
        let seen = the_goroutines_function();
        let names = ["the_closure", "the_c_function", "the_goroutines_function"];
        let at: Vec<_> = names.iter().map(|name| seen.find(&format!("{name}\n"))).collect();
        assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?} in\n{seen}");
    });
}

#[test]
fn errno_is_cs_before_and_after() {
    unsafe extern "C" {
        safe fn __errno_location() -> *mut c_int;
    }
    fn errno() -> c_int {
        // SAFETY: this thread's.
        unsafe { *__errno_location() }
    }
    fn set_errno(value: c_int) {
        // SAFETY: this thread's.
        unsafe { *__errno_location() = value }
    }
    goroutine(|| {
        go(|| set_errno(99));
        let seen = C::call(|| {
            set_errno(17);
            let inside = C::callback(0, || {
                yield_now();
                let inside = errno();
                C::call(|| set_errno(33));
                inside
            });
            (inside, errno())
        });
        assert_eq!(seen, (99, 17));
    });
}

#[test]
fn qsort_sorts_while_its_comparator_gives_way() {
    type Compare = extern "C" fn(*const c_void, *const c_void) -> c_int;
    unsafe extern "C" {
        fn qsort(base: *mut c_void, count: usize, size: usize, compare: Compare);
    }
    extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
        C::callback(0, || {
            yield_now();
            // SAFETY: elements of the array below.
            let (a, b) = unsafe { (*a.cast::<u32>(), *b.cast::<u32>()) };
            a.cmp(&b) as c_int
        })
    }
    goroutine(|| {
        let ticks = Rc::new(Cell::new(0_u32));
        let theirs = ticks.clone();
        go(move || {
            for _ in 0..500 {
                theirs.set(theirs.get() + 1);
                yield_now();
            }
        });
        let mut numbers: Vec<u32> = (0..200).map(|i: u32| i.wrapping_mul(2_654_435_761)).collect();
        // SAFETY: the array is the test's own, and the comparator is made for its elements.
        C::call(|| unsafe { qsort(numbers.as_mut_ptr().cast(), 200, 4, compare) });
        assert!(numbers.is_sorted() && ticks.get() == 500);
    });
}

/// Bytes of the goroutine's stack between the call's frame and the user's function.
#[test]
fn a_callback_takes_little_of_the_goroutines_stack() {
    #[inline(never)]
    fn user() -> usize {
        stack_pointer().addr()
    }
    goroutine(|| {
        let used = C::call(|| {
            let CallerContext::Foreign(handle) = Sixty::here() else { panic!("not in a call") };
            // SAFETY: in foreign code the word points to the call.
            let call = unsafe { &**handle.call };
            call.stack_pointer().addr() - C::callback(0, user)
        });
        let bound = if cfg!(debug_assertions) { 1024 } else { 128 };
        println!("{used} bytes");
        assert!((1..=bound).contains(&used), "{used} bytes");
    });
}

#[cfg(feature = "std")]
mod panics {
    use super::*;
    use g0_defer::{Goexit, Panics, is_goexit};
    use std::panic::{catch_unwind, panic_any, resume_unwind};

    thread_local!(static CALLED: Cell<u32> = const { Cell::new(0) });

    extern "C" fn odd_ones_panic(i: c_int) -> c_int {
        CALLED.set(CALLED.get() + 1);
        C::callback(100, || if i % 2 == 1 { resume_unwind(Box::new(i)) } else { i })
    }

    #[test]
    fn a_panic_is_held_until_c_has_returned() {
        goroutine(|| {
            let mut of_c = 0;
            let payload = panic_of(|| C::call(|| of_c = in_turn(2, odd_ones_panic)));
            // C got the default and went on to its end; then came the panic.
            assert_eq!((of_c, payload.downcast_ref::<c_int>()), (100, Some(&1)));
            assert_eq!(C::call(|| 5), 5);
        });
    }

    #[test]
    fn of_several_panics_the_first_goes_on_and_all_closures_run() {
        goroutine(|| {
            let mut of_c = 0;
            let payload = panic_of(|| C::call(|| of_c = in_turn(6, odd_ones_panic)));
            assert_eq!((of_c, CALLED.get()), (2 + 4 + 300, 6));
            assert_eq!(payload.downcast_ref::<c_int>(), Some(&1));
        });
    }

    #[test]
    fn a_later_payload_may_panic_when_dropped() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                quiet_panic("boom");
            }
        }
        goroutine(|| {
            let payload = panic_of(|| {
                C::call(|| {
                    C::callback((), || quiet_panic("first"));
                    C::callback((), || resume_unwind(Box::new(Bomb)));
                })
            });
            assert_eq!(text(&payload), "first");
        });
    }

    #[test]
    fn a_held_panic_wins_over_the_value_and_the_value_is_dropped() {
        struct Count(Rc<Cell<u32>>, #[expect(unused, reason = "for its size")] [u64; 9]);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        goroutine(|| {
            let drops = Rc::new(Cell::new(0));
            let value = Count(drops.clone(), [0; 9]);
            let small = Rc::new(());
            let also = small.clone();
            panic_of(|| {
                C::call(move || {
                    C::callback((), || quiet_panic("held"));
                    value
                })
            });
            panic_of(|| {
                C::call(move || {
                    C::callback((), || quiet_panic("held"));
                    also
                })
            });
            assert_eq!((drops.get(), Rc::strong_count(&small)), (1, 1));
        });
    }

    #[test]
    fn the_calls_own_panic_replaces_a_held_one_and_remembers_it() {
        goroutine(|| {
            let payload = panic_of(|| {
                C::call(|| {
                    C::callback((), || quiet_panic("held"));
                    quiet_panic("own")
                })
            });
            let panics = Panics::of(payload);
            let all: Vec<_> = panics.iter().map(text).collect();
            assert_eq!(all, ["held", "own"]);
        });
    }

    #[test]
    fn goexit_is_held_and_cannot_be_replaced() {
        goroutine(|| {
            let payload = panic_of(|| {
                C::call(|| {
                    C::callback((), || quiet_panic("first"));
                    C::callback((), || resume_unwind(Box::new(Goexit)));
                    C::callback((), || quiet_panic("third"));
                })
            });
            assert!(is_goexit(&payload));
            assert_eq!(Panics::of(payload).iter().len(), 2);
        });
    }

    #[test]
    fn a_panic_may_be_caught_inside_the_callback() {
        goroutine(|| {
            let value = C::call(|| {
                C::callback(0, || match catch_unwind(|| C::call(|| panic_any(3_u8))) {
                    Ok(()) => 1,
                    Err(payload) => i32::from(*payload.downcast::<u8>().unwrap()),
                })
            });
            assert_eq!(value, 3);
        });
    }

    #[test]
    fn l17_a_panic_crosses_a_thousand_calls_and_callbacks() {
        fn down(depth: u32) {
            if depth == 0 {
                quiet_panic("bottom");
            }
            C::call(|| C::callback((), || down(depth - 1)));
        }
        on_large_stack(|| {
            goroutine(|| {
                for depth in [1, 64, 1000] {
                    let before = g0_sp();
                    assert_eq!(text(&panic_of(|| down(depth))), "bottom");
                    assert_eq!(g0_sp(), before);
                }
            });
        });
    }

    #[test]
    fn a_hundred_thousand_held_panics_leave_g0_as_it_was() {
        goroutine(|| {
            let before = g0_sp();
            for _ in 0..100_000 {
                panic_of(|| C::call(|| C::callback((), || quiet_panic("again"))));
            }
            assert_eq!(g0_sp(), before);
        });
    }

    #[test]
    fn a_panic_while_others_are_on_the_same_g0() {
        goroutine(|| {
            go(|| C::call(|| C::callback((), || (0..5).for_each(|_| yield_now()))));
            let payload = panic_of(|| {
                C::call(|| {
                    C::callback((), || {
                        yield_now();
                        quiet_panic("while parked")
                    })
                })
            });
            assert_eq!(text(&payload), "while parked");
        });
    }
}
