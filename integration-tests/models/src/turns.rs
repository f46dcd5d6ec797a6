//! Turns that are over (L24): sysmon asks a goroutine that has run for long to look up, and at its next operation that
//! may suspend it the goroutine gives way, whatever has become of its P meanwhile.
//!
//! Time is the model's. What sysmon keeps from one look to the next decides nothing by an order, and is core's
//! atomics: so a change of Ps between two looks needs no second thread.

use g0_sched::generic::JoinHandle;
use g0_sched::hooks;
use g0_sched::model::{Shape, clock, run_on};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::bridge::Bell;
use crate::channel::Line;
use crate::exec::go;
use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World};

pub const MODEL: Model = Model {
    name: "turns",
    scenarios: &[
        Scenario { name: "asked", invariants: "L24", extra: 0, run: asked },
        Scenario { name: "kept", invariants: "L24", extra: 0, run: kept },
    ],
};

/// How long a turn is, nanoseconds.
const TURN: u64 = 10_000_000;

/// On one P a goroutine computes, and another one is in the ring. Sysmon looks before and after ten milliseconds, and
/// once more. The first one comes to an operation while it looks, and to another one afterwards.
fn asked() {
    clock::start();
    run_on::<Threads>(Shape::new(1), || {
        seen();
        let (line, ran) = (Line::<1>::new(), Arc::new(AtomicUsize::new(0)));
        let theirs = ran.clone();
        let other: JoinHandle<(), Threads> = go(move || theirs.store(1, Ordering::Relaxed));
        let core = hooks::this_core::<Threads>();
        let looks = Arc::new(Bell::new());
        let rings = looks.clone();
        let sysmon = thread::spawn(move || {
            rings.ring();
            hooks::watch_turns::<Threads>(core);
            clock::advance(TURN);
            hooks::watch_turns::<Threads>(core);
            hooks::watch_turns::<Threads>(core);
        });
        // Loom finds more orders if the one that reads comes second in the first of them.
        looks.wait();
        assert!(line.send(0), "L20: an open channel gives a value back");
        sysmon.join().unwrap();
        assert_eq!(line.recv(), Some(0), "L20: what was sent is received");
        let ran = ran.load(Ordering::Relaxed);
        assert_eq!(ran, 1, "L24: a goroutine that is asked to give way goes on with its turn");
        other.join().unwrap_or_else(|never| match never {});
    });
    assert!(!hooks::is_asked_for(), "L24: a scheduler that has ended makes all operations look up");
}

/// An M whose goroutine computes loses its P between two looks of sysmon, and again when it has been asked, and gets
/// another one each time. Then it comes to an operation that may not suspend it.
fn kept() {
    clock::start();
    seen();
    let world = World::new(2, 2, 2);
    let core = world.core();
    let (m, other) = (world.m_with_p(), world.m());
    hooks::set_running(m, world.g(0).as_ptr());
    hooks::claim(m).exit();
    hooks::watch_turns::<Threads>(core);
    let change = || {
        // SAFETY: `m` is ours, and has a P.
        let before = unsafe { hooks::proc_of(m) };
        hooks::claim(m).enter(true);
        hooks::hand_off::<Threads>(core, m);
        assert!(hooks::want_p::<Threads>(core, other), "the P that has just been given away");
        assert!(hooks::want_p::<Threads>(core, m), "there are two Ps");
        // SAFETY: as above.
        let after = unsafe { hooks::proc_of(m) };
        assert!(!std::ptr::eq(before, after), "another P");
        hooks::hand_off::<Threads>(core, other);
        hooks::claim(m).exit();
    };
    change();
    clock::advance(TURN);
    hooks::watch_turns::<Threads>(core);
    let is_asked = || !hooks::claim(m).is_owned();
    assert!(is_asked(), "L24: a turn begins anew because the M has another P");
    change();
    assert!(is_asked(), "L24: a question is lost with the P on which it was asked");
    // SAFETY: `m` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::claim(m).enter(true);
        hooks::save(world.g(1));
        let _ = hooks::append(core, hooks::proc_of(m), world.g(1));
        hooks::claim(m).exit();
    }
    hooks::reenter::<Threads>(m);
    assert!(is_asked(), "L24: an operation that may not suspend has answered, and something waits");
    hooks::halt::<Threads>(core);
    assert!(!hooks::is_asked_for(), "L24: a scheduler that has ended makes all operations look up");
    world.end();
}
