//! Library calls by address: the record, which is a call's own, and what is left when it is over.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{on_every_runtime, tid, yield_until};
use g0_cgo::{LibCall, TooManyArguments, current_libcall, export, libcall};
use g0_sched::{
    channel, deferring, go, goexit, lock_os_thread, os_thread_locked, sleep, unlock_os_thread,
    yield_now,
};

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
fn nothing_is_held_between_preparing_and_invoking() {
    on_every_runtime(2, || {
        let calls: Vec<_> = (0..8usize)
            .map(|i| {
                go(move || {
                    for round in 0..50 {
                        let call = LibCall::prepare(sum3 as *const (), &[i, round, 1]).unwrap();
                        for _ in 0..3 {
                            yield_now();
                            assert!(!os_thread_locked() && current_libcall().is_none());
                        }
                        if round % 10 == 0 {
                            sleep(Duration::from_micros(50));
                        }
                        // SAFETY: it takes three words.
                        let answer = unsafe { call.invoke() };
                        assert_eq!(answer.value, i + 10 * round + 100, "another call's arguments");
                    }
                    assert!(!os_thread_locked() && current_libcall().is_none());
                })
            })
            .collect();
        calls.into_iter().for_each(|call| call.join().unwrap());
    });
}

#[test]
fn prepared_calls_are_made_in_any_order_and_each_is_its_own() {
    extern "C" fn same(word: usize) -> usize {
        word
    }
    on_every_runtime(2, || {
        let prepare = |word| LibCall::prepare(same as *const (), &[word]).unwrap();
        // SAFETY: it takes a word; so below.
        let made = |call: LibCall| unsafe { call.invoke() }.value;
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let calls = [prepare(10), prepare(11), prepare(12)];
            assert_eq!(order.map(|i| made(calls[i].clone())), order.map(|i| i + 10));
        }
        let (first, second, third) = (prepare(1), prepare(2), prepare(3));
        assert_eq!((made(first), made(third)), (1, 3));
        assert_eq!(made(second), 2);
        {
            let _dropped = prepare(4);
        }
        assert_eq!(made(prepare(5)), 5);
    });
}

#[test]
fn a_prepared_call_belongs_to_no_goroutine() {
    on_every_runtime(2, || {
        // SAFETY: it takes three words.
        let made = |call: LibCall| unsafe { call.invoke() }.value;
        let prepare = || LibCall::prepare(sum3 as *const (), &[3, 2, 1]).unwrap();
        // By one goroutine for another, which has ended since.
        let call = go(prepare).join().unwrap();
        let (second, third) = (call.clone(), call.clone());
        assert_eq!(go(move || made(second)).join().unwrap(), 123);
        assert_eq!(std::thread::spawn(move || made(third)).join().unwrap(), 123);
        assert_eq!(made(call), 123);
        // On the system stack it may be prepared, and not made.
        let prepared = g0_cgo::call(prepare);
        let refused = common::panic_text(|| g0_cgo::call(|| made(prepared.clone())));
        assert!(refused.contains("already on the system stack"), "{refused}");
        assert_eq!(made(prepared), 123);
        assert!(!os_thread_locked() && current_libcall().is_none());
    });
}

#[test]
fn a_forgotten_call_locks_nothing() {
    on_every_runtime(1, || {
        let forget = || ManuallyDrop::new(LibCall::prepare(sum3 as *const (), &[1]).unwrap());
        (0..1000).for_each(|_| _ = forget());
        let forgets = go(move || {
            let _ = forget();
            yield_now();
            (os_thread_locked(), current_libcall())
        });
        // All are of one thread where goroutines are bound: two of them wait for each other there, one
        // has locked it.
        assert_eq!(forgets.join().unwrap(), (false, None));
        let (tx, rx) = channel(0);
        let other = go(move || (0..10).try_for_each(|i| tx.send(i)));
        // It has begun, so it is bound.
        assert_eq!(rx.recv(), Ok(0));
        lock_os_thread();
        assert_eq!(rx.iter().sum::<usize>(), 45);
        unlock_os_thread();
        assert_eq!(other.join().unwrap(), Ok(()));
        assert!(!os_thread_locked() && current_libcall().is_none());
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

export! {
    fn shows_its_own(word: usize, turns: usize) -> usize = usize::MAX {
        let own = || current_libcall().map(|record| record.args[0]);
        for turn in 0..turns {
            assert_eq!(own(), Some(word), "the record of another goroutine's call");
            assert!(os_thread_locked());
            if turn % 4 == 3 {
                // SAFETY: a function of two words.
                let inner = unsafe { libcall(shows_its_own as *const (), &[word + 100, turns / 4]) };
                assert_eq!(inner.unwrap().value, word + 100);
            }
            yield_now();
        }
        own().unwrap_or(0)
    }
}

#[test]
fn goroutines_of_one_thread_see_the_records_of_their_own_calls() {
    // Runtimes on which several of them were bound to one thread.
    let shared = Arc::new(AtomicUsize::new(0));
    let counted = shared.clone();
    on_every_runtime(2, move || {
        let begun = Arc::new(AtomicUsize::new(0));
        let calls: Vec<_> = (1..5usize)
            .map(|word| {
                let begun = begun.clone();
                go(move || {
                    // A thread that is locked takes none that has not begun.
                    begun.fetch_add(1, Ordering::SeqCst);
                    yield_until("all have begun", || begun.load(Ordering::SeqCst) == 4);
                    // Begun in one order, and ended in another.
                    // SAFETY: a function of two words.
                    let answer = unsafe { libcall(shows_its_own as *const (), &[word, 20 / word]) };
                    assert!(current_libcall().is_none(), "of a call of another goroutine");
                    (answer.unwrap().value, tid())
                })
            })
            .collect();
        let values: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        assert!(values.iter().map(|(word, _)| *word).eq(1..5));
        let threads: HashSet<_> = values.iter().map(|(_, thread)| *thread).collect();
        counted.fetch_add(usize::from(threads.len() < 4), Ordering::SeqCst);
    });
    assert!(shared.load(Ordering::SeqCst) > 0, "each had a thread of its own every time");
}

export! {
    fn ends(how: usize, inner: usize) -> usize = 0 {
        if inner > 0 {
            // SAFETY: a function of two words.
            unsafe { libcall(ends as *const (), &[how, inner - 1]) }.unwrap().value
        } else if how == 0 {
            common::quiet_panic("held")
        } else {
            goexit()
        }
    }
}

#[test]
fn a_panic_or_a_goexit_leaves_neither_record_nor_lock() {
    on_every_runtime(2, || {
        // SAFETY: a function of two words.
        let leaves = |how| unsafe { libcall(ends as *const (), &[how, 3]) };
        assert_eq!(common::panic_text(|| leaves(0)), "held");
        assert!(!os_thread_locked() && current_libcall().is_none());
        let seen = Arc::new(AtomicUsize::new(0));
        let theirs = seen.clone();
        let exits = go(move || {
            deferring(|scope| {
                scope.defer(move || {
                    let left = os_thread_locked() || current_libcall().is_some();
                    theirs.store(1 + usize::from(left), Ordering::SeqCst);
                });
                leaves(1).map(|answer| answer.value)
            })
        });
        assert!(g0_defer::is_goexit(&exits.join().unwrap_err()));
        assert_eq!(seen.load(Ordering::SeqCst), 1, "something was left");
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
