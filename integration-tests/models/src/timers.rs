//! Deadlines: a wait ends once, by its deadline or by what was waited for (L22), no timer is
//! touched when its frame has gone (L15), and none is forgotten while all are at rest (L11).
//!
//! The clock is the model's and moves when one of its threads says so. Without a sysmon: whatever
//! is due, the Ms notice by themselves.

use std::ptr;

use g0_sched::generic::{Instant, OnRecv, select_deadline, sleep_until};
use g0_sched::hooks;
use g0_sched::hooks::Next;
use g0_sched::hooks::Timer;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::channel::Line;
use crate::exec::{go, run};
use crate::runner::{Model, Scenario, seen};
use crate::world::{Threads, World, wait};
use g0_sched::model::clock;

pub const MODEL: Model = Model {
    name: "timers",
    scenarios: &[
        Scenario { name: "disarm", invariants: "L15,L22", extra: 3, run: disarm },
        Scenario { name: "receive", invariants: "L11,L15,L22", extra: 0, run: receive },
        Scenario { name: "select", invariants: "L11,L15,L22", extra: 0, run: selects },
        Scenario { name: "sleep", invariants: "L11,L15,L22", extra: -1, run: sleeps },
        Scenario { name: "timer_leader", invariants: "L11", extra: 1, run: timer_leader },
    ],
};

/// A deadline, nanoseconds.
const AT: u64 = 10;

/// Who ended the wait.
const OPEN: usize = 0;
const LATE: usize = 1;
const SERVED: usize = 2;

/// What lies on the stack of a goroutine that waits.
struct Frame {
    claimed: AtomicUsize,
    memory: UnsafeCell<()>,
}

