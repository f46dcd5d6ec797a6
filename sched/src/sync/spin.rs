//! Whether it pays to spin before a park.

use g0_arch::sync::hint::spin_loop;

use crate::exec::enter::caller;
use crate::platform::Platform;

/// Rounds before a park, and pauses in each of them: about a microsecond, in which the holder takes
/// and releases the lock a hundred times.
const ROUNDS: u32 = if cfg!(loom) { 1 } else { 4 };
const PAUSES: u32 = if cfg!(loom) { 1 } else { 80 };

/// A bounded number of rounds.
pub(super) struct Spin {
    left: u32,
}

impl Spin {
    pub(super) fn new() -> Self {
        Self { left: ROUNDS }
    }

    /// Returns whether another round makes sense: the lock holder may be running, since there are
    /// processors for two and another P is in use; and no goroutine waits to run here.
    pub(super) fn may<P: Platform>(&self) -> bool {
        if self.left == 0 || P::cpus() < 2 {
            return false;
        }
        let Some((m, _)) = caller::<P>() else { return true };
        // SAFETY: `m` is the calling thread's.
        unsafe { m.core().may_spin(m) }
    }

    /// Spins one round, without a look at the lock: each look takes its cache line from the holder's
    /// processor. Left alone for a round, as in Go, the holder takes and releases the lock many
    /// times.
    pub(super) fn round(&mut self) {
        self.left = self.left.saturating_sub(1);
        for _ in 0..PAUSES {
            spin_loop();
        }
    }
}
