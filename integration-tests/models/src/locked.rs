//! Goroutines that lock their thread: the counts (L8), what others read of them (L4), where they run
//! (L1), how they end (L9), and who starts the threads that are needed meanwhile (L10).
//!
//! The counts are one thread's, so they are no matter of schedules: every short sequence of locks,
//! unlocks and callbacks is tried. The rest are whole schedulers.

use std::cell::Cell;
use std::ptr::NonNull;

use g0_defer::NoUnwind;
use g0_sched::generic::{
    current, lock_os_thread, os_thread_locked, park, unlock_os_thread, yield_now,
};
use g0_sched::model::{self, Shape, run_on};
use g0_sched::port::{ForeignCode, Interrupts, Machines, Reports, Unwinding};
use g0_sched::{G, M, Platform, StartError, hooks};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, ThreadId};

use crate::exec::{go, go_on};
use crate::runner::{Model, Scenario, seen};
use crate::world::{Sent, Threads, World, as_threads};

pub const MODEL: Model = Model {
    name: "locked",
    scenarios: &[
        Scenario { name: "counts", invariants: "L8", extra: 0, run: || counts(true) },
        Scenario { name: "counts-safe", invariants: "L8", extra: 0, run: || counts(false) },
        Scenario { name: "several", invariants: "L8", extra: 0, run: several },
        Scenario { name: "left", invariants: "L2,L8", extra: 0, run: left },
        Scenario { name: "bystander", invariants: "L2", extra: 0, run: bystander },
        Scenario { name: "token", invariants: "L1,L2,L3", extra: 0, run: token },
        Scenario { name: "woken", invariants: "L4", extra: 0, run: woken },
        Scenario { name: "joined", invariants: "L4,L9", extra: 0, run: joined },
        Scenario { name: "hand-off", invariants: "L9", extra: 0, run: hand_off },
        Scenario { name: "told", invariants: "L9", extra: 0, run: told },
        Scenario { name: "template", invariants: "L10", extra: 0, run: template },
    ],
};

/// What a goroutine does with its locks.
#[derive(Clone, Copy, PartialEq)]
enum Do {
    Lock,
    Unlock,
    /// C calls back, and what follows is done in the callback.
    Begin,
    /// The callback returns.
    End,
}

/// Steps in a row: each of four, so 4⁵ sequences.
const STEPS: u32 = 5;

/// Every sequence against a list of what is open.
fn counts(migrating: bool) {
    seen();
    let world = World::on_runtime(migrating, 1);
    let m = world.m_with_p();
    hooks::set_running(m, world.g(0).as_ptr());
    let sequences = 4_u32.pow(STEPS);
    for first in 0..4 {
        // A thread after the other: loom counts the accesses of each in sixteen bits.
        let g = Sent(world.g(0));
        let thread = thread::spawn(move || {
            let g = g;
            // SAFETY: the thread plays this M; so below.
            unsafe { Threads::set_current(m) };
            for sequence in first * sequences / 4..(first + 1) * sequences / 4 {
                let steps = (0..STEPS).map(|i| match sequence >> (2 * i) & 3 {
                    0 => Do::Lock,
                    1 => Do::Unlock,
                    2 => Do::Begin,
                    _ => Do::End,
                });
                steps_in_a_row(m, g.0, migrating, steps);
            }
        });
        thread.join().unwrap();
    }
    world.end();
}

fn steps_in_a_row(m: &'static M, g: NonNull<G>, migrating: bool, steps: impl Iterator<Item = Do>) {
    // For each callback that is open, and outside of all: the locks taken there, and what it covers.
    let mut open = vec![(0, 0)];
    let check = |open: &[(usize, usize)], what: &str| {
        let locked = open.len() > 1 || open[0].0 > 0;
        assert!(os_thread_locked::<Threads>() == locked, "L8: after {what}");
        // SAFETY: both are this thread's.
        let (bound, reserved) = unsafe { hooks::ties(m, g) };
        let whose = if locked { g.as_ptr() } else { std::ptr::null_mut() };
        assert!(reserved == whose, "L8: the thread is another's: {what}");
        let expected = if locked { std::ptr::from_ref(m) } else { std::ptr::null() };
        assert!(
            !migrating || bound == expected,
            "L8: unlocked and bound, or locked and not: {what}"
        );
    };
    let end = |open: &mut Vec<(usize, usize)>| {
        let (left, covered) = open.pop().expect("one is open");
        // SAFETY: the model's goroutine is in that callback.
        unsafe { hooks::end_callback::<Threads>(m, g, covered) };
        // Locks of a callback outlive it.
        open.last_mut().expect("the outside is never closed").0 += left;
    };
    for step in steps {
        match step {
            Do::Lock => {
                lock_os_thread::<Threads>();
                open.last_mut().expect("the outside").0 += 1;
                check(&open, "a lock");
            }
            Do::Unlock => {
                unlock_os_thread::<Threads>();
                // Not those from outside the callback.
                let here = &mut open.last_mut().expect("the outside").0;
                *here = here.saturating_sub(1);
                check(&open, "an unlock");
            }
            Do::Begin => {
                // SAFETY: the model's goroutine goes to a callback.
                open.push((0, unsafe { hooks::begin_callback(m, g) }));
                check(&open, "the begin of a callback");
            }
            Do::End if open.len() > 1 => {
                end(&mut open);
                check(&open, "the end of a callback");
            }
            Do::End => {}
        }
    }
    while open.len() > 1 {
        end(&mut open);
    }
    for left in (0..open[0].0).rev() {
        unlock_os_thread::<Threads>();
        open[0].0 = left;
        check(&open, "one of the last unlocks");
    }
}

