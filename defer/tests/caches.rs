//! Caches: whose records, how many, and what an operation costs.

mod common;

use std::cell::{Cell, RefCell};

use common::{Here, VISITS};
use g0_defer::{Cache, Depot, Local, Memory, NoUnwind, scope_in};

type Of<'a, 'b, L> = g0_defer::Scope<'a, 'b, L>;

/// Five words: more than fit into a slot of the scope's frame.
fn large(n: usize) -> [usize; 5] {
    [n; 5]
}

/// Defers `n` calls that do not fit into the frame; how often they ran.
fn defers<L: Local>(n: usize) -> usize {
    let runs = Cell::new(0);
    scope_in::<NoUnwind, L, _>(|s| {
        let runs = &runs;
        for i in 0..n {
            let captured = large(i);
            s.defer(move || {
                assert_eq!(captured, large(i));
                runs.set(runs.get() + 1);
            });
        }
    });
    runs.get()
}

/// What is called with a cache has no way to the depot, by its type; so no slow visit means no
/// lock and no switch to the system stack.
#[test]
fn a_million_calls_deferred_and_run_within_the_cache_take_no_lock_and_switch_no_stack() {
    // The first time the allocator is asked.
    assert_eq!(defers::<Here>(20), 20);
    let before = VISITS.get();
    let mut runs = 0;
    for _ in 0..50_000 {
        runs += defers::<Here>(20);
    }
    let after = VISITS.get();
    assert_eq!(runs, 1_000_000);
    assert_eq!(after.0 - before.0, 2_000_000, "a visit to take and one to give back");
    assert_eq!(after.1 - before.1, 0, "visits to the depot");
}

#[test]
fn beyond_the_cache_the_depot_is_visited_once_for_sixteen() {
    assert_eq!(defers::<Here>(512), 512);
    // Tests on other threads have the same depot, and may take this one's records: not each time.
    let visits = (0..50).map(|_| {
        let before = VISITS.get().1;
        assert_eq!(defers::<Here>(512), 512);
        VISITS.get().1 - before
    });
    let visits = visits.min().expect("fifty");
    assert!((40..=64).contains(&visits), "{visits} visits for 480 records there and back");
}

/// Caches without an allocator behind them: what they were given is all there is.
macro_rules! given {
    ($name:ident, $lines:expr, $words:expr, $records:expr) => {
        enum $name {}

        impl $name {
            /// A cache and a depot of this thread's own, over this static's memory.
            fn with_memory(f: impl FnOnce()) {
                static MEMORY: Memory<$lines> = Memory::new();
                DEPOT.with(|depot| {
                    assert_eq!(depot.give(&MEMORY, $words), $records);
                    assert_eq!(depot.give(&MEMORY, $words), 0, "it is given once");
                });
                f()
            }
        }

        // SAFETY: a thread's own.
        unsafe impl Local for $name {
            unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
                Some(CACHE.with_borrow_mut(f))
            }

            unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
                Some(DEPOT.with(|depot| CACHE.with_borrow_mut(|cache| f(Some(cache), depot))))
            }
        }
    };
}

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
    static DEPOT: Depot = const { Depot::new() };
}

given!(One, 2, 12, 1);
given!(Some40, 80, 12, 40);

/// With one record there is room for the next only if it is that of the call which runs.
#[test]
fn a_call_deferred_by_a_deferred_call_gets_the_record_just_freed() {
    fn again<'a>(s: &'a Of<'a, '_, One>, runs: &'a Cell<usize>) {
        let captured = large(runs.get());
        s.try_defer(move || {
            assert_eq!(captured, large(runs.get()));
            runs.set(runs.get() + 1);
            if runs.get() < 1000 {
                again(s, runs);
            }
        })
        .expect("the one record is free");
    }
    One::with_memory(|| {
        let runs = Cell::new(0);
        let allocated = scope_in::<NoUnwind, One, _>(|s| {
            again(s, &runs);
            // A second at the same time is the allocator's, or refused.
            let (captured, more) = (large(0), Cell::new(0));
            let _ = more;
            s.try_defer(move || assert_eq!(captured, [0; 5])).is_ok()
        });
        assert_eq!(allocated, cfg!(feature = "alloc"));
        assert_eq!(runs.get(), 1000);
    });
}

#[test]
fn static_memory_serves_as_many_calls_as_it_has_records() {
    Some40::with_memory(|| {
        for _ in 0..100 {
            let refused = scope_in::<NoUnwind, Some40, _>(|s| {
                let refused = (0..50).filter(|&i| {
                    let captured = large(i);
                    s.try_defer(move || assert_eq!(captured, large(i))).is_err()
                });
                refused.count()
            });
            assert_eq!(refused, if cfg!(feature = "alloc") { 0 } else { 10 });
        }
    });
}

