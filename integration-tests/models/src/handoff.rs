//! Goroutines bound to an M: it runs them and nobody else does (L1), an M reserved for one runs no
//! other (L2), and no wake is lost between the two (L3).
//!
//! An M goes to sleep for want of its goroutine while another M, or a thread that is none, makes
//! that goroutine ready. A lost wake is a deadlock that loom reports. The protocol needs no fence,
//! so both are empty where it is alone; where an unbound goroutine is in the game they are full,
//! for its own wake needs them (L11).

use g0_sched::hooks;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::runner::{Model, Scenario};
use crate::world::{Sent, Threads, World, schedule, wait};

pub const MODEL: Model = Model {
    name: "handoff",
    scenarios: &[
        Scenario { name: "locked", invariants: "L1,L2,L3", extra: 0, run: || locked(2, true) },
        Scenario { name: "line", invariants: "L1,L2,L3", extra: 1, run: || locked(1, true) },
        Scenario { name: "bare", invariants: "L1,L2,L3", extra: 1, run: || locked(2, false) },
        Scenario { name: "bare-line", invariants: "L1,L2,L3", extra: 1, run: || locked(1, false) },
        Scenario { name: "outside", invariants: "L1,L3", extra: 0, run: outside },
    ],
};

/// The goroutine that is locked to an M, and one that is not.
const LOCKED: usize = 0;
const FREE: usize = 1;

/// An M whose locked goroutine has parked has an unbound one in its ring. It gives its P away and
/// sleeps; another M makes the locked one ready and then runs the unbound one. With one P, the
/// other stands in line for it, and afterwards the first. Or there is no unbound one (`others`).
fn locked(procs: usize, others: bool) {
    let world = if others { World::new(procs, 2, 2) } else { World::without_fences(procs, 2, 1) };
    let core = world.core();
    let (owner, other) = (world.m_with_p(), world.m());
    let locked = Sent(world.g(LOCKED));
    // SAFETY: the Ms and Gs are ours: their threads have not begun.
    unsafe {
        hooks::save(locked.0);
        hooks::bind(owner, locked.0, true);
        if others {
            hooks::save(world.g(FREE));
            let _ = hooks::append(core, hooks::proc_of(owner), world.g(FREE));
        }
    }
    let left = Arc::new(AtomicUsize::new(1 + usize::from(others)));
    let done = move |left: &AtomicUsize| {
        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
            hooks::halt::<Threads>(core);
        }
    };
    let second = {
        let left = left.clone();
        thread::spawn(move || {
            let locked = locked;
            if !hooks::want_p::<Threads>(core, other) {
                assert!(wait(core, other), "L3: halted before all have run");
            }
            // SAFETY: the locked G is parked, its context saved; this is its one wake.
            if unsafe { hooks::ready::<Threads>(core, Some(other), locked.0) } {
                hooks::wake::<Threads>(core);
            }
            schedule(core, other, |g| {
                assert_ne!(g, locked.0, "L1: a locked goroutine runs on another M");
                done(&left);
            });
        })
    };
    let mut reserved = true;
    schedule(core, owner, |g| {
        assert!(!reserved || g == locked.0, "L2: an M reserved for one goroutine runs another");
        // It unlocks, so that what is left may run here as well.
        reserved = false;
        // SAFETY: `owner` is ours.
        unsafe { hooks::unreserve(owner) };
        done(&left);
    });
    second.join().unwrap();
    world.end();
}

/// Two goroutines bound to one M are made ready by two threads that are no Ms, while that M runs
/// out of work. It is not reserved: it rests with the idle ones.
fn outside() {
    let world = World::without_fences(1, 1, 2);
    let core = world.core();
    let m = world.m_with_p();
    let wakers: Vec<_> = (0..2)
        .map(|i| {
            let g = Sent(world.g(i));
            // SAFETY: the M and the Gs are ours: no thread has begun.
            unsafe {
                hooks::save(g.0);
                hooks::bind(m, g.0, false);
            }
            thread::spawn(move || {
                let g = g;
                // SAFETY: the G is parked; this is its one wake.
                if unsafe { hooks::ready::<Threads>(core, None, g.0) } {
                    hooks::wake::<Threads>(core);
                }
            })
        })
        .collect();
    let mut left = 2;
    schedule(core, m, |_| {
        left -= 1;
        if left == 0 {
            hooks::halt::<Threads>(core);
        }
    });
    wakers.into_iter().for_each(|waker| waker.join().unwrap());
    world.end();
}
