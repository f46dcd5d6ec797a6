//! `call`, `call_blocking`, `call_leaf`.

mod common;

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use common::*;

#[test]
fn call_runs_on_the_system_stack() {
    goroutine(|| {
        let limit = handle().limit;
        assert!(on_stack_of(limit));
        assert!(!C::call(|| on_stack_of(limit)));
        assert!(!C::call_blocking(|| on_stack_of(limit)));
        assert!(on_stack_of(limit));
    });
}

#[test]
fn values_of_every_size_come_back() {
    fn same<T: Copy + PartialEq + std::fmt::Debug + 'static>(value: T) {
        goroutine(move || {
            for value in [value, black_box(value)] {
                assert_eq!(C::call(|| value), value);
                assert_eq!(C::call_blocking(move || value), value);
                assert_eq!(C::call_leaf(64, move || value), value);
                assert_eq!(C::call_leaf(usize::MAX, move || value), value);
            }
        });
    }
    same(());
    same(0xa5_u8);
    same(true);
    same(-2_i16);
    same(-3_i32);
    same('ß');
    same(u64::MAX - 1);
    same(u128::MAX - 1);
    same(1.5_f32);
    same(-1.5_f64);
    same([1_u8, 2, 3]);
    same([1_u8, 2, 3, 4, 5]);
    same((1_u8, 2_u32));
    same((1_u8, 2_u16));
    same((1_u8, 2_u64, 3_u8));
    same(None::<u32>);
    same(Some(7_u32));
    same("text");
    same([7_u64; 500]);
}

#[test]
fn what_is_moved_in_and_out_is_dropped_once() {
    struct Counted<const N: usize>(Rc<Cell<u32>>, [u64; N]);
    impl<const N: usize> Drop for Counted<N> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    fn moved<const N: usize>() {
        goroutine(|| {
            let drops = Rc::new(Cell::new(0));
            let value = Counted::<N>(drops.clone(), [3; N]);
            let value = C::call(move || value);
            assert_eq!((drops.get(), value.1), (0, [3; N]));
            C::call(move || drop(value));
            assert_eq!(drops.get(), 1);
        });
    }
    moved::<0>();
    moved::<40>();
}

#[test]
fn pointers_come_back_usable() {
    goroutine(|| {
        let boxed = C::call(|| Box::new(41));
        let mut there = 0;
        *C::call(|| &mut there) += 1;
        assert_eq!(*boxed + there, 42);
    });
}

#[test]
fn calls_leave_the_stack_aligned() {
    goroutine(|| {
        C::call(|| aligned_frame());
        C::call_blocking(|| aligned_frame());
        let byte = black_box(1_u8);
        C::call(move || {
            aligned_frame();
            assert_eq!(byte, 1);
        });
    });
}

#[test]
fn unknown_threads_just_run_it() {
    assert_eq!((C::call(|| 1), C::call_blocking(|| 2), C::call_leaf(usize::MAX, || 3)), (1, 2, 3));
}

#[test]
fn a_leaf_stays_on_the_goroutines_stack_while_there_is_room() {
    goroutine(|| {
        let limit = handle().limit;
        assert!(C::call_leaf(1 << 20, || on_stack_of(limit)));
        assert!(!C::call_leaf(4 << 20, || on_stack_of(limit)));
        let left = g0_arch::stack_pointer().addr() - limit.addr();
        assert!(!C::call_leaf(left + (64 << 10), || on_stack_of(limit)));
        assert!(C::call_leaf(left - (64 << 10), || on_stack_of(limit)));
    });
}

#[cfg(feature = "std")]
mod panics {
    use super::*;

    #[test]
    fn a_panic_goes_on_in_the_caller() {
        goroutine(|| {
            for call in [C::call, C::call_blocking, |f| C::call_leaf(0, f)] {
                assert_eq!(text(&panic_of(|| call(|| quiet_panic("mine")))), "mine");
            }
            assert_eq!(C::call(|| 5), 5);
        });
    }

    #[test]
    fn frames_between_are_dropped_once() {
        goroutine(|| {
            let dropped = Rc::new(Cell::new(0));
            struct Count(Rc<Cell<u32>>);
            impl Drop for Count {
                fn drop(&mut self) {
                    self.0.set(self.0.get() + 1);
                }
            }
            let (captured, local) = (Count(dropped.clone()), dropped.clone());
            panic_of(|| {
                C::call(move || {
                    let _captured = captured;
                    let _local = Count(local);
                    quiet_panic("drop them");
                })
            });
            assert_eq!(dropped.get(), 2);
        });
    }

    #[test]
    fn a_hundred_thousand_panics_leave_g0_as_it_was() {
        goroutine(|| {
            let before = g0_sp();
            for _ in 0..100_000 {
                panic_of(|| C::call(|| quiet_panic("again")));
            }
            assert_eq!(g0_sp(), before);
        });
    }

    #[test]
    fn on_the_system_stack_each_call_panics_with_the_remedy() {
        goroutine(|| {
            for call in [C::call, C::call_blocking, |f| C::call_leaf(0, f)] {
                // A panic by `panic!`: it is printed.
                let payload = panic_of(|| C::call(|| call(|| ())));
                assert!(text(&payload).contains("already on the system stack"));
                assert!(text(&payload).contains("call the C function directly"));
            }
            assert_eq!(C::call(|| 5), 5);
        });
    }

    #[test]
    fn goexit_is_not_mistaken_for_a_panic() {
        goroutine(|| {
            let payload =
                panic_of(|| C::call(|| std::panic::resume_unwind(Box::new(g0_defer::Goexit))));
            assert!(g0_defer::is_goexit(&payload));
        });
    }
}
