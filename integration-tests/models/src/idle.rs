//! Work conservation: a runnable goroutine, an idle P and a free M do not last (L11).
//!
//! Ms that find nothing go idle while others publish. The models end when the goroutines have run;
//! where a wake is lost, somebody waits for ever and loom reports the deadlock. Whoever publishes
//! never comes back for its own goroutine: its M is busy until the others have done the work.
//!
//! The pair of fences between "publish, look for an idle P" and "declare idle, look for work" is
//! what is explored here, so both are full ones. Its other use, the hand-over of a P's data, goes
//! through the scheduler's lock and `nextp`; races on it are reported all the same.

use g0_sched::hooks::Next;
use g0_sched::model::clock;
use g0_sched::port::Machines;
use g0_sched::{Core, M, Platform, StartError, hooks};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::{Sent, Threads, World, as_threads, nap, rest, schedule, wait};

pub const MODEL: Model = Model {
    name: "idle",
    scenarios: &[
        Scenario { name: "ring", invariants: "L11", extra: 2, run: ring },
        Scenario { name: "global", invariants: "L11", extra: 0, run: global },
        Scenario { name: "stale", invariants: "L11", extra: 1, run: stale },
        Scenario { name: "spinner", invariants: "L11", extra: 0, run: || spinner(true) },
        Scenario { name: "spinners", invariants: "L11", extra: 0, run: || spinner(false) },
        Scenario { name: "retaken", invariants: "L11", extra: 2, run: retaken },
        Scenario { name: "handed", invariants: "L11", extra: 0, run: handed },
        Scenario { name: "aside", invariants: "L11", extra: 0, run: aside },
        Scenario { name: "dismissed", invariants: "L3,L11", extra: 1, run: dismissed },
        Scenario { name: "bound", invariants: "L1,L11,L23", extra: 1, run: bound },
        Scenario { name: "left", invariants: "L11", extra: 0, run: left },
        Scenario { name: "runnext", invariants: "L11", extra: 1, run: runnext },
        Scenario { name: "missed", invariants: "L5,L11,L18", extra: 1, run: missed },
        Scenario { name: "in-hand", invariants: "L11", extra: 1, run: in_hand },
        Scenario { name: "nap-outside", invariants: "L11", extra: 1, run: nap_outside },
        Scenario { name: "nap-over", invariants: "L11", extra: 1, run: nap_over },
        Scenario { name: "nap-given", invariants: "L11", extra: 0, run: nap_given },
    ],
};

/// From then on an M gives its P up to those in line, nanoseconds.
const SLICE: u64 = 25_000;

/// Publishes the `i`th G in `m`'s ring, as a spawn does, and wakes somebody if the core says so.
fn publish(world: &World, m: &'static M, i: usize) {
    let core = world.core();
    // SAFETY: `m` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(i));
        if hooks::append(core, hooks::proc_of(m), world.g(i)) {
            hooks::wake::<Threads>(core);
        }
    }
}

/// Makes the `i`th G ready from a thread that is no M.
fn publish_outside(world: &World, i: usize) {
    let core = world.core();
    // SAFETY: the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(i));
        if hooks::ready::<Threads>(core, None, world.g(i)) {
            hooks::wake::<Threads>(core);
        }
    }
}

/// An M with a P goes idle while another one publishes in its own ring and goes on with what it is
/// doing.
fn ring() {
    let world = World::new(2, 2, 1);
    let core = world.core();
    let (busy, idle) = (world.m_with_p(), world.m_with_p());
    let other = thread::spawn(move || schedule(core, idle, |_| hooks::halt::<Threads>(core)));
    publish(&world, busy, 0);
    other.join().unwrap();
    world.end();
}

/// One P, one M, and two threads that are no Ms make a goroutine ready each: one may be waking
/// the M while the other looks whether it needs to.
fn global() {
    let world = Arc::new(World::new(1, 1, 2));
    let core = world.core();
    let m = world.m();
    rest(core, m);
    let runner = thread::spawn(move || {
        let mut left = 2;
        if wait(core, m) {
            schedule(core, m, |_| {
                left -= 1;
                if left == 0 {
                    hooks::halt::<Threads>(core);
                }
            });
        }
    });
    let publisher = {
        let world = world.clone();
        thread::spawn(move || publish_outside(&world, 1))
    };
    publish_outside(&world, 0);
    publisher.join().unwrap();
    runner.join().unwrap();
    World::end_shared(world);
}

