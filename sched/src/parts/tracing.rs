//! Whether and when a scheduler is traced.

use super::stat_atomic;

/// Whether and when to trace: nanoseconds.
#[derive(Debug)]
pub(crate) struct Tracing {
    /// 0: never.
    pub(crate) period: stat_atomic::AtomicU64,
    /// The first look; 0 before it.
    pub(crate) start: stat_atomic::AtomicU64,
    pub(crate) next: stat_atomic::AtomicU64,
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

    /// When the next line is due.
    pub(crate) fn due(&self) -> u64 {
        match self.period.load(stat_atomic::Ordering::Relaxed) {
            0 => u64::MAX,
            _ => self.next.load(stat_atomic::Ordering::Relaxed),
        }
    }
}
