//! Pointers to frames in thread-locals, as the crate `scoped-tls` keeps them: a safe interface that is sound
//! because frames of a thread nest.

use std::cell::Cell;
use std::ptr;

use g0_sched::{go, sleep, yield_now};

use crate::setup::{Setup, ms};

std::thread_local! {
    static CURRENT: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// What a frame of [`scoped`] lends.
struct Frame {
    words: [u64; 16],
    outer: *const Frame,
}

/// Runs `body`, in which [`with`] sees sixteen words of `n`.
fn scoped(n: u64, body: impl FnOnce()) {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the frame that the pointer leads to is the innermost one, and this guard is its.
            CURRENT.set(unsafe { (*CURRENT.get()).outer });
        }
    }
    let frame = Frame { words: [n; 16], outer: CURRENT.get() };
    CURRENT.set(&raw const frame);
    let _restore = Restore;
    body();
}

/// What the innermost `scoped` of this thread lends.
fn with<R>(f: impl FnOnce(Option<&[u64; 16]>) -> R) -> R {
    // SAFETY: the frame is one that `scoped` has not left.
    f(unsafe { CURRENT.get().as_ref() }.map(|frame| &frame.words))
}

fn sees(n: u64) -> bool {
    with(|words| words.is_some_and(|words| *words == [n; 16]))
}

/// Each goroutine finds its own frames, and leaves none.
pub fn scoped_pointers(setup: Setup) -> String {
    const MANY: u64 = 30;
    setup.run(|| {
        let one = |n| {
            assert!(with(|words| words.is_none()), "another goroutine's frame");
            scoped(n, || {
                sleep(ms(n % 3));
                assert!(sees(n));
                scoped(n + 100, || {
                    with(|words| {
                        let words = words.expect("a frame");
                        go(yield_now).join().expect("it ends");
                        sleep(ms(1));
                        assert_eq!(*words, [n + 100; 16]);
                    });
                });
                yield_now();
                assert!(sees(n));
            });
            assert!(with(|words| words.is_none()), "a frame that is gone");
        };
        let all: Vec<_> = (1..=MANY).map(|n| go(move || one(n))).collect();
        all.into_iter().for_each(|each| each.join().expect("it finds its frames"));
    });
    format!("{MANY} goroutines found their own frames")
}