/// A wake whose reason is gone meets the last M on its way to rest, while a goroutine is made ready:
/// the waker looks like an M that looks for work, and must not be taken for one when it is none.
fn stale() {
    let world = World::new(1, 1, 1);
    let core = world.core();
    let m = world.m_with_p();
    let waker = thread::spawn(move || hooks::wake::<Threads>(core));
    let runner = thread::spawn(move || schedule(core, m, |_| hooks::halt::<Threads>(core)));
    publish_outside(&world, 0);
    waker.join().unwrap();
    runner.join().unwrap();
    world.end();
}

/// An M that looks for work finds some, while another publishes and leaves the waking to it. The
/// two goroutines wait for each other's start, so each needs an M. The third M is `resting` from
/// the beginning, or about to.
fn spinner(resting: bool) {
    let world = World::new(3, 3, 2);
    let core = world.core();
    let (busy, third, second) = (world.m_with_p(), world.m_with_p(), world.m());
    if resting {
        rest(core, third);
    }
    rest(core, second);
    // Wakes `second`, the one that rested last: it spins.
    publish_outside(&world, 0);
    let both = Arc::new(Both { started: AtomicUsize::new(0), bell: Notify::new() });
    let threads = [third, second].map(|m| {
        let both = both.clone();
        thread::spawn(move || {
            let at_work = !resting && std::ptr::eq(m, third);
            if at_work || wait(core, m) {
                schedule(core, m, |_| both.run(core));
            }
        })
    });
    publish(&world, busy, 1);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.end();
}

/// Two goroutines; the first to start waits for the second.
struct Both {
    started: AtomicUsize,
    bell: Notify,
}

impl Both {
    fn run(&self, core: &Core) {
        if self.started.fetch_add(1, Ordering::AcqRel) == 1 {
            self.bell.notify();
            hooks::halt::<Threads>(core);
        } else {
            while self.started.load(Ordering::Acquire) != 2 {
                self.bell.wait();
            }
        }
    }
}

/// Sysmon takes a P with work from an M in foreign code and looks for an M to run it, while one
/// stops spinning and rests. Afterwards nobody counts as spinning, or no wake would ever come.
fn retaken() {
    let world = World::new(2, 3, 2);
    let core = world.core();
    let foreign = world.m_with_p();
    publish(&world, foreign, 0);
    hooks::set_running(foreign, world.g(1).as_ptr());
    hooks::set_foreign(foreign, true);
    let m = world.m_with_p();
    hooks::claim(foreign).exit();
    let runner = thread::spawn(move || {
        schedule(core, m, |_| {
            assert_eq!(hooks::spinning(core), 0, "L11: an M that runs is counted as spinning");
            hooks::halt::<Threads>(core);
        });
    });
    if hooks::retake::<Threads>(core) {
        seen();
    }
    runner.join().unwrap();
    world.end();
}

/// An M that looks for work finds none, and its P goes to one that stands in line, which finds none
/// either and rests, while a thread that is no M makes a goroutine ready and relies on the first.
fn handed() {
    let world = World::new(1, 2, 1);
    let core = world.core();
    let (looking, second) = (world.m(), world.m());
    rest(core, looking);
    // It has the P now, and counts as looking.
    hooks::wake::<Threads>(core);
    assert!(!hooks::want_p::<Threads>(core, second), "the only P is taken");
    let threads = [looking, second].map(|m| {
        thread::spawn(move || {
            if wait(core, m) {
                schedule(core, m, |_| hooks::halt::<Threads>(core));
            }
        })
    });
    publish_outside(&world, 0);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.end();
}

