//! Sysmon gives pages of a parked goroutine's stack back, while that is woken, resumed, and parks again (L27).
//!
//! The stack is a cell: what runs there writes it, and so does sysmon in the place of the kernel. Where the goroutine
//! goes on is an address that is never looked at.

use std::ptr;

use g0_sched::hooks::{Detour, Parked};
use g0_sched::model::Threads;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::runner::{Model, Scenario, seen};

pub const MODEL: Model = Model {
    name: "shrink",
    scenarios: &[
        Scenario { name: "wake", invariants: "L27", extra: 2, run: wake },
        Scenario { name: "handed", invariants: "L27", extra: 1, run: handed },
        Scenario { name: "again", invariants: "L27", extra: 1, run: again },
    ],
};

/// A goroutine and its stack.
struct Goroutine {
    g: Parked,
    pages: UnsafeCell<u32>,
}

// SAFETY: the cell is what the model looks at.
unsafe impl Sync for Goroutine {}
// SAFETY: as above.
unsafe impl Send for Goroutine {}

/// Where goroutines go on: two depths, and the entrance.
fn depth(n: usize) -> *mut u8 {
    ptr::without_provenance_mut(n)
}
const ENTRANCE: usize = 64;

impl Goroutine {
    fn new() -> Self {
        Self { g: Parked::new(depth(1)), pages: UnsafeCell::new(0) }
    }

    /// Resumes it, by the detour if it is led there, and lets it run and park at the depth. Returns whether it was led.
    fn run(&self, detour: &Detour, from: usize, to: usize) -> bool {
        let sp = self.g.take();
        let led = sp == depth(ENTRANCE);
        // SAFETY: it was led to the entrance.
        let sp = if led { unsafe { detour.pass(thread::yield_now) } } else { sp };
        assert_eq!(sp, depth(from), "L27: a goroutine goes on elsewhere");
        self.pages.with_mut(|_| {});
        self.g.park(depth(to));
        led
    }

    /// Sysmon's batch of this goroutine. Returns whether it has given pages back, and whether it saw `before` left.
    fn shrink(&self, detour: &Detour, before: Option<(&Self, &Detour)>) -> (bool, bool) {
        let gave = std::cell::Cell::new(false);
        // SAFETY: this thread is sysmon, and the detour is free. What is led to the entrance passes.
        let left = unsafe {
            let diverted = self.g.divert(detour, depth(ENTRANCE));
            let before = before.map(|(g, detour)| (&g.g, detour));
            self.g.batch::<Threads>(detour, diverted, before, || {
                self.pages.with_mut(|_| gave.set(true));
            })
        };
        (gave.get(), left)
    }
}

/// It is woken, runs, parks at another depth, and is woken again.
fn wake() {
    let (one, detour) = (Arc::new(Goroutine::new()), Arc::new(Detour::new()));
    let m = {
        let (one, detour) = (one.clone(), detour.clone());
        thread::spawn(move || {
            one.g.ready();
            let led = one.run(&detour, 1, 2);
            one.g.ready();
            led | one.run(&detour, 2, 1)
        })
    };
    let (gave, _) = one.shrink(&detour, None);
    if m.join().unwrap() && gave {
        seen();
    }
}

/// One thread makes it ready, another resumes it.
fn handed() {
    let (one, detour) = (Arc::new(Goroutine::new()), Arc::new(Detour::new()));
    let queue = Arc::new(AtomicBool::new(false));
    let m = {
        let (one, detour, queue) = (one.clone(), detour.clone(), queue.clone());
        thread::spawn(move || queue.load(Ordering::Acquire) && one.run(&detour, 1, 1))
    };
    let waker = {
        let one = one.clone();
        thread::spawn(move || {
            one.g.ready();
            queue.store(true, Ordering::Release);
        })
    };
    let (gave, _) = one.shrink(&detour, None);
    waker.join().unwrap();
    if m.join().unwrap() && gave {
        seen();
    }
}

/// Its detour is used for another goroutine when it is left, and not before.
fn again() {
    let (one, other) = (Arc::new(Goroutine::new()), Arc::new(Goroutine::new()));
    let detours = Arc::new([Detour::new(), Detour::new()]);
    let m = {
        let (one, other, detours) = (one.clone(), other.clone(), detours.clone());
        thread::spawn(move || {
            one.g.ready();
            let led = one.run(&detours[0], 1, 1);
            // The other is diverted by the first detour at last, or by none.
            other.g.ready();
            led | other.run(&detours[0], 1, 1)
        })
    };
    one.shrink(&detours[0], None);
    // A batch of none: its fence is what counts.
    // SAFETY: this thread is sysmon.
    let left =
        unsafe { other.g.batch::<Threads>(&detours[1], false, Some((&one.g, &detours[0])), || {}) };
    if left {
        other.shrink(&detours[0], None);
    }
    if m.join().unwrap() && left {
        seen();
    }
}
