//! Where records live, counted at the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use g0_defer::{NoUnwind, scope_with};

thread_local! {
    /// Blocks taken, blocks given back, by this thread.
    static BLOCKS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Counting;

// SAFETY: the system's allocator does all of it; counting in a `Cell` neither allocates nor
// unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BLOCKS.with(|b| b.set((b.get().0 + 1, b.get().1)));
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BLOCKS.with(|b| b.set((b.get().0, b.get().1 + 1)));
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Blocks that this thread took and gave back while `f` ran.
fn counted(f: impl FnOnce()) -> (usize, usize) {
    let before = BLOCKS.get();
    f();
    let after = BLOCKS.get();
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn four_small_calls_allocate_nothing() {
    let sum = Cell::new(0);
    let sum = &sum;
    let blocks = counted(|| {
        scope_with::<NoUnwind, _>(|s| {
            for n in 0..4usize {
                let (a, b) = (n, n + 1);
                // Four words: three numbers and a reference.
                s.defer(move || sum.set(sum.get() + a + b + n));
            }
        });
    });
    assert_eq!(blocks, (0, 0));
    assert_eq!(sum.get(), 22);
}

#[test]
fn a_slot_is_free_again_when_its_call_runs() {
    let runs = Cell::new(0);
    let runs = &runs;
    let blocks = counted(|| {
        scope_with::<NoUnwind, _>(|s| {
            for _ in 0..4 {
                s.defer(move || {
                    // With all four slots taken there is room for one: that of the call which runs.
                    s.defer(move || runs.set(runs.get() + 1));
                    runs.set(runs.get() + 1);
                });
            }
        });
    });
    assert_eq!(blocks, (0, 0));
    assert_eq!(runs.get(), 8);
}

/// Small enough for a slot, but aligned more strictly than one.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Aligned16(usize);

#[cfg(not(feature = "alloc"))]
mod without_an_allocator {
    use super::*;
    use g0_defer::DeferError;

    #[test]
    fn the_fifth_call_is_refused_and_given_back() {
        let runs = Cell::new(0);
        scope_with::<NoUnwind, _>(|s| {
            let more = || runs.set(runs.get() + 1);
            for _ in 0..4 {
                s.try_defer(more).expect("four fit");
            }
            let refused = s.try_defer(more).expect_err("the fifth does not");
            assert_eq!(refused.error, DeferError::FrameFull);
            assert_eq!(runs.get(), 0);
            (refused.call)();
        });
        assert_eq!(runs.get(), 5);
    }

    #[test]
    fn a_call_of_more_than_four_words_is_refused() {
        let captured = [1usize; 5];
        scope_with::<NoUnwind, _>(|s| {
            let refused = s.try_defer(move || assert_eq!(captured, [1; 5]));
            assert_eq!(refused.expect_err("it is too large").error, DeferError::FrameFull);
        });
    }

    #[test]
    fn a_capture_aligned_more_strictly_than_a_slot_is_refused() {
        let captured = Aligned16(1);
        scope_with::<NoUnwind, _>(|s| {
            let refused = s.try_defer(move || assert_eq!({ captured }.0, 1));
            assert_eq!(refused.expect_err("it has no place").error, DeferError::FrameFull);
        });
    }

    #[test]
    #[should_panic(expected = "feature `alloc`")]
    fn defer_panics_with_the_remedy() {
        scope_with::<NoUnwind, _>(|s| (0..5).for_each(|_| s.defer(|| {})));
    }
}

#[cfg(feature = "alloc")]
mod with_an_allocator {
    use super::*;

    #[test]
    fn a_block_for_each_call_beyond_and_none_is_kept() {
        let runs = Cell::new(0);
        let blocks = counted(|| {
            scope_with::<NoUnwind, _>(|s| {
                (0..10).for_each(|_| s.defer(|| runs.set(runs.get() + 1)));
            })
        });
        assert_eq!(blocks, (6, 6));
        assert_eq!(runs.get(), 10);
    }

    #[test]
    fn large_and_aligned_captures_keep_their_place_in_the_order() {
        #[repr(align(64))]
        struct Aligned(usize);
        let log = std::cell::RefCell::new(Vec::with_capacity(8));
        let log = &log;
        let blocks = counted(|| {
            scope_with::<NoUnwind, _>(|s| {
                for n in 0..2usize {
                    let (large, aligned) = ([n; 9], Aligned(n));
                    s.defer(move || log.borrow_mut().push(("small", n)));
                    s.defer(move || log.borrow_mut().push(("large", large[8])));
                    s.defer(move || {
                        let aligned = &aligned;
                        assert_eq!((&raw const *aligned).addr() % 64, 0);
                        log.borrow_mut().push(("aligned", aligned.0))
                    });
                }
            })
        });
        assert_eq!(blocks, (4, 4));
        let order = [
            ("aligned", 1),
            ("large", 1),
            ("small", 1),
            ("aligned", 0),
            ("large", 0),
            ("small", 0),
        ];
        assert_eq!(*log.borrow(), order);
    }

    #[test]
    fn a_capture_aligned_more_strictly_than_a_slot_gets_a_block() {
        let captured = Aligned16(1);
        let blocks = counted(|| {
            scope_with::<NoUnwind, _>(|s| {
                s.defer(move || {
                    let captured = &captured;
                    assert_eq!(((&raw const *captured).addr() % 16, captured.0), (0, 1));
                })
            })
        });
        assert_eq!(blocks, (1, 1));
    }

    #[test]
    fn a_hundred_thousand_calls_run_newest_first() {
        const CALLS: usize = 100_000;
        let next = Cell::new(CALLS);
        let next = &next;
        let blocks = counted(|| {
            scope_with::<NoUnwind, _>(|s| {
                for n in 0..CALLS {
                    s.defer(move || {
                        assert_eq!(next.get(), n + 1);
                        next.set(n);
                    });
                }
            })
        });
        assert_eq!(next.get(), 0);
        assert_eq!(blocks, (CALLS - 4, CALLS - 4));
    }
}
