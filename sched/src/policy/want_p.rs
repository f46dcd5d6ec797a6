//! How an M gets a P that has none: an idle one, one that a thread keeps which rests after its callbacks, or
//! a place in the P wait queue (L11).
//!
//! A thread that the scheduler did not start keeps its P between its callbacks, and so does a goroutine in a
//! call that is known to last and has called back: the next callback needs no lock then. It keeps none that
//! is waited for. An M that finds no idle P says so and takes one from a thread that rests already; a thread
//! that begins to rest looks whether one has said so (`policy::rests`):
//!
//! ```text
//!   thread that rests                M that waits
//!   m.call := a call that lasts      stands in line; sought := many
//!   light fence                      raises the claims of all that may rest; heavy fence
//!   load sought                      load m.call of each: takes the P of one that rests
//! ```
//!
//! So either the thread sees that its P is sought, or the M sees that it rests, and is outside. A claim that is
//! raised on an M in a callback costs that M a swap at its next operation, and nothing else.
//!
//! *How often.* What is sought once is given up by the next [`SOUGHT`](super::free_p::SOUGHT) callbacks that end in a rest, waited for
//! or not: a fence is needed again when so many have gone by without a wait. And there is at most one in
//! [`APART`]: where waits come thicker, the M waits for a callback's end, or for sysmon.

use core::ptr;

use g0_arch::sync::atomic::{Ordering, fence};

use super::hand::{Got, own};
use crate::objects::inside::{FreeP, Stay};
use crate::objects::m::{M, MState};
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::claim::Raised;
use crate::parts::stat_atomic;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// Between two heavy fences of Ms that wait, nanoseconds.
const APART: u64 = 100_000;
/// Claims that share a fence. Few: they lie on a goroutine's stack.
const BATCH: usize = 4;

/// An M that may rest with a P, and the claim on it.
#[derive(Clone, Copy)]
struct Candidate {
    m: &'static M,
    p: &'static Proc,
    raised: Raised,
}

impl Core {
    /// Gets a P for the calling M, which must have none, or a place in the P wait queue.
    pub(crate) fn want_p<'s, P: Platform>(&'static self, stay: &'s mut Stay) -> Got<'s> {
        let mut sched = self.sched.lock();
        // SAFETY: `state` is under the lock.
        debug_assert_eq!(unsafe { stay.m().links.state.get() }, MState::Busy);
        let Some(p) = self.take_p(&mut sched) else {
            self.wait_for_a_p(&mut sched, stay.m());
            drop(sched);
            self.take_from_resting::<P>();
            return Got::Queued;
        };
        drop(sched);
        let within = own::<P>(stay, p);
        self.wake_sysmon::<P>();
        Got::Proc(within)
    }

    /// Takes a P from an M that rests, for the first of those that wait. Starts no thread.
    #[cold]
    #[inline(never)]
    fn take_from_resting<P: Platform>(&'static self) {
        // The place in the line before the look at the owners; see `woken`.
        fence(Ordering::SeqCst);
        let now = P::now();
        // Relaxed: two Ms that ask at the same time pass a fence each.
        if now < self.foreign.next_fence.load(stat_atomic::Ordering::Relaxed) {
            return;
        }
        let mut raised = [None; BATCH];
        // Those that rest first.
        self.raise_on(&mut raised, M::rests);
        self.raise_on(&mut raised, M::may_rest);
        if raised[0].is_none() {
            return;
        }
        self.foreign.next_fence.store(now.saturating_add(APART), stat_atomic::Ordering::Relaxed);
        heavy_fence::<P>(self.config.symmetric);
        self.stats.heavy_fences.add_shared(u64::from(!self.config.symmetric));
        let mut taken = None;
        for Candidate { m, p, raised } in raised.into_iter().flatten() {
            if m.claim.take(raised, || taken.is_none() && m.rests()) {
                // Release: with what its last owner did.
                p.m.store(ptr::null_mut(), Ordering::Release);
                // SAFETY: the claim has taken the P from its M, and no list has it.
                taken = Some(unsafe { FreeP::assume(p) });
            }
        }
        if let Some(p) = taken {
            self.stats.retakes.add_shared(1);
            self.pass_on::<P>(p);
        }
    }

    /// Raises the claims on the Ps of Ms of that `kind`, as far as there is room.
    fn raise_on(&self, raised: &mut [Option<Candidate>; BATCH], kind: fn(&M) -> bool) {
        let mut room = raised.iter_mut().filter(|place| place.is_none());
        for p in self.config.procs {
            // SAFETY: Ms are never freed. Acquire: pairs with `own`.
            let Some(m) = (unsafe { p.m.load(Ordering::Acquire).as_ref() }) else { continue };
            if !kind(m) {
                continue;
            }
            let Some(claim) = m.claim.raise() else { continue };
            // The M may have changed Ps since. What it has now is what `take` takes.
            if !ptr::eq(m.p.load(Ordering::Relaxed), p) {
                m.claim.take(claim, || false);
                continue;
            }
            let Some(place) = room.next() else {
                m.claim.take(claim, || false);
                return;
            };
            *place = Some(Candidate { m, p, raised: claim });
        }
    }

    /// Gives `p` to the first M that waits; without one it is idle, and sysmon finds an M for what is queued
    /// there.
    fn pass_on<P: Platform>(&'static self, p: FreeP) {
        let _ = self.expose_next(&p);
        if !self.free_p(p).unpark::<P>() {
            self.sysmon.unchecked.store(true, Ordering::Relaxed);
            self.wake_sysmon::<P>();
        }
    }
}
