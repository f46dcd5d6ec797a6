//! The claim protocol: who owns a P (L5, L18).
//!
//! An M enters, touches its P's plain data and exits, twice, while retakers take the P from it if
//! they find it outside. The data is a cell in which loom sees any race. Both sides use the full
//! fence: loom knows no asymmetric one, so that the light fence is a compiler fence only, and the
//! heavy one interrupts the Ms, is not part of what is shown here.

use g0_sched::hooks::Claim;
use g0_sched::hooks::Next;
use g0_sched::{M, hooks};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World, rest, schedule, wait};

pub const MODEL: Model = Model {
    name: "claim",
    scenarios: &[
        Scenario { name: "retaker", invariants: "L5,L18", extra: 2, run: || operations(1, false) },
        Scenario { name: "retakers", invariants: "L5,L18", extra: 1, run: || operations(2, false) },
        Scenario { name: "give", invariants: "L5,L18", extra: 1, run: || operations(2, true) },
        Scenario { name: "asked", invariants: "L5,L18,L24", extra: 1, run: asked },
        Scenario { name: "lent", invariants: "L5,L18,L24", extra: 1, run: || lent(false) },
        Scenario { name: "lent-retaker", invariants: "L5,L18", extra: 1, run: || lent(true) },
        Scenario { name: "sysmon", invariants: "L5,L18", extra: 1, run: sysmon },
        Scenario { name: "back", invariants: "L5,L18", extra: 0, run: back },
        Scenario { name: "given", invariants: "L5,L18", extra: 0, run: given },
    ],
};

/// What the models run with, on both sides.
const SYMMETRIC: bool = true;

/// One M's claim and the plain data of the P it stands for.
struct Shared {
    claim: Claim,
    data: UnsafeCell<usize>,
}

// SAFETY: that the cell is used by one thread at a time is what the model checks.
unsafe impl Sync for Shared {}

impl Shared {
    fn touch(&self) {
        // SAFETY: loom reports the access if it races.
        self.data.with_mut(|data| unsafe { *data += 1 });
    }
}

/// Two operations of an M against retakers. With `give`, the M gives its P away after the first
/// one and takes it back, as an M does that rests and is woken.
fn operations(retakers: usize, give: bool) {
    let shared = Arc::new(Shared { claim: Claim::new(), data: UnsafeCell::new(0) });
    shared.claim.own();
    let retaker = |_| {
        let shared = shared.clone();
        thread::spawn(move || {
            let Some(raised) = shared.claim.raise() else { return false };
            hooks::heavy_fence::<Threads>(SYMMETRIC);
            let taken = shared.claim.take(raised, || true);
            if taken {
                shared.touch();
            }
            taken
        })
    };
    let threads: Vec<_> = (0..retakers).map(retaker).collect();
    let mut lost = false;
    for operation in 0..2 {
        if !(shared.claim.enter(SYMMETRIC) || shared.claim.holds()) {
            lost = true;
            break;
        }
        shared.touch();
        if give && operation == 0 {
            shared.claim.give();
            shared.touch();
            shared.claim.own();
        }
        shared.claim.exit();
    }
    let mut takers = 0;
    for thread in threads {
        takers += usize::from(thread.join().unwrap());
    }
    if lost {
        seen();
    }
    assert!(takers <= 1, "L5: {takers} retakers took one P");
    assert!(!lost || takers == 1, "L18: an M lost a P that nobody took");
}

/// An M is asked to look up, while a retaker wants its P. It may not answer in its first operation, and does in
/// its second one.
fn asked() {
    let shared = Arc::new(Shared { claim: Claim::new(), data: UnsafeCell::new(0) });
    shared.claim.own();
    let asker = {
        let shared = shared.clone();
        thread::spawn(move || shared.claim.ask())
    };
    let retaker = {
        let shared = shared.clone();
        thread::spawn(move || {
            let Some(raised) = shared.claim.raise() else { return false };
            hooks::heavy_fence::<Threads>(SYMMETRIC);
            let taken = shared.claim.take(raised, || true);
            if taken {
                shared.touch();
            }
            taken
        })
    };
    let mut has_p = shared.claim.enter(SYMMETRIC) || shared.claim.holds_raised();
    let mut answered = false;
    if has_p {
        shared.touch();
        shared.claim.exit();
        answered = !shared.claim.enter(SYMMETRIC);
        has_p = !answered || shared.claim.holds();
        if has_p {
            shared.touch();
        }
        shared.claim.exit();
    }
    let (asked, taken) = (asker.join().unwrap(), retaker.join().unwrap());
    assert!(has_p || taken, "L18: an M lost a P that was not taken");
    if asked && !taken {
        seen();
        assert!(answered || !shared.claim.is_owned(), "L24: a question was lost");
    }
}

