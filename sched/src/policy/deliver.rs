//! Where a runnable G goes (L1, L4, L15).
//!
//! > **L1** A goroutine that is bound to an M runs on no other.
//!
//! Whether it is bound is read before it is published: another M may run it from then on (L4).
//!
//! | the G is | it goes to |
//! |---|---|
//! | bound to the M that makes it ready | that M's local list |
//! | bound to another M | that M's inbox; if the M sleeps, it is woken |
//! | unbound, made ready by an M with a P | the P's `runnext`, or its ring if a P is idle ([`enqueue`](super::enqueue)). By a timer: to the ring |
//! | unbound, made ready by any other thread | the global queue |

use core::ptr::{self, NonNull};

use super::local_list;
use crate::objects::g::{G, status};
use crate::objects::inside::Within;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::platform::Platform;

impl Core {
    /// Puts `g` where it belongs: with `next` before the rest, where there is such a place. `m` is the
    /// calling M; `None` from anywhere else.
    ///
    /// # Safety
    ///
    /// `g`'s context must be saved, and it must be in no queue and the caller's alone to make ready; the
    /// caller has seen to it that shutdown does not make it ready too.
    #[inline]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn deliver<P: Platform>(
        &'static self,
        m: Option<&Within>,
        g: NonNull<G>,
        next: bool,
    ) -> bool {
        // SAFETY: Gs live as long as their scheduler; the `bound` of a G that does not run is the waker's.
        let (bound, state) = unsafe { (g.as_ref().bound.get(), &g.as_ref().status) };
        checked!(self.has(g) && m.is_none_or(|m| ptr::eq(m.core(), self)), "L1: a stranger's M");
        state.set(status::RUNNABLE);
        let Some(m) = m else {
            // SAFETY: `g` is in no queue, says the caller, and `bound` is its own.
            return unsafe { self.deliver_from_outside::<P>(bound, g) };
        };
        if bound.is_null() {
            let p = m.p();
            // SAFETY: `g` is in no queue, says the caller, and unbound.
            unsafe { if next { self.put_next::<P>(p, g) } else { self.append(p, g) } }
        } else if ptr::eq(bound, m.m()) {
            // SAFETY: `g` is bound to `m`, and in no queue, says the caller.
            unsafe { if next { local_list::push_next(m, g) } else { local_list::push_back(m, g) } }
            false
        } else {
            // SAFETY: Ms are never freed; the G is bound to this one, and in no queue, says the caller.
            unsafe { self.mail::<P>(&*bound, g) };
            false
        }
    }

    /// Returns whether `g` is this scheduler's, or a model's that has none.
    fn has(&self, g: NonNull<G>) -> bool {
        // SAFETY: alive, for it is about to run; written when it was made.
        let core = unsafe { g.as_ref().core.get() };
        core.is_null() || ptr::eq(core, self)
    }

    /// Puts `g` into the inbox of `bound`, and wakes that M if it sleeps.
    ///
    /// # Safety
    ///
    /// `g` must be runnable, bound to `bound` and in no queue.
    #[inline]
    unsafe fn mail<P: Platform>(&'static self, bound: &'static M, g: NonNull<G>) {
        // SAFETY: in no queue, says the caller.
        if unsafe { bound.inbox.push(g) } {
            self.wake_bound::<P>(bound);
        }
    }

    /// As [`deliver`](Self::deliver), by a thread that is no M of this scheduler, or may not use its P.
    ///
    /// # Safety
    ///
    /// As [`deliver`](Self::deliver); `bound` is what `g` is bound to.
    #[cold]
    unsafe fn deliver_from_outside<P: Platform>(
        &'static self,
        bound: *const M,
        g: NonNull<G>,
    ) -> bool {
        P::check_process();
        // SAFETY: Ms are never freed.
        if let Some(bound) = unsafe { bound.as_ref() } {
            // SAFETY: `g` is bound to this M, and in no queue, says the caller.
            unsafe { self.mail::<P>(bound, g) };
            return false;
        }
        // SAFETY: `g` is unbound, and in no queue, says the caller.
        unsafe { self.push_global(g) };
        self.wants_wake()
    }

    /// Moves what interrupts have left in the inbox of `m` to the global queue, for it may run anywhere:
    /// the thread ends, and interrupts find `m` no more.
    ///
    /// # Safety
    ///
    /// The caller must be the thread of `m`, and no M any more.
    pub(crate) unsafe fn forward<P: Platform>(&'static self, m: &'static M) {
        if self.phase() == crate::parts::phase::HALTED {
            return;
        }
        // SAFETY: the local list is the calling thread's.
        while let Some(g) = m.local.with_mut(|local| unsafe { (*local).pop(&m.inbox, false) }) {
            // SAFETY: `g` is in no queue: it was just popped.
            if unsafe { self.deliver_from_outside::<P>(ptr::null(), g) } {
                self.wake::<P>();
            }
        }
    }
}
