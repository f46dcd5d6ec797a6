//! Thread-locals whose initialiser waits: right where a goroutine has its thread to itself.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::HashMap;

use g0_sched::{go, sleep, yield_now};

use crate::setup::{Setup, ms};

/// Which goroutine has made it.
struct Made(Vec<usize>);

std::thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static OUTER: Made = {
        let by = NOW.get();
        sleep(ms(1));
        // Initialised within the other's initialiser, and kept across another wait.
        INNER.with(|inner| {
            yield_now();
            assert_eq!(by, NOW.get(), "another goroutine's initialiser");
            Made(inner.0.clone())
        })
    };
    static INNER: Made = {
        let by = NOW.get();
        yield_now();
        Made(vec![by; 64])
    };
}

/// Goroutines that all initialise the same two thread-locals, wait meanwhile, and keep references.
pub fn initialiser_waits(setup: Setup) -> String {
    const MANY: usize = 30;
    let made = setup.run(|| {
        let one = |n| {
            NOW.set(n);
            OUTER.with(|outer| {
                let (first, by) = (&outer.0[..], outer.0[0]);
                for _ in 0..3 {
                    go(yield_now).join().expect("it ends");
                    sleep(ms(1));
                    assert!(first.iter().all(|word| *word == by), "initialised twice");
                    assert!(INNER.with(|inner| inner.0[63] == by));
                }
                (by, n)
            })
        };
        let all: Vec<_> = (1..=MANY).map(|n| go(move || one(n))).collect();
        let each = all.into_iter().map(|each| each.join().expect("it keeps its reference"));
        each.fold(HashMap::<usize, Vec<usize>>::new(), |mut made, (by, n)| {
            made.entry(by).or_default().push(n);
            made
        })
    });
    assert_eq!(made.values().map(Vec::len).sum::<usize>(), MANY);
    assert!(made.iter().all(|(by, users)| users.contains(by)), "{made:?}");
    format!("{MANY} goroutines, {} threads, one value each", made.len())
}
