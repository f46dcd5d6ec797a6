//! Deferred calls, panics, Goexit.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::ptr;

use g0_defer::{Cache, Catch, Catches, Depot, Forgets, Local, Own, recovering_in, scope_in};
use g0_sched::{Mutex, deferring, go, goexit, recovering};

use super::difference::Difference;
use super::runtimes::on_one_p;
use super::timing::median;

/// A function that defers one call, over one that makes it at its end.
pub(crate) fn line() -> (Difference, f64) {
    #[inline(never)]
    fn deferred(count: &Cell<u64>) {
        g0_defer::defer! { count.set(count.get() + 1) }
        black_box(());
    }
    #[inline(never)]
    fn plain(count: &Cell<u64>) {
        black_box(());
        count.set(count.get() + 1);
    }
    fn calls(n: u64, f: fn(&Cell<u64>)) {
        let count = Cell::new(0);
        (0..n).for_each(|_| f(black_box(&count)));
        assert_eq!(count.get(), n);
    }
    on_one_p(|| Difference::over(20_000_000, |n| calls(n, deferred), |n| calls(n, plain)))
}

/// Lock, and a deferred unlock; over lock and unlock. The guard is dropped either way.
pub(crate) fn lock() -> (Difference, f64) {
    #[inline(never)]
    fn deferred(counter: &Mutex<u64>) {
        let guard = RefCell::new(Some(counter.lock().expect("nobody panics")));
        g0_defer::defer! { drop(guard.take()) }
        if let Some(count) = guard.borrow_mut().as_deref_mut() {
            *count += 1;
        }
    }
    #[inline(never)]
    fn plain(counter: &Mutex<u64>) {
        let mut count = counter.lock().expect("nobody panics");
        *count += 1;
        drop(count);
    }
    fn adds(n: u64, add: fn(&Mutex<u64>)) {
        let counter = Mutex::new(0);
        (0..n).for_each(|_| add(black_box(&counter)));
        assert_eq!(*counter.lock().expect("nobody panics"), n);
    }
    on_one_p(|| Difference::over(5_000_000, |n| adds(n, deferred), |n| adds(n, plain)))
}

/// A function that defers `MANY` calls in a loop, each with a number.
pub(crate) fn many<const MANY: u64>() -> f64 {
    #[inline(never)]
    fn defers(many: u64, sum: &Cell<u64>) {
        deferring(|s| {
            for i in 0..many {
                s.defer(move || sum.set(sum.get() + i));
            }
        });
    }
    on_one_p(|| {
        median(10_000_000, |n| {
            let sum = Cell::new(0);
            for _ in 0..n / MANY {
                defers(black_box(MANY), black_box(&sum));
            }
            assert_eq!(sum.get(), n / MANY * (MANY * (MANY - 1) / 2));
        })
    })
}

/// A panic of Rust's, recovered by a deferred call.
pub(crate) fn unwind() -> f64 {
    #[inline(never)]
    fn panics(i: u64) {
        if black_box(true) {
            std::panic::resume_unwind(Box::new(i));
        }
    }
    on_one_p(|| {
        median(200_000, |n| {
            for i in 0..n {
                let got = Cell::new(None);
                recovering(|s| {
                    s.defer_recover(|r| got.set(r.recover()));
                    panics(i);
                });
                let got = got.take().expect("it was recovered");
                assert_eq!(got.downcast_ref(), Some(&i));
            }
        })
    })
}

/// This thread's cache and catches: a platform of goroutines would have them in its Ps and Gs.
enum Here {}

static DEPOT: Depot = Depot::new();

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
    static INNERMOST: Cell<*const Catch> = const { Cell::new(ptr::null()) };
}

// SAFETY: a thread's own, and the closures do not come back to it.
unsafe impl Local for Here {
    #[inline]
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        Some(CACHE.with_borrow_mut(f))
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        Some(CACHE.with_borrow_mut(|cache| f(Some(cache), &DEPOT)))
    }
}

// SAFETY: a thread's own.
unsafe impl Catches for Here {
    #[inline]
    fn innermost() -> *const Catch {
        INNERMOST.get()
    }

    #[inline]
    unsafe fn set_innermost(catch: *const Catch) {
        INNERMOST.set(catch);
    }
}

// SAFETY: what is thrown over here are numbers.
unsafe impl Forgets for Here {}

/// A panic that needs no unwinder, recovered by a deferred call.
pub(crate) fn jump() -> f64 {
    #[inline(never)]
    fn panics(i: u64) {
        if black_box(true) {
            Own::<Here>::panic(i);
        }
    }
    median(2_000_000, |n| {
        for i in 0..n {
            let got = Cell::new(None);
            recovering_in::<Own<Here>, Here, _>(|s| {
                s.defer_recover(|r| got.set(r.recover()));
                panics(i);
            });
            let got = got.take().expect("it was recovered").downcast::<u64>();
            assert!(got.is_ok_and(|got| got == i));
        }
    })
}

/// A goroutine that ends by Goexit, with one deferred call; over one that returns.
pub(crate) fn exit() -> (Difference, f64) {
    fn ends(n: u64, body: fn()) {
        (0..n).for_each(|_| drop(go(body).join()));
    }
    fn returns() {
        scope_in::<g0_defer::Rust, g0_sched::Defers<g0_sched::Hosted>, _>(|s| s.defer(|| {}));
    }
    fn exits() {
        deferring(|s| {
            s.defer(|| {});
            goexit()
        })
    }
    on_one_p(|| Difference::over(100_000, |n| ends(n, exits), |n| ends(n, returns)))
}