/// Between the fast way and the slow one a goroutine may have come to another P: what is full or empty there
/// is another matter.
#[test]
fn l16_no_record_is_lost_by_whoever_changes_its_p_on_the_way_to_the_depot() {
    thread_local! {
        static CACHES: [RefCell<Cache>; 3] = const { [const { RefCell::new(Cache::new()) }; 3] };
        static OWN: Depot = const { Depot::new() };
        static TURN: Cell<usize> = const { Cell::new(0) };
    }
    static MEMORY: Memory<400> = Memory::new();
    enum Moves {}
    fn next<R>(f: impl FnOnce(&mut Cache) -> R) -> R {
        TURN.set(TURN.get().wrapping_mul(25) + 7);
        CACHES.with(|caches| f(&mut caches[TURN.get() / 8 % 3].borrow_mut()))
    }
    // SAFETY: a thread's own.
    unsafe impl Local for Moves {
        unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
            Some(next(f))
        }

        unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
            Some(OWN.with(|depot| next(|cache| f(Some(cache), depot))))
        }
    }
    // Twice as many as can be in the caches beside those in use.
    OWN.with(|depot| assert_eq!(depot.give(&MEMORY, 12), 200));
    for round in 0..500 {
        let calls = round % 24;
        assert_eq!(defers::<Moves>(calls), calls);
    }
    // All are still there: each cache may be asked until it has none, and the depot with it.
    let mut found = 0;
    CACHES.with(|caches| {
        let all = caches.iter().map(|cache| format!("{cache:?}"));
        for text in all {
            let numbers = text.split(['[', ',', ']']).nth(2).expect("three classes");
            found += numbers.trim().parse::<usize>().expect("a number");
        }
    });
    OWN.with(|depot| found += depot.records(12));
    assert_eq!(found, 200, "L16: records were lost, or are in two places");
}

#[test]
fn small_captures_and_large_ones_go_together_in_order() {
    let log = RefCell::new(Vec::new());
    scope_in::<NoUnwind, Here, _>(|s| {
        let log = &log;
        for n in 0..10_u8 {
            let (few, some, many) = ([n; 8], [n; 80], [n; 200]);
            s.defer(move || log.borrow_mut().push(n));
            s.defer(move || log.borrow_mut().push(few[7]));
            s.defer(move || log.borrow_mut().push(some[79]));
            s.defer(move || log.borrow_mut().push(many[199]));
            s.defer(|| ());
        }
    });
    let expected: Vec<u8> = (0..10).rev().flat_map(|n| [n; 4]).collect();
    assert_eq!(*log.borrow(), expected);
}

#[cfg(feature = "alloc")]
#[test]
fn above_the_largest_class_a_record_is_the_allocators_and_goes_back_to_it() {
    let sum = Cell::new(0);
    scope_in::<NoUnwind, Here, _>(|s| {
        let (sum, captured) = (&sum, [1_u8; 10_000]);
        let before = VISITS.get();
        s.defer(move || sum.set(captured.iter().map(|&b| u32::from(b)).sum()));
        assert_eq!(VISITS.get(), before, "the caches have nothing to do with it");
    });
    assert_eq!(sum.get(), 10_000);
}

#[cfg(not(feature = "alloc"))]
#[test]
fn above_the_largest_class_a_call_is_refused() {
    let captured = [1_u8; 10_000];
    scope_in::<NoUnwind, Here, _>(|s| {
        let refused = s.try_defer(move || assert_eq!(captured[0], 1));
        assert_eq!(refused.expect_err("too large").error, g0_defer::DeferError::TooLarge);
    });
}

/// A capture aligned to a cache line lies at one.
#[cfg(feature = "alloc")]
#[test]
fn captures_lie_as_they_are_aligned() {
    #[repr(align(64))]
    struct Line(u8);
    #[repr(align(4096))]
    struct Page(u8);
    let runs = Cell::new(0);
    scope_in::<NoUnwind, Here, _>(|s| {
        let (runs, line, page) = (&runs, Line(1), Page(2));
        s.defer(move || {
            let line = &line;
            assert_eq!(((&raw const *line).addr() % 64, line.0), (0, 1));
            runs.set(runs.get() + 1);
        });
        s.defer(move || {
            let page = &page;
            assert_eq!(((&raw const *page).addr() % 4096, page.0), (0, 2));
            runs.set(runs.get() + 1);
        });
    });
    assert_eq!(runs.get(), 2);
}

/// Records go where they are freed, and other threads find them.
#[cfg(feature = "alloc")]
#[test]
fn records_pass_from_thread_to_thread() {
    static SHARED: Depot = Depot::new();
    thread_local!(static OWN: RefCell<Cache> = const { RefCell::new(Cache::new()) });
    enum Threads {}
    // SAFETY: a thread's own cache.
    unsafe impl Local for Threads {
        unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
            Some(OWN.with_borrow_mut(f))
        }

        unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
            Some(OWN.with_borrow_mut(|cache| f(Some(cache), &SHARED)))
        }
    }
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for round in 0..200 {
                    assert_eq!(defers::<Threads>(round), round);
                }
            });
        }
    });
}

/// A record that finds its caches gone is freed by itself: the calls behind it have not run yet.
#[cfg(feature = "alloc")]
#[test]
fn l16_a_record_whose_caches_have_gone_takes_no_other_with_it() {
    thread_local! {
        static LEFT: RefCell<Option<(Cache, Depot)>> = const { RefCell::new(None) };
    }
    enum Ends {}
    // SAFETY: a thread's own.
    unsafe impl Local for Ends {
        unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
            LEFT.with_borrow_mut(|left| left.as_mut().map(|(cache, _)| f(cache)))
        }

        unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
            LEFT.with_borrow_mut(|left| left.as_mut().map(|(cache, depot)| f(Some(cache), depot)))
        }
    }
    LEFT.set(Some((Cache::new(), Depot::new())));
    let log = RefCell::new(Vec::new());
    scope_in::<NoUnwind, Ends, _>(|s| {
        let log = &log;
        for i in 0..20 {
            let captured = large(i);
            s.defer(move || log.borrow_mut().push(captured[4]));
        }
        s.defer(|| LEFT.set(None));
    });
    assert_eq!(*log.borrow(), (0..20).rev().collect::<Vec<_>>());
}