/// The orders of three.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// On the pinned runtime three goroutines of one M lock it in every order, and leave it in every order, each by
/// an unlock or by its end; the first may come back before the others leave.
fn several() {
    seen();
    let world = World::on_runtime(false, 3);
    let m = world.m_with_p();
    for leave in ORDERS.as_chunks::<2>().0 {
        // A thread after the other, as above.
        let gs = [0, 1, 2].map(|i| Sent(world.g(i)));
        let thread = thread::spawn(move || {
            let gs = gs.map(|g| g.0);
            // SAFETY: the M and the goroutines are this thread's, which run here, so they stay here.
            gs.into_iter().for_each(|g| unsafe { hooks::bind(m, g, false) });
            for (lock, leave) in ORDERS.iter().flat_map(|lock| leave.iter().map(move |l| (lock, l)))
            {
                (0..16).for_each(|ways| come_and_leave(m, gs, *lock, *leave, ways));
            }
        });
        thread.join().unwrap();
    }
    world.end();
}

/// Bit `n` of `ways` says whether the one that leaves as number `n` ends; bit 3 whether the first comes back.
fn come_and_leave(
    m: &'static M,
    gs: [NonNull<G>; 3],
    lock: [usize; 3],
    leave: [usize; 3],
    ways: u32,
) {
    let mut locked = [false; 3];
    let check = |locked: [bool; 3]| {
        // SAFETY: both are this thread's.
        let (_, reserved) = unsafe { hooks::ties(m, gs[0]) };
        let locker = gs.iter().position(|g| g.as_ptr() == reserved);
        assert!(locker.is_some() || locked == [false; 3], "L8: a thread that some have is free");
        assert!(locker.is_none_or(|i| locked[i]), "L8: a thread is kept for one that has left");
    };
    // SAFETY: the M and the goroutines are this thread's.
    let leave_now = |i: usize, ends: bool| unsafe {
        if ends { hooks::end_locked(m, gs[i]) } else { hooks::end_callback::<Threads>(m, gs[i], 0) }
    };
    for i in lock {
        // SAFETY: as above.
        unsafe { hooks::begin_callback(m, gs[i]) };
        locked[i] = true;
        check(locked);
    }
    for (n, i) in leave.into_iter().enumerate() {
        leave_now(i, ways & 1 << n != 0);
        locked[i] = false;
        check(locked);
        if n == 0 && ways & 8 != 0 {
            // SAFETY: as above.
            unsafe { hooks::begin_callback(m, gs[i]) };
            locked[i] = true;
            check(locked);
        }
    }
    if locked[leave[0]] {
        leave_now(leave[0], ways & 1 == 0);
        check([false; 3]);
    }
}

fn here() -> ThreadId {
    thread::current().id()
}

/// The main goroutine locks and parks; the other one wakes it.
fn token() {
    run_on::<Threads>(Shape::new(2), || {
        lock_os_thread::<Threads>();
        let (mine, main) = (here(), current::<Threads>().expect("this is a goroutine"));
        let done = Arc::new(AtomicUsize::new(0));
        let other = {
            let done = done.clone();
            go(move || {
                assert!(here() != mine, "L2: a goroutine runs on a thread that another has locked");
                // Relaxed: the token carries what was done before.
                done.store(1, Ordering::Relaxed);
                main.unpark();
            })
        };
        while done.load(Ordering::Relaxed) == 0 {
            park::<Threads>();
            assert!(here() == mine, "L1: a locked goroutine goes on on another thread");
        }
        unlock_os_thread::<Threads>();
        other.join().unwrap_or_else(|never| match never {});
    });
}

/// On the pinned runtime two goroutines have locked one thread. One ends: the other has the thread still.
fn left() {
    run_on::<Threads>(Shape { migrating: false, machines: 2, ..Shape::new(1) }, || {
        let mine = here();
        let other = go(|| {
            lock_os_thread::<Threads>();
            yield_now::<Threads>();
            here()
        });
        yield_now::<Threads>();
        lock_os_thread::<Threads>();
        let ended = other.join().unwrap_or_else(|never| match never {});
        assert!(ended == mine, "L1: a goroutine of the pinned runtime changes threads");
        assert!(os_thread_locked::<Threads>(), "L8: the end of another one has unlocked");
        let new = go(here).join().unwrap_or_else(|never| match never {});
        assert!(new != mine, "L2: a goroutine begins on a thread that another has locked");
        unlock_os_thread::<Threads>();
    });
}

