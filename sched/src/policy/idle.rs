//! How an M that has found nothing goes to sleep (L11).
//!
//! It declares itself and its P idle, stops searching, issues one heavy fence and looks at all queues once
//! more, `runnext` included. Whatever was published before that, it sees; a later publisher sees the idle P. (After
//! Go's `findRunnable`.) Then it sleeps, and if no other M does so, until the next deadline of all Ps.
//!
//! | once more it sees | it |
//! |---|---|
//! | work, and a P is idle | searches again |
//! | a G that is alone, or that its P may have in hand | [naps](super::nap), unless another M does |
//! | the same, on one CPU | sleeps: what could run it is what computes there |
//! | nothing, but goroutines that switch | naps, unless another M does |
//! | nothing | sleeps |

use super::hand::Got;
use super::next::Next;
use super::rest::{NoIdleP, Rest, RestFor};
use super::sight::Sight;
use crate::objects::inside::Stay;
use crate::objects::shared::Core;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

impl Core {
    /// Puts the calling M at rest and returns how it must wait; `None`: there is work after all, and a P to
    /// do it with.
    pub(super) fn go_idle<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        if let Some(within) = stay.within()
            && self.may_get_mail(within)
            && self.spin_with_p::<P>(within)
        {
            return None;
        }
        self.go_idle_for::<P>(stay, RestFor::AnyG)
    }

    /// As [`go_idle`](Self::go_idle); what is queued may be left to an M that searches.
    pub(super) fn go_idle_for<P: Platform>(
        &'static self,
        stay: &mut Stay,
        rest_for: RestFor,
    ) -> Option<Next> {
        let m = stay.m();
        m.load.reset();
        // Before the M is on the idle list: from then on the flag is its waker's to set.
        // SAFETY: the calling thread's.
        let searching = unsafe { m.spin.searching.replace(false) };
        let others_move = searching && self.is_parallel::<P>() && self.moves(m);
        let Some(rest) = self.rest::<P>(stay, rest_for) else {
            // SAFETY: the calling thread's again: it has not rested.
            unsafe { m.spin.searching.set(searching) };
            return None;
        };
        // Before it stops to search: those that hand each other a P see one of the two.
        let naps = others_move && self.begin_nap(stay);
        if searching {
            self.work.hunger.sub_searching();
        }
        // SAFETY: the calling thread's.
        unsafe { m.spin.before_sleep.set(rest == Rest::Handed) };
        // With the P in other hands nothing is left for this M to see to, unless publishers relied on it:
        // the M that got the P may have rested meanwhile.
        let mut sight = Sight::Nothing;
        if searching || rest == Rest::Idle {
            heavy_fence::<P>(self.config.symmetric);
            // What is left to an M that searches is that one's to find, and to pass on.
            let is_left = rest_for == RestFor::OtherGs && self.is_searched_by_another();
            sight = if is_left { Sight::Nothing } else { self.survey::<P>() };
            if sight == Sight::Work {
                match self.look_again::<P>(stay) {
                    Some(Got::Proc(_)) => return None,
                    Some(Got::Queued) => return Some(Next::Wait),
                    None => {}
                }
            }
        }
        // Work of its own: only this M can do it, so it insists on a P.
        if !m.inbox.sleep() {
            return self.insist_on_a_p::<P>(stay);
        }
        if naps {
            return Some(self.nap::<P>(stay));
        }
        self.sleep_or_nap::<P>(stay, sight)
    }

    /// The calling M, at rest, which nobody relies on any more and that has passed the heavy fence since, sleeps
    /// unless there is something to find.
    pub(super) fn look_and_sleep<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        let sight = self.survey::<P>();
        if sight == Sight::Work {
            match self.look_again::<P>(stay) {
                Some(Got::Proc(_)) => return None,
                Some(Got::Queued) => return Some(Next::Wait),
                None => {}
            }
        }
        self.sleep_or_nap::<P>(stay, sight)
    }

    /// The calling M, at rest, has looked once more: with something in sight that it cannot take yet it naps.
    fn sleep_or_nap<P: Platform>(&'static self, stay: &mut Stay, sight: Sight) -> Option<Next> {
        let unsettled = matches!(sight, Sight::InHand | Sight::Alone);
        if unsettled && self.is_parallel::<P>() && self.begin_nap(stay) {
            return Some(self.nap::<P>(stay));
        }
        self.sleep_or_lead::<P>(stay)
    }

    /// Puts the calling M, which has no P, at rest and returns how it must wait. `None` when there is mail:
    /// then it needs a P, or (timers) has one.
    pub(super) fn rest_without_p<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        // Before it is on the idle list, as in `go_idle`.
        self.stop_searching::<P>(stay);
        self.sleep_without_p::<P>(stay, RestFor::AnyG)
    }

    /// The end of [`rest_without_p`](Self::rest_without_p), for an M that does not search.
    pub(super) fn sleep_without_p<P: Platform>(
        &'static self,
        stay: &mut Stay,
        rest_for: RestFor,
    ) -> Option<Next> {
        self.mark_resting(stay, rest_for);
        if stay.m().inbox.sleep() {
            return self.sleep_or_lead::<P>(stay);
        }
        if self.unmark_resting(stay) { None } else { Some(Next::Wait) }
    }

    /// Gets a P for the calling M, at rest, which has a G of its own to run. `None`: it has one.
    pub(super) fn insist_on_a_p<P: Platform>(&self, stay: &mut Stay) -> Option<Next> {
        match self.stop_resting::<P>(stay, NoIdleP::Queue) {
            Some(Got::Proc(_)) => None,
            _ => Some(Next::Wait),
        }
    }

    /// The calling M, at rest, has seen work for any M: it goes on, searching, if a P is idle.
    pub(super) fn look_again<'s, P: Platform>(&self, stay: &'s mut Stay) -> Option<Got<'s>> {
        let got = self.stop_resting::<P>(stay, NoIdleP::StayAtRest);
        if let Some(Got::Proc(within)) = got {
            // A reserved M looks for nothing but its own G. One that napped searches already.
            // SAFETY: the calling thread's, both.
            if unsafe { within.lock.reserved.get().is_null() && !within.spin.searching.get() } {
                self.start_searching(within);
            }
        }
        got
    }

    /// The calling M, at rest, is about to sleep: until the next deadline, if no other M sleeps until then.
    /// `None`: that has passed, and the M has a P.
    pub(super) fn sleep_or_lead<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        self.check_for_end::<P>();
        let deadline = self.deadline_to_sleep_until();
        if deadline == u64::MAX {
            self.check_for_deadlock::<P>();
            return Some(Next::Wait);
        }
        if deadline <= P::now() {
            match self.look_again::<P>(stay) {
                Some(Got::Proc(within)) => {
                    self.serve_all_timers::<P>(within);
                    return None;
                }
                // With no idle P, busy Ms look after the timers.
                _ => return Some(Next::Wait),
            }
        }
        Some(if self.lead_timers(stay, deadline) { Next::WaitUntil(deadline) } else { Next::Wait })
    }

    /// Returns how long the calling M waits, which naps: until the next deadline at most, for no other M at rest need
    /// keep that.
    pub(super) fn nap<P: Platform>(&'static self, stay: &Stay) -> Next {
        self.check_for_end::<P>();
        // SAFETY: the calling thread's.
        let until = P::now().saturating_add(unsafe { stay.m().spin.nap.get() }.into());
        Next::WaitUntil(until.min(self.next_deadline()))
    }
}
