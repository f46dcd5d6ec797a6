//! g0-defer without std: deferred calls in straight-line code and in scopes, on a system where
//! nothing unwinds. Without an allocator a scope's records lie in its frame; with one the fifth
//! record goes there instead of being refused. With static memory for caches there are more of them
//! either way, and room for panics, which jump.
#![no_std]
#![no_main]

use core::cell::{Cell, UnsafeCell};
use core::ptr;

use g0_defer::{
    Cache, Catch, Catches, DeferError, Depot, Forgets, Local, Memory, NoUnwind, Own, Throw, Unwind,
    defer, recovering_in, scope_in, scope_with,
};
use nostd_start::check;

nostd_start::program!(main);

/// Remembers in which order calls came: a digit each.
#[derive(Default)]
struct Log(Cell<u32>);

impl Log {
    fn add(&self, digit: u32) {
        self.0.set(self.0.get() * 10 + digit);
    }
}

fn straight_line(log: &Log, leave_early: bool) {
    defer! { log.add(1) }
    if leave_early {
        return;
    }
    defer! { log.add(2) }
    log.add(3);
}

fn scopes() {
    let log = Log::default();
    let result = scope_with::<NoUnwind, _>(|s| {
        for digit in 1..=3 {
            let log = &log;
            s.defer(move || log.add(digit));
        }
        // A deferred call may defer.
        s.defer(|| {
            log.add(4);
            s.defer(|| log.add(5));
        });
        42
    });
    check(3, result == 42);
    check(4, log.0.get() == 45_321);
}

/// The frame has room for four records.
fn fifth_record() {
    let log = Log::default();
    let refused = scope_with::<NoUnwind, _>(|s| {
        for digit in 1..=4 {
            let log = &log;
            s.defer(move || log.add(digit));
        }
        s.try_defer(|| log.add(5)).err().map(|refused| refused.error)
    });
    if cfg!(feature = "alloc") {
        check(5, refused.is_none());
        check(6, log.0.get() == 54_321);
    } else {
        check(5, refused == Some(DeferError::FrameFull));
        check(6, log.0.get() == 4_321);
    }
}

/// What the one thread of this program has.
struct Thread {
    cache: UnsafeCell<Cache>,
    innermost: Cell<*const Catch>,
}

// SAFETY: there is one thread.
unsafe impl Sync for Thread {}

static THREAD: Thread =
    Thread { cache: UnsafeCell::new(Cache::new()), innermost: Cell::new(ptr::null()) };
static DEPOT: Depot = Depot::new();
static MEMORY: Memory<100> = Memory::new();

enum Here {}
type Panics = Own<Here>;

// SAFETY: one thread; the closures do not come back.
unsafe impl Local for Here {
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        // SAFETY: nobody else has it.
        Some(f(unsafe { &mut *THREAD.cache.get() }))
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        // SAFETY: as above.
        Some(f(Some(unsafe { &mut *THREAD.cache.get() }), &DEPOT))
    }
}

// SAFETY: one thread, one word.
unsafe impl Catches for Here {
    fn innermost() -> *const Catch {
        THREAD.innermost.get()
    }

    unsafe fn set_innermost(catch: *const Catch) {
        THREAD.innermost.set(catch);
    }
}

// SAFETY: nothing here has to be dropped.
unsafe impl Forgets for Here {}

/// More calls than a frame holds, in static memory.
fn caches() {
    check(9, DEPOT.give(&MEMORY, 4) == 100);
    let left = Cell::new(90_u32);
    for _ in 0..3 {
        left.set(90);
        let all = scope_in::<NoUnwind, Here, _>(|s| {
            let left = &left;
            (0..90).all(|n| {
                s.try_defer(move || left.set(if left.get() == n + 1 { n } else { 1000 })).is_ok()
            })
        });
        check(10, all && left.get() == 0);
    }
}

/// Panics without an unwinder.
fn panics() {
    let (got, ran) = (Cell::new(0_u32), Cell::new(0_u32));
    for n in 1..=1000_u32 {
        let value = recovering_in::<Panics, Here, _>(|s| {
            s.defer_recover(|r| {
                let panic = r.recover().and_then(|thrown| thrown.downcast().ok());
                got.set(panic.unwrap_or(0));
            });
            scope_in::<Panics, Here, _>(|inner| {
                inner.defer(|| ran.set(ran.get() + 1));
                Panics::panic(n)
            })
        });
        check(11, value.is_none() && got.get() == n && ran.get() == n);
    }
    let ended = Panics::catch(|| {
        recovering_in::<Panics, Here, ()>(|s| {
            s.defer_recover(|r| check(12, r.recover().is_none()));
            Panics::goexit()
        })
    });
    check(13, ended.is_err_and(|payload| Panics::is_goexit(&payload)));
}

fn main() {
    let log = Log::default();
    straight_line(&log, false);
    check(1, log.0.replace(0) == 321);
    straight_line(&log, true);
    check(2, log.0.get() == 1);

    scopes();
    #[cfg(feature = "alloc")]
    let before = nostd_start::heap_used();
    fifth_record();
    #[cfg(feature = "alloc")]
    check(7, nostd_start::heap_used() > before);

    caches();
    panics();

    check(8, NoUnwind::catch(|| 7) == Ok(7) && !NoUnwind::panicking());
}
