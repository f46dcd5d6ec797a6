//! What C relies on, in calls and around callbacks. Each part has its C file in `tests/c`.

#[path = "../../../sched/tests/common/mod.rs"]
mod common;

use std::ffi::{CStr, c_char, c_double, c_float, c_int, c_long, c_uchar};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use common::child::{in_children, succeeds};
use common::{on_each_kind, on_every_runtime, yield_until};
use g0_cgo::{LibCall, call, call_blocking, callback};
use g0_sched::{go, lock_os_thread, unlock_os_thread, yield_now};

mod floating_point {
    use super::*;

    unsafe extern "C" {
        safe fn c_ten_doubles(
            a: c_double,
            b: c_float,
            c: c_double,
            d: c_double,
            e: c_double,
            f: c_double,
            g: c_double,
            h: c_double,
            i: c_double,
            j: c_float,
        ) -> c_double;
        safe fn c_integrate(
            f: extern "C" fn(c_double, c_float) -> c_double,
            from: c_double,
            to: c_double,
            steps: c_int,
        ) -> c_double;
        safe fn c_hypot(a: c_double, b: c_double) -> c_double;
    }

    extern "C" fn square(x: c_double, i: c_float) -> c_double {
        callback(f64::NAN, || {
            if i % 16.0 == 0.0 {
                yield_now();
            }
            // Into C once more: it uses the same registers.
            let x = call(|| c_hypot(x, 0.0));
            x * x
        })
    }

    #[test]
    fn doubles_come_and_go_and_survive_in_cs_frames() {
        on_every_runtime(2, || {
            let all: Vec<_> = (0..4)
                .map(|n| {
                    go(move || {
                        let n = f64::from(n);
                        let sum =
                            call(|| c_ten_doubles(n, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.5));
                        assert_eq!(
                            sum,
                            n + 3.0 + 6.0 + 12.0 + 20.0 + 30.0 + 42.0 + 56.0 + 72.0 + 95.0
                        );
                        let area = call(|| c_integrate(square, 0.0, 3.0 + n, 512));
                        let exact = (3.0 + n).powi(3) / 3.0;
                        assert!((area - exact).abs() / exact < 0.01, "{area} for {exact}");
                    })
                })
                .collect();
            all.into_iter().for_each(|task| task.join().unwrap());
        });
    }
}

mod structs {
    use super::*;

    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Ints(c_int, c_int);
    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Doubles(c_double, c_double);
    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Mixed(c_double, c_long);
    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Bytes([c_uchar; 3]);
    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Large([c_long; 5], c_double);

    unsafe extern "C" {
        safe fn c_ints(s: Ints) -> Ints;
        safe fn c_doubles(s: Doubles) -> Doubles;
        safe fn c_mixed(s: Mixed) -> Mixed;
        safe fn c_bytes(s: Bytes) -> Bytes;
        safe fn c_large(s: Large, add: c_int) -> Large;
        safe fn c_all(
            ints: extern "C" fn(Ints) -> Ints,
            doubles: extern "C" fn(Doubles) -> Doubles,
            mixed: extern "C" fn(Mixed) -> Mixed,
            bytes: extern "C" fn(Bytes) -> Bytes,
            large: extern "C" fn(Large, c_int) -> Large,
        ) -> Large;
    }

    /// Through C once more, from the goroutine's side.
    extern "C" fn ints(s: Ints) -> Ints {
        callback(Ints(0, 0), || {
            yield_now();
            call(|| c_ints(s))
        })
    }
    extern "C" fn doubles(s: Doubles) -> Doubles {
        callback(Doubles(0.0, 0.0), || {
            yield_now();
            call(|| c_doubles(s))
        })
    }
    extern "C" fn mixed(s: Mixed) -> Mixed {
        callback(Mixed(0.0, 0), || {
            yield_now();
            call(|| c_mixed(s))
        })
    }
    extern "C" fn bytes(s: Bytes) -> Bytes {
        callback(Bytes([0; 3]), || {
            yield_now();
            call(|| c_bytes(s))
        })
    }
    extern "C" fn large(s: Large, add: c_int) -> Large {
        callback(Large([0; 5], 0.0), || {
            yield_now();
            call(|| c_large(s, add))
        })
    }

