//! What a reserved M does: one that goroutines have locked (L2).
//!
//! `reserved` names one of them, G: on the pinned runtime one of the lockers (see [`lockedm`](super::lockedm)),
//! else the only one. Which Gs may run on the M:
//!
//! | runtime | M is an extra one or wired to main, or G unwinds | may run |
//! |---|---|---|
//! | exclusive, migrating | either | G alone |
//! | pinned | yes | G alone: the thread is C's own or the caller's of `run`, or its panic count is G's |
//! | pinned | no | all Gs that are bound here, lockers or not, by turns: they have nowhere else to run (*shared*) |
//!
//! So as long as one locker is left the M runs none but its lockers and those that were bound here before,
//! whichever of the lockers `reserved` names. A new goroutine never begins here: not after one that parks,
//! yields or ends, for each of them comes to these tables. R9 alone is an exception: no other M can be had,
//! and what the lockers wait for would never run.
//!
//! With a P, and with what was in `runnext` put into the ring, the M first decides:
//!
//! | row | a G that may run here is ready | G yields, or it is a fair turn | another M wants the P | shared | the M |
//! |---|---|---|---|---|---|
//! | R1 | yes | yes | yes | either | keeps that G for later, and passes the P on |
//! | R2 | yes | else | else | either | runs that G |
//! | R3 | no, but comes within a spin | | | either | asks again |
//! | R4 | no | | yes | yes | leaves the P to another M |
//! | R5 | no | | yes | no | hands the P off, and sleeps until G is ready |
//! | R6 | no | | no | either | frees the P, and sleeps until a G of its own is ready |
//!
//! An M that passes its P (R1) or leaves it (R4) hands it off and, unless R7 applies, asks for one
//! again at once:
//!
//! | row | passed or left | an M has got it | a P for this one | shared | queued anywhere | own G ready | the M |
//! |---|---|---|---|---|---|---|---|
//! | R7 | left | yes | | yes | | | sleeps until a G of its own is ready |
//! | R8 | either | else | no | either | | | waits for a P |
//! | R9 | either | no M can be had | yes | yes | yes | | runs what is queued: no other M can |
//! | R10 | passed | else | yes | either | else | yes | runs its own G |
//! | R11 | either | else | yes | either | else | else | frees the P, and sleeps until a G of its own is ready |
//! | R12 | left | it has retired | yes | yes | | | decides anew: no M was looked for |

use core::ptr::NonNull;

use super::hand::Got;
use super::hand_off::HandedOff;
use super::local_list;
use super::next::Next;
use super::rest::RestFor;
use crate::objects::g::G;
use crate::objects::inside::{Stay, Within};
use crate::objects::shared::Core;
use crate::parts::stat_atomic;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;
use g0_defer::Unwind;

/// What a reserved M does, by the first table.
#[derive(Clone, Copy)]
pub(super) enum Decision {
    /// R1.
    Pass { shared: bool },
    /// R2.
    Run(NonNull<G>),
    /// R3.
    AskAgain,
    /// R4.
    LeaveToOthers,
    /// R5.
    HandOff,
    /// R6.
    Sleep,
}

impl Core {
    /// Decides what `m`, reserved for `g`, does.
    pub(super) fn reserved_decision<P: Platform>(
        &'static self,
        m: &Within,
        g: NonNull<G>,
    ) -> Decision {
        let p = m.p();
        // Thieves do not reach `runnext`.
        if let Some(next) = p.replace_next(None) {
            // SAFETY: `next` is in no queue: it was just taken out. What is in `runnext` is unbound.
            let _ = unsafe { self.append(p, next) };
        }
        // SAFETY: the flags are the calling thread's.
        let alone = unsafe { m.migrating.get() || m.lock.wired.get() };
        let pinned = !alone && !m.is_extra();
        let unwinds = pinned && P::Unwind::panicking();
        let shared = pinned && !unwinds;
        // Relaxed: for reports.
        if m.lock.unwinds.load(stat_atomic::Ordering::Relaxed) != unwinds {
            m.lock.unwinds.store(unwinds, stat_atomic::Ordering::Relaxed);
        }
        let fair = p.is_fair();
        let mine = self.take_mine::<P>(m, g, shared, fair);
        if fair && !self.demand_for(p).by_queues() {
            // Else the turn goes with the P, to the M that serves the queues.
            p.reset_fair_turn();
        }
        // SAFETY: the calling thread's.
        let gives_way = unsafe { m.lock.yield_requested.replace(false) } || fair;
        let others = || self.demand_for(p).others_than_reserved();
        match mine {
            // R1.
            Some(mine) if gives_way && others() => {
                // It has not run, and is the next one still: behind one that yields it would never be.
                // SAFETY: `mine` is bound here and in no queue: it was just popped.
                unsafe { local_list::push_next(m, mine) };
                Decision::Pass { shared }
            }
            // R2.
            Some(mine) => Decision::Run(mine),
            // R3.
            None if self.spin_with_p::<P>(m) => Decision::AskAgain,
            // R4.
            None if others() && shared => Decision::LeaveToOthers,
            // R5.
            None if others() => Decision::HandOff,
            // R6.
            None => Decision::Sleep,
        }
    }

