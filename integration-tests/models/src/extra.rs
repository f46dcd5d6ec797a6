//! Threads that the scheduler did not start, and their Ms: an extra M has one thread at a time (L7), and a
//! callback's closure runs with a P (L19).
//!
//! The list of spare Ms alone, with enough takings that the topmost comes to lie there again; and
//! whole schedulers, to which foreign threads come with the shipped bridge, borrowing an M or keeping it
//! until they end.

use std::sync::atomic::AtomicPtr as StdAtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

use g0_cgo::{Bridge, CallbackError, Sched};
use g0_defer::NoUnwind;
use g0_sched::bridge::thread_ends;
use g0_sched::generic::{current, park};
use g0_sched::model::{self, Shape, run_on};
use g0_sched::port::{ForeignCode, Interrupts, Machines, Reports, Unwinding};
use g0_sched::{M, Platform, Registry, StartError, hooks};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::bridge::Bell;
use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World, as_threads, rest};

pub const MODEL: Model = Model {
    name: "extra",
    scenarios: &[
        Scenario { name: "list", invariants: "L7", extra: 2, run: list },
        Scenario { name: "borrowed", invariants: "L7,L19", extra: 1, run: || threads::<false>(2) },
        Scenario { name: "bound", invariants: "L7,L19", extra: 0, run: || threads::<true>(2) },
        Scenario { name: "ready", invariants: "L11", extra: 1, run: || ready(false) },
        Scenario { name: "burst", invariants: "L11", extra: 0, run: || ready(true) },
        Scenario { name: "rests", invariants: "L11", extra: -1, run: rests },
        Scenario { name: "sought", invariants: "L11", extra: 1, run: sought },
    ],
};

/// The Ms of one schedule; freed with it.
struct Spare {
    list: hooks::Extras,
    ms: *mut [M],
}

// SAFETY: whose an M is at a time is what the model checks.
unsafe impl Send for Spare {}
// SAFETY: as above.
unsafe impl Sync for Spare {}

impl Drop for Spare {
    fn drop(&mut self) {
        // SAFETY: whoever drops the last handle has joined the threads.
        unsafe { drop(Box::from_raw(self.ms)) }
    }
}

/// Two threads take one, and another while they have that, and put both back, the first one first.
fn list() {
    let ms: *mut [M] = Box::into_raw((0..3).map(|_| M::new()).collect::<Box<[M]>>());
    let spare = Arc::new(Spare { list: hooks::extras(), ms });
    // SAFETY: they stay until the last handle has gone.
    unsafe { &*ms }.iter().for_each(|m| spare.list.put(m));
    let theirs = spare.clone();
    let other = thread::spawn(move || takes_two(&theirs.list));
    let mine = takes_two(&spare.list);
    // Three Ms, four takings.
    if mine + other.join().unwrap() == 4 {
        seen();
    }
    let left = std::iter::from_fn(|| spare.list.take()).count();
    assert_eq!(left, 3, "L7: an extra M is lost, or in the list twice");
}

/// How many it was given.
fn takes_two(list: &hooks::Extras) -> usize {
    let first = list.take();
    let second = list.take();
    for &(m, _) in [first, second].iter().flatten() {
        // SAFETY: it is ours, or loom says that it is not.
        unsafe { hooks::use_extra(m) };
    }
    let n = [first, second].iter().flatten().count();
    [first, second].into_iter().flatten().for_each(|(m, _)| list.put(m));
    n
}

/// Where foreign threads find the scheduler of this schedule. Of the standard library: which schedule it
/// is belongs to no model.
static HOME: StdAtomicPtr<Registry> = StdAtomicPtr::new(std::ptr::null_mut());

/// Loom's threads, with a home; whether they tell when they end.
enum Visited<const KEEPS: bool> {}

// SAFETY: loom's threads, as they are.
unsafe impl<const KEEPS: bool> Platform for Visited<KEEPS> {
    type Unwind = NoUnwind;

    as_threads!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        model::start::<Self>(m, || ())
    }
}

impl<const KEEPS: bool> ForeignCode for Visited<KEEPS> {
    fn registry() -> Option<&'static Registry> {
        home()
    }

    unsafe fn keep(_: &'static M) -> bool {
        KEEPS
    }
}

impl<const KEEPS: bool> Interrupts for Visited<KEEPS> {}
impl<const KEEPS: bool> Machines for Visited<KEEPS> {}
impl<const KEEPS: bool> Reports for Visited<KEEPS> {}
impl<const KEEPS: bool> Unwinding for Visited<KEEPS> {}

/// Returns the home of this schedule.
pub fn home() -> Option<&'static Registry> {
    // SAFETY: it stays until the schedule's threads have been joined.
    unsafe { HOME.load(Relaxed).as_ref() }
}

/// Does `f` with a home of the schedule's own. `f` joins all threads that may look for it.
pub fn with_home(f: impl FnOnce()) {
    let home = Box::into_raw(Box::new(Registry::new()));
    HOME.store(home, Relaxed);
    f();
    HOME.store(std::ptr::null_mut(), Relaxed);
    // SAFETY: all threads have been joined.
    unsafe { drop(Box::from_raw(home)) }
}

