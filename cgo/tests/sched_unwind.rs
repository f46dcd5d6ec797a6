//! `callback_unwind` on the scheduler: a panic drops the frames of C, and leaves nothing behind.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::{in_children, succeeds};
use common::count::Count;
use common::{on_every_runtime, panic_text, quiet_panic, tid};
use g0_cgo::{LibCall, call, callback, callback_unwind, current_libcall};
use g0_sched::bridge::{CallerContext, LockCounts, here};
use g0_sched::{Hosted, go, goexit, lock_os_thread, os_thread_locked, unlock_os_thread, yield_now};

/// `callback_unwind`; between it and the call there are plain frames in all these tests.
fn unwinding<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: as said: nothing there waits to be dropped.
    unsafe { callback_unwind(f) }
}

/// Returns what a panic must leave as it was: below what g0 is free, and the lock counts.
fn state() -> (usize, LockCounts) {
    let CallerContext::Goroutine(handle) = here::<Hosted>() else {
        panic!("not in a goroutine's code")
    };
    // SAFETY: the running goroutine's handle.
    unsafe { (handle.g0_sp().read().addr(), handle.locks()) }
}

/// Memory of this process that is in use, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    // SAFETY: it only asks.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}

/// C that holds some stack and calls back.
extern "C" fn deep(depth: u32, back: extern "C" fn()) {
    let local = black_box([depth; 16]);
    if depth == 0 {
        back()
    } else {
        deep(depth - 1, back)
    }
    assert_eq!(black_box(local), [depth; 16]);
}

extern "C" fn drops_c() {
    unwinding(|| quiet_panic("again"));
}

extern "C" fn holds() {
    callback((), || quiet_panic("again"));
}

const PANICS: usize = 100_000;

/// In processes of its own: what is resident belongs to all of a process.
fn repeated(test: &str, back: extern "C" fn(), locks: usize) {
    in_children(
        test,
        |kind, procs| {
            // All of them on one kind of each runtime; and emulated, fewer prove the same.
            let all =
                kind.fences == g0_sched::Fences::Auto && procs == 1 + usize::from(kind.migrates());
            let turns = if all && cfg!(target_arch = "x86_64") { PANICS } else { PANICS / 100 };
            let ended = kind.with_procs(procs).run_counted(|| {
                (0..locks).for_each(|_| lock_os_thread());
                let thread = tid();
                let panics = |turns: usize| {
                    for _ in 0..turns {
                        assert_eq!(panic_text(|| call(|| deep(5, back))), "again");
                    }
                };
                panics(turns / 10);
                // A leak grows every time; a thread that the runtime starts meanwhile comes once.
                let same = (0..3).any(|_| {
                    let (before, at_first) = (state(), resident());
                    panics(turns);
                    let (after, at_last) = (state(), resident());
                    println!(
                        "before {turns} panics: g0.sp, locks {before:x?}, resident {at_first}"
                    );
                    println!("after  {turns} panics: g0.sp, locks {after:x?}, resident {at_last}");
                    if locks != 0 {
                        assert_eq!((before, tid()), (after, thread));
                    }
                    assert_eq!(before.1, LockCounts { external: locks, outer: 0, internal: 0 });
                    assert_eq!(before.1, after.1);
                    before == after && at_first == at_last
                });
                assert!(same, "each {turns} panics leave something behind");
            });
            assert_eq!(ended.expect("main returns").left_behind, 0);
        },
        |kind, procs, out, said| {
            print!("{}", String::from_utf8_lossy(&out.stdout));
            succeeds(kind, procs, out, said);
        },
    );
}

#[test]
fn l8_a_hundred_thousand_panics_over_c_leave_the_thread_as_it_was() {
    repeated("l8_a_hundred_thousand_panics_over_c_leave_the_thread_as_it_was", drops_c, 0);
}

#[test]
fn l8_a_hundred_thousand_panics_over_c_leave_the_callers_own_locks() {
    repeated("l8_a_hundred_thousand_panics_over_c_leave_the_callers_own_locks", drops_c, 2);
}

#[test]
fn l8_a_hundred_thousand_held_panics_leave_the_thread_as_it_was() {
    repeated("l8_a_hundred_thousand_held_panics_leave_the_thread_as_it_was", holds, 0);
}

#[test]
fn l8_a_hundred_thousand_held_panics_leave_the_callers_own_locks() {
    repeated("l8_a_hundred_thousand_held_panics_leave_the_callers_own_locks", holds, 2);
}

/// Down by turns through both forms, parking on the way; a panic or a goexit at the bottom.
fn down(depth: u32, ways: u32, last: fn() -> ()) {
    if depth == 0 {
        return last();
    }
    if depth.is_multiple_of(5) {
        yield_now();
    }
    let next = || {
        let thread = tid();
        down(depth - 1, ways.rotate_right(1), last);
        assert_eq!(tid(), thread);
    };
    call(|| if ways & 1 == 0 { callback((), next) } else { unwinding(next) });
}

const WAYS: [u32; 5] = [0, u32::MAX, 0x5555_5555, 0x3333_3333, 0xdead_beef];

