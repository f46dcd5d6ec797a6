//! Whether and when a scheduler is traced.

use super::stat_atomic;

/// Whether and when to trace: nanoseconds.
#[derive(Debug)]
pub(crate) struct Tracing {
    /// 0: never.
    period: stat_atomic::AtomicU64,
    /// The first look; 0 before it.
    start: stat_atomic::AtomicU64,
    next: stat_atomic::AtomicU64,
}

impl Tracing {
    pub(crate) const fn off() -> Self {
        Self {
            period: stat_atomic::AtomicU64::new(0),
            start: stat_atomic::AtomicU64::new(0),
            next: stat_atomic::AtomicU64::new(0),
        }
    }

    /// Every so many nanoseconds.
    pub(crate) fn set(&self, period: u64) {
        self.period.store(period, stat_atomic::Ordering::Relaxed);
    }

    /// Returns when the next line is due.
    pub(crate) fn due(&self) -> u64 {
        match self.period.load(stat_atomic::Ordering::Relaxed) {
            0 => u64::MAX,
            _ => self.next.load(stat_atomic::Ordering::Relaxed),
        }
    }

    /// If a line is due, returns how long after the first look, and puts the next line off by a period. Its
    /// writer must be the only one.
    pub(crate) fn take_turn(&self, now: u64) -> Option<u64> {
        // Relaxed: the writer's own, once it runs.
        let relaxed = stat_atomic::Ordering::Relaxed;
        if now < self.due() {
            return None;
        }
        let start = match self.start.load(relaxed) {
            0 => {
                self.start.store(now, relaxed);
                now
            }
            start => start,
        };
        self.next.store(now.saturating_add(self.period.load(relaxed)), relaxed);
        Some(now - start)
    }
}