    #[test]
    fn structs_are_passed_and_returned_by_value_in_both_directions() {
        on_every_runtime(2, || {
            assert_eq!(call(|| c_ints(Ints(1, 2))), Ints(2, 2));
            assert_eq!(call(|| c_doubles(Doubles(1.0, 2.0))), Doubles(2.0, 2.0));
            assert_eq!(call(|| c_mixed(Mixed(1.0, 2))), Mixed(2.0, 1));
            assert_eq!(call(|| c_bytes(Bytes([1, 2, 3]))), Bytes([3, 2, 1]));
            let moved = call(|| c_large(Large([1, 2, 3, 4, 5], 0.5), 10));
            assert_eq!(moved, Large([11, 12, 13, 14, 15], -0.5));
            let all = call(|| c_all(ints, doubles, mixed, bytes, large));
            let words = [2, 2, 5, 9 * 256 + 7, 4].map(|word: c_long| word + 1000);
            assert_eq!(all, Large(words, -12.0));
        });
    }
}

mod variadic {
    use super::*;

    unsafe extern "C" {
        fn c_sum(letters: *const c_char, ...) -> c_long;
        fn c_each(see: extern "C" fn(c_long), count: c_int, ...) -> c_long;
        fn snprintf(place: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
    }

    static SEEN: AtomicI64 = AtomicI64::new(0);

    extern "C" fn see(value: c_long) {
        callback((), || {
            yield_now();
            SEEN.fetch_add(value, Ordering::SeqCst);
        });
    }

    #[test]
    fn variadic_functions_are_called_and_call_back() {
        on_every_runtime(2, || {
            // SAFETY: the letters say what comes.
            let sum = call(|| unsafe {
                let text = c"A".as_ptr();
                c_sum(
                    c"ildsddddddddi".as_ptr(),
                    1,
                    2_i64,
                    0.5,
                    text,
                    1.0,
                    2.0,
                    3.0,
                    4.0,
                    5.0,
                    6.0,
                    7.0,
                    8.0,
                    9,
                )
            });
            assert_eq!(sum, (1 + 2 + 65 + 36 + 9) * 100 + 50);
            let before = SEEN.load(Ordering::SeqCst);
            // SAFETY: so many longs.
            let sum = call(|| unsafe {
                c_each(see, 9, 1_i64, 2_i64, 3_i64, 4_i64, 5_i64, 6_i64, 7_i64, 8_i64, 9_i64)
            });
            assert_eq!((sum, SEEN.load(Ordering::SeqCst) - before), (45, 45));
            let mut place = [0; 64];
            // SAFETY: there is room, and the format says what comes.
            let length = call(|| unsafe {
                snprintf(place.as_mut_ptr(), 64, c"%d %.2f %s".as_ptr(), 5, 1.25, c"text".as_ptr())
            });
            // SAFETY: snprintf ends it.
            let text = unsafe { CStr::from_ptr(place.as_ptr()) };
            assert_eq!((length, text), (11, c"5 1.25 text"));
        });
    }
}

mod errno {
    use super::*;

    unsafe extern "C" {
        safe fn c_fails_with(number: c_int) -> c_int;
        safe fn c_errno() -> c_int;
        safe fn c_fails_and_calls_back(f: extern "C" fn()) -> c_int;
    }

    /// Others on this thread, and C, change it meanwhile.
    extern "C" fn noise() {
        callback((), || {
            call(|| c_fails_with(libc::EXDEV));
            (0..5).for_each(|_| yield_now());
            call(|| callback((), || assert_eq!(call(|| c_fails_with(libc::ENOSYS)), -1)));
        });
    }

