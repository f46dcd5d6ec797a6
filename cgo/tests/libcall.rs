//! Library calls by address: the record in the M, and the lock that keeps it there.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{on_every_runtime, tid};
use g0_cgo::{LibCall, TooManyArguments, current_libcall, export, libcall};
use g0_sched::{go, os_thread_locked, sleep, yield_now};

extern "C" fn sum3(a: usize, b: usize, c: usize) -> usize {
    a + 10 * b + 100 * c
}

#[rustfmt::skip]
extern "C" fn sum15(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize,
    i: usize, j: usize, k: usize, l: usize, m: usize, n: usize, o: usize) -> usize {
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o].iter().enumerate().map(|(i, x)| (i + 1) * x).sum()
}

extern "C" fn fails(code: usize) -> usize {
    // SAFETY: this thread's.
    unsafe { *libc::__errno_location() = code as i32 };
    usize::MAX
}

#[test]
fn arguments_arrive_in_order_and_the_result_and_errno_come_back() {
    on_every_runtime(2, || {
        // SAFETY: the functions take so many words.
        unsafe {
            let answer = libcall(sum3 as *const (), &[1, 2, 3]).unwrap();
            assert_eq!(answer.value, 321);
            let args: Vec<usize> = (1..=15).collect();
            assert_eq!(
                libcall(sum15 as *const (), &args).unwrap().value,
                (1..=15).map(|i| i * i).sum()
            );
            let failed = libcall(fails as *const (), &[libc::EAGAIN as usize]).unwrap();
            assert_eq!((failed.value, failed.errno), (usize::MAX, libc::EAGAIN));
        }
        assert!(!os_thread_locked() && current_libcall().is_none());
    });
}

#[test]
fn a_forced_reschedule_between_filling_the_record_and_the_call_changes_nothing() {
    on_every_runtime(2, || {
        let calls: Vec<_> = (0..8usize)
            .map(|i| {
                go(move || {
                    for round in 0..50 {
                        let call = LibCall::prepare(sum3 as *const (), &[i, round, 1]).unwrap();
                        let here = tid();
                        for _ in 0..3 {
                            yield_now();
                            assert!(os_thread_locked());
                            assert_eq!(tid(), here, "L1");
                            let record = current_libcall().expect("it lies in the M");
                            assert_eq!(record.args[..3], [i, round, 1], "another call's record");
                        }
                        if round % 10 == 0 {
                            sleep(std::time::Duration::from_micros(50));
                        }
                        // SAFETY: it takes three words.
                        let answer = unsafe { call.invoke() };
                        assert_eq!(answer.value, i + 10 * round + 100);
                    }
                    assert!(!os_thread_locked() && current_libcall().is_none());
                })
            })
            .collect();
        calls.into_iter().for_each(|call| call.join().unwrap());
    });
}

static INNER: AtomicUsize = AtomicUsize::new(0);

export! {
    fn calls_back(a: usize) -> usize = 0 {
        yield_now();
        // SAFETY: it takes three words.
        let inner = unsafe { libcall(sum3 as *const (), &[a, 0, 0]) }.unwrap();
        INNER.fetch_add(inner.value, Ordering::SeqCst);
        current_libcall().map_or(0, |record| record.args[0])
    }
}

#[test]
fn nested_calls_do_not_mix_their_records() {
    on_every_runtime(2, || {
        // SAFETY: it takes a word.
        let answer = unsafe { libcall(calls_back as *const (), &[7]) }.unwrap();
        assert_eq!(answer.value, 7, "the outer record is back when the inner call is over");
    });
    assert!(INNER.load(Ordering::SeqCst) >= 7);
}

#[test]
fn a_call_that_is_not_invoked_leaves_nothing_behind() {
    on_every_runtime(2, || {
        drop(LibCall::prepare(sum3 as *const (), &[1]).unwrap());
        assert!(!os_thread_locked() && current_libcall().is_none());
        let others = Arc::new(AtomicUsize::new(0));
        let seen = others.clone();
        go(move || seen.fetch_add(1, Ordering::SeqCst)).join().unwrap();
        assert_eq!(others.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn more_than_fifteen_arguments_and_null_are_refused() {
    on_every_runtime(1, || {
        assert_eq!(LibCall::prepare(sum3 as *const (), &[0; 16]).err(), Some(TooManyArguments(16)));
        let null = common::panic_text(|| LibCall::prepare(std::ptr::null(), &[]));
        assert!(null.contains("null function"), "{null}");
        assert!(!os_thread_locked());
    });
}

#[test]
fn a_thread_that_is_no_m_simply_calls() {
    // SAFETY: it takes three words.
    assert_eq!(unsafe { libcall(sum3 as *const (), &[4, 5, 6]) }.unwrap().value, 654);
}
