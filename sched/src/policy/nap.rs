//! Napping: an M at rest that looks again by itself (L11).
//!
//! Two goroutines that hand each other one P leave a G in its ring at each moment, and nothing to steal. An M that
//! searches beside them finds nothing; if it slept, the next hand-over would wake it again. So it *naps*: it is at
//! rest, without a P, on the idle list, and sleeps for a moment only. While it does, a publisher that puts a G into its
//! empty ring leaves the finding out to it ([`hunger`](crate::parts::hunger)). There is one such M at most.
//!
//! ```text
//!                 nothing to steal, and others switch, or a G lies alone  
//!   searching ───────────────────────────────────────────────────────────▶ napping ──┐
//!       ▲                                                                   │ │ ▲    │ the same, longer
//!       │  it sees work and an idle P; or a waker gives it a P (nap_ends)   │ │ └────┘
//!       └───────────────────────────────────────────────────────────────────┘ │
//!                                                                             │ nothing runs, no P is idle, or
//!   asleep ◀── heavy fence, nothing to find ── declared (end_nap) ◀───────────┘ long in vain
//! ```
//!
//! A napper that is given a P for another reason counts as searching from then on: as each M that searches, it passes
//! the role on when it runs a goroutine. One that stops does what each M does that goes to sleep: it says so first,
//! passes the heavy fence, and looks once more. It is at rest all the time, for the deadlock check too; when nothing
//! runs any more it stops at the end of its nap, and a scheduler without work sleeps.

use g0_arch::sync::atomic::Ordering;

use super::hand::Got;
use super::next::Next;
use super::sight::Sight;
use crate::objects::inside::Stay;
use crate::objects::m::{M, MState};
use crate::objects::shared::Core;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// The longest nap, nanoseconds.
const LONGEST: u32 = 200_000;
/// So many naps in which no G was seen are enough.
const VAIN: u32 = 50;

impl Core {
    /// Returns what the calling M does next, which was told to wait and woke without `nextp`: a deadline has
    /// passed, an interrupt has left mail, its thread is to end, or there was no reason. `None`: it has a P.
    pub(crate) fn spurious_wakeup<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        // It leads no more unless it says so again.
        let (state, naps) = self.resign_leader(stay);
        if state == MState::Dismissed && self.may_be_dismissed::<P>(stay) {
            return Some(Next::Stop);
        }
        if stay.m().inbox.has_mail() {
            return self.insist_on_a_p::<P>(stay);
        }
        if naps {
            return self.wake_from_nap::<P>(stay);
        }
        self.sleep_or_lead::<P>(stay)
    }

    /// Returns what the calling M does next, whose nap is over. `None`: it has a P.
    fn wake_from_nap<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        let sight = self.survey::<P>();
        if sight == Sight::Work || self.next_deadline() <= P::now() {
            match self.look_again::<P>(stay) {
                Some(Got::Proc(within)) => {
                    self.serve_all_timers::<P>(within);
                    return None;
                }
                Some(Got::Queued) => return Some(Next::Wait),
                None => {}
            }
        } else if self.naps_on(stay.m(), sight) {
            return Some(self.nap::<P>(stay));
        }
        // Publishers have left it to this M to look.
        if !self.end_nap(stay) {
            return Some(Next::Wait);
        }
        heavy_fence::<P>(self.config.symmetric);
        self.stats.heavy_fences.add_shared(u64::from(!self.config.symmetric));
        self.look_and_sleep::<P>(stay)
    }

    /// Returns whether `m`, the calling M, naps on after what it has seen.
    fn naps_on(&self, m: &M, sight: Sight) -> bool {
        let moves = self.moves(m);
        // SAFETY: the calling thread's.
        unsafe {
            m.spin.nap.set((2 * m.spin.nap.get()).min(LONGEST));
            let vain = if sight == Sight::Nothing { m.spin.vain_naps.get() + 1 } else { 0 };
            m.spin.vain_naps.set(vain);
            let look = self.work.hunger.look();
            look.idle_ps() != 0
                && look.idle_ps() != self.ps.live.load(Ordering::Relaxed)
                && (sight != Sight::Nothing || moves && vain < VAIN)
        }
    }
}
