//! A scheduler begins.

use g0_arch::sync::atomic::Ordering;

use crate::objects::inside::FreeP;
use crate::objects::shared::Core;

impl Core {
    /// Makes every P idle; returns false when one of them belongs to another scheduler.
    ///
    /// # Safety
    ///
    /// It must be called once, before anything else is done with this core.
    pub(crate) unsafe fn open(&'static self) -> bool {
        if self.config.procs.iter().any(|p| p.taken.swap(true, Ordering::AcqRel)) {
            return false;
        }
        for (i, p) in self.config.procs.iter().enumerate().rev() {
            // SAFETY: no M is there yet, so none owns the P.
            let p = unsafe { FreeP::assume(p) };
            // SAFETY: the P is in hand.
            unsafe {
                p.random.set(i as u32 * 2 + 1);
                p.free.with_mut(|free| *free = g0_stack::Cache::new(self.depot.class()));
                p.segments
                    .free
                    .with_mut(|cache| *cache = g0_stack::Cache::new(self.segments.depot.class()));
            }
            self.free_p(p).expect_none();
        }
        true
    }
}
