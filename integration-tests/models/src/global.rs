//! The global queue: it changes only under the lock, and so does its length, which is read without
//! (L13). Each goroutine leaves it once (L15).
//!
//! The protocol is the lock alone, so where nothing else is in the game both fences are empty: they
//! would order what the lock does not.

use g0_sched::hooks;
use g0_sched::hooks::Next;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World, schedule};

pub const MODEL: Model = Model {
    name: "global",
    scenarios: &[
        Scenario { name: "takers", invariants: "L13", extra: 0, run: takers },
        Scenario { name: "overflow", invariants: "L13,L15", extra: 0, run: overflow },
    ],
};

/// Makes the `i`th G ready from a thread that is no M; all Ms are awake.
fn publish(world: &World, i: usize) {
    // SAFETY: the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(i));
        let _ = hooks::ready::<Threads>(world.core(), None, world.g(i));
    }
}

/// Two Ms take one goroutine each, while a thread that is no M makes a third one ready.
fn takers() {
    let world = Arc::new(World::without_fences(2, 2, 3));
    let core = world.core();
    let (one, two) = (world.m_with_p(), world.m_with_p());
    publish(&world, 0);
    publish(&world, 1);
    let publisher = {
        let world = world.clone();
        thread::spawn(move || publish(&world, 2))
    };
    // SAFETY: each M is inside, and used by one thread.
    let next = move |m| match hooks::next::<Threads>(core, m) {
        Next::Run(g) => {
            // SAFETY: `g` has left its queue for us.
            unsafe { hooks::resume(g) };
            g.as_ptr() as usize
        }
        other => panic!("L13: three goroutines in the queue, and an M is told {other:?}"),
    };
    let other = thread::spawn(move || next(two));
    let mut ran = vec![next(one)];
    ran.push(other.join().unwrap());
    publisher.join().unwrap();
    let [told, held] = hooks::queued(core);
    assert_eq!(told, held, "L13: the length that is read without the lock, and the queue's");
    if held == 1 {
        seen();
    }
    ran.push(next(one));
    ran.sort_unstable();
    ran.dedup();
    assert_eq!(ran.len(), 3, "L13: a goroutine leaves the queue twice");
    World::end_shared(world);
}

/// A ring that is full runs over into the global queue, from which the other M takes.
fn overflow() {
    const ALL: usize = 5;
    let world = World::new(2, 2, ALL);
    let core = world.core();
    let (full, other) = (world.m_with_p(), world.m_with_p());
    let ran = Arc::new(AtomicUsize::new(0));
    let count = move |ran: &AtomicUsize| {
        if ran.fetch_add(1, Ordering::AcqRel) == ALL - 1 {
            hooks::halt::<Threads>(core);
        }
    };
    let push = |i| {
        // SAFETY: `full` is ours, inside, with a P; the G is ours until it is pushed.
        unsafe {
            hooks::save(world.g(i));
            hooks::append(core, hooks::proc_of(full), world.g(i))
        }
    };
    for i in 0..ALL - 1 {
        push(i);
    }
    let taker = {
        let ran = ran.clone();
        thread::spawn(move || schedule(core, other, |_| count(&ran)))
    };
    if push(ALL - 1) {
        hooks::wake::<Threads>(core);
    }
    if hooks::queued(core)[1] != 0 {
        seen();
    }
    schedule(core, full, |_| count(&ran));
    taker.join().unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), ALL, "L15: a goroutine runs twice");
    assert_eq!(hooks::queued(core), [0; 2], "L13: nothing is left, by the lock and without it");
    world.end();
}
