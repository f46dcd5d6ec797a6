//! A P passes from one owner to the next (L3).
//!
//! > **L3** An M that sleeps has been given its P before it is woken, and no wake of an M is lost.
//!
//! ```text
//!              put_p, an M waits: hand                    woken
//!   in hand ─────────────────────────────▶ given (nextp) ───────▶ owned
//!      │  ▲                                                         ▲
//!      │  │ take_p                                        own       │
//!      │  └───────────── idle ◀──┐                                  │
//!      ├─────────────────────────┘ put_p, no M waits                │
//!      └────────────────────────────────────────────────────────────┘
//! ```
//!
//! A function that gives a P to an M that waits returns a [`WakeM`]: the M is unparked after the lock has
//! been released, so that no system call happens under it.

use core::ptr;

use g0_arch::sync::atomic::Ordering;

use super::napper::{NapEnds, nap_ends};
use crate::objects::inside::{FreeP, Stay, Within};
use crate::objects::m::{M, MState};
use crate::objects::shared::sched_state::SchedState;
use crate::platform::Platform;

/// What an M that wants a P got.
#[derive(Clone, Copy)]
pub(crate) enum Got<'s> {
    /// A P; it is the M's now.
    Proc(&'s Within),
    /// A place in the P wait queue: the M must wait until `nextp` is set.
    Queued,
}

/// The M that was given a P, if any.
#[must_use = "an M that was given a P must be unparked once the lock is released (L3)"]
pub(crate) struct WakeM(Option<&'static M>);

impl WakeM {
    /// For no M.
    pub(super) const NONE: Self = Self(None);

    /// Returns whether no M was given the P.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Unparks the M; returns whether there is one. The lock must not be held.
    pub(crate) fn unpark<P: Platform>(self) -> bool {
        if let Some(m) = self.0 {
            m.parker.unpark::<P>();
        }
        self.0.is_some()
    }

    /// The M has no thread that sleeps: its thread must be started.
    pub(super) fn start_instead(self) {}

    /// Nothing to unpark, for no M waited.
    pub(super) fn expect_none(self) {
        debug_assert!(self.0.is_none(), "L11: an M waits while a P is idle");
    }
}

/// Gives `p` to `m`, which waits. Under the lock; the wake must come after.
pub(super) fn hand(sched: &mut SchedState, m: &'static M, p: FreeP) -> WakeM {
    nap_ends(m, NapEnds::WithP);
    sched.set_state(m, MState::Busy);
    if p.is_fair() {
        // The M that has waited has its turn now, and the queues after it.
        p.put_off_fair_turn();
    }
    // Release: pairs with the Acquire in `take_nextp`; carries the P's data from its last owner.
    m.nextp.store(ptr::from_ref(p.into_proc()).cast_mut(), Ordering::Release);
    WakeM(Some(m))
}

/// Takes the P that `m` was given.
pub(super) fn take_nextp(m: &'static M) -> FreeP {
    // Acquire: pairs with the Release in `hand`.
    let p = m.nextp.swap(ptr::null_mut(), Ordering::Acquire);
    // SAFETY: `hand` put a P in hand there, which lives as long as the scheduler, and the swap has taken
    // it out.
    unsafe { FreeP::assume(&*p) }
}

/// Makes `p` the calling M's.
pub(super) fn own<P: Platform>(stay: &mut Stay, p: FreeP) -> &Within {
    let now = P::now();
    stay.core().set_clock(now);
    let m = stay.m();
    // SAFETY: the P is in hand.
    unsafe { p.since.set(now) };
    // The other queues have just had their turn: the P comes from another M, or from the idle list. But one that
    // has been asked for, and not been taken, goes with the P.
    if !p.is_fair_soon() {
        p.reset_fair_turn();
    }
    let p = p.into_proc();
    // Relaxed: published by the release of `Claim::own`.
    m.p.store(ptr::from_ref(p).cast_mut(), Ordering::Relaxed);
    p.m.store(ptr::from_ref(m).cast_mut(), Ordering::Release);
    if stay.core().is_asked(m) {
        // What it is asked outlives the P that it was asked on.
        m.claim.own_raised();
    } else {
        m.claim.own();
    }
    // SAFETY: inside, by the stay, and the claim says that the M owns a P; the borrow keeps it.
    unsafe { Within::assume(m) }
}