/// Two operations of an M, of which one borrows its P, while another asks it to look up, or wants the P for good. It
/// may not answer in the first operation.
fn lent(retaker: bool) {
    let shared = Arc::new(Shared { claim: Claim::new(), data: UnsafeCell::new(0) });
    shared.claim.own();
    let borrower = {
        let shared = shared.clone();
        thread::spawn(move || {
            let Some(raised) = shared.claim.raise() else { return (false, false) };
            hooks::heavy_fence::<Threads>(SYMMETRIC);
            let Some(borrowed) = shared.claim.borrow(raised, || true) else {
                return (false, false);
            };
            shared.touch();
            let kept = !shared.claim.give_back(borrowed);
            if kept {
                shared.touch();
            }
            (true, kept)
        })
    };
    let other = {
        let shared = shared.clone();
        thread::spawn(move || {
            if !retaker {
                return shared.claim.ask();
            }
            let Some(raised) = shared.claim.raise() else { return false };
            hooks::heavy_fence::<Threads>(SYMMETRIC);
            let taken = shared.claim.take(raised, || true);
            if taken {
                shared.touch();
            }
            taken
        })
    };
    let mut answers = false;
    let mut has_p = shared.claim.enter(SYMMETRIC) || shared.claim.holds_raised();
    if has_p {
        shared.touch();
        shared.claim.exit();
        has_p = shared.claim.enter(SYMMETRIC) || {
            answers = true;
            shared.claim.holds()
        };
        if has_p {
            shared.touch();
        }
        shared.claim.exit();
    }
    let ((lent, kept), other) = (borrower.join().unwrap(), other.join().unwrap());
    if lent {
        seen();
    }
    assert!(!(kept && retaker && other), "L5: a P was borrowed for good, and taken");
    assert!(has_p || kept || retaker && other, "L18: an M lost a P that was not taken");
    if has_p && !retaker {
        assert!(other, "L24: an M with a P was not asked");
        assert!(answers || !shared.claim.is_owned(), "L24: a question was lost");
    }
}

/// The shipped retaker, with two Ps: an M comes back from a foreign call while sysmon looks, and
/// asks for its next goroutine. Afterwards each P has one owner.
fn sysmon() {
    let world = World::new(2, 3, 2);
    let core = world.core();
    let m = world.m_with_p();
    hooks::set_running(m, world.g(1).as_ptr());
    hooks::set_foreign(m, true);
    // SAFETY: `m` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(0));
        let _ = hooks::append(core, hooks::proc_of(m), world.g(0));
    }
    hooks::claim(m).exit();
    let watcher = thread::spawn(move || hooks::retake::<Threads>(core));
    // As the bridge and the way to g0 do it.
    hooks::set_foreign(m, false);
    let kept = hooks::claim(m).enter(SYMMETRIC) || hooks::claim(m).holds();
    hooks::set_running(m, std::ptr::null_mut());
    if !kept && !hooks::want_p::<Threads>(core, m) {
        assert!(wait(core, m));
    }
    // SAFETY: inside, with a P.
    unsafe { hooks::touch(hooks::proc_of(m)) };
    // SAFETY: `m` is this thread's, inside.
    let next = hooks::next::<Threads>(core, m);
    if watcher.join().unwrap() {
        seen();
    }
    assert_eq!(next, Next::Run(world.g(0)), "L18: an M with a P and a ring in reach runs nothing");
    assert_eq!(hooks::idle_ps(core), 1, "L5: two Ps, and one M that owns one");
    let other = world.m_with_p();
    // SAFETY: each M is inside, with a P, and nobody else runs any more.
    let (mine, idle) = unsafe { (hooks::proc_of(m), hooks::proc_of(other)) };
    assert!(!std::ptr::eq(mine, idle), "L5: the P of an M that is inside was given away");
    world.end();
}

/// An M in foreign code, whose P, with a goroutine in its ring, serves the other M when it is taken: a
/// world of one P in which the other M is at rest.
fn foreign() -> (World, &'static M, &'static M) {
    let world = World::new(1, 2, 2);
    let core = world.core();
    let other = world.m_with_p();
    rest(core, other);
    let m = world.m_with_p();
    hooks::set_running(m, world.g(1).as_ptr());
    hooks::set_foreign(m, true);
    // SAFETY: `m` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(0));
        let _ = hooks::append(core, hooks::proc_of(m), world.g(0));
    }
    hooks::claim(m).exit();
    (world, m, other)
}

/// Sysmon takes the P of an M in foreign code, which comes back and must not take it for its own.
fn back() {
    let (world, m, other) = foreign();
    let core = world.core();
    let sysmon = thread::spawn(move || hooks::retake::<Threads>(core));
    let runner = thread::spawn(move || {
        if wait(core, other) {
            schedule(core, other, |_| touch(other));
        }
    });
    hooks::set_foreign(m, false);
    hooks::reenter::<Threads>(m);
    hooks::set_running(m, std::ptr::null_mut());
    touch(m);
    hooks::halt::<Threads>(core);
    if sysmon.join().unwrap() {
        seen();
    }
    runner.join().unwrap();
    world.end();
}

/// Sysmon finds an M in foreign code that hands its P on of its own accord: one of them does, once.
fn given() {
    let (world, m, other) = foreign();
    let core = world.core();
    let sysmon = thread::spawn(move || hooks::retake::<Threads>(core));
    let runner = thread::spawn(move || {
        assert!(wait(core, other), "L11: the P was handed to nobody");
        // SAFETY: `other` is this thread's, inside.
        hooks::next::<Threads>(core, other);
        touch(other);
    });
    // As the bridge does it.
    if hooks::claim(m).enter(SYMMETRIC) || hooks::claim(m).holds() {
        hooks::hand_off::<Threads>(core, m);
    }
    hooks::claim(m).exit();
    if sysmon.join().unwrap() {
        seen();
    }
    runner.join().unwrap();
    assert_eq!(hooks::idle_ps(core), 0, "L5: a P that an M owns is idle: it was handed on twice");
    world.end();
}

/// Uses the P of `m`.
fn touch(m: &'static M) {
    // SAFETY: `m` is the caller's, inside, with a P; loom reports the access if it races.
    unsafe { hooks::touch(hooks::proc_of(m)) };
}
