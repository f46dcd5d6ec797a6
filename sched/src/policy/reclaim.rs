//! Free stacks that no goroutine can get: in the caches of idle Ps.

use crate::objects::shared::Core;

impl Core {
    /// Moves the free stacks of idle Ps to the depot, because the source has none left. Those of Ps that an M owns stay
    /// where they are. The scheduler's lock must not be held. Any thread.
    #[cold]
    pub(crate) fn reclaim_stacks(&self) {
        if self.work.hunger.look().idle_ps() == 0 {
            return;
        }
        let sched = self.sched.lock();
        let mut at = sched.idle_ps;
        // SAFETY: Ps live as long as the scheduler. One on the idle list is owned by no M, and gets off it only under
        // the lock; the stacks in its cache came from this depot.
        unsafe {
            while let Some(p) = at.as_ref() {
                p.free.with_mut(|free| self.depot.drain(&mut *free));
                at = p.links.idle.get();
            }
        }
    }
}