    #[test]
    fn errno_is_the_calls_own_whoever_else_runs() {
        on_every_runtime(2, || {
            let all: Vec<_> = (1..5)
                .map(|n| {
                    go(move || {
                        for _ in 0..20 {
                            let seen = call(|| {
                                c_fails_with(n);
                                noise();
                                c_errno()
                            });
                            assert_eq!(seen, n);
                            assert_eq!(call(|| c_fails_and_calls_back(noise)), 1);
                            let f = c_fails_with as extern "C" fn(c_int) -> c_int as *const ();
                            // SAFETY: a function of one word.
                            let answer =
                                unsafe { LibCall::prepare(f, &[n as usize]).unwrap().invoke() };
                            assert_eq!((answer.value as c_int, answer.errno), (-1, n));
                            yield_now();
                        }
                    })
                })
                .collect();
            all.into_iter().for_each(|task| task.join().unwrap());
        });
    }
}

mod alignment {
    use super::*;

    type Eight =
        extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;

    unsafe extern "C" {
        safe fn c_misaligned_by() -> usize;
        safe fn c_calls_back_with(f: Eight, words: c_long) -> c_long;
    }

    extern "C" fn eight(
        a: c_long,
        b: c_long,
        c: c_long,
        d: c_long,
        e: c_long,
        f: c_long,
        g: c_long,
        h: c_long,
    ) -> c_long {
        assert_eq!(c_misaligned_by(), 0, "in the function that C calls");
        callback(-1, || {
            assert_eq!(c_misaligned_by(), 0, "in the closure");
            assert_eq!(call(c_misaligned_by_word), 0, "in a call inside");
            a + b + c + d + e + f + g + h
        })
    }

    fn c_misaligned_by_word() -> usize {
        c_misaligned_by()
    }

    extern "C" fn nothing() {
        callback((), || assert_eq!(c_misaligned_by(), 0, "in a closure without captures"));
    }

    #[test]
    fn the_stack_is_aligned_at_every_entry() {
        on_every_runtime(2, || {
            assert_eq!(c_misaligned_by(), 0, "on a goroutine");
            assert_eq!(call(c_misaligned_by_word), 0, "in a call");
            assert_eq!(call_blocking(c_misaligned_by_word), 0, "in a blocking call");
            assert_eq!(g0_cgo::call_leaf(1 << 40, c_misaligned_by_word), 0, "in a leaf on g0");
            call(|| nothing());
            for words in 0..8 {
                // From goroutine frames of several sizes, too.
                match words % 3 {
                    0 => at_depth::<1>(words),
                    1 => at_depth::<2>(words),
                    _ => at_depth::<3>(words),
                }
            }
            let f = c_misaligned_by as extern "C" fn() -> usize as *const ();
            for count in 0..=15 {
                // SAFETY: it takes nothing, and what it is given more it does not see.
                let answer = unsafe { LibCall::prepare(f, &[7; 15][..count]).unwrap().invoke() };
                assert_eq!(answer.value, 0, "with {count} arguments");
            }
        });
    }

    #[inline(never)]
    fn at_depth<const N: usize>(words: c_long) {
        let local = std::hint::black_box([words; N]);
        assert_eq!(call(|| c_calls_back_with(eight, words)), 36 + 7);
        assert_eq!(std::hint::black_box(local), [words; N]);
    }
}

mod signals {
    use super::*;

    unsafe extern "C" {
        safe fn c_install(signal: c_int) -> c_int;
        safe fn c_raise(signal: c_int) -> c_int;
        safe fn c_delivered() -> c_int;
        safe fn c_on_alternate() -> c_int;
        safe fn c_elsewhere() -> c_int;
        safe fn c_own_alternate_stack(signal: c_int, f: extern "C" fn()) -> c_int;
        safe fn c_blocked_around(signal: c_int, f: extern "C" fn()) -> c_int;
    }

    extern "C" fn raises() {
        callback((), || {
            assert_eq!(c_raise(libc::SIGUSR1), 0, "on the goroutine's stack, above C");
            yield_now();
            call(|| c_raise(libc::SIGUSR1));
        });
    }

