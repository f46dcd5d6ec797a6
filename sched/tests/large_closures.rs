//! Closures and results of any size: what takes more than a quarter of a stack is refused, also for main, and
//! what takes just that has room where it runs, in every build.

mod common;

use common::{Kind, on_each_kind, yield_until};
use g0_sched::{Error, RunError, Runtime, go, scope, try_go};
use std::hint::black_box;

/// Nothing, of which a packet gets its alignment.
#[derive(Clone, Copy)]
#[repr(align(4096))]
struct Aligned;

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

fn build(kind: Kind, procs: usize, stack: usize) -> Runtime {
    kind.build(Runtime::builder().procs(procs).stack_size(stack))
}

fn is_too_large<T>(result: Result<T, RunError>) -> bool {
    matches!(result, Err(RunError::NotStarted(Error::ClosureTooLarge)))
}

/// A main with a closure of `N` bytes.
fn main_of<const N: usize>(kind: Kind, procs: usize, stack: usize) -> Result<u64, RunError> {
    let bytes = black_box([1u8; N]);
    build(kind, procs, stack).run(move || sum(&bytes))
}

#[test]
fn main_is_held_against_the_stack_like_any_other_closure() {
    on_each_kind(|kind, procs| {
        assert!(is_too_large(main_of::<3_000>(kind, procs, 4 << 10)));
        assert!(is_too_large(main_of::<4_097>(kind, procs, 16 << 10)));
        assert!(is_too_large(main_of::<13_000>(kind, procs, 16 << 10)));
        assert!(is_too_large(main_of::<40_000>(kind, procs, 16 << 10)));
        assert!(is_too_large(main_of::<66_000>(kind, procs, 256 << 10)));
        let result = build(kind, procs, 16 << 10).run(|| black_box([1u8; 4_097]));
        assert!(is_too_large(result));
        // As without a size that matters, afterwards.
        assert_eq!(build(kind, procs, 16 << 10).run(|| 7).ok(), Some(7));
    });
}

/// Main and a goroutine, where a quarter of the stack is `QUARTER`: so much are `CLOSURE` bytes with a number as
/// the result, and `RESULT` bytes with the mark that they are one.
fn at_the_limit<const QUARTER: usize, const CLOSURE: usize, const RESULT: usize>(
    kind: Kind,
    procs: usize,
) {
    let stack = 4 * QUARTER;
    assert_eq!(main_of::<CLOSURE>(kind, procs, stack).ok(), Some(CLOSURE as u64));
    let result = build(kind, procs, stack).run(|| [1u8; RESULT]);
    assert_eq!(result.ok().map(|bytes| sum(&bytes)), Some(RESULT as u64));
    build(kind, procs, stack)
        .run(|| {
            let large = go(|| [1u8; RESULT]);
            yield_until("its end", || large.is_finished());
            // One byte more: refused.
            assert_eq!(try_go(|| [1u8; QUARTER]).err(), Some(Error::ClosureTooLarge));
        })
        .unwrap();
}

#[test]
fn a_quarter_of_the_stack_has_room() {
    on_each_kind(|kind, procs| {
        at_the_limit::<{ 16 << 10 }, { (16 << 10) - 16 }, { (16 << 10) - 8 }>(kind, procs);
        at_the_limit::<{ 64 << 10 }, { (64 << 10) - 16 }, { (64 << 10) - 8 }>(kind, procs);
    });
}

#[test]
fn closure_and_result_share_the_quarter() {
    const HALF: usize = 8 << 10;
    on_each_kind(|kind, procs| {
        build(kind, procs, 8 * HALF)
            .run(|| {
                let took = Box::new([1u8; HALF]);
                let refused = try_go(move || {
                    let _ = &took;
                    [0u8; 2 * HALF - 8]
                });
                assert_eq!(refused.err(), Some(Error::ClosureTooLarge));
                let took = [1u8; HALF / 4];
                let gave = scope(|s| s.go(move || took).join());
                assert_eq!(gave.ok().map(|bytes| sum(&bytes)), Some(HALF as u64 / 4));
            })
            .unwrap();
    });
}

#[test]
fn alignment_takes_room_too() {
    fn start(aligned: Aligned) -> Result<usize, Error> {
        let handle = try_go(move || black_box(&raw const aligned).addr() % 4096)?;
        Ok(handle.join().expect("it only looks"))
    }
    on_each_kind(|kind, procs| {
        let with = |stack| build(kind, procs, stack).run(|| start(Aligned)).expect("main returns");
        assert_eq!(with(256 << 10), Ok(0));
        // A page, and nearly one to begin at a page. (Main's, for it is made on a thread's own stack.)
        let aligned = Aligned;
        let refused =
            build(kind, procs, 16 << 10).run(move || black_box(&raw const aligned).addr());
        assert!(is_too_large(refused));
    });
}