/// Runs `main` with a home of the schedule's own.
fn at_home<const KEEPS: bool>(shape: Shape, main: impl FnOnce() + Send) {
    with_home(|| run_on::<Visited<KEEPS>>(shape, main));
}

/// A callback on a foreign thread, which runs `f` with a P; none when there is no M for it, or no scheduler any
/// more.
pub fn call_back<P: Platform, T>(f: impl FnOnce() -> T) -> Option<T> {
    let value = Bridge::<Sched<P>>::try_callback(|| {
        assert!(hooks::holds_p::<P>(), "L19: a callback's closure runs without a P");
        f()
    });
    match value {
        Ok(value) => Some(value),
        Err(CallbackError::NoMachine | CallbackError::NoRuntime) => None,
        Err(error) => panic!("L7: {error}"),
    }
}

/// Two foreign threads call back while main waits for them; there is one extra M, so each has it after the other
/// or is refused.
fn threads<const KEEPS: bool>(procs: usize) {
    at_home::<KEEPS>(Shape { machines: 2, ..Shape::new(procs) }, || {
        let used = Arc::new((UnsafeCell::new(0), AtomicUsize::new(0)));
        let visit = |used: Arc<(UnsafeCell<usize>, AtomicUsize)>| {
            let done = call_back::<Visited<KEEPS>, _>(|| {
                // There is one M for both, so one of them has it at a time.
                used.0.with_mut(|n| unsafe { *n += 1 });
                used.1.fetch_add(1, Ordering::Relaxed);
            });
            // SAFETY: the thread calls back no more.
            unsafe { thread_ends::<Visited<KEEPS>>() };
            done.is_some()
        };
        let theirs = used.clone();
        let (one, two) = Bridge::<Sched<Visited<KEEPS>>>::call(|| {
            let other = thread::spawn(move || visit(theirs));
            let mine = used.clone();
            let another = thread::spawn(move || visit(mine));
            (other.join().unwrap(), another.join().unwrap())
        });
        assert!(one || two, "L7: there is an extra M, and nobody was given it");
        if one && two {
            seen();
        }
        assert_eq!(used.1.load(Ordering::Relaxed), usize::from(one) + usize::from(two));
    });
}

/// With one P: main parks, a foreign thread's callback wakes it, and main goes on though that thread
/// does not call back again. In a burst it leaves main to its next callback, or to the thread's end.
fn ready(burst: bool) {
    at_home::<false>(Shape { machines: 2, ..Shape::new(1) }, || {
        let main = current::<Visited<false>>().expect("a goroutine");
        let other = thread::spawn(move || {
            seen();
            let called = call_back::<Visited<false>, _>(|| {
                if burst {
                    hooks::set_burst::<Visited<false>>();
                }
                main.unpark();
            });
            assert!(called.is_some(), "L7: no M is left");
        });
        park::<Visited<false>>();
        Bridge::<Sched<Visited<false>>>::call(|| other.join().unwrap());
    });
}

/// With one P: main's C and a foreign thread call back, and then each rests until the other has called back. Nobody
/// looks after the P.
fn rests() {
    at_home::<true>(Shape { machines: 3, ..Shape::new(1) }, || {
        seen();
        let done = Arc::new([Bell::new(), Bell::new()]);
        let visit = |done: &[Bell; 2], mine: usize| {
            let called = call_back::<Visited<true>, _>(|| ());
            assert!(called.is_some(), "L7: no M is left");
            done[mine].ring();
            done[1 - mine].wait();
        };
        let theirs = done.clone();
        Bridge::<Sched<Visited<true>>>::call_blocking(|| {
            let other = thread::spawn(move || {
                visit(&theirs, 1);
                // SAFETY: the thread calls back no more.
                unsafe { thread_ends::<Visited<true>>() };
            });
            visit(&done, 0);
            other.join().unwrap();
        });
    });
}

/// An M has been given a P, and its goroutine, which is in a call that lasts, calls back and rests. Another M wants a
/// P: it finds the first one, or that one finds that a P is sought. Without fences but those of the two.
fn sought() {
    let world = World::without_fences(1, 3, 1);
    let core = world.core();
    let rests = world.m_with_p();
    rest(core, rests);
    let (gives, wants) = (world.m_with_p(), world.m());
    // SAFETY: `gives` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(0));
        let _ = hooks::append(core, hooks::proc_of(gives), world.g(0));
    }
    hooks::set_lasting(rests);
    hooks::hand_off::<Threads>(core, gives);
    assert!(hooks::has_nextp(rests), "L11: an M at rest is not given a P with a goroutine");
    let before = hooks::heavy_fences(core);
    let other = thread::spawn(move || {
        let got = hooks::want_p::<Threads>(core, wants);
        assert!(!got, "L5: there is one P, and another M has it");
        hooks::heavy_fences(core) != before
    });
    hooks::woken::<Threads>(core, rests);
    let gives_up = hooks::seeks_p(core);
    let found = other.join().unwrap();
    if found != gives_up {
        seen();
    }
    assert!(found || gives_up, "L11: an M waits for a P that one keeps which rests");
    world.end();
}