    /// Carries `decision` out, which was just made for the calling M, reserved for `g`. `None`: it asks
    /// again.
    pub(super) fn next_reserved<P: Platform>(
        &'static self,
        stay: &mut Stay,
        g: NonNull<G>,
        decision: Decision,
    ) -> Option<Next> {
        match decision {
            Decision::Run(g) => Some(Next::Run(g)),
            Decision::AskAgain => None,
            Decision::Sleep => self.sleep_for_g::<P>(stay),
            Decision::HandOff => {
                self.hand_off::<P>(stay.disown());
                self.await_mail::<P>(stay)
            }
            Decision::Pass { shared } => {
                let handed = self.hand_off::<P>(stay.disown());
                // R8.
                let Got::Proc(m) = self.want_p::<P>(stay) else { return Some(Next::Wait) };
                // R9.
                if handed == HandedOff::Idle {
                    if shared && let Some(g) = self.queued_g(m, m.p().is_fair()) {
                        return Some(Next::Run(g));
                    }
                    // No M is there to take the turn.
                    m.p().reset_fair_turn();
                }
                match self.take_mine::<P>(m, g, shared, false) {
                    // R10.
                    Some(g) => Some(Next::Run(g)),
                    // R11.
                    None => self.sleep_for_g::<P>(stay),
                }
            }
            Decision::LeaveToOthers => {
                let handed = self.hand_off::<P>(stay.disown());
                // R7.
                if handed == HandedOff::ToAnM {
                    return self.await_mail::<P>(stay);
                }
                // R8.
                let Got::Proc(m) = self.want_p::<P>(stay) else { return Some(Next::Wait) };
                // R12.
                if handed == HandedOff::Retired {
                    return None;
                }
                match self.queued_g(m, m.p().is_fair()) {
                    // R9.
                    Some(g) => Some(Next::Run(g)),
                    // R11.
                    None => self.sleep_for_g::<P>(stay),
                }
            }
        }
    }

    /// Takes a G that may run on `m`, reserved for `g`: if `shared` any that is bound here, else `g`.
    fn take_mine<P: Platform>(
        &'static self,
        m: &Within,
        g: NonNull<G>,
        shared: bool,
        fair: bool,
    ) -> Option<NonNull<G>> {
        if shared {
            return local_list::pop(m, fair);
        }
        let mut wake = false;
        // SAFETY: the local list is the calling thread's; what it gives up is in no queue, and unbound.
        let found = m.local.with_mut(|local| unsafe {
            (*local).take(&m.inbox, g, |unbound| wake |= self.append(m.p(), unbound))
        });
        if wake {
            self.wake::<P>();
        }
        found.then_some(g)
    }

    /// The calling M, whose P another M has already, rests until a G of its own is ready.
    fn await_mail<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        // SAFETY: the calling thread's.
        unsafe { stay.m().spin.before_sleep.set(true) };
        self.sleep_without_p::<P>(stay, RestFor::OwnG)
    }

    /// The calling M frees its P and rests until a G of its own is ready.
    fn sleep_for_g<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        // SAFETY: the calling thread's. It has just spun.
        unsafe { stay.m().spin.before_sleep.set(false) };
        self.rest::<P>(stay, RestFor::OwnG);
        heavy_fence::<P>(self.config.symmetric);
        // The P's queues may wait for an M now; or it is idle and other queues do (L11).
        self.wake_for_the_rest::<P>();
        if !stay.m().inbox.sleep() {
            return self.insist_on_a_p::<P>(stay);
        }
        self.sleep_or_lead::<P>(stay)
    }
}
