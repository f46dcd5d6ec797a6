//! What an M does next (L2, L11).
//!
//! ```text
//!   has no P ──▶ want one ──▶ (in line: Wait)
//!      │
//!   reserved ──▶ its own G, or give the P away and sleep until that G is ready
//!      │
//!   every 61st time: timers, the line; then the global queue, the ring or the local list, by turns
//!      │
//!   runnext, local list, ring ──▶ global queue ──▶ timers ──▶ steal, spinning ──▶ rest
//! ```
//!
//! An M with nothing to do first *spins*: it keeps its P and looks everywhere for 50 µs; while
//! one M spins, publishers wake nobody. Then it declares itself and its P idle, stops spinning,
//! issues one heavy fence and looks once more. Whatever was published before that, it sees;
//! whoever publishes later sees the idle P. (After Go's `findRunnable`.)

use core::ptr::NonNull;

use g0_arch::sync::Backoff;
use g0_arch::sync::atomic::Ordering;

use super::sched_state::{Got, Rest};
use crate::objects::g::G;
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::light_fence::light_fence;
use crate::parts::phase;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;
use g0_defer::Unwind;

/// How long an M looks for work before it rests, nanoseconds.
const SPIN: u64 = 50_000;
/// Rounds of looking in vain at most.
const ROUNDS: u32 = 10_000;
/// How long an M keeps its P while others stand in line, nanoseconds.
const SLICE: u64 = 25_000;

/// What an M does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this G. The M has a P and is inside.
    Run(NonNull<G>),
    /// Park until `nextp` is set, then call `Core::woken` and ask again. After a wake without it
    /// ask [`Core::spurious_wakeup`].
    Wait,
    /// The same, until this deadline at most, nanoseconds.
    WaitUntil(u64),
    /// The scheduler has halted: the thread ends.
    Stop,
}

