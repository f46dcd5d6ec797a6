//! Where a runnable G goes (L1, L15).
//!
//! | the G is | it goes to |
//! |---|---|
//! | bound to the M that makes it ready | that M's local list |
//! | bound to another M | that M's inbox; if the M sleeps, it is woken |
//! | unbound, made ready by an M with a P | the P's `runnext`; what was there, to the ring. By a timer: to the ring |
//! | unbound, made ready by anybody else | the global queue |

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::prefetch;
use super::prefetch::Hints;
use crate::objects::g::{G, status};
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

impl Core {
    /// Makes `g` runnable, before all others here; true: somebody should be woken for it
    /// (`Core::wake`).
    ///
    /// # Safety
    ///
    /// `g` is parked and its context saved, and nobody else makes it ready. `m` is the calling
    /// M, inside and owning a P; `None` from anywhere else.
    #[inline(always)]
    #[must_use = "when true, an M must be woken"]
    pub unsafe fn ready<P: Platform>(&'static self, m: Option<&'static M>, g: NonNull<G>) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            if self.phase() != phase::OPEN {
                return self.ready_closing::<P>(g);
            }
            self.deliver::<P>(m, g, true)
        }
    }

    /// As [`ready`](Self::ready), behind all others.
    ///
    /// # Safety
    ///
    /// As [`ready`](Self::ready).
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn ready_behind<P: Platform>(
        &'static self,
        m: Option<&'static M>,
        g: NonNull<G>,
    ) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            if self.phase() != phase::OPEN {
                return self.ready_closing::<P>(g);
            }
            self.deliver::<P>(m, g, false)
        }
    }

    /// Puts `g` where it belongs: with `next` before the others, where there is such a place.
    ///
    /// # Safety
    ///
    /// As [`ready`](Self::ready); shutdown does not meet it here.
    #[inline]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn deliver<P: Platform>(
        &'static self,
        m: Option<&'static M>,
        g: NonNull<G>,
        next: bool,
    ) -> bool {
        // SAFETY: Gs live as long as their scheduler; a parked G's `bound` is ours to read.
        let (bound, state) = unsafe { (g.as_ref().bound.get(), &g.as_ref().status) };
        state.store(status::RUNNABLE, Ordering::Relaxed);
        let Some(m) = m else {
            // SAFETY: the caller's promise.
            return unsafe { self.ready_outside::<P>(bound, g) };
        };
        if bound.is_null() {
            // SAFETY: the caller owns the P that `m.p` names.
            unsafe {
                let p: &'static Proc = &*m.p.load(Ordering::Relaxed);
                if !next {
                    return self.append(p, g);
                }
                match p.runq.replace_next(Some(g)) {
                    None => false,
                    Some(old) => self.append(p, old),
                }
            }
        } else if core::ptr::eq(bound, m) {
            // SAFETY: `local` is our thread's.
            m.local.with_mut(|local| unsafe {
                if next { (*local).push_next(g) } else { (*local).push_back(g) }
            });
            false
        } else {
            // SAFETY: Ms are never freed; the G is bound to this one.
            let bound: &'static M = unsafe { &*bound };
            // SAFETY: the caller's promise.
            if unsafe { bound.inbox.push(g) } {
                self.wake_bound::<P>(bound);
            }
            false
        }
    }

    /// Puts `g` behind all others of `p`; true: somebody should be woken for it.
    ///
    /// # Safety
    ///
    /// As [`ready`](Self::ready); `p` is the calling M's, and `g` is unbound.
    #[inline]
    #[must_use = "when true, an M must be woken"]
    pub unsafe fn append(&'static self, p: &'static Proc, g: NonNull<G>) -> bool {
        // SAFETY: the caller's promise.
        if let Err(g) = unsafe { p.runq.push(g) } {
            // SAFETY: the same.
            unsafe { self.overflow(p, g) };
        }
        self.wants_wake()
    }

    /// The ring is full: its older half and `g` go to the global queue.
    #[cold]
    unsafe fn overflow(&'static self, p: &'static Proc, g: NonNull<G>) {
        let mut sched = self.sched.lock();
        // SAFETY: what leaves the ring is ours, once each; the global queue is under the lock.
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

    #[cold]
    unsafe fn ready_outside<P: Platform>(&'static self, bound: *const M, g: NonNull<G>) -> bool {
        P::check_process();
        // SAFETY: Ms are never freed.
        if let Some(bound) = unsafe { bound.as_ref() } {
            // SAFETY: the caller's promise.
            if unsafe { bound.inbox.push(g) } {
                self.wake_bound::<P>(bound);
            }
            return false;
        }
        let mut sched = self.sched.lock();
        // SAFETY: the caller's promise; the queue is under the lock.
        unsafe { sched.global.push_back(g) };
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
        drop(sched);
        self.wants_wake()
    }

    /// The thread of `m` ends, and interrupts find `m` no more: what they have left in its inbox
    /// goes to the global queue, for it may run anywhere.
    ///
    /// # Safety
    ///
    /// By that thread, which is no M any more.
    pub(crate) unsafe fn forward<P: Platform>(&'static self, m: &'static M) {
        if self.phase() == crate::parts::phase::HALTED {
            return;
        }
        // SAFETY: the local list is our thread's, and what was in it is in no queue now.
        while let Some(g) = m.local.with_mut(|local| unsafe { (*local).pop(&m.inbox, false) }) {
            // SAFETY: as above.
            if unsafe { self.ready_outside::<P>(core::ptr::null(), g) } {
                self.wake::<P>();
            }
        }
    }

    /// Takes a fair share of the global queue into `p`'s ring and returns the first of it.
    ///
    /// # Safety
    ///
    /// The caller owns `p` and is inside.
    pub(super) unsafe fn take_global(&self, p: &'static Proc) -> Option<NonNull<G>> {
        if self.work.queued.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut sched = self.sched.lock();
        let first = sched.global.pop()?;
        let share = sched.global.len() / self.procs() + 1;
        let room = crate::parts::runq::RING / 2 - p.runq.len().min(crate::parts::runq::RING / 2);
        for _ in 1..share.min(room) {
            let Some(g) = sched.global.pop() else { break };
            // SAFETY: it is ours now.
            unsafe { prefetch::follow(g) };
            // SAFETY: the caller owns the P. There is room: it was counted.
            if let Err(g) = unsafe { p.runq.push(g) } {
                // SAFETY: it has just left this queue.
                unsafe { sched.global.push_front(g) };
                break;
            }
        }
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
        Some(first)
    }
}
