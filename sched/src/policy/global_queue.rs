//! The global queue: Gs that any M may run and that no P has.
//!
//! > **L13** The global queue changes only under the lock, and so does the count that tells its length to
//! > those without it.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::prefetch;
use super::prefetch::Hints;
use crate::objects::g::G;
use crate::objects::inside::OwnedP;
use crate::objects::shared::Core;
use crate::parts::runq::RING;

impl Core {
    /// Puts `g` at the tail.
    ///
    /// # Safety
    ///
    /// `g` must be runnable, unbound and in no queue.
    pub(super) unsafe fn push_global(&self, g: NonNull<G>) {
        let mut sched = self.sched.lock();
        // SAFETY: in no queue, says the caller; this one is under the lock.
        unsafe { sched.global.push_back(g) };
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
    }

    /// Moves the older half of `p`'s ring, which is full, and `g` to the global queue.
    ///
    /// # Safety
    ///
    /// As [`push_global`](Self::push_global).
    #[cold]
    pub(super) unsafe fn overflow(&'static self, p: &OwnedP, g: NonNull<G>) {
        let mut sched = self.sched.lock();
        // SAFETY: what has left the ring is in no queue, nor is `g`, says the caller; the global queue is
        // under the lock.
        unsafe {
            let mut hints = Hints::new();
            p.runq.spill(|old| {
                hints.pass(old);
                sched.global.push_back(old);
            });
            sched.global.push_back(g);
        }
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
    }

    /// Takes a fair share of the global queue into `p`'s ring and returns the first of it.
    pub(super) fn take_global(&self, p: &OwnedP) -> Option<NonNull<G>> {
        if !self.has_global_work() {
            return None;
        }
        let mut sched = self.sched.lock();
        let first = sched.global.pop()?;
        let share = sched.global.len() / self.procs() + 1;
        let room = RING / 2 - p.runq.len().min(RING / 2);
        for _ in 1..share.min(room) {
            let Some(g) = sched.global.pop() else { break };
            // SAFETY: it was just popped.
            unsafe { prefetch::follow(g) };
            // There is room: it was counted.
            if let Err(g) = p.push(g) {
                // SAFETY: it is in no queue: it was just popped.
                unsafe { sched.global.push_front(g) };
                break;
            }
        }
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
        Some(first)
    }
}