#[test]
fn l17_panics_pass_calls_and_callbacks_of_both_forms_nested_in_any_order() {
    on_every_runtime(2, || {
        for ways in WAYS {
            for locks in [0, 1] {
                (0..locks).for_each(|_| lock_os_thread());
                let before = state();
                for depth in [1, 2, 16, 64] {
                    let said = panic_text(|| down(depth, ways, || quiet_panic("bottom")));
                    assert_eq!(said, "bottom");
                    if locks == 1 {
                        assert_eq!(state(), before);
                    }
                }
                assert_eq!(state().1, before.1);
                (0..locks).for_each(|_| unlock_os_thread());
            }
        }
    });
}

#[test]
fn goexit_passes_calls_and_callbacks_of_both_forms() {
    on_every_runtime(2, || {
        let count = Count::new();
        for ways in WAYS {
            let guard = count.one();
            let ended = go(move || {
                let _guard = guard;
                down(20, ways, || goexit());
            });
            assert!(g0_defer::is_goexit(&ended.join().unwrap_err()));
        }
        count.assert_all_dropped(WAYS.len());
    });
}

#[test]
fn many_goroutines_leave_c_at_once() {
    on_every_runtime(2, || {
        let caught = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..30u32)
            .map(|n| {
                let caught = caught.clone();
                go(move || {
                    for turn in 0..10 {
                        let ways = WAYS[(n + turn) as usize % WAYS.len()];
                        panic_text(|| down(1 + n % 8, ways, || quiet_panic("bottom")));
                        caught.fetch_add(1, Ordering::SeqCst);
                        yield_now();
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(caught.load(Ordering::SeqCst), 300);
    });
}

#[test]
fn a_lock_taken_in_the_closure_that_panics_outlives_it() {
    on_every_runtime(2, || {
        lock_os_thread();
        panic_text(|| {
            call(|| {
                unwinding(|| {
                    lock_os_thread();
                    unlock_os_thread();
                    lock_os_thread();
                    quiet_panic("locked")
                })
            })
        });
        assert_eq!(state().1, LockCounts { external: 2, outer: 0, internal: 0 });
        (0..2).for_each(|_| unlock_os_thread());
        assert!(!os_thread_locked());
    });
}

#[test]
fn the_record_of_a_library_call_comes_back_when_a_panic_leaves_it() {
    extern "C" fn inner(panics: usize) -> usize {
        if panics == 2 {
            unwinding(|| quiet_panic("out of the library call"));
        }
        let seen = unwinding(|| {
            let outer = current_libcall().expect("a library call");
            assert_eq!((outer.count, outer.args[0]), (1, panics));
            let function = inner as extern "C" fn(usize) -> usize as *const ();
            let within = LibCall::prepare(function, &[2]).unwrap();
            // SAFETY: a function of one word; it drops plain frames only.
            let said = panic_text(|| unsafe { within.invoke() });
            assert_eq!(said, "out of the library call");
            assert_eq!(current_libcall(), Some(outer), "as it was");
            state().1
        });
        assert_eq!(seen, LockCounts { external: 0, outer: 0, internal: 2 });
        5
    }
    on_every_runtime(2, || {
        let function = inner as extern "C" fn(usize) -> usize as *const ();
        // SAFETY: a function of one word.
        let answer = unsafe { LibCall::prepare(function, &[1]).unwrap().invoke() };
        assert_eq!((answer.value, current_libcall()), (5, None));
        assert_eq!(state().1, LockCounts { external: 0, outer: 0, internal: 0 });
    });
}

#[test]
fn errno_is_what_the_call_left_when_a_panic_drops_c() {
    on_every_runtime(2, || {
        // SAFETY: this thread's; the goroutine is locked to it.
        let errno = || unsafe { &mut *libc::__errno_location() };
        lock_os_thread();
        panic_text(|| {
            call(|| {
                *errno() = libc::EDOM;
                unwinding(|| {
                    *errno() = libc::EXDEV;
                    yield_now();
                    *errno() = libc::EXDEV;
                    quiet_panic("sets errno")
                })
            })
        });
        assert_eq!(call(|| *errno()), libc::EDOM);
        unlock_os_thread();
    });
}

#[test]
fn qsort_is_left_by_a_comparator_that_panics() {
    unsafe extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
        // SAFETY: qsort passes elements.
        let (a, b) = unsafe { (*a.cast::<u32>(), *b.cast::<u32>()) };
        unwinding(|| {
            yield_now();
            if a == 77 || b == 77 {
                quiet_panic("not to be compared");
            }
            a.cmp(&b) as c_int
        })
    }
    on_every_runtime(2, || {
        // So few that qsort sorts them on its stack: it holds no memory when it is left.
        let mut values: Vec<u32> = (0..100).rev().collect();
        let said = panic_text(|| {
            // SAFETY: the elements are there, and the comparator takes such.
            call(|| unsafe { libc::qsort(values.as_mut_ptr().cast(), 100, 4, Some(compare)) })
        });
        assert_eq!(said, "not to be compared");
        assert_eq!(call(|| 1), 1);
    });
}