/// An M that looks for work, and whose time is up, leaves the only P to one that stands in line and rests
/// aside; the other finds nothing and rests too, while a thread that is no M makes a goroutine ready.
fn aside() {
    clock::start();
    let world = World::new(1, 2, 1);
    let core = world.core();
    let (looking, second) = (world.m(), world.m());
    rest(core, looking);
    // It has the P now, and counts as looking.
    hooks::wake::<Threads>(core);
    assert!(!hooks::want_p::<Threads>(core, second), "the only P is taken");
    hooks::woken::<Threads>(core, looking);
    // As an M does that has woken.
    hooks::look_into_inbox(looking);
    clock::advance(SLICE);
    // SAFETY: `looking` is ours, inside, with a P.
    hooks::request_fair_turn(unsafe { hooks::proc_of(looking) });
    let runners = [second, looking].map(|m| {
        thread::spawn(move || {
            clock::look();
            if std::ptr::eq(m, looking) || wait(core, m) {
                schedule(core, m, |_| hooks::halt::<Threads>(core));
            }
        })
    });
    publish_outside(&world, 0);
    runners.into_iter().for_each(|runner| runner.join().unwrap());
    world.end();
}

/// Whether the platform was asked for a thread.
struct Asked {
    asked: AtomicUsize,
    bell: Notify,
}

loom::lazy_static! {
    static ref ASKED: Asked = Asked { asked: AtomicUsize::new(0), bell: Notify::new() };
}

/// [`Threads`], of which one starts when that is asked for.
struct Starts;

// SAFETY: as `Threads`, which does all that matters.
unsafe impl Platform for Starts {
    type Unwind = <Threads as Platform>::Unwind;

    as_threads!();

    unsafe fn start(_: &'static M) -> Result<(), StartError> {
        ASKED.asked.store(1, Ordering::Release);
        ASKED.bell.notify();
        Ok(())
    }
}

impl Machines for Starts {}

g0_sched::default_parts!(Starts: ForeignCode, Interrupts, Reports, Unwinding);

/// What an M that rests comes to.
#[derive(PartialEq)]
enum Woken {
    HasP,
    Halted,
    Ends,
}

/// Waits as the executor does: until `m` has a P, its thread is to end, or the scheduler has halted.
fn wait_or_end(core: &'static Core, m: &'static M) -> Woken {
    loop {
        if hooks::has_nextp(m) {
            hooks::woken::<Starts>(core, m);
            return Woken::HasP;
        }
        if hooks::halted(core) {
            return Woken::Halted;
        }
        // SAFETY: the M's own thread.
        unsafe { Starts::park(hooks::parker(m), None) };
        if !hooks::has_nextp(m) {
            match hooks::spurious_wakeup::<Starts>(core, m) {
                None => return Woken::HasP,
                Some(Next::Stop) => return Woken::Ends,
                Some(_) => {}
            }
        }
    }
}

/// The only M there may be is idle and is told to end, while a thread that is no M makes a goroutine ready: the waker
/// takes the M, or it ends, and is used again at once.
fn dismissed() {
    let world = Arc::new(World::new(1, 1, 1));
    let core = world.core();
    let m = world.m();
    rest(core, m);
    hooks::has_own_thread(core, m);
    let sysmon = thread::spawn(move || hooks::dismiss_one::<Starts>(core, 0));
    let publisher = {
        let world = world.clone();
        // SAFETY: the G is ours until it is pushed.
        thread::spawn(move || unsafe {
            hooks::save(world.g(0));
            if hooks::ready::<Starts>(core, None, world.g(0)) {
                hooks::wake::<Starts>(core);
            }
        })
    };
    let woken = wait_or_end(core, m);
    if woken == Woken::Ends {
        hooks::claim(m).exit();
        hooks::m_has_ended::<Starts>(core, m);
        // From here on this is its next thread.
        while ASKED.asked.load(Ordering::Acquire) == 0 {
            ASKED.bell.wait();
        }
        seen();
        hooks::claim(m).enter(true);
        assert!(wait(core, m), "L3: an M starts without a P");
    }
    schedule(core, m, |_| hooks::halt::<Starts>(core));
    publisher.join().unwrap();
    let dismissed = sysmon.join().unwrap();
    assert!(dismissed || woken != Woken::Ends, "an M ends that was not told to");
    World::end_shared(world);
}