impl Frame {
    fn claim(&self, token: usize) -> bool {
        self.claimed.compare_exchange(OPEN, token, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The timer's claim, which reads the frame.
///
/// # Safety
///
/// `frame` points to a [`Frame`].
unsafe fn claim_late(frame: *const ()) -> bool {
    // SAFETY: the caller's promise.
    let frame = unsafe { &*frame.cast::<Frame>() };
    // SAFETY: loom reports the access if it races.
    frame.memory.with(|memory| unsafe { *memory });
    frame.claim(LATE)
}

/// One thread fires the timer of a goroutine that another one wakes. Whoever wins the claim wakes
/// it; then its timer is disarmed and its frame goes.
fn disarm() {
    clock::start();
    clock::advance(AT);
    let world = World::without_fences(1, 1, 1);
    let core = world.core();
    let m = world.m_with_p();
    let g = world.g(0);
    // SAFETY: `m` is ours, inside, with a P.
    let p = unsafe { hooks::proc_of(m) };
    let frame = Frame { claimed: AtomicUsize::new(OPEN), memory: UnsafeCell::new(()) };
    let timer = Timer::new(AT, g, claim_late, ptr::from_ref(&frame).cast());
    // SAFETY: the G is parked, its context saved; frame and timer stay until all has been joined.
    unsafe {
        hooks::save(g);
        hooks::timers(p).arm(&raw const timer);
    }
    let firing = thread::spawn(move || {
        clock::look();
        hooks::serve_timers::<Threads>(core, p)
    });
    let served = frame.claim(SERVED);
    if served {
        // SAFETY: it was armed here, and lives.
        if !unsafe { hooks::timers(p).disarm(&raw const timer) } {
            // It fired in vain.
            seen();
        }
        // The frame goes.
        // SAFETY: loom reports the access if it races.
        frame.memory.with_mut(|memory| unsafe { *memory = () });
        assert!(!firing.join().unwrap(), "L22: a wait is ended twice");
    } else {
        seen();
        assert!(firing.join().unwrap(), "L22: a wait is ended by nobody");
        // SAFETY: `m` is this thread's, inside.
        let next = hooks::next::<Threads>(core, m);
        assert_eq!(next, Next::Run(g), "L11: a goroutine whose deadline has passed does not run");
    }
    world.end();
}

/// A goroutine receives until a deadline; another one sends until the same.
fn receive() {
    clock::start();
    let clock = thread::spawn(|| clock::advance(AT));
    run(|| {
        let line = Arc::new(Line::<0>::new());
        let sender = {
            let line = line.clone();
            go(move || line.send_until(0, AT))
        };
        let received = line.recv_until(AT).is_some();
        assert_eq!(sender.join(), Ok(received), "L20: what was sent, and what was received");
    });
    clock.join().unwrap();
}

/// A goroutine selects until a deadline; another one sends.
fn selects() {
    clock::start();
    let clock = thread::spawn(|| clock::advance(AT));
    run(|| {
        let lines = Arc::new([Line::<0>::new(), Line::<0>::new()]);
        let sender = {
            let lines = lines.clone();
            go(move || lines[1].send_until(1, AT))
        };
        let (mut first, mut second) = (lines[0].chan.on_recv(), lines[1].chan.on_recv());
        let until = Instant::<Threads>::from_nanos(AT);
        let in_time = select_deadline(&mut [&mut first, &mut second], until);
        assert!(first.take().is_none(), "L20: a value is received that nobody has sent");
        let received = second.take().is_some_and(|value| value.is_ok());
        assert_eq!(received, in_time, "L22: a select ends without a case, or a case without it");
        if received {
            lines[1].take(1);
        }
        assert_eq!(sender.join(), Ok(received), "L20: what was sent, and what was received");
    });
    clock.join().unwrap();
}

/// Two goroutines sleep, and both Ms rest.
fn sleeps() {
    clock::start();
    let clock = thread::spawn(|| clock::advance(AT));
    run(|| {
        let sleep = || sleep_until::<Threads>(Instant::from_nanos(AT));
        let other = go(sleep);
        sleep();
        other.join().unwrap_or_else(|never| match never {});
    });
    clock.join().unwrap();
}

/// The M that sleeps until the next deadline wakes at it and finds no P; the M that has it fires that
/// timer, arms a later one and rests. One of the two must sleep until then.
fn timer_leader() {
    clock::start();
    let world = World::new(1, 2, 2);
    let core = world.core();
    // Whoever is told to wait and has been given a P meanwhile goes on.
    let rests = move |m, mut next: Option<Next>| loop {
        match next.take() {
            Some(said @ (Next::Wait | Next::WaitUntil(_))) if !hooks::has_nextp(m) => break said,
            Some(Next::Wait | Next::WaitUntil(_)) => assert!(wait(core, m)),
            Some(Next::Run(_) | Next::Conduct | Next::Stop) => {
                panic!("L15: a goroutine runs twice")
            }
            None => {}
        }
        // SAFETY: `m` is the caller's, inside.
        next = Some(hooks::next::<Threads>(core, m));
    };
    let asleep = world.m_with_p();
    // SAFETY: `asleep` is ours, inside, with a P.
    let p = unsafe { hooks::proc_of(asleep) };
    let timers = [AT, 2 * AT].map(|at| Timer::new(at, world.g(0), |_| true, ptr::null()));
    // SAFETY: the G is parked, its context saved; the timers stay until all has been joined.
    unsafe {
        hooks::save(world.g(0));
        hooks::timers(p).arm(&raw const timers[0]);
    }
    assert_eq!(rests(asleep, None), Next::WaitUntil(AT), "L11: nobody sleeps until the deadline");
    let busy = world.m_with_p();
    clock::advance(AT);
    let awake = thread::spawn(move || {
        clock::look();
        // SAFETY: `asleep` is this thread's, inside, and was told to wait.
        rests(asleep, hooks::spurious_wakeup::<Threads>(core, asleep))
    });
    // SAFETY: `busy` is ours, inside, with a P.
    let next = hooks::next::<Threads>(core, busy);
    assert_eq!(
        next,
        Next::Run(world.g(0)),
        "L11: a goroutine whose deadline has passed does not run"
    );
    // It sleeps once more.
    // SAFETY: as above.
    unsafe { hooks::timers(p).arm(&raw const timers[1]) };
    let busy = rests(busy, None);
    let mut asleep_until = awake.join().unwrap();
    if hooks::has_nextp(asleep) {
        asleep_until = rests(asleep, Some(asleep_until));
    }
    let until = |said| matches!(said, Next::WaitUntil(at) if at <= 2 * AT);
    assert!(until(busy) || until(asleep_until), "L11: all rest, and nobody until the deadline");
    if until(busy) && until(asleep_until) || asleep_until == Next::Wait {
        seen();
    }
    world.end();
}
