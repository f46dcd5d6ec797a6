//! Where a G goes that starts or yields (L15).
//!
//! | the G | goes to |
//! |---|---|
//! | started by a goroutine, while a P is idle | the ring, where the M of that P can steal it at once |
//! | started by a goroutine, while all Ps are busy | `runnext`; what was there, to the ring |
//! | yielding | the ring, or the local list if it is bound: at the tail |
//! | in a ring that is full | the global queue, with the older half of the ring |

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::local_list;
use crate::objects::g::G;
use crate::objects::inside::{OwnedP, Within};
use crate::objects::shared::Core;

impl Core {
    /// Puts `g` at the tail of `p`'s ring.
    ///
    /// # Safety
    ///
    /// `g` must be runnable, unbound and in no queue.
    #[inline]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn append(&'static self, p: &OwnedP, g: NonNull<G>) -> bool {
        if let Err(g) = p.push(g) {
            // SAFETY: in no queue, says the caller; the ring has not taken it.
            unsafe { self.overflow(p, g) };
        }
        self.wants_wake()
    }

    /// Puts `g`, which the running goroutine has just started, into a queue of its P.
    ///
    /// # Safety
    ///
    /// As [`append`](Self::append).
    #[inline(always)]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn place_started(&'static self, p: &OwnedP, g: NonNull<G>) -> bool {
        // SAFETY: `g` is in no queue, says the caller; `old` was in `runnext` alone, and what is there is
        // unbound.
        unsafe {
            if self.ps.idle.load(Ordering::Relaxed) != 0 {
                return self.append(p, g);
            }
            match p.replace_next(Some(g)) {
                None => self.wants_wake(),
                Some(old) => self.append(p, old),
            }
        }
    }

    /// Puts `g`, which has yielded on `m`, at the tail of its queue.
    ///
    /// # Safety
    ///
    /// `g` must have left its stack on `m`, and be in no queue.
    #[inline(always)]
    pub(crate) unsafe fn requeue(&'static self, m: &Within, g: NonNull<G>) {
        // SAFETY: `g` ran on `m`, so it is unbound or bound here; it is in no queue, says the caller.
        unsafe {
            if g.as_ref().bound.get().is_null() {
                // No wake: one came into the ring, and one has just left a queue.
                let _ = self.append(m.p(), g);
            } else {
                local_list::push_back(m, g);
            }
        }
    }
}
