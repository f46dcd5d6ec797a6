//! What a goroutine waits for, as a thread that looks from outside is told.
//!
//! Written by the goroutine itself just before it parks: two stores into a cache line that the park
//! writes anyway. The time is the scheduler's coarse clock, for which no clock is read.

use core::fmt;
use core::time::Duration;

/// What a parked goroutine waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum WaitReason {
    /// Its token: `park`.
    Park,
    /// To send on a channel.
    Send,
    /// To receive from a channel.
    Receive,
    /// One of the cases of a `select!`.
    Select,
    /// A `select!` without a case that can ever be ready.
    SelectNone,
    /// A `Mutex`.
    Mutex,
    /// An `RwLock`, to read.
    Read,
    /// An `RwLock`, to write.
    Write,
    /// A `Condvar`.
    Condvar,
    /// A `WaitGroup`.
    WaitGroup,
    /// A `Semaphore`.
    Semaphore,
    /// A `Once` or `OnceCell` that another fills.
    Once,
    /// A `Barrier`.
    Barrier,
    /// A time.
    Sleep,
    /// A future: `block_on`.
    Future,
    /// The end of another goroutine.
    Join,
    /// The end of the goroutines of its scope.
    Scope,
    /// A wake that is on its way while the scheduler ends.
    Shutdown,
}

impl WaitReason {
    /// All of them, by number.
    pub const ALL: [Self; 18] = [
        Self::Park,
        Self::Send,
        Self::Receive,
        Self::Select,
        Self::SelectNone,
        Self::Mutex,
        Self::Read,
        Self::Write,
        Self::Condvar,
        Self::WaitGroup,
        Self::Semaphore,
        Self::Once,
        Self::Barrier,
        Self::Sleep,
        Self::Future,
        Self::Join,
        Self::Scope,
        Self::Shutdown,
    ];

    /// Returns the words for it in reports.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::Send => "channel send",
            Self::Receive => "channel receive",
            Self::Select => "select",
            Self::SelectNone => "select without cases",
            Self::Mutex => "mutex",
            Self::Read => "read lock",
            Self::Write => "write lock",
            Self::Condvar => "condition variable",
            Self::WaitGroup => "wait group",
            Self::Semaphore => "semaphore",
            Self::Once => "once",
            Self::Barrier => "barrier",
            Self::Sleep => "sleep",
            Self::Future => "future",
            Self::Join => "join",
            Self::Scope => "scope",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A moment of the coarse clock: about a millisecond is one; it comes round after 52 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coarse(pub(crate) u32);

/// Nanoseconds of a coarse unit, as a power of two.
const UNIT: u32 = 20;

impl Coarse {
    /// Returns the moment `now`, nanoseconds on the platform's clock.
    pub(crate) const fn of(now: u64) -> Self {
        Self((now >> UNIT) as u32)
    }

    /// Returns how long ago `self` was at `now`.
    pub(crate) const fn until(self, now: Self) -> Duration {
        let ago = now.0.wrapping_sub(self.0);
        // The clock of the parking goroutine may have been a little behind or ahead.
        let ago = if ago > u32::MAX / 2 { 0 } else { ago };
        Duration::from_nanos((ago as u64) << UNIT)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_at_its_number() {
        for (n, reason) in WaitReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, n);
        }
    }

    #[test]
    fn the_coarse_clock_comes_round() {
        let (before, after) = (Coarse(u32::MAX - 1), Coarse(2));
        assert_eq!(before.until(after).as_nanos(), 4 << UNIT);
        assert_eq!(after.until(before), Duration::ZERO, "a clock that lags behind");
    }
}