    extern "C" fn yields() {
        callback((), yield_now);
    }

    /// In processes of their own: the handler is the process's.
    fn with_handler(test: &str, part: fn()) {
        in_children(
            test,
            |kind, procs| {
                kind.with_procs(procs)
                    .run(|| {
                        assert_eq!(c_install(libc::SIGUSR1), 0);
                        part();
                        assert_eq!(
                            c_elsewhere(),
                            0,
                            "all of {} on the alternate stack",
                            c_delivered()
                        );
                    })
                    .unwrap();
            },
            succeeds,
        );
    }

    #[test]
    fn signals_on_either_stack_are_delivered_on_the_alternate_one() {
        with_handler("signals::signals_on_either_stack_are_delivered_on_the_alternate_one", || {
            c_raise(libc::SIGUSR1);
            call(|| c_raise(libc::SIGUSR1));
            call(|| raises());
            assert_eq!((c_delivered(), c_on_alternate()), (4, 4));
            let all: Vec<_> = (0..10)
                .map(|_| {
                    go(|| {
                        for _ in 0..10 {
                            call(|| raises());
                            yield_now();
                        }
                    })
                })
                .collect();
            all.into_iter().for_each(|task| task.join().unwrap());
            assert_eq!(c_on_alternate(), 204);
        });
    }

    #[test]
    fn signals_that_come_at_any_moment_are_delivered_on_the_alternate_stack() {
        let name = "signals::signals_that_come_at_any_moment_are_delivered_on_the_alternate_stack";
        with_handler(name, || {
            let (tid_of, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let (theirs, ends) = (tid_of.clone(), stop.clone());
            // While the switches go on, another thread sends them as fast as it can.
            let sender = std::thread::spawn(move || {
                while !ends.load(Ordering::SeqCst) {
                    let tid = theirs.load(Ordering::SeqCst);
                    if tid != 0 {
                        // SAFETY: a thread of ours.
                        unsafe {
                            libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, libc::SIGUSR1)
                        };
                    }
                    std::thread::yield_now();
                }
            });
            lock_os_thread();
            // SAFETY: it only asks.
            tid_of.store(unsafe { libc::gettid() } as usize, Ordering::SeqCst);
            yield_until("signals come", || {
                for _ in 0..1000 {
                    call(|| yields());
                }
                c_delivered() > 50
            });
            stop.store(true, Ordering::SeqCst);
            call_blocking(|| sender.join().unwrap());
            unlock_os_thread();
            assert_eq!(c_delivered(), c_on_alternate());
        });
    }

    #[test]
    fn c_may_have_an_alternate_stack_and_a_mask_of_its_own() {
        with_handler("signals::c_may_have_an_alternate_stack_and_a_mask_of_its_own", || {
            assert_eq!(call(|| c_own_alternate_stack(libc::SIGUSR1, raises)), 1);
            assert_eq!(call(|| c_blocked_around(libc::SIGUSR1, yields)), 1);
        });
    }
}

mod threads {
    use super::*;

    unsafe extern "C" {
        safe fn c_threads_sleep(threads: c_int, milliseconds: c_long) -> c_int;
        safe fn c_set_local(value: c_long);
        safe fn c_local() -> c_long;
        safe fn c_cancels_a_thread() -> c_int;
    }

