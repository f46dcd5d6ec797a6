//! Closures and results that are as large as a stack, and larger.
#![forbid(unsafe_code)]

use std::hint::black_box;

use g0_sched::{Error, RunError, Runtime, go, scope, try_go};

use crate::setup::Setup;

const STACK: usize = 16 << 10;
const LARGE: usize = 256 << 10;

fn is_refused<T>(run: &Result<T, RunError>) -> bool {
    matches!(run, Err(RunError::NotStarted(Error::ClosureTooLarge)))
}

/// A main that captures `N` bytes.
fn main_captures<const N: usize>(setup: Setup, stack: usize) {
    let bytes = black_box([1_u8; N]);
    let run = setup
        .build(Runtime::builder().stack_size(stack))
        .run(move || bytes.iter().map(|b| usize::from(*b)).sum::<usize>());
    assert!(is_refused(&run), "a main that captures {N} bytes, on {stack}: {run:?}");
}

/// A main whose result has `N` bytes.
fn main_returns<const N: usize>(setup: Setup, stack: usize) {
    let run = setup.build(Runtime::builder().stack_size(stack)).run(|| black_box([1_u8; N]));
    assert!(is_refused(&run), "a main that returns {N} bytes, on {stack}");
}

/// Goroutines whose results have `N` bytes, of `go` and of a scope. (None captures as much: it would have to
/// lie on its parent's stack.)
fn goroutines_return<const N: usize>() {
    let refused = try_go(|| [1_u8; N]).err();
    assert_eq!(refused, Some(Error::ClosureTooLarge), "{N} bytes, by go");
    let lent = vec![1_u8; 16];
    let lent = &lent;
    let refused = scope(|s| {
        let wide = s.try_go(|| {
            let mut bytes = [1_u8; N];
            bytes[..16].copy_from_slice(lent);
            bytes
        });
        wide.err()
    });
    assert_eq!(refused, Some(Error::ClosureTooLarge), "{N} bytes, by a scope");
}

/// All are refused by an error, and none runs.
pub fn large(setup: Setup) -> String {
    setup.run_on(Runtime::builder().stack_size(LARGE), || {
        goroutines_return::<{ LARGE / 4 + 1 }>();
        goroutines_return::<LARGE>();
        goroutines_return::<{ LARGE + 1 }>();
        goroutines_return::<{ 64 << 20 }>();
        assert_eq!(go(|| Box::new([1_u8; 64])).join().expect("a small one").len(), 64);
    });
    main_returns::<STACK>(setup, STACK);
    main_returns::<{ 2 * LARGE }>(setup, LARGE);
    main_captures::<{ STACK / 2 }>(setup, STACK);
    main_captures::<STACK>(setup, STACK);
    main_captures::<{ 4 * STACK }>(setup, STACK);
    main_captures::<LARGE>(setup, LARGE);
    main_captures::<{ 2 * LARGE + 7 }>(setup, LARGE);
    "each was refused".to_owned()
}
