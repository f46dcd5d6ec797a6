//! The number of Ps changes while everything runs: each P has one owner at any time (L5), an M uses
//! only its own (L18), what it runs it runs with a P (L19), and nobody is left waiting for one (L11).
//!
//! A P that is not wanted serves until its M comes to the scheduler or is found away; so a change
//! meets Ms that publish, hand on, lose and ask for Ps.

use g0_sched::hooks::Next;
use g0_sched::{Core, M, hooks};
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World, schedule, wait};

pub const MODEL: Model = Model {
    name: "procs",
    scenarios: &[
        Scenario { name: "fewer", invariants: "L5,L18,L19", extra: 0, run: fewer },
        Scenario { name: "again", invariants: "L5,L11,L18", extra: 0, run: again },
        Scenario { name: "retaken", invariants: "L5,L11,L18", extra: 0, run: retaken },
    ],
};

/// Uses the P of `m`, as every operation does.
fn touch(m: &'static M) {
    assert!(hooks::claim(m).holds(), "L19: an M that runs has no P");
    // SAFETY: `m` is the caller's, inside; loom reports the access if it races.
    unsafe { hooks::touch(hooks::proc_of(m)) };
}

/// One P of two is not wanted any more, while its M publishes a goroutine there and asks what is next.
fn fewer() {
    let world = World::new(2, 2, 1);
    let core = world.core();
    let (first, second) = (world.m_with_p(), world.m_with_p());
    // SAFETY: the G is ours.
    unsafe { hooks::save(world.g(0)) };
    let run = move |m| {
        move |_| {
            touch(m);
            hooks::halt::<Threads>(core);
        }
    };
    let other = thread::spawn(move || {
        hooks::set_procs::<Threads>(core, 1);
        schedule(core, first, run(first));
    });
    touch(second);
    // SAFETY: `second` is ours, inside, with a P; the G is ours until it is pushed.
    if unsafe { hooks::append(core, hooks::proc_of(second), world.g(0)) } {
        hooks::wake::<Threads>(core);
    }
    schedule(core, second, run(second));
    other.join().unwrap();
    if hooks::live_ps(core) == 1 {
        seen();
    }
    world.end();
}

/// One P of two is not wanted, and is wanted again while its M works with it and then asks what is next,
/// and a third M stands in line: whatever the second does, its P goes to the third.
fn again() {
    let world = World::new(2, 3, 0);
    let core = world.core();
    let (first, second, third) = (world.m_with_p(), world.m_with_p(), world.m());
    assert!(!hooks::want_p::<Threads>(core, third), "both Ps are taken");
    hooks::set_procs::<Threads>(core, 1);
    let leaving = thread::spawn(move || {
        touch(second);
        // SAFETY: `second` is this thread's, inside.
        let next = hooks::next::<Threads>(core, second);
        assert_eq!(next, Next::Wait, "L18: nothing to run, and no P for the second M");
    });
    let waiting = thread::spawn(move || {
        // Waits for ever if nobody tells it of its P.
        assert!(wait(core, third));
        touch(third);
    });
    hooks::set_procs::<Threads>(core, 2);
    touch(first);
    leaving.join().unwrap();
    waiting.join().unwrap();
    whole(core, first, third);
    world.end();
}

/// Sysmon takes a P that is not wanted from an M in foreign code, which comes back; and the P is wanted
/// again.
fn retaken() {
    let world = World::new(2, 2, 1);
    let core = world.core();
    let (m, foreign) = (world.m_with_p(), world.m_with_p());
    hooks::set_running(foreign, world.g(0).as_ptr());
    hooks::set_foreign(foreign, true);
    hooks::claim(foreign).exit();
    hooks::set_procs::<Threads>(core, 1);
    let sysmon = thread::spawn(move || hooks::retake::<Threads>(core));
    let back = thread::spawn(move || {
        hooks::set_foreign(foreign, false);
        hooks::reenter::<Threads>(foreign);
        touch(foreign);
    });
    hooks::set_procs::<Threads>(core, 2);
    touch(m);
    if sysmon.join().unwrap() {
        seen();
    }
    back.join().unwrap();
    whole(core, m, foreign);
    world.end();
}

/// Two Ps are in use, and the two Ms that are inside own one each. Nobody else runs any more.
fn whole(core: &'static Core, one: &'static M, two: &'static M) {
    let counts = (hooks::live_ps(core), hooks::idle_ps(core));
    assert_eq!(counts, (2, 0), "L5: two Ps, two Ms that own one: Ps in use, Ps idle");
    // SAFETY: each M is inside, with a P, and nobody else runs any more.
    let (one, two) = unsafe { (hooks::proc_of(one), hooks::proc_of(two)) };
    assert!(!std::ptr::eq(one, two), "L5: two Ms own one P");
}
