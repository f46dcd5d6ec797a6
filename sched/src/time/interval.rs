//! Ticks.

use core::fmt;
use core::time::Duration;

use super::instant::Instant;
use super::sleep::sleep_until;
use crate::parts::nanos::nanos;
use crate::platform::Platform;

/// Ticks at a fixed rate; see [`interval`].
pub struct Interval<P: Platform> {
    next: Instant<P>,
    period: Duration,
}

/// Ticks every `period`, the first time one period from now. The ticks do not drift; a tick that no
/// call waited for in time is left out. With a period beyond the end of time there is no tick. Needs
/// no allocator and no goroutine of its own.
///
/// # Panics
///
/// When `period` is zero.
pub fn interval<P: Platform>(period: Duration) -> Interval<P> {
    assert!(!period.is_zero(), "g0: an interval of zero length: it would tick without end");
    Interval { next: Instant::after(period), period }
}

impl<P: Platform> Interval<P> {
    /// Waits for the next tick and returns the time at which it was due. A tick that is late comes at
    /// once. A goroutine parks, any other thread blocks.
    ///
    /// # Panics
    ///
    /// On the system stack.
    pub fn tick(&mut self) -> Instant<P> {
        sleep_until(self.next);
        let due = self.next;
        let late = Instant::now().saturating_duration_since(due).as_nanos();
        let missed = u64::try_from(late / self.period.as_nanos()).unwrap_or(u64::MAX);
        let period = nanos(self.period);
        let ahead = period.saturating_mul(missed.saturating_add(1));
        self.next = due + Duration::from_nanos(ahead);
        due
    }

    /// Returns the time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Begins anew: the next tick comes one period from now.
    pub fn reset(&mut self) {
        self.next = Instant::after(self.period);
    }
}

impl<P: Platform> fmt::Debug for Interval<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval").field("next", &self.next).field("period", &self.period).finish()
    }
}
