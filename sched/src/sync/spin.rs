//! Whether it pays to wait on one's feet.

use g0_arch::sync::atomic::Ordering;
use g0_arch::sync::hint::spin_loop;

use crate::exec::enter::caller;
use crate::exec::switch::core_of;
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

    /// Whether another round makes sense: the holder may be running, since there are processors
    /// for two and somebody else runs; and nobody wants to run here.
    pub(super) fn may<P: Platform>(&self) -> bool {
        if self.left == 0 || P::cpus() < 2 {
            return false;
        }
        let Some((m, _)) = caller::<P>() else { return true };
        let core = core_of(m);
        // Relaxed, all of it: a guess.
        let idle = core.ps.idle.load(Ordering::Relaxed);
        if idle + 1 >= core.ps.live.load(Ordering::Relaxed) || m.inbox.is_touched() {
            return false;
        }
        // SAFETY: Ps live as long as their scheduler; its ring may be looked at from anywhere.
        // The list is this thread's own.
        unsafe {
            m.p.load(Ordering::Relaxed).as_ref().is_some_and(|p| {
                !p.runq.has_next() && p.runq.is_empty() && m.local.with(|local| (*local).is_empty())
            })
        }
    }

    /// One round, without a look at the lock: each look takes its line from the processor of the
    /// holder. Left alone for a round, as Go does, that one takes and releases the lock many times.
    pub(super) fn round(&mut self) {
        self.left = self.left.saturating_sub(1);
        for _ in 0..PAUSES {
            spin_loop();
        }
    }
}