    #[test]
    fn goroutines_run_while_cs_threads_sleep() {
        on_every_runtime(2, || {
            let (turns, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let (theirs, ends) = (turns.clone(), over.clone());
            let busy = go(move || {
                while !ends.load(Ordering::SeqCst) {
                    theirs.fetch_add(1, Ordering::SeqCst);
                    yield_now();
                }
            });
            // On a busy machine the others' thread may itself come late: then C sleeps once more.
            let ran = (0..100).any(|_| {
                let before = turns.load(Ordering::SeqCst);
                assert_eq!(call_blocking(|| c_threads_sleep(4, 60)), 4);
                turns.load(Ordering::SeqCst) > before
            });
            assert!(ran, "others run meanwhile");
            over.store(true, Ordering::SeqCst);
            busy.join().unwrap();
        });
    }

    #[test]
    fn many_goroutines_sleep_in_c_at_once() {
        on_every_runtime(2, || {
            let all: Vec<_> =
                (0..4).map(|_| go(|| call_blocking(|| c_threads_sleep(2, 20)))).collect();
            for task in all {
                task.join().unwrap();
            }
        });
    }

    #[test]
    fn cs_thread_locals_are_stable_for_a_locked_goroutine() {
        on_each_kind(|kind, procs| {
            // On the pinned runtime several locked goroutines may share a thread, and its locals.
            let locked = if kind.is_pinned() { 1 } else { 5 };
            let main = move || {
                let others: Vec<_> =
                    (0..5).map(|_| go(|| (0..500).for_each(|_| yield_now()))).collect();
                let all: Vec<_> = (1..=locked)
                    .map(|n| {
                        go(move || {
                            lock_os_thread();
                            call(|| c_set_local(n));
                            for _ in 0..50 {
                                yield_now();
                                call(|| callback((), yield_now));
                                assert_eq!(call(c_local_word), n);
                            }
                            unlock_os_thread();
                        })
                    })
                    .collect();
                all.into_iter().chain(others).for_each(|task| task.join().unwrap());
            };
            kind.with_procs(procs).run(main).unwrap();
        });
    }

    fn c_local_word() -> c_long {
        c_local()
    }

    #[test]
    fn c_cancels_a_thread_of_its_own() {
        on_every_runtime(1, || assert_eq!(call(|| c_cancels_a_thread()), 1));
    }
}

mod exported {
    use super::*;

    unsafe extern "C" {
        safe fn c_calls_what_panics(value: c_long) -> c_long;
        safe fn c_returns_after_depth(depth: c_long) -> c_long;
    }

    g0_cgo::export! {
        /// # Safety
        ///
        /// Plain frames up to the call.
        #[unsafe(no_mangle)]
        unsafe unwind fn g0_c_test_panics(value: c_long) -> c_long {
            if value != 0 {
                std::panic::resume_unwind(Box::new(value));
            }
            yield_now();
            5
        }

        #[unsafe(no_mangle)]
        fn g0_c_test_deep(depth: c_long) -> c_long = -1 {
            deep(depth)
        }
    }

    #[inline(never)]
    fn deep(depth: c_long) -> c_long {
        let room = std::hint::black_box([depth; 100]);
        if depth == 0 {
            yield_now();
            return 0;
        }
        deep(depth - 1) + std::hint::black_box(room)[99] - depth + 1
    }

    #[test]
    fn c_calls_an_exported_function_that_panics_and_its_value_is_caught() {
        on_every_runtime(2, || {
            assert_eq!(call(|| c_calls_what_panics(0)), 6);
            for value in 1..50 {
                let caught = std::panic::catch_unwind(|| call(|| c_calls_what_panics(value)));
                assert_eq!(caught.unwrap_err().downcast_ref::<c_long>(), Some(&value));
            }
            assert_eq!(call(|| c_calls_what_panics(0)), 6);
        });
    }

    #[test]
    fn c_gets_its_value_after_a_callback_that_went_deep() {
        on_every_runtime(2, || {
            for depth in [0, 1, 10, 60] {
                assert_eq!(call(|| c_returns_after_depth(depth)), depth * 4);
            }
        });
    }

    #[test]
    fn a_callback_waits_for_what_another_goroutine_initialises() {
        on_every_runtime(2, || {
            let cell = Arc::new(g0_sched::OnceCell::new());
            let theirs = cell.clone();
            let first = go(move || {
                theirs.get_or_init(|| {
                    (0..20).for_each(|_| yield_now());
                    7
                });
            });
            yield_now();
            let seen = call(|| callback(0, || *cell.get_or_init(|| 7)));
            assert_eq!(seen, 7);
            first.join().unwrap();
        });
    }
}
