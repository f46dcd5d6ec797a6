//! The unwinders, and what the tests need to know of the payloads of each: one of a kernel's own, so that
//! scopes are tested without the feature `std` too; `Own`, over a thread's cache; Rust's.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use g0_defer::{Cache, Catch, Catches, Depot, Forgets, Local, Own, Throw, Thrown, Unwind};

/// One unwinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Panic(u32),
    Goexit,
}

/// An unwinder whose payloads the tests can make and read.
pub trait Readable: Throw {
    fn payload(id: u32) -> Self::Payload;
    /// Oldest first.
    fn events(payload: Self::Payload) -> Vec<Event>;
}

/// Begins an unwinding.
pub fn begin<U: Readable>(event: Event) -> ! {
    match event {
        Event::Panic(id) => U::throw(U::payload(id)),
        Event::Goexit => U::goexit(),
    }
}

/// Returns what was in flight when `f` ended.
pub fn outcome<U: Readable>(f: impl FnOnce()) -> Vec<Event> {
    U::catch(f).map_or_else(U::events, |()| Vec::new())
}

/// A kernel's own unwinder, which carries a list of events.
pub struct Kernel;

pub struct KernelPayload(Vec<Event>);

impl Unwind for Kernel {
    type Payload = KernelPayload;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, KernelPayload> {
        catch_unwind(AssertUnwindSafe(f)).map_err(|any| match any.downcast::<KernelPayload>() {
            Ok(own) => *own,
            Err(other) => resume_unwind(other),
        })
    }

    fn resume(payload: KernelPayload) -> ! {
        resume_unwind(Box::new(payload))
    }

    fn replace(newer: KernelPayload, mut older: KernelPayload) -> KernelPayload {
        older.0.extend(newer.0);
        older
    }

    fn recovered(mut payload: KernelPayload) -> (Option<KernelPayload>, Option<KernelPayload>) {
        let last = payload.0.iter().rposition(|event| *event == Event::Goexit);
        let newer = payload.0.split_off(last.map_or(0, |at| at + 1));
        let travels = |events: Vec<Event>| (!events.is_empty()).then_some(KernelPayload(events));
        (travels(newer), travels(payload.0))
    }

    fn is_goexit(payload: &KernelPayload) -> bool {
        payload.0.last() == Some(&Event::Goexit)
    }

    fn panicking() -> bool {
        std::thread::panicking()
    }
}

impl Throw for Kernel {
    fn goexit() -> ! {
        Self::throw(KernelPayload(vec![Event::Goexit]))
    }
}

impl Readable for Kernel {
    fn payload(id: u32) -> KernelPayload {
        KernelPayload(vec![Event::Panic(id)])
    }

    fn events(payload: KernelPayload) -> Vec<Event> {
        payload.0
    }
}

#[cfg(feature = "std")]
impl Readable for g0_defer::Rust {
    fn payload(id: u32) -> g0_defer::Payload {
        Box::new(id)
    }

    fn events(payload: g0_defer::Payload) -> Vec<Event> {
        g0_defer::Panics::of(payload)
            .iter()
            .map(|one| match one.downcast_ref::<u32>() {
                Some(&id) => Event::Panic(id),
                None if one.is::<g0_defer::Goexit>() => Event::Goexit,
                None => panic!("neither a test's panic nor a Goexit"),
            })
            .collect()
    }
}

/// A thread's own cache and catches.
#[derive(Debug)]
pub enum Here {}

pub type Jumps = Own<Here>;

static DEPOT: Depot = Depot::new();

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
    static INNERMOST: Cell<*const Catch> = const { Cell::new(std::ptr::null()) };
    /// Fast and slow visits of this thread's cache.
    pub static VISITS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Without an allocator there is what the caches are given.
fn give() {
    #[cfg(not(feature = "alloc"))]
    {
        use g0_defer::Memory;
        static SMALL: Memory<8192> = Memory::new();
        static MIDDLE: Memory<8192> = Memory::new();
        static LARGE: Memory<2048> = Memory::new();
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            DEPOT.give(&SMALL, 4);
            DEPOT.give(&MIDDLE, 12);
            DEPOT.give(&LARGE, 28);
        });
    }
}

// SAFETY: a thread's own, and the closures do not come back to it.
unsafe impl Local for Here {
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        VISITS.set((VISITS.get().0 + 1, VISITS.get().1));
        Some(CACHE.with_borrow_mut(f))
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        VISITS.set((VISITS.get().0, VISITS.get().1 + 1));
        give();
        Some(CACHE.with_borrow_mut(|cache| f(Some(cache), &DEPOT)))
    }
}

// SAFETY: a thread's own.
unsafe impl Catches for Here {
    fn innermost() -> *const Catch {
        INNERMOST.get()
    }

    unsafe fn set_innermost(catch: *const Catch) {
        INNERMOST.set(catch);
    }
}

// SAFETY: the tests throw over frames whose values may be leaked.
unsafe impl Forgets for Here {}

impl Readable for Jumps {
    fn payload(id: u32) -> Thrown<Here> {
        match Jumps::catch(|| Jumps::panic(id)) {
            Err(thrown) => thrown,
            Ok(never) => never,
        }
    }

    fn events(payload: Thrown<Here>) -> Vec<Event> {
        payload
            .iter()
            .map(|one| match one.downcast_ref::<u32>() {
                Some(&id) => Event::Panic(id),
                None if one.is::<g0_defer::Goexit>() => Event::Goexit,
                None => panic!("neither a test's panic nor a Goexit"),
            })
            .collect()
    }
}
