//! The look for a deadlock: none is reported while a goroutine can still run (L12), and one that is
//! there is reported, though whoever came to rest last looked too early.
//!
//! The last M to rest looks, as it does where nobody watches; or a thread that plays sysmon looks
//! whenever it comes to it. Meanwhile somebody is under way: a wake that has been published and not
//! been carried out, an M that has been given a P and has yet to start, one that computes without a P,
//! a tick that has taken a timer out. No thread is there that none of the Ms knows of.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};

use g0_sched::hooks::Next;
use g0_sched::hooks::Timer;
use g0_sched::model::clock;
use g0_sched::port::{ForeignCode, Interrupts, Machines, Reports, Unwinding};
use g0_sched::{DeadlockReport, M, Platform, StartError, hooks};
use loom::sync::Arc;
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World, as_threads, schedule_on, wait};

pub const MODEL: Model = Model {
    name: "deadlock",
    scenarios: &[
        Scenario { name: "mail", invariants: "L12", extra: 0, run: mail },
        Scenario { name: "start", invariants: "L12", extra: 0, run: start },
        Scenario { name: "evicted", invariants: "L12", extra: 0, run: evicted },
        Scenario { name: "tick", invariants: "L12", extra: 1, run: tick },
        Scenario { name: "told", invariants: "L12", extra: 1, run: told },
    ],
};

/// How long a goroutine may compute, and how late a timer may be, nanoseconds: from then on sysmon
/// sees to it.
const LATE: u64 = 10_000_000;

std::thread_local! {
    // Loom runs all threads of a model on one.
    static TO_START: RefCell<Vec<&'static M>> = const { RefCell::new(Vec::new()) };
    /// Whether the model has a deadlock, which it wants to be told.
    static STUCK: Cell<bool> = const { Cell::new(false) };
}

/// [`Threads`], in a program that has no others. `WATCHED`: one of them plays sysmon.
#[derive(Debug, Clone, Copy)]
struct Alone<const WATCHED: bool>;

// SAFETY: as `Threads`, which does all that matters.
unsafe impl<const WATCHED: bool> Platform for Alone<WATCHED> {
    type Unwind = <Threads as Platform>::Unwind;

    as_threads!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        TO_START.with_borrow_mut(|ms| ms.push(m));
        Ok(())
    }
}

impl<const WATCHED: bool> Machines for Alone<WATCHED> {
    const WATCHED: bool = WATCHED;
}

impl<const WATCHED: bool> Reports for Alone<WATCHED> {
    unsafe fn external_wakers(_own: usize) -> bool {
        false
    }

    unsafe fn deadlock(stuck: &DeadlockReport) {
        if STUCK.get() {
            // No failure: it ends the program, here the thread's part in the model.
            panic::resume_unwind(Box::new(Told));
        }
        panic!("L12: a deadlock is reported, and there is none: {}", stuck.fatal());
    }
}

impl<const WATCHED: bool> ForeignCode for Alone<WATCHED> {}
impl<const WATCHED: bool> Interrupts for Alone<WATCHED> {}
impl<const WATCHED: bool> Unwinding for Alone<WATCHED> {}

type Unwatched = Alone<false>;
type Watched = Alone<true>;

struct Told;

/// Looks, as sysmon does.
fn look(world: &World) {
    let dead = hooks::is_deadlocked::<Watched>(world.core());
    assert!(!dead, "L12: sysmon finds a deadlock, and there is none");
}

/// Somebody who is no M has the last handle of a goroutine that is parked and bound to an M at rest,
/// wakes the goroutine and drops the handle, while the other M rests.
fn mail() {
    let world = Arc::new(World::reporting(1, 2, 1));
    let core = world.core();
    let (owner, other) = (world.m_with_p(), world.m());
    let g = world.g(0);
    // SAFETY: the M and the G are ours: no other thread has begun.
    unsafe {
        hooks::save(g);
        hooks::parked(g);
        hooks::hold(g);
        hooks::bind(owner, g, true);
        assert_eq!(hooks::next::<Unwatched>(core, owner), Next::Wait);
    }
    assert!(hooks::want_p::<Unwatched>(core, other), "the only P is idle");
    let waker = {
        let world = world.clone();
        // SAFETY: the G is parked; this is its one wake, and the handle is ours.
        thread::spawn(move || unsafe {
            if hooks::ready::<Unwatched>(core, None, world.g(0)) {
                hooks::wake::<Unwatched>(core);
            }
            hooks::let_go(world.g(0));
        })
    };
    let other = thread::spawn(move || schedule_on::<Unwatched>(core, other, |_| ()));
    if wait(core, owner) {
        schedule_on::<Unwatched>(core, owner, |_| hooks::halt::<Unwatched>(core));
    }
    waker.join().unwrap();
    other.join().unwrap();
    World::end_shared(world);
}

