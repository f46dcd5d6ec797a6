//! Borrowing what lies in `runnext` (L11).
//!
//! What is made ready while all Ps are busy goes to `runnext`, where only the owner of the P reaches it. If an M
//! becomes free then and the owner computes on, the free M takes the P by the claim protocol, takes the G out, and
//! gives the P back. The owner pays nothing: it computes, and finds its P when it comes back.
//!
//! ```text
//!   the borrower                     the owner
//!   raise the claim                  computes
//!   heavy fence                        │
//!   outside, and runnext is set:       │      (else the claim is lowered)
//!   borrow                             │
//!   take runnext out                   │      comes inside, finds it borrowed: has no P, wants one
//!   give back                          ▼      (then the giving back fails, and the borrower hands the P off)
//! ```
//!
//! A heavy fence interrupts all that runs. So a G is borrowed only when it has [settled](super::sight), and after an
//! attempt in vain no M tries for a while.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::G;
use crate::objects::inside::{FreeP, OwnedP};
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::stat_atomic;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// How long after an attempt in vain the next one may be, nanoseconds.
const AGAIN: u64 = if cfg!(loom) { 0 } else { 100_000 };

impl Core {
    /// Takes the G out of the `runnext` of `p`, whose M is outside.
    ///
    /// It may start a thread: the caller must be on g0.
    pub(super) fn borrow_next<P: Platform>(&'static self, p: &'static Proc) -> Option<NonNull<G>> {
        // Acquire: pairs with `own`.
        // SAFETY: Ms are never freed.
        let m: &'static M = unsafe { p.m.load(Ordering::Acquire).as_ref()? };
        let raised = m.claim.raise()?;
        // The M may have changed Ps. What it has now is what is borrowed: to change it again, it would have to move
        // the claim.
        if !ptr::eq(m.p.load(Ordering::Relaxed), p) {
            m.claim.take(raised, || false);
            return None;
        }
        heavy_fence::<P>(self.config.symmetric);
        self.stats.heavy_fences.add_shared(u64::from(!self.config.symmetric));
        let Some(borrowed) = m.claim.borrow(raised, || p.runq.has_next()) else {
            let again = P::now().saturating_add(AGAIN);
            // Relaxed: of several borrowers one is late.
            self.work.borrow_at.store(again, stat_atomic::Ordering::Relaxed);
            return None;
        };
        // SAFETY: the claim has taken the P from its M, until it is given back.
        let g = unsafe { OwnedP::assume(p) }.replace_next(None);
        if !m.claim.give_back(borrowed) {
            // The M may have another P by now. Release: with what its last owner did.
            p.m.store(ptr::null_mut(), Ordering::Release);
            // SAFETY: the M has left the P to the caller, and no list has it.
            self.hand_off::<P>(unsafe { FreeP::assume(p) });
        }
        g
    }
}