/// An idle M to which a goroutine is bound is told to end, while a thread that is no M wakes the goroutine.
fn bound() {
    let world = Arc::new(World::on_runtime(false, 1));
    let core = world.core();
    let m = world.m_with_p();
    // SAFETY: the M and the G are ours: no other thread has begun.
    unsafe {
        hooks::register(core, world.g(0));
        hooks::save(world.g(0));
        hooks::parked(world.g(0));
        hooks::bind(m, world.g(0), false);
    }
    rest(core, m);
    hooks::has_own_thread(core, m);
    let sysmon = thread::spawn(move || hooks::dismiss_one::<Starts>(core, 0));
    let waker = {
        let world = world.clone();
        // SAFETY: the G is parked; this is its one wake.
        thread::spawn(move || unsafe {
            assert!(
                !hooks::ready::<Starts>(core, None, world.g(0)),
                "L1: another M is to be woken"
            );
        })
    };
    let woken = wait_or_end(core, m);
    assert!(woken != Woken::Ends, "L23: the thread of a goroutine that waits there ends");
    schedule(core, m, |_| hooks::halt::<Starts>(core));
    waker.join().unwrap();
    if sysmon.join().unwrap() {
        seen();
    }
    World::end_shared(world);
}

/// On the pinned runtime an M that is home to many leaves a new goroutine to one that looks for work, and rests
/// beside it. That one may find the other goroutine first: the two wait for each other's start, so each needs an M.
fn left() {
    let world = World::pinned(2, 2, 2);
    let core = world.core();
    let looking = world.m();
    rest(core, looking);
    let full = world.m_with_p();
    hooks::begin_goroutines(full, 8);
    // Wakes `looking`, which has the other P now.
    publish_outside(&world, 1);
    let both = Arc::new(Both { started: AtomicUsize::new(0), bell: Notify::new() });
    let runner = {
        let both = both.clone();
        thread::spawn(move || {
            if wait(core, looking) {
                schedule(core, looking, |_| both.run(core));
            }
        })
    };
    // As one that is put back: the M that leaves it sees to it that another one comes.
    // SAFETY: `full` is ours, inside, with a P; the G is ours until it is pushed.
    unsafe {
        hooks::save(world.g(0));
        let _ = hooks::append(core, hooks::proc_of(full), world.g(0));
    }
    let rested = hooks::leave_to_another::<Threads>(core, full).is_some();
    if rested {
        seen();
    }
    if !rested || wait(core, full) {
        schedule(core, full, |_| both.run(core));
    }
    runner.join().unwrap();
    world.end();
}
/// The goroutine of an M makes another one ready, and computes on, while the other M goes idle: what is in `runnext` is
/// moved to the ring, or borrowed.
fn runnext() {
    clock::set_cpus(2);
    let world = World::new(2, 2, 2);
    let core = world.core();
    let (busy, idle) = (world.m_with_p(), world.m_with_p());
    hooks::set_running(busy, world.g(1).as_ptr());
    let other = thread::spawn(move || schedule(core, idle, |_| hooks::halt::<Threads>(core)));
    // SAFETY: `busy` is ours, inside, with a P; the G is ours until it is published.
    unsafe {
        hooks::save(world.g(0));
        if hooks::ready::<Threads>(core, Some(busy), world.g(0)) {
            hooks::wake::<Threads>(core);
        }
    }
    hooks::claim(busy).exit();
    other.join().unwrap();
    if hooks::claim(busy).has() {
        seen();
    }
    world.end();
}

/// As [`runnext`], and the goroutine is back soon: it may find its P borrowed, and gets that or the other one.
fn missed() {
    clock::set_cpus(2);
    let world = World::new(2, 2, 2);
    let core = world.core();
    let (busy, idle) = (world.m_with_p(), world.m_with_p());
    hooks::set_running(busy, world.g(1).as_ptr());
    // SAFETY: `busy` is ours, inside, with a P; the G is ours until it is published.
    unsafe {
        let p = hooks::proc_of(busy);
        hooks::save(world.g(0));
        assert!(!hooks::ready::<Threads>(core, Some(busy), world.g(0)), "no P is idle yet");
        hooks::claim(busy).exit();
        let other = thread::spawn(move || {
            // One look: it borrows what is in `runnext`, or comes too late.
            if let Next::Run(_) = hooks::next::<Threads>(core, idle) {
                hooks::touch(hooks::proc_of(idle));
            }
        });
        hooks::reenter::<Threads>(busy);
        hooks::touch(hooks::proc_of(busy));
        other.join().unwrap();
        if !std::ptr::eq(p, hooks::proc_of(busy)) {
            seen();
        }
    }
    assert!(hooks::claim(busy).has(), "L18: an M that is inside has no P");
    world.end();
}

