//! Lengths of time as the clocks of platforms count them.

use core::time::Duration;

/// Returns `time` in nanoseconds; the longest there is in place of a longer one.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