/// On the pinned runtime one thread has a goroutine that has locked it, and one that has not. That one ends, and
/// has started another.
fn bystander() {
    run_on::<Threads>(Shape { migrating: false, machines: 2, ..Shape::new(1) }, || {
        let (mine, main) = (here(), current::<Threads>().expect("this is a goroutine"));
        let bystander = go(move || {
            yield_now::<Threads>();
            go(move || {
                main.unpark();
                here()
            })
        });
        yield_now::<Threads>();
        lock_os_thread::<Threads>();
        park::<Threads>();
        let new = bystander.join().unwrap_or_else(|never| match never {});
        let there = new.join().unwrap_or_else(|never| match never {});
        assert!(there != mine, "L2: a goroutine begins on a thread that another has locked");
        unlock_os_thread::<Threads>();
    });
}

/// A goroutine that a thread has woken locks its thread at once: whoever woke it has read before
/// whether it is locked, and does not look again.
fn woken() {
    run_on::<Threads>(Shape::new(1), || {
        let main = current::<Threads>().expect("this is a goroutine");
        let waker = thread::spawn(move || main.unpark());
        park::<Threads>();
        lock_os_thread::<Threads>();
        unlock_os_thread::<Threads>();
        waker.join().unwrap();
    });
}

/// A goroutine ends that has locked its thread, and the thread with it. Who has joined it starts
/// another one on its stack.
fn joined() {
    run_on::<Threads>(Shape::new(2), || {
        let locked = go(|| {
            lock_os_thread::<Threads>();
            here()
        });
        let gone = locked.join().unwrap_or_else(|never| match never {});
        assert!(here() != gone, "L9: a thread goes on whose locked goroutine has ended");
        let next = go(here).join().unwrap_or_else(|never| match never {});
        assert!(next != gone, "L9: a goroutine runs on a thread whose locked goroutine has ended");
    });
}

/// The same with one P, and a goroutine in its ring: the P is handed off.
fn hand_off() {
    run_on::<Threads>(Shape { machines: 2, ..Shape::new(1) }, || {
        let waits = go(here);
        let locked = go(|| {
            lock_os_thread::<Threads>();
            here()
        });
        let other = waits.join().unwrap_or_else(|never| match never {});
        let gone = locked.join().unwrap_or_else(|never| match never {});
        assert!(other != gone, "L9: a goroutine runs on a thread whose locked goroutine has ended");
    });
}

/// On the pinned runtime the thread goes on, for others are bound to it, and the platform is told.
fn told() {
    let shape = Shape { migrating: false, ..Shape::new(1) };
    run_on::<Own<false>>(shape, || {
        seen();
        let locked = go_on::<Own<false>, _>(|| {
            lock_os_thread::<Own<false>>();
            here()
        });
        let mine = locked.join().unwrap_or_else(|never| match never {});
        assert!(mine == here(), "L1: a goroutine of the pinned runtime changes threads");
        assert!(TOLD.with(Cell::get) == 1, "L9: a locked goroutine has ended, and nobody is told");
    });
}

/// A goroutine locks its thread and changes what threads inherit; another one needs a thread.
fn template() {
    run_on::<Own<true>>(Shape { machines: 2, ..Shape::new(1) }, || {
        lock_os_thread::<Own<true>>();
        INHERITED.with(|own| own.set(1));
        let other = go_on::<Own<true>, _>(|| INHERITED.with(Cell::get));
        let inherited = other.join().unwrap_or_else(|never| match never {});
        assert!(inherited == 0, "L10: a thread inherits from one that a goroutine has locked");
        assert!(INHERITED.with(Cell::get) == 1, "L1: a locked goroutine goes on on another thread");
        unlock_os_thread::<Own<true>>();
    });
}

loom::thread_local! {
    /// What a thread inherits from the one that starts it: a signal mask, an affinity.
    static INHERITED: Cell<usize> = Cell::new(0);
    /// How often the platform was told on this thread that its locked goroutine has ended.
    static TOLD: Cell<usize> = Cell::new(0);
}

/// Loom's threads, inheriting as threads do, with or without a watcher.
struct Own<const WATCHED: bool>;

// SAFETY: as that which it is made of.
unsafe impl<const WATCHED: bool> Platform for Own<WATCHED> {
    type Unwind = NoUnwind;

    as_threads!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        let inherited = INHERITED.with(Cell::get);
        model::start::<Self>(m, move || INHERITED.with(|own| own.set(inherited)))
    }
}

impl<const WATCHED: bool> Machines for Own<WATCHED> {
    const WATCHED: bool = WATCHED;

    unsafe fn on_locked_exit(_: &'static M) {
        TOLD.with(|told| told.set(told.get() + 1));
    }
}

impl<const WATCHED: bool> ForeignCode for Own<WATCHED> {}
impl<const WATCHED: bool> Interrupts for Own<WATCHED> {}
impl<const WATCHED: bool> Reports for Own<WATCHED> {}
impl<const WATCHED: bool> Unwinding for Own<WATCHED> {}
