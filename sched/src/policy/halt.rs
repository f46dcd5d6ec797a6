//! A scheduler ends.

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

impl Core {
    /// Halts the scheduler: every M at rest or in the P wait queue wakes and finds it halted.
    pub(crate) fn halt<P: Platform>(&self) {
        let mut sched = self.sched.lock();
        self.end.phase.store(phase::HALTED, Ordering::Release);
        // SAFETY: Ms live as long as the scheduler.
        let mut at: Option<&'static M> = unsafe { sched.all_ms.as_ref() };
        while let Some(_m) = sched.idle_ms.pop_front().or_else(|| sched.p_wait_queue.pop_front()) {}
        drop(sched);
        while let Some(m) = at {
            m.parker.unpark::<P>();
            // SAFETY: written once, before the M was published.
            at = unsafe { m.links.all.get().as_ref() };
        }
        self.sysmon.parker.unpark::<P>();
        self.end.done.unpark::<P>();
    }

    /// A goroutine has ended after the main one left by Goexit: halts the scheduler if it was the last.
    #[cold]
    pub(crate) fn halt_after_last<P: Platform>(&'static self) {
        let foreign = self.has_extras();
        if foreign {
            // Pairs with the light fence of `extram::depart`.
            heavy_fence::<P>(self.config.symmetric);
        }
        let sched = self.sched.lock();
        // Under the lock: of two that end at the same time the second sees both counts.
        let left = self.goroutines();
        drop(sched);
        if left != 0 {
            return;
        }
        if foreign {
            // As in `close`: a thread that calls back now is refused, or seen. That one is the last then.
            self.end.phase.store(phase::CLOSING, Ordering::SeqCst);
            heavy_fence::<P>(self.config.symmetric);
            if self.foreign_callbacks() != 0 {
                self.end.phase.store(phase::OPEN, Ordering::SeqCst);
                return;
            }
        }
        self.halt::<P>();
    }
}
