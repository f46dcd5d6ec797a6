//! Two threads in the place of locked goroutines.

use crate::timing::{after_rests, one_cpu, sample, sample_with_cpu_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// What ends the echo.
const END: u64 = u64::MAX;

/// A word that only one side writes, in lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Word(AtomicU64);

/// How both sides wait.
#[derive(Clone, Copy, PartialEq)]
enum Wait {
    /// They look all the time.
    Looking,
    /// They sleep until the other wakes them.
    Asleep,
}

impl Wait {
    /// Waits until somebody writes another number than `last`.
    fn other(self, word: &Word, last: u64) -> u64 {
        loop {
            match word.0.load(Ordering::Acquire) {
                now if now != last => return now,
                _ if self == Wait::Asleep => thread::park(),
                _ => std::hint::spin_loop(),
            }
        }
    }

    fn wake(self, other: &Thread) {
        if self == Wait::Asleep {
            other.unpark();
        }
    }
}

/// A thread that answers each number with the same: there and back through a word each.
struct Echo {
    words: Arc<(Word, Word)>,
    wait: Wait,
    last: u64,
    thread: JoinHandle<()>,
}

impl Echo {
    fn start(wait: Wait) -> Self {
        let words = Arc::new((Word::default(), Word::default()));
        let (theirs, main) = (words.clone(), thread::current());
        let thread = thread::spawn(move || {
            let (to, from) = &*theirs;
            let mut last = 0;
            while last != END {
                last = wait.other(to, last);
                from.0.store(last, Ordering::Release);
                wait.wake(&main);
            }
        });
        Self { words, wait, last: 0, thread }
    }

    /// There and back with a number that is not the last one.
    fn send(&mut self, v: u64) {
        let (to, from) = &*self.words;
        to.0.store(v, Ordering::Release);
        self.wait.wake(self.thread.thread());
        self.last = self.wait.other(from, self.last);
        assert_eq!(self.last, v);
    }

    fn round_trip(&mut self) {
        self.send(self.last + 1);
    }

    fn end(mut self) {
        self.send(END);
        self.thread.join().expect("it only answers");
    }
}

fn round_trips(wait: Wait) -> [f64; 2] {
    let mut echo = Echo::start(wait);
    let figures = sample_with_cpu_time!(10_000, |n| { (0..n).for_each(|_| echo.round_trip()) });
    echo.end();
    figures
}

/// On one CPU: each wakes the other and sleeps.
pub fn one() -> [f64; 2] {
    one_cpu();
    round_trips(Wait::Asleep)
}

/// On two: both look all the time.
pub fn two() -> [f64; 2] {
    round_trips(Wait::Looking)
}

/// After a millisecond in which both have slept.
pub fn idle() -> [f64; 2] {
    let mut echo = Echo::start(Wait::Asleep);
    let rest = Duration::from_millis(1);
    let figures = after_rests!({ thread::sleep(rest) }, |_i| { echo.round_trip() });
    echo.end();
    figures
}

/// A thread is started and ends.
pub fn exit() -> f64 {
    sample!(2000, |n| {
        (0..n).for_each(|_| thread::spawn(|| ()).join().expect("it is empty"));
    })
}