/// A goroutine yields to the only one in its ring, which computes on, while the other M goes idle.
fn in_hand() {
    clock::set_cpus(2);
    let world = World::new(2, 2, 3);
    let core = world.core();
    let (busy, idle) = (world.m_with_p(), world.m_with_p());
    hooks::set_running(busy, world.g(1).as_ptr());
    let run = Arc::new(AtomicUsize::new(0));
    // Before the other M rests.
    publish(&world, busy, 0);
    let (first, second) = (Sent(world.g(0)), Sent(world.g(1)));
    let other = {
        let run = run.clone();
        thread::spawn(move || {
            schedule(core, idle, |g| {
                // One of the two was stolen before the other one yielded, and that is alone then.
                if g == second.0 || run.fetch_add(1, Ordering::AcqRel) == 1 {
                    hooks::halt::<Threads>(core);
                }
            });
        })
    };
    // SAFETY: `busy` is ours, inside, with a P; the second G runs there.
    unsafe {
        if hooks::runq(hooks::proc_of(busy)).is_empty() {
            hooks::halt::<Threads>(core);
        } else if let Some(next) = hooks::yields(core, busy, second.0) {
            assert_eq!(next, first.0, "L15: a ring gave what was never put in");
            seen();
            hooks::set_running(busy, next.as_ptr());
        } else {
            hooks::halt::<Threads>(core);
        }
    }
    hooks::claim(busy).exit();
    other.join().unwrap();
    world.end();
}

/// A world in which an M naps: beside it a goroutine is inside, and may have another in hand.
fn napping(procs: usize, machines: usize, gs: usize) -> (World, &'static M, &'static M) {
    clock::set_cpus(2);
    let world = World::new(procs, machines, gs);
    let core = world.core();
    let (busy, m) = (world.m_with_p(), world.m_with_p());
    hooks::set_running(busy, world.g(gs - 1).as_ptr());
    let next = hooks::next::<Threads>(core, m);
    assert!(matches!(next, Next::WaitUntil(_)), "the M naps");
    (world, busy, m)
}

/// A thread that is no M makes a goroutine ready while an M naps, for as long as it likes.
fn nap_outside() {
    let (world, _, m) = napping(2, 2, 2);
    let core = world.core();
    let runner = thread::spawn(move || {
        if wait(core, m) {
            schedule(core, m, |_| hooks::halt::<Threads>(core));
        }
    });
    publish_outside(&world, 0);
    runner.join().unwrap();
    world.end();
}

/// A goroutine starts another one, and computes on, while the M that naps looks, and stops.
fn nap_over() {
    let (world, busy, m) = napping(2, 2, 2);
    let core = world.core();
    hooks::claim(busy).exit();
    let runner = thread::spawn(move || {
        seen();
        if nap::<Threads>(core, m) {
            schedule(core, m, |_| hooks::halt::<Threads>(core));
        }
    });
    hooks::claim(busy).enter(true);
    publish(&world, busy, 0);
    hooks::claim(busy).exit();
    runner.join().unwrap();
    world.end();
}

/// The M that naps is given a P for a goroutine of its own, while another goroutine is started and left to it to find.
/// The two wait for each other's start.
fn nap_given() {
    let (world, busy, m) = napping(3, 3, 3);
    let core = world.core();
    let third = world.m_with_p();
    rest(core, third);
    let both = Arc::new(Both { started: AtomicUsize::new(0), bell: Notify::new() });
    let threads = [m, third].map(|m| {
        let both = both.clone();
        thread::spawn(move || {
            if wait(core, m) {
                schedule(core, m, |_| both.run(core));
            }
        })
    });
    publish(&world, busy, 0);
    // SAFETY: the G is ours until it is published; it is bound while it is.
    unsafe {
        hooks::save(world.g(1));
        hooks::bind(m, world.g(1), false);
        assert!(!hooks::ready::<Threads>(core, Some(busy), world.g(1)), "mail wakes by itself");
    }
    hooks::claim(busy).exit();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.end();
}
