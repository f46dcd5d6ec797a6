//! A scheduler begins.

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::M;
use crate::objects::shared::Core;

impl Core {
    /// Makes every P idle; false when one of them belongs to another scheduler.
    ///
    /// # Safety
    ///
    /// Once, before anything else is done with this core.
    pub unsafe fn open(&'static self) -> bool {
        if self.config.procs.iter().any(|p| p.taken.swap(true, Ordering::AcqRel)) {
            return false;
        }
        for (i, p) in self.config.procs.iter().enumerate().rev() {
            // SAFETY: nobody uses the Ps yet.
            unsafe {
                p.random.set(i as u32 * 2 + 1);
                p.free.with_mut(|free| *free = g0_stack::Cache::new(self.config.stack));
            }
            self.put_p(&mut self.sched.lock(), p);
        }
        true
    }

    /// Prepares an unused M for [`crate::start_m`].
    pub(super) fn adopt(&'static self, m: &'static M) {
        // SAFETY: nobody else knows this M yet.
        unsafe {
            m.core.set(self);
            m.symmetric.set(self.config.symmetric);
            m.migrating.set(self.config.mobility.0);
        }
    }
}
