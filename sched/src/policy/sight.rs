//! What an M sees that looks at the queues of all Ps.
//!
//! | at the P | the sight | for the thief |
//! |---|---|---|
//! | several Gs in the ring | [`Work`](Sight::Work) | takes half of them |
//! | one G in the ring, or in `runnext` | [`Alone`](Sight::Alone) | takes it when it has lain there for [`LONE`] |
//! | none, but its goroutine is inside | [`InHand`](Sight::InHand), perhaps | looks again |
//! | none | [`Nothing`](Sight::Nothing) | |
//!
//! On one CPU a G in `runnext` is left to its P, and what is in a ring is taken at once: what computes there gives the CPU
//! away when the thief has it.
//!
//! A G that is alone is *settled* when the thief has seen it in its place for [`LONE`], at each of its looks: its P
//! computes on. If it moves, the first look that sees so is the last.
//!
//! *In hand.* A goroutine that yields to the only G in the ring takes that out, switches to it, and is put into the
//! ring by the other side of the switch, without a look whether an M should be woken: that would cost each yield
//! two instructions for what is almost never so. In between the ring is empty and yet a goroutine is runnable. So
//! an M that rests relies on an empty ring only if its M is outside after the look, and no switch has come between:
//!
//! ```text
//!   the goroutine that yields             the M that rests
//!   inside := 1                           idle Ps += 1
//!   tick += 1                             heavy fence
//!   take the other one out of the ring    load tick
//!   switch, put this one in               look at the ring: empty
//!   inside := 0  (Release)                load inside (Acquire): 0
//!                                         look at the ring and the tick again
//! ```

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::stat_atomic;
use crate::platform::Platform;

/// For how long a G must lie alone before another M takes it, nanoseconds.
const LONE: u64 = 3_000;
/// Or for so many looks: a clock may stand still.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 1_000 };

/// What there is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    /// No G.
    Nothing,
    /// A G in no queue, perhaps, which will be in one in a moment.
    InHand,
    /// A G that is run where it lies, perhaps.
    Alone,
    /// Something that an M can take now.
    Work,
}

/// Where a G lies that another M may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the ring of its P.
    Ring,
    /// In its `runnext`.
    Runnext,
}

impl Core {
    /// Looks at all queues, once.
    pub(super) fn glance<P: Platform>(&self) -> Sight {
        if self.has_global_work() {
            return Sight::Work;
        }
        if !self.is_parallel::<P>() {
            return if self.has_ring_work() { Sight::Work } else { Sight::Nothing };
        }
        self.config.procs.iter().map(sight_of).max().unwrap_or(Sight::Nothing)
    }

    /// As [`glance`](Self::glance), and watches what is alone: if it settles, it is `Work`.
    pub(super) fn survey<P: Platform>(&self) -> Sight {
        match self.glance::<P>() {
            Sight::Alone if self.config.procs.iter().any(|p| self.settled::<P>(p).is_some()) => {
                Sight::Work
            }
            sight => sight,
        }
    }

    /// Returns where an M may take a G of `p`, which is not alone there, or has been for long enough.
    pub(super) fn settled<P: Platform>(&self, p: &Proc) -> Option<Place> {
        match p.runq.len() {
            0 if self.is_parallel::<P>() && p.runq.has_next() => {
                let settled = self.may_borrow::<P>(p)
                    && stays::<P, _>(|| (p.runq.has_next(), p.tick.load(Ordering::Relaxed)));
                settled.then_some(Place::Runnext)
            }
            0 => None,
            1 if self.is_parallel::<P>() => {
                stays::<P, _>(|| (p.runq.len(), p.runq.head())).then_some(Place::Ring)
            }
            _ => Some(Place::Ring),
        }
    }

    /// Returns whether it is worth an attempt to borrow `p`, which another M owns.
    fn may_borrow<P: Platform>(&self, p: &Proc) -> bool {
        // SAFETY: Ms are never freed.
        let m = unsafe { p.m.load(Ordering::Acquire).as_ref() };
        // In models fences that are not symmetric are none.
        (self.config.symmetric || !cfg!(loom))
            && m.is_some_and(|m| !m.claim.is_inside())
            && P::now() >= self.work.borrow_at.load(stat_atomic::Ordering::Relaxed)
    }

    /// Notes how far all Ps have come, for [`moves`](Self::moves).
    pub(super) fn note_ticks(&self, m: &M) {
        // SAFETY: the calling thread's.
        unsafe { m.spin.ticks.set(self.ticks()) };
    }

    /// Returns whether goroutines have been switched since the last note, by others than the calling M, `m`.
    pub(super) fn moves(&self, m: &M) -> bool {
        let now = self.ticks();
        // SAFETY: the calling thread's.
        now.wrapping_sub(unsafe { m.spin.ticks.replace(now) }) > FEW
    }

    /// Returns the sum of all switches.
    pub(super) fn ticks(&self) -> u32 {
        let ticks = self.config.procs.iter().map(|p| p.tick.load(Ordering::Relaxed));
        ticks.fold(0, u32::wrapping_add)
    }
}

/// So many switches are not worth a second look.
const FEW: u32 = 2;

/// Looks at the queues of `p`, once.
fn sight_of_queues(p: &Proc) -> Sight {
    match p.runq.len() {
        0 if !p.runq.has_next() => Sight::Nothing,
        0 | 1 => Sight::Alone,
        _ => Sight::Work,
    }
}

/// As [`sight_of_queues`], and at what the goroutine of `p` may have in hand.
fn sight_of(p: &Proc) -> Sight {
    // Acquire: pairs with `own`.
    // SAFETY: Ms are never freed.
    let m = unsafe { p.m.load(Ordering::Acquire).as_ref() };
    // First: what the M did before it left is seen from here on.
    let inside = m.is_some_and(is_inside);
    match sight_of_queues(p) {
        Sight::Nothing if inside || m.is_some_and(|m| may_hold_one(p, m)) => Sight::InHand,
        sight => sight,
    }
}

/// Returns whether a goroutine of `m` is inside. In the scheduler an M looks by itself.
fn is_inside(m: &M) -> bool {
    m.claim.is_inside() && !m.g.load(Ordering::Relaxed).is_null()
}

/// Looks once more at `p` and its M, `m`, which were seen empty and outside: returns whether a goroutine may hold
/// another in hand.
fn may_hold_one(p: &Proc, m: &M) -> bool {
    let tick = p.tick.load(Ordering::Relaxed);
    let holds_none = || sight_of_queues(p) == Sight::Nothing;
    !(holds_none() && !is_inside(m) && holds_none() && p.tick.load(Ordering::Relaxed) == tick)
}

/// Watches whether what `look` returns stays the same for [`LONE`].
fn stays<P: Platform, T: PartialEq>(look: impl Fn() -> T) -> bool {
    if LOOKS == 0 {
        return true;
    }
    let (first, start) = (look(), P::now());
    for _ in 0..LOOKS {
        // SAFETY: an M that finds nothing.
        unsafe { P::relax() };
        if look() != first {
            return false;
        }
        if P::now().saturating_sub(start) >= LONE {
            break;
        }
    }
    true
}
