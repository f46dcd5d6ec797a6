//! The crate alone: one core, static memory, no allocator, no std used but to print. Calls deferred in a
//! loop, a panic that is recovered, and another that goes on.

use core::cell::{Cell, UnsafeCell};
use core::ptr;

use g0_defer::{
    Cache, Catch, Catches, Depot, Forgets, Local, Memory, Own, Throw, Unwind, recovering_in,
    scope_in,
};

/// Room for 64 records of four words and for 16 of twelve.
static SMALL: Memory<64> = Memory::new();
static MIDDLE: Memory<32> = Memory::new();
static DEPOT: Depot = Depot::new();

/// What belongs to the one core.
struct Core {
    cache: UnsafeCell<Cache>,
    innermost: Cell<*const Catch>,
}

// SAFETY: there is one core, and this program has no interrupt handlers (and no second thread).
unsafe impl Sync for Core {}

static CORE: Core =
    Core { cache: UnsafeCell::new(Cache::new()), innermost: Cell::new(ptr::null()) };

/// The machine.
enum Machine {}
type Panics = Own<Machine>;

// SAFETY: one core; the closures do not come back to the cache.
unsafe impl Local for Machine {
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        // SAFETY: it has no other user.
        Some(f(unsafe { &mut *CORE.cache.get() }))
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        // SAFETY: as above.
        Some(f(Some(unsafe { &mut *CORE.cache.get() }), &DEPOT))
    }
}

// SAFETY: one word for the one flow of control.
unsafe impl Catches for Machine {
    fn innermost() -> *const Catch {
        CORE.innermost.get()
    }

    unsafe fn set_innermost(catch: *const Catch) {
        CORE.innermost.set(catch);
    }
}

// SAFETY: no frame of this program has anything to drop.
unsafe impl Forgets for Machine {}

/// Opens a number of things, closes each however it ends.
fn work(things: usize, fails: bool, open: &Cell<usize>) {
    scope_in::<Panics, Machine, _>(|s| {
        for thing in 1..=things {
            open.set(open.get() + thing);
            s.defer(move || open.set(open.get() - thing));
        }
        if fails {
            Panics::panic("a thing is broken");
        }
    });
}

fn main() {
    DEPOT.give(&SMALL, 4);
    DEPOT.give(&MIDDLE, 12);
    let open = Cell::new(0);

    for _ in 0..1000 {
        work(60, false, &open);
    }
    assert_eq!(open.get(), 0);

    let said = Cell::new("");
    let done = recovering_in::<Panics, Machine, _>(|s| {
        s.defer_recover(|r| {
            if let Some(panic) = r.recover() {
                said.set(panic.downcast().unwrap_or("something else"));
            }
        });
        work(20, true, &open);
    });
    assert_eq!((done, said.get(), open.get()), (None, "a thing is broken", 0));

    let ended = Panics::catch(|| {
        scope_in::<Panics, Machine, _>(|s| {
            s.defer(|| Panics::goexit());
            work(3, true, &open)
        })
    });
    let ended = ended.expect_err("a Goexit is not recovered");
    assert!(Panics::is_goexit(&ended) && open.get() == 0);
    println!("goexit, which replaced `{ended}`");
}
