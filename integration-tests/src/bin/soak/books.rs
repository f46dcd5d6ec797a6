//! What was sent and what was received.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One side: how many values, and a sum that depends on each.
#[derive(Default)]
struct Side {
    number: AtomicU64,
    sum: AtomicU64,
}

impl Side {
    fn enter(&self, value: u64) {
        self.number.fetch_add(1, Ordering::Relaxed);
        // An odd factor: the sum of two values is not that of two others by chance.
        let entry = (value ^ value >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.sum.fetch_add(entry, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        (self.number.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}

/// The books of one work.
pub struct Books {
    name: &'static str,
    sent: Side,
    got: Side,
}

impl Books {
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, sent: Side::default(), got: Side::default() })
    }

    /// `value` has been given away.
    pub fn sent(&self, value: u64) {
        self.sent.enter(value);
    }

    /// `value` has arrived.
    pub fn got(&self, value: u64) {
        self.got.enter(value);
    }

    /// What was sent, if it is what was received.
    pub fn check(&self) -> Result<u64, String> {
        let ((sent, sum), (got, other)) = (self.sent.read(), self.got.read());
        if (sent, sum) == (got, other) {
            return Ok(sent);
        }
        Err(format!("{}: sent {sent} (sum {sum:#x}), received {got} ({other:#x})", self.name))
    }
}

/// Counts values that are dropped.
#[derive(Clone, Default)]
pub struct Drops(Arc<(AtomicU64, AtomicU64)>);

/// A value that is counted when it is dropped.
pub struct Counted(Drops);

impl Drops {
    pub fn one(&self) -> Counted {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    /// All were dropped, once each.
    pub fn check(&self) -> Result<u64, String> {
        let made = self.0.0.load(Ordering::Relaxed);
        match self.0.1.load(Ordering::Relaxed) {
            dropped if dropped == made => Ok(made),
            dropped => Err(format!("{made} values were made and {dropped} dropped")),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::Relaxed);
    }
}
