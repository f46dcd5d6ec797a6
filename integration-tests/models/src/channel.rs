//! Channels: a value sent is received exactly once, or comes back (L20), and a wait ends once (L22).
//!
//! The threads are no Ms: they block on their waiters' parkers, so that nothing but the channel and
//! the wake is explored. A value is the number of a cell that its sender writes before and its
//! receiver reads after: loom sees where the channel does not carry the one to the other, and a
//! value that is read where none was written is a number of no cell. A lost wake is a deadlock that
//! loom reports.

use std::mem::MaybeUninit;

use g0_sched::generic::{Chan, Instant};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use crate::runner::{Model, Scenario};
use crate::world::Threads;
use g0_sched::model::clock;

pub const MODEL: Model = Model {
    name: "channel",
    scenarios: &[
        Scenario { name: "senders", invariants: "L20,L22", extra: 3, run: || senders::<0>() },
        Scenario { name: "senders-1", invariants: "L20,L22", extra: 3, run: || senders::<1>() },
        Scenario { name: "receivers", invariants: "L20,L22", extra: 3, run: || receivers::<0>() },
        Scenario { name: "receivers-1", invariants: "L20,L22", extra: 3, run: || receivers::<1>() },
        Scenario { name: "close", invariants: "L20,L22", extra: 3, run: || close::<0>() },
        Scenario { name: "close-1", invariants: "L20,L22", extra: 3, run: || close::<1>() },
        Scenario { name: "room", invariants: "L20,L22", extra: 3, run: room },
        Scenario { name: "deadline", invariants: "L20,L22", extra: 3, run: || deadline::<0>() },
        Scenario { name: "deadline-1", invariants: "L20,L22", extra: 3, run: || deadline::<1>() },
    ],
};

/// How often each value was seen.
type Tally = [usize; 2];

/// A channel with room for `N`, and the cells that its values name.
pub struct Line<const N: usize> {
    pub chan: Chan<usize, Threads, [MaybeUninit<usize>; N]>,
    cells: [UnsafeCell<usize>; 2],
}

// SAFETY: that each cell is used by one thread at a time is what the model checks.
unsafe impl<const N: usize> Sync for Line<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Send for Line<N> {}

impl<const N: usize> Line<N> {
    pub fn new() -> Self {
        Self { chan: Chan::new(), cells: [UnsafeCell::new(0), UnsafeCell::new(0)] }
    }

    /// What goes with `value`, before it is sent.
    pub fn write(&self, value: usize) {
        // SAFETY: loom reports the access if it races.
        self.cells[value].with_mut(|cell| unsafe { *cell += 1 });
    }

    /// Sends `value`; false when it has come back.
    pub fn send(&self, value: usize) -> bool {
        self.write(value);
        self.sent(value, self.chan.send(value).map_err(|error| error.0))
    }

    /// As [`send`](Self::send), until the clock shows `at`.
    pub fn send_until(&self, value: usize, at: u64) -> bool {
        self.write(value);
        let result = self.chan.send_deadline(value, Instant::from_nanos(at));
        self.sent(value, result.map_err(|error| error.into_inner()))
    }

    fn sent(&self, value: usize, result: Result<(), usize>) -> bool {
        if let Err(back) = result {
            assert_eq!(back, value, "L20: another value comes back than was sent");
            self.take(value);
        }
        result.is_ok()
    }

    /// What goes with a value that was received, or has come back.
    pub fn take(&self, value: usize) {
        assert!(value < self.cells.len(), "L20: a value is received that nobody has sent");
        // SAFETY: as above.
        let was = self.cells[value].with_mut(|cell| unsafe { std::mem::replace(&mut *cell, 0) });
        assert_eq!(was, 1, "L20: a value is received twice");
    }

    /// Receives one; `None` when the channel is closed and empty.
    pub fn recv(&self) -> Option<usize> {
        let value = self.chan.recv().ok()?;
        self.take(value);
        Some(value)
    }

    /// As [`recv`](Self::recv), until the clock shows `at`.
    pub fn recv_until(&self, at: u64) -> Option<usize> {
        let value = self.chan.recv_deadline(Instant::from_nanos(at)).ok()?;
        self.take(value);
        Some(value)
    }

    pub fn close(&self) {
        self.chan.close().expect("L20: the channel was closed before");
    }
}

/// A thread of the model that uses the line.
fn on<const N: usize, R: 'static>(
    line: &Arc<Line<N>>,
    f: impl FnOnce(&Line<N>) -> R + 'static,
) -> JoinHandle<R> {
    let line = line.clone();
    thread::spawn(move || f(&line))
}

/// Two senders, and a receiver that takes both values.
fn senders<const N: usize>() {
    let line = Arc::new(Line::<N>::new());
    let threads = [0, 1].map(|value| on(&line, move |line| line.send(value)));
    let mut seen = Tally::default();
    for _ in 0..2 {
        seen[line.recv().expect("L20: an open channel says that it is closed")] += 1;
    }
    for sender in threads {
        assert!(sender.join().unwrap(), "L20: an open channel gives a value back");
    }
    assert_eq!(seen, [1, 1], "L20: two values were sent");
    assert!(line.chan.is_empty(), "L20: a value is left that has been received");
}

/// A sender of two values, and two receivers, one value each.
fn receivers<const N: usize>() {
    let line = Arc::new(Line::<N>::new());
    let threads = [0, 1].map(|_| on(&line, Line::recv));
    for value in [0, 1] {
        assert!(line.send(value), "L20: an open channel gives a value back");
    }
    let mut seen = Tally::default();
    for receiver in threads {
        seen[receiver.join().unwrap().expect("L20: an open channel says that it is closed")] += 1;
    }
    assert_eq!(seen, [1, 1], "L20: two values were sent");
}

/// A sender of two values and a receiver of all there are, while a third thread closes.
fn close<const N: usize>() {
    let line = Arc::new(Line::<N>::new());
    let receiver = on(&line, |line| {
        let mut seen = Tally::default();
        let mut next = 0;
        while let Some(value) = line.recv() {
            assert!(value >= next, "L20: what was sent first is received first");
            next = value;
            seen[value] += 1;
        }
        seen
    });
    let closer = on(&line, Line::close);
    let sent = [0, 1].map(|value| usize::from(line.send(value)));
    closer.join().unwrap();
    assert_eq!(receiver.join().unwrap(), sent, "L20: what was sent, and what was received");
}

/// Two senders and room for one value: a receiver of one lets both of them go.
fn room() {
    let line = Arc::new(Line::<1>::new());
    let threads = [0, 1].map(|value| on(&line, move |line| line.send(value)));
    assert!(line.recv().is_some(), "L20: an open channel says that it is closed");
    for sender in threads {
        assert!(sender.join().unwrap(), "L20: an open channel gives a value back");
    }
    assert_eq!(line.chan.len(), 1, "L20: two values were sent, one was received");
}

/// A sender and a receiver who wait until the clock shows this, while it moves.
fn deadline<const N: usize>() {
    const AT: u64 = 10;
    clock::start();
    let line = Arc::new(Line::<N>::new());
    let sender = on(&line, |line| line.send_until(0, AT));
    let clock = thread::spawn(|| clock::advance(AT));
    let received = usize::from(line.recv_until(AT).is_some());
    clock.join().unwrap();
    let sent = usize::from(sender.join().unwrap());
    assert_eq!(received + line.chan.len(), sent, "L20: what was sent, and what was received");
}
