//! How an M that has found nothing goes to sleep (L11).
//!
//! It declares itself and its P idle, stops searching, issues one heavy fence and looks at all queues once
//! more. Whatever was published before that, it sees; a later publisher sees the idle P. (After Go's
//! `findRunnable`.) Then it sleeps, and if no other M does so, until the next deadline of all Ps.

use g0_arch::sync::atomic::Ordering;

use super::hand::Got;
use super::next::Next;
use super::rest::{NoIdleP, Rest, RestFor};
use crate::objects::inside::Stay;
use crate::objects::m::MState;
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
        let Some(rest) = self.rest::<P>(stay, rest_for) else {
            // SAFETY: the calling thread's again: it has not rested.
            unsafe { m.spin.searching.set(searching) };
            return None;
        };
        if searching {
            self.work.searching.fetch_sub(1, Ordering::AcqRel);
        }
        // SAFETY: the calling thread's.
        unsafe { m.spin.before_sleep.set(rest == Rest::Handed) };
        // With the P in other hands nothing is left for this M to see to, unless publishers relied on it:
        // the M that got the P may have rested meanwhile.
        if searching || rest == Rest::Idle {
            heavy_fence::<P>(self.config.symmetric);
            let work = self.has_work_for_any_m();
            if work && !(rest_for == RestFor::OtherGs && self.is_searched_by_another()) {
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
        self.sleep_or_lead::<P>(stay)
    }

    /// Returns what the calling M does next, which was told to wait and woke without `nextp`: a deadline has
    /// passed, an interrupt has left mail, its thread is to end, or there was no reason. `None`: it has a P.
    pub(crate) fn spurious_wakeup<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        // It leads no more unless it says so again.
        if self.resign_leader(stay) == MState::Dismissed && self.may_be_dismissed::<P>(stay) {
            return Some(Next::Stop);
        }
        if stay.m().inbox.has_mail() {
            return self.insist_on_a_p::<P>(stay);
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
    fn look_again<'s, P: Platform>(&self, stay: &'s mut Stay) -> Option<Got<'s>> {
        let got = self.stop_resting::<P>(stay, NoIdleP::StayAtRest);
        if let Some(Got::Proc(within)) = got {
            // A reserved M looks for nothing but its own G.
            // SAFETY: `reserved` is the calling thread's.
            if unsafe { within.lock.reserved.get() }.is_null() {
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
}
