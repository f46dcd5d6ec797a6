//! Library calls that are made out of order, dropped and forgotten. Making one is `unsafe`: the functions here
//! take the words that they are given.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use g0_cgo::{LibCall, call, current_libcall, export};
use g0_sched::{Mutex, go, lock_os_thread, os_thread_locked, unlock_os_thread, yield_now};

use crate::setup::Setup;

extern "C" fn reads(word: *const usize) -> usize {
    // SAFETY: `prepare_read` gives it the address of a word that lives as long as the program.
    unsafe { *word }
}

export! {
    fn shows(word: usize) -> usize = usize::MAX {
        let shown = || current_libcall().map_or(0, |record| record.args[0]);
        for _ in 0..5 {
            assert_eq!(shown(), word, "the record of another call");
            yield_now();
        }
        shown()
    }
}

fn prepare_read(word: usize) -> LibCall {
    let word: &'static usize = Box::leak(Box::new(word));
    let word = (&raw const *word).expose_provenance();
    LibCall::prepare(reads as *const (), &[word]).expect("one word")
}

fn prepare_show(word: usize) -> LibCall {
    LibCall::prepare(shows as *const (), &[word]).expect("one word")
}

fn make(call: LibCall) -> usize {
    // SAFETY: of one of the two functions above.
    unsafe { call.invoke() }.value
}

/// Prepares many, and makes them in an order of its own, between calls that nothing becomes of.
fn shuffled(n: usize) {
    let prepare = |i| if i % 2 == 0 { prepare_read(i) } else { prepare_show(i) };
    let mut calls: Vec<_> = (1000 * n + 1..1000 * n + 20).map(|i| (i, prepare(i))).collect();
    while !calls.is_empty() {
        let (i, call) = calls.swap_remove((7 * n + 3) % calls.len());
        match i % 5 {
            0 => _ = call,
            1 => _ = ManuallyDrop::new(call),
            _ => assert_eq!(make(call), i, "another call's function"),
        }
        yield_now();
        assert!(!os_thread_locked() && current_libcall().is_none());
    }
}

/// Each call is its own, and one that is never made holds nothing.
pub fn in_any_order(setup: Setup) -> String {
    const MANY: usize = 12;
    setup.run(|| {
        let left = Arc::new(Mutex::new(Vec::new()));
        let all: Vec<_> = (0..MANY)
            .map(|n| {
                let left = left.clone();
                go(move || {
                    shuffled(n);
                    left.lock().expect("no panic").push((n, prepare_read(n)));
                    let _ = ManuallyDrop::new(call(|| prepare_show(n)));
                })
            })
            .collect();
        all.into_iter().for_each(|one| one.join().expect("its own calls"));
        // Those of goroutines that have ended; and the thread is nobody's.
        lock_os_thread();
        let left = std::mem::take(&mut *left.lock().expect("no panic"));
        assert_eq!(left.len(), MANY);
        left.into_iter().for_each(|(n, call)| assert_eq!(make(call), n));
        go(yield_now).join().expect("it has a thread");
        unlock_os_thread();
    });
    format!("{MANY} goroutines made their own calls")
}