impl Core {
    /// The next thing to do for `m`, with or without a P.
    ///
    /// # Safety
    ///
    /// `m` is the calling thread's, which is on g0 and inside.
    pub unsafe fn next<P: Platform>(&'static self, m: &'static M) -> Next {
        loop {
            if self.phase() == phase::HALTED {
                return Next::Stop;
            }
            // SAFETY: `m.p` is ours to read: we are inside; null when we gave it away.
            if !m.claim.holds() && self.want_p::<P>(m) == Got::Queued {
                // SAFETY: our thread's.
                unsafe { m.spin.before_sleep.set(true) };
                return Next::Wait;
            }
            // SAFETY: the claim is OWNED and we are inside, so the P is ours.
            let p: &'static Proc = unsafe { &*m.p.load(Ordering::Relaxed) };
            if !self.is_wanted(p) {
                // The P retires, and we ask for another.
                self.hand_off::<P>(super::sched_state::disown(m));
                continue;
            }
            // SAFETY: `dying` is our thread's.
            if unsafe { m.lock.dying.replace(false) } && self.end_locked::<P>(m, p) {
                return Next::Stop;
            }
            // SAFETY: ours, as above.
            let (fair, overdue) = unsafe { (p.is_fair(), p.is_overdue()) };
            if fair || overdue {
                self.serve_timers::<P>(Some(m), p);
            }
            // SAFETY: `reserved` is our thread's.
            if let Some(g) = NonNull::new(unsafe { m.lock.reserved.get() }) {
                match self.next_reserved::<P>(m, p, g) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            if fair && self.slice_over::<P>(p) && self.serve_p_wait_queue::<P>(m) {
                // All that is queued has gone with the P, but for what is bound to this M.
                // SAFETY: the local list is our thread's.
                if m.local.with(|local| unsafe { (*local).is_empty() })
                    && let Some(wait) = self.rest_without_p::<P>(m)
                {
                    return wait;
                }
                continue;
            }
            if let Some(g) = self.queued_g(m, p, fair || overdue) {
                return self.run::<P>(m, g);
            }
            if self.serve_timers::<P>(Some(m), p) {
                continue;
            }
            if let Some(g) = self.spin::<P>(m, p) {
                return self.run::<P>(m, g);
            }
            if let Some(wait) = self.go_idle::<P>(m) {
                return wait;
            }
        }
    }

    /// A G of the queues this M can reach without a victim.
    fn queued_g(&self, m: &'static M, p: &'static Proc, fair: bool) -> Option<NonNull<G>> {
        let tick = p.tick.load(Ordering::Relaxed);
        let local = || {
            // SAFETY: the local list is our thread's.
            m.local.with_mut(|local| unsafe { (*local).pop(&m.inbox, fair) })
        };
        // SAFETY: the P is ours and we are inside.
        unsafe {
            p.looks.set(if fair { 0 } else { p.looks.get().saturating_add(1) });
            if fair {
                p.reset_fair_turn();
                // The other queues' turn: each is the first of them in turn, for the one before it may
                // never be empty, nor `runnext`.
                for queue in 0..3 {
                    let g = match (tick + queue) % 3 {
                        0 => self.take_global(p),
                        1 => p.runq.pop(),
                        _ => local(),
                    };
                    if g.is_some() {
                        return g;
                    }
                }
                return p.runq.replace_next(None);
            }
            if let Some(g) = p.runq.replace_next(None) {
                return Some(g);
            }
            if tick & 1 == 0
                && let Some(g) = p.runq.pop()
            {
                return Some(g);
            }
            local().or_else(|| p.runq.pop()).or_else(|| self.take_global(p))
        }
    }

    /// Whether others stand in line and this M's P has served it for long enough.
    fn slice_over<P: Platform>(&self, p: &'static Proc) -> bool {
        // SAFETY: the P is the caller's.
        self.work.p_waiters.load(Ordering::Relaxed) != 0
            && P::now().saturating_sub(unsafe { p.since.get() }) >= SLICE
    }

    /// Looks everywhere for `SPIN`; at most half of the busy Ms do so at a time.
    fn spin<P: Platform>(&'static self, m: &'static M, p: &'static Proc) -> Option<NonNull<G>> {
        let procs = self.config.procs;
        // SAFETY: `spinning` is our thread's.
        if !unsafe { m.spin.searching.get() } {
            let live = self.ps.live.load(Ordering::Relaxed);
            let busy = live.saturating_sub(self.ps.idle.load(Ordering::Relaxed));
            if procs.len() == 1 || 2 * self.work.searching.load(Ordering::Relaxed) >= busy {
                return self.steal::<P>(p, m);
            }
            // SAFETY: as above.
            unsafe { m.spin.searching.set(true) };
            // AcqRel: publishers that see it leave the looking to us.
            self.work.searching.fetch_add(1, Ordering::AcqRel);
        }
        let start = P::now();
        let backoff = Backoff::new();
        // Bounded by rounds too: a clock may stand still.
        for round in 0.. {
            if let Some(g) = self.steal::<P>(p, m).or_else(|| self.queued_g(m, p, false)) {
                return Some(g);
            }
            let over = P::cpus() == 1
                || round == ROUNDS
                || self.work.p_waiters.load(Ordering::Relaxed) != 0
                || self.phase() == phase::HALTED
                || P::now().saturating_sub(start) >= SPIN;
            if over {
                return None;
            }
            P::relax();
            backoff.spin();
        }
        None
    }

    /// Half of another P's ring, the victims in random order; without any, whose timers are due.
    fn steal<P: Platform>(&'static self, p: &'static Proc, m: &'static M) -> Option<NonNull<G>> {
        let procs = self.config.procs;
        // SAFETY: the P is ours and we are inside; its ring is empty, as `queued_g` found.
        unsafe {
            let from = (p.roll() >> 16) as usize % procs.len();
            for victim in procs.iter().cycle().skip(from).take(procs.len()) {
                if !core::ptr::eq(victim, p)
                    && !victim.runq.is_empty()
                    && let Some(g) = p.runq.steal(&victim.runq)
                {
                    p.counts.steals.add(1);
                    return Some(g);
                }
            }
            if self.serve_all_timers::<P>(m, p) {
                return self.queued_g(m, p, false);
            }
            m.local.with_mut(|local| (*local).pop(&m.inbox, false))
        }
    }

    /// Stops spinning and runs `g`.
    fn run<P: Platform>(&'static self, m: &'static M, g: NonNull<G>) -> Next {
        self.stop_spinning::<P>(m);
        Next::Run(g)
    }

    /// Stops spinning, and passes the looking on if this was the last M that did.
    fn stop_spinning<P: Platform>(&'static self, m: &'static M) {
        // SAFETY: our thread's.
        if unsafe { m.spin.searching.replace(false) } {
            // Publishers have left it to us to find what they published, wherever that is: so the
            // last that stops looking passes the looking on, while a P is idle.
            let last = self.work.searching.fetch_sub(1, Ordering::AcqRel) == 1;
            light_fence(self.config.symmetric);
            if last && self.ps.idle.load(Ordering::Relaxed) != 0 {
                self.wake::<P>();
            }
        }
    }

    /// Rests: how to wait. None: there is work after all, and a P to do it with.
    fn go_idle<P: Platform>(&'static self, m: &'static M) -> Option<Next> {
        // Before we are on the idle list: from then on the flag is whoever wakes us's to set.
        // SAFETY: our thread's.
        let spinning = unsafe { m.spin.searching.replace(false) };
        let Some(rest) = self.rest::<P>(m, false) else {
            // SAFETY: our thread's again: we have not rested.
            unsafe { m.spin.searching.set(spinning) };
            return None;
        };
        if spinning {
            self.work.searching.fetch_sub(1, Ordering::AcqRel);
        }
        // SAFETY: our thread's.
        unsafe { m.spin.before_sleep.set(rest == Rest::Handed) };
        // With the P in other hands nothing is left for us to see to, unless publishers relied on us:
        // whoever got the P may have rested meanwhile.
        if spinning || rest == Rest::Idle {
            heavy_fence::<P>(self.config.symmetric);
            let work = self.work.queued.load(Ordering::Relaxed) != 0
                || self.config.procs.iter().any(|p| !p.runq.is_empty());
            if work {
                match self.look_again::<P>(m) {
                    Some(Got::Proc) => return None,
                    Some(Got::Queued) => return Some(Next::Wait),
                    None => {}
                }
            }
        }
        // Work of our own: only we can do it, so we insist on a P.
        if !m.inbox.sleep() {
            return match self.stop_resting::<P>(m, true) {
                Some(Got::Proc) => None,
                _ => Some(Next::Wait),
            };
        }
        self.sleep_or_lead::<P>(m)
    }

    /// `m`, at rest, has seen work for any M: it goes on, spinning, if a P is idle.
    fn look_again<P: Platform>(&self, m: &'static M) -> Option<Got> {
        let got = self.stop_resting::<P>(m, false);
        // SAFETY: our thread's.
        unsafe {
            // A reserved M looks for nothing but its own G.
            if got == Some(Got::Proc) && m.lock.reserved.get().is_null() {
                m.spin.searching.set(true);
                self.work.searching.fetch_add(1, Ordering::AcqRel);
            }
        }
        got
    }

    /// `m`, at rest, is about to sleep: until the next deadline, if no other M sleeps until then.
    /// None: that has passed, and `m` has a P.
    fn sleep_or_lead<P: Platform>(&'static self, m: &'static M) -> Option<Next> {
        let deadline = self.next_deadline();
        if deadline == u64::MAX {
            self.check_for_deadlock::<P>();
            return Some(Next::Wait);
        }
        if deadline <= P::now() {
            match self.look_again::<P>(m) {
                Some(Got::Proc) => {
                    // SAFETY: the P is ours and we are inside.
                    let p: &'static Proc = unsafe { &*m.p.load(Ordering::Relaxed) };
                    self.serve_all_timers::<P>(m, p);
                    return None;
                }
                // With no idle P, busy Ms look after the timers.
                _ => return Some(Next::Wait),
            }
        }
        Some(if self.lead_timers(m, deadline) { Next::WaitUntil(deadline) } else { Next::Wait })
    }

    /// What `m` does next that was told to wait and woke without `nextp`: a deadline has passed,
    /// an interrupt has left mail, or there was no reason. None: `m` has a P.
    ///
    /// # Safety
    ///
    /// `m` is the calling thread's, which is on g0 and inside, and has been told to wait.
    pub unsafe fn spurious_wakeup<P: Platform>(&'static self, m: &'static M) -> Option<Next> {
        if m.inbox.has_mail() {
            return match self.stop_resting::<P>(m, true) {
                Some(Got::Proc) => None,
                _ => Some(Next::Wait),
            };
        }
        // Whatever it kept, it does so no more unless it says so again.
        self.resign_leader(m);
        self.sleep_or_lead::<P>(m)
    }

    /// A goroutine has ended that had locked this M's thread: the thread ends with it, the P
    /// handed off first. On the safe runtime other goroutines may be bound here, and the thread
    /// goes on: the platform is told.
    fn end_locked<P: Platform>(&'static self, m: &'static M, p: &'static Proc) -> bool {
        // SAFETY: our thread's.
        if !unsafe { m.migrating.get() } {
            P::on_locked_exit(m);
            return false;
        }
        super::sched_state::disown(m);
        self.hand_off::<P>(p);
        true
    }

    /// Rests, without a P: how to wait. None when there is mail: then a P is needed, or (timers)
    /// there is one.
    fn rest_without_p<P: Platform>(&'static self, m: &'static M) -> Option<Next> {
        // Before it is on the idle list, as in `go_idle`.
        self.stop_spinning::<P>(m);
        self.sleep_without_p::<P>(m, false)
    }

    /// The rest of [`rest_without_p`](Self::rest_without_p): on the idle list, or (`private`) for mail only.
    fn sleep_without_p<P: Platform>(&'static self, m: &'static M, private: bool) -> Option<Next> {
        self.mark_resting(m, private);
        if m.inbox.sleep() {
            return self.sleep_or_lead::<P>(m);
        }
        if self.unmark_resting(m) { None } else { Some(Next::Wait) }
    }

    /// What an M does that may run one G only. `None`: ask again.
    ///
    /// On the safe runtime the Gs that are bound here have nowhere else to run: they take turns
    /// with the one that has locked, unless that is unwinding, for the panic count is the thread's.
    fn next_reserved<P: Platform>(
        &'static self,
        m: &'static M,
        p: &'static Proc,
        g: NonNull<G>,
    ) -> Option<Next> {
        // SAFETY: the flags and the local list are our thread's, and the P is ours; thieves do not
        // reach `runnext`, and what is in it is unbound.
        let (mine, shared, yield_requested) = unsafe {
            if let Some(next) = p.runq.replace_next(None) {
                let _ = self.append(p, next);
            }
            let shared = !m.migrating.get() && !m.lock.exclusive.get() && !P::Unwind::panicking();
            let fair = p.is_fair();
            let mine = if shared {
                m.local.with_mut(|local| (*local).pop(&m.inbox, fair))
            } else {
                self.take_own::<P>(m, p, g)
            };
            if fair {
                p.reset_fair_turn();
            }
            (mine, shared, m.lock.yield_requested.replace(false) || fair)
        };
        let others = || {
            !p.runq.is_empty()
                || self.work.queued.load(Ordering::Relaxed) != 0
                || self.work.p_waiters.load(Ordering::Relaxed) != 0
        };
        match mine {
            // A turn for those who may not run here, then ours again.
            Some(mine) if yield_requested && others() => {
                // It has not run, and is the next one still: behind one that yields it would never be.
                // SAFETY: the local list is our thread's, and `mine` has just left it.
                m.local.with_mut(|local| unsafe { (*local).push_next(mine) });
                self.pass::<P>(m, p, g, shared)
            }
            Some(g) => Some(Next::Run(g)),
            None if self.spin_with_p::<P>(m, p) => None,
            None if others() && shared => self.leave_to_others::<P>(m, p),
            None if others() => {
                super::sched_state::disown(m);
                self.hand_off::<P>(p);
                self.await_mail::<P>(m)
            }
            None => self.sleep_for_g::<P>(m),
        }
    }

    /// The one G that `m` may run, if it is runnable.
    ///
    /// # Safety
    ///
    /// `m` is the caller's, inside, and owns `p`.
    unsafe fn take_own<P: Platform>(
        &'static self,
        m: &'static M,
        p: &'static Proc,
        g: NonNull<G>,
    ) -> Option<NonNull<G>> {
        let mut wake = false;
        // SAFETY: the caller's promise; what is not bound to this M may go to the ring.
        let found = m.local.with_mut(|local| unsafe {
            (*local).take(&m.inbox, g, |unbound| wake |= self.append(p, unbound))
        });
        if wake {
            self.wake::<P>();
        }
        found.then_some(g)
    }

    /// Hands the P to an M that can run what is queued, and asks for one again. Where there is no
    /// such M (one core), an M of the safe runtime runs it itself.
    fn pass<P: Platform>(
        &'static self,
        m: &'static M,
        p: &'static Proc,
        reserved: NonNull<G>,
        shared: bool,
    ) -> Option<Next> {
        super::sched_state::disown(m);
        let handed = self.hand_off::<P>(p);
        if self.want_p::<P>(m) == Got::Queued {
            return Some(Next::Wait);
        }
        // SAFETY: the P is ours and we are inside.
        let p: &'static Proc = unsafe { &*m.p.load(Ordering::Relaxed) };
        if !handed
            && shared
            && let Some(g) = self.queued_g(m, p, false)
        {
            return Some(Next::Run(g));
        }
        // SAFETY: the local list is our thread's, and the P is ours.
        let mine = unsafe {
            if shared {
                m.local.with_mut(|local| (*local).pop(&m.inbox, false))
            } else {
                self.take_own::<P>(m, p, reserved)
            }
        };
        match mine {
            Some(g) => Some(Next::Run(g)),
            None => self.sleep_for_g::<P>(m),
        }
    }

    /// Nothing of our own is ready: the P goes to an M that may start what is queued. Where there
    /// is no such M (one core), this one does, though it is reserved.
    fn leave_to_others<P: Platform>(
        &'static self,
        m: &'static M,
        p: &'static Proc,
    ) -> Option<Next> {
        super::sched_state::disown(m);
        if self.hand_off::<P>(p) {
            return self.await_mail::<P>(m);
        }
        if self.want_p::<P>(m) == Got::Queued {
            return Some(Next::Wait);
        }
        // SAFETY: the P is ours and we are inside.
        let p: &'static Proc = unsafe { &*m.p.load(Ordering::Relaxed) };
        match self.queued_g(m, p, false) {
            Some(g) => Some(Next::Run(g)),
            None => self.sleep_for_g::<P>(m),
        }
    }

    /// The P is somebody else's already: rests until a G of our own is ready.
    fn await_mail<P: Platform>(&'static self, m: &'static M) -> Option<Next> {
        // SAFETY: our thread's.
        unsafe { m.spin.before_sleep.set(true) };
        self.sleep_without_p::<P>(m, true)
    }

    /// Gives the P away and sleeps until a G of our own is ready.
    fn sleep_for_g<P: Platform>(&'static self, m: &'static M) -> Option<Next> {
        // SAFETY: our thread's. It has just lingered.
        unsafe { m.spin.before_sleep.set(false) };
        self.rest::<P>(m, true);
        heavy_fence::<P>(self.config.symmetric);
        // The P's queues may wait for an M now; or it is idle and others' queues do (L11).
        if self.work.queued.load(Ordering::Relaxed) != 0
            || self.config.procs.iter().any(|p| !p.runq.is_empty())
        {
            self.wake::<P>();
        }
        if !m.inbox.sleep() {
            return match self.stop_resting::<P>(m, true) {
                Some(Got::Proc) => None,
                _ => Some(Next::Wait),
            };
        }
        self.sleep_or_lead::<P>(m)
    }
}
