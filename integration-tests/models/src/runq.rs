//! A P's ring and `runnext`: each G leaves once, with its context saved (L15).
//!
//! An owner pushes and pops while thieves steal into rings of their own. A G's context is a plain
//! cell, written before the push and read by whoever gets the G, as the switches away from it and
//! to it do: a G that is published too early, or whose publication does not carry the context, is
//! a race that loom reports. No fence is part of this: the ring needs none.

use std::ptr::NonNull;

use g0_sched::hooks::RunQueue;
use g0_sched::{G, hooks};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::runner::{Model, Scenario, seen};
use crate::world::Gs;

pub const MODEL: Model = Model {
    name: "runq",
    scenarios: &[
        Scenario { name: "thief", invariants: "L15", extra: 1, run: || steals(1) },
        Scenario { name: "thieves", invariants: "L15", extra: 0, run: || steals(2) },
        Scenario { name: "onward", invariants: "L15", extra: 0, run: onward },
        Scenario { name: "overflow", invariants: "L15", extra: 1, run: overflow },
    ],
};

/// What has become of the Gs of one schedule: each is run once.
struct Count<const N: usize> {
    gs: Gs,
    runs: [AtomicUsize; N],
}

impl<const N: usize> Count<N> {
    fn new() -> Arc<Self> {
        Arc::new(Count { gs: Gs::new(N), runs: std::array::from_fn(|_| AtomicUsize::new(0)) })
    }

    /// Saves the `i`th G's context: it may be published now.
    fn save(&self, i: usize) -> NonNull<G> {
        // SAFETY: nobody has this G yet.
        unsafe { hooks::save(self.gs.get(i)) };
        self.gs.get(i)
    }

    fn run(&self, g: NonNull<G>) {
        // SAFETY: it has left its queue for us; else loom reports the race.
        unsafe { hooks::resume(g) };
        let i = self.gs.index(g).expect("L15: a queue gave what was never put in");
        self.runs[i].fetch_add(1, Ordering::Relaxed);
    }

    /// As often as the model says, all of them.
    fn check(&self) {
        for runs in &self.runs {
            let runs = runs.load(Ordering::Relaxed);
            assert_eq!(runs, 1, "L15: a goroutine left the queues {runs} times");
        }
    }
}

type Ring = Arc<RunQueue<G>>;

/// A thief: steals once into a ring of its own, runs what it got.
fn steal<const N: usize>(count: &Count<N>, victim: &RunQueue<G>) {
    let own = RunQueue::new();
    // SAFETY: the ring is ours and empty.
    unsafe {
        if let Some(g) = own.steal(victim) {
            seen();
            count.run(g);
        }
        drain(count, &own);
    }
}

/// # Safety
///
/// The ring is the caller's.
unsafe fn drain<const N: usize>(count: &Count<N>, ring: &RunQueue<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        while let Some(g) = ring.pop() {
            count.run(g);
        }
        if let Some(g) = ring.replace_next(None) {
            count.run(g);
        }
    }
}

/// An owner with `runnext` pushes three, pops one, pushes a fourth, then takes the rest; thieves
/// come at any time.
fn steals(thieves: usize) {
    let count = Count::<4>::new();
    let ring: Ring = Arc::new(RunQueue::new());
    let threads: Vec<_> = (0..thieves)
        .map(|_| {
            let (count, ring) = (count.clone(), ring.clone());
            thread::spawn(move || steal(&count, &ring))
        })
        .collect();
    // SAFETY: the ring is this thread's.
    unsafe {
        ring.push(count.save(0)).expect("L15: an empty ring is full");
        if let Some(old) = ring.replace_next(Some(count.save(1))) {
            panic!("L15: {old:?} was in an empty runnext");
        }
        if let Some(kicked) = ring.replace_next(Some(count.save(2))) {
            ring.push(kicked).expect("L15: a ring with one is full");
        }
        if let Some(g) = ring.pop() {
            count.run(g);
        }
        ring.push(count.save(3)).expect("L15: a ring with two is full");
        drain(&count, &ring);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    count.check();
}

/// What was stolen is stolen onward: the first thief's ring is the second's victim.
fn onward() {
    let count = Count::<4>::new();
    let (first, second): (Ring, Ring) = (Arc::new(RunQueue::new()), Arc::new(RunQueue::new()));
    let thief = {
        let (count, first, second) = (count.clone(), first.clone(), second.clone());
        // SAFETY: the second ring is that thread's.
        thread::spawn(move || unsafe {
            if let Some(g) = second.steal(&first) {
                count.run(g);
            }
            drain(&count, &second);
        })
    };
    let onward = {
        let (count, second) = (count.clone(), second.clone());
        thread::spawn(move || steal(&count, &second))
    };
    // SAFETY: the first ring is this thread's.
    unsafe {
        for i in 0..4 {
            first.push(count.save(i)).expect("L15: a ring with room is full");
        }
        drain(&count, &first);
    }
    thief.join().unwrap();
    onward.join().unwrap();
    count.check();
}

/// The ring is full, as often as no thief came: the older half leaves it, and the new one.
fn overflow() {
    let count = Count::<6>::new();
    let ring: Ring = Arc::new(RunQueue::new());
    let thief = {
        let (count, ring) = (count.clone(), ring.clone());
        thread::spawn(move || steal(&count, &ring))
    };
    // SAFETY: the ring is this thread's.
    unsafe {
        for i in 0..6 {
            if let Err(g) = ring.push(count.save(i)) {
                let spilled = ring.spill(|g| count.run(g));
                assert!(spilled <= g0_sched::hooks::RING / 2, "L15: {spilled} were spilled");
                count.run(g);
            }
        }
        drain(&count, &ring);
    }
    thief.join().unwrap();
    count.check();
}
