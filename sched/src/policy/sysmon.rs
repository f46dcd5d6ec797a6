//! What keeps sysmon awake: the other side of its sleep, which `api::sysmon` has.

use g0_arch::sync::atomic::{Ordering, fence};

use crate::objects::shared::Core;
use crate::parts::stat_atomic;
use crate::platform::Platform;

/// How late sysmon may be when all was idle, nanoseconds. An M that takes a P wakes it only from a longer
/// sleep than this: a wake is a system call and a switch of threads, in the way of a goroutine that
/// has just become ready, and a program whose Ps are idle between short bursts (goroutines that sleep in
/// C, one that a timer wakes) would pay it for each.
pub(crate) const NAP: u64 = 1_000_000;

/// How late a timer of a busy P may be before sysmon sees to it, nanoseconds.
pub(crate) const GRACE: u64 = 100_000;

impl Core {
    /// Wakes sysmon if it sleeps for longer than a nap. The lock must not be held; a P has been taken to
    /// work, or is idle without a look at its timers.
    pub(crate) fn wake_sysmon<P: Platform>(&self) {
        // Relaxed: it only shortens the next sleep. The line is written once a look.
        if self.sysmon.activity.load(stat_atomic::Ordering::Relaxed) == 0 {
            self.sysmon.activity.store(1, stat_atomic::Ordering::Relaxed);
        }
        // Sysmon stores `asleep` and then counts the idle Ps; the caller has counted one less before.
        fence(Ordering::SeqCst);
        // Acquire: `sysmon_until` is this sleep's, or still without end.
        if self.sysmon.asleep.load(Ordering::Acquire)
            && self.sysmon.until.load(stat_atomic::Ordering::Relaxed) > P::now().saturating_add(NAP)
            && self.sysmon.asleep.swap(false, Ordering::AcqRel)
        {
            self.sysmon.parker.unpark::<P>();
        }
    }

    /// Returns whether nothing runs, so that nothing has to be watched.
    pub(crate) fn all_idle(&self) -> bool {
        self.work.hunger.look().idle_ps() == self.ps.live.load(Ordering::Relaxed)
    }
}
