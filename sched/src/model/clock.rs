//! The model's clock and its processors.

use super::{park, ticks};

pub use ticks::{cpus, look, now, set_cpus, start};

/// Lets the clock show `now`: a thread that waits until then, and not later, waits no more. One thread
/// alone may call it.
///
/// # Panics
///
/// Without [`start`].
pub fn advance(now: u64) {
    ticks::set(now);
    park::strike(now);
}