/// An M whose locked goroutine is parked hands its P, with a goroutine in its ring, to an M that has
/// no thread yet, and rests. The new one's goroutine wakes the locked one. Sysmon starts threads, and
/// looks.
fn start() {
    const LOCKED: usize = 0;
    const FREE: usize = 1;
    let world = Arc::new(World::reporting(1, 2, 2).watched());
    let core = world.core();
    let m = world.m_with_p();
    TO_START.take();
    // SAFETY: the M and the Gs are ours: no other thread has begun.
    unsafe {
        hooks::save(world.g(LOCKED));
        hooks::parked(world.g(LOCKED));
        hooks::bind(m, world.g(LOCKED), true);
        hooks::save(world.g(FREE));
        let _ = hooks::append(core, hooks::proc_of(m), world.g(FREE));
    }
    let sysmon = {
        let world = world.clone();
        thread::spawn(move || {
            let [parker, _] = hooks::other_parkers(core);
            let new = loop {
                look(&world);
                hooks::start_requested::<Watched>(core);
                if let Some(m) = TO_START.with_borrow_mut(Vec::pop) {
                    break m;
                }
                // SAFETY: this thread plays sysmon.
                unsafe { Watched::park(parker, None) };
            };
            let thread = {
                let world = world.clone();
                thread::spawn(move || second(&world, new))
            };
            look(&world);
            thread.join().unwrap();
        })
    };
    /// The M that was started.
    fn second(world: &World, m: &'static M) {
        let core = world.core();
        hooks::claim(m).enter(true);
        hooks::woken::<Watched>(core, m);
        schedule_on::<Watched>(core, m, |g| {
            assert_eq!(g, world.g(FREE), "L1: a locked goroutine runs on another M");
            // SAFETY: the locked G is parked, its context saved; this is its one wake. The other is ours.
            unsafe {
                let _ = hooks::ready::<Watched>(core, Some(m), world.g(LOCKED));
                hooks::ended(g);
            }
        });
    }
    schedule_on::<Watched>(core, m, |_| hooks::halt::<Watched>(core));
    sysmon.join().unwrap();
    World::end_shared(world);
}

/// A goroutine computes without a P, which sysmon has taken: the M that got it runs what was queued,
/// and rests.
fn evicted() {
    clock::start();
    let world = Arc::new(World::reporting(1, 2, 2));
    let core = world.core();
    let other = world.m_with_p();
    // SAFETY: `other` is ours, inside.
    hooks::next::<Unwatched>(core, other);
    let m = world.m_with_p();
    hooks::set_running(m, world.g(0).as_ptr());
    // SAFETY: `m` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(1));
        let _ = hooks::append(core, hooks::proc_of(m), world.g(1));
    }
    hooks::claim(m).exit();
    clock::advance(LATE);
    let sysmon = thread::spawn(move || {
        clock::look();
        hooks::retake::<Unwatched>(core)
    });
    let runner = thread::spawn(move || {
        if wait(core, other) {
            // SAFETY: it is out of all queues.
            schedule_on::<Unwatched>(core, other, |g| unsafe { hooks::ended(g) });
        }
    });
    // It has computed for long, and does something with the scheduler.
    hooks::reenter::<Unwatched>(m);
    hooks::set_running(m, std::ptr::null_mut());
    hooks::halt::<Unwatched>(core);
    if sysmon.join().unwrap() {
        seen();
    }
    runner.join().unwrap();
    World::end_shared(world);
}

/// A tick takes out the timer of the only goroutine, which it then makes ready, while the only M rests.
fn tick() {
    clock::start();
    let world = World::reporting(1, 1, 1);
    let core = world.core();
    let m = world.m_with_p();
    let g = world.g(0);
    let timer = Timer::new(1, g, |_| true, std::ptr::null());
    // SAFETY: the G is parked, its context saved; the timer stays until all has been joined.
    unsafe {
        hooks::save(g);
        hooks::parked(g);
        hooks::timers(hooks::proc_of(m)).arm(&raw const timer);
    }
    let ticking = thread::spawn(move || {
        clock::advance(LATE);
        hooks::watch_timers::<Unwatched>(core);
    });
    schedule_on::<Unwatched>(core, m, |_| hooks::halt::<Unwatched>(core));
    ticking.join().unwrap();
    world.end();
}

/// All goroutines wait for ever. A tick, which finds nothing to do, keeps the last M to rest from
/// saying so, and says so itself.
fn told() {
    STUCK.set(true);
    let world = World::reporting(1, 1, 1);
    let core = world.core();
    let m = world.m_with_p();
    // SAFETY: the G is ours.
    unsafe { hooks::parked(world.g(0)) };
    fn reports(f: impl FnOnce()) -> bool {
        let Err(told) = panic::catch_unwind(AssertUnwindSafe(f)) else { return false };
        match told.downcast::<Told>() {
            Ok(_) => true,
            Err(failure) => panic::resume_unwind(failure),
        }
    }
    let ticking = thread::spawn(move || reports(|| hooks::watch_timers::<Unwatched>(core)));
    // SAFETY: `m` is ours, inside.
    let rested = reports(|| assert_eq!(hooks::next::<Unwatched>(core, m), Next::Wait));
    let ticked = ticking.join().unwrap();
    if ticked && !rested {
        seen();
    }
    STUCK.set(false);
    assert!(rested || ticked, "L12: a deadlock that nobody reports");
    assert!(!(rested && ticked), "L12: a deadlock that is reported twice");
    world.end();
}
