//! A time on the platform's clock.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

use crate::platform::Platform;

/// A time on the clock of `P`: as `std`'s, and known without an operating system. Sums saturate at
/// [`END`](Self::END).
pub struct Instant<P: Platform> {
    nanos: u64,
    _platform: PhantomData<fn() -> P>,
}

impl<P: Platform> Instant<P> {
    /// The end of time: a deadline that never comes.
    pub const END: Self = Self::from_nanos(u64::MAX);

    /// Returns the time now. Any context.
    pub fn now() -> Self {
        Self::from_nanos(P::now())
    }

    /// Returns the time at which the platform's clock shows `nanos`.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos, _platform: PhantomData }
    }

    /// Returns what the platform's clock shows at this time, nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// Returns how long ago it was; zero for a time to come.
    pub fn elapsed(self) -> Duration {
        Self::now().saturating_duration_since(self)
    }

    /// Returns how much later it is than `earlier`; zero if it is not.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }

    /// Returns how much later it is than `earlier`; `None` if it is not.
    pub fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        self.nanos.checked_sub(earlier.nanos).map(Duration::from_nanos)
    }

    /// Returns the time `length` after this one; `None` beyond the end of time.
    pub fn checked_add(self, length: Duration) -> Option<Self> {
        let nanos = u64::try_from(length.as_nanos()).ok()?;
        self.nanos.checked_add(nanos).map(Self::from_nanos)
    }

    /// Returns the time `length` from now.
    pub(crate) fn after(length: Duration) -> Self {
        Self::now() + length
    }
}

impl<P: Platform> Add<Duration> for Instant<P> {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        self.checked_add(length).unwrap_or(Self::END)
    }
}

impl<P: Platform> AddAssign<Duration> for Instant<P> {
    fn add_assign(&mut self, length: Duration) {
        *self = *self + length;
    }
}

impl<P: Platform> Sub for Instant<P> {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

// By hand: a derive would ask the same of `P`.
impl<P: Platform> Clone for Instant<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Platform> Copy for Instant<P> {}

impl<P: Platform> PartialEq for Instant<P> {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl<P: Platform> Eq for Instant<P> {}

impl<P: Platform> PartialOrd for Instant<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Platform> Ord for Instant<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl<P: Platform> Hash for Instant<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl<P: Platform> fmt::Debug for Instant<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&Duration::from_nanos(self.nanos)).finish()
    }
}
