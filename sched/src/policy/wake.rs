//! Waking an M for work that has been published (L11).

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::light_fence::light_fence;
use crate::parts::stat_atomic;
use crate::platform::Platform;
use g0_arch::sync::atomic::fence;

/// How late it may be when all was idle, nanoseconds. Whoever takes a P wakes it only from a longer
/// sleep than this: a wake is a system call and a switch of threads, in the way of a goroutine that
/// has just become ready, and a program whose Ps are idle between short bursts (goroutines that sleep in
/// C, one that a timer wakes) would pay it for each.
pub(crate) const NAP: u64 = 1_000_000;

impl Core {
    /// Whether a P is idle and nobody is looking for work: then whoever has published work must
    /// wake an M. The cheap half of [`Core::wake`]: no lock, no read-modify-write.
    ///
    /// ```text
    ///   publisher                        M that goes idle
    ///   work into a queue                spinning -= 1, idle_ps += 1
    ///   light fence                      heavy fence
    ///   load idle_ps, spinning           look at all queues once more
    /// ```
    #[inline(always)]
    pub(crate) fn wants_wake(&self) -> bool {
        light_fence(self.config.symmetric);
        self.ps.idle.load(Ordering::Relaxed) != 0
            && self.work.searching.load(Ordering::Relaxed) == 0
    }

    /// Wakes sysmon if it sleeps for longer than a nap; called without the lock, after a P has been
    /// taken to work.
    pub(crate) fn wake_sysmon<P: Platform>(&self) {
        // Relaxed: it only shortens the next sleep. The line is written once a look.
        if self.sysmon.activity.load(stat_atomic::Ordering::Relaxed) == 0 {
            self.sysmon.activity.store(1, stat_atomic::Ordering::Relaxed);
        }
        // Sysmon stores `asleep` and then counts the idle Ps; we have counted one less before.
        fence(Ordering::SeqCst);
        // Acquire: `sysmon_until` is this sleep's, or still without end.
        if self.sysmon.asleep.load(Ordering::Acquire)
            && self.sysmon.until.load(stat_atomic::Ordering::Relaxed)
                > P::now().saturating_add(super::wake::NAP)
            && self.sysmon.asleep.swap(false, Ordering::AcqRel)
        {
            P::unpark(&self.sysmon.parker);
        }
    }

    /// Wakes or starts one M, spinning, if a P is idle and no other M spins already.
    ///
    /// On g0 or a thread's own stack: it may start a thread. No lock held.
    pub(crate) fn wake<P: Platform>(&'static self) {
        // AcqRel: one waker at a time takes the role; see `wants_wake` for the pairing.
        if self.work.searching.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            return;
        }
        if let Some((m, new)) = self.take_idle_pair::<P>() {
            self.launch::<P>(m, new);
        }
    }

    /// Finds an M for `p`, which the caller owns without being an M: who stands in line, or by
    /// turns, if Gs are queued, an idle or a new one. Without any the P is idle, and the result
    /// false.
    pub(crate) fn hand_off<P: Platform>(&'static self, p: &'static Proc) -> bool {
        // SAFETY: the P is the caller's; thieves do not reach `runnext`, so it goes to the ring.
        unsafe {
            if let Some(next) = p.runq.replace_next(None) {
                let _ = self.append(p, next);
            }
        }
        p.counts.hand_offs.add(1);
        if !self.is_wanted(p) {
            let first = self.put_p(&mut self.sched.lock(), p);
            // It may be wanted again by now, and have gone to the first in line.
            if let Some(first) = first {
                P::unpark(&first.parker);
            }
            self.wake::<P>();
            self.wake_sysmon::<P>();
            return false;
        }
        let runnable = !p.runq.is_empty() || self.work.queued.load(Ordering::Relaxed) != 0;
        let mut sched = self.sched.lock();
        // Those in line are in the middle of a goroutine and may go on with it for long: every
        // other time what is queued has its turn.
        sched.queues_turn = runnable && !sched.queues_turn;
        if !sched.queues_turn && self.work.p_waiters.load(Ordering::Relaxed) != 0 {
            let first = self.put_p(&mut sched, p);
            drop(sched);
            if let Some(first) = first {
                P::unpark(&first.parker);
            }
            return true;
        }
        match self.assign_m::<P>(sched, p, false) {
            Some((m, new)) => self.launch::<P>(m, new),
            None => {
                // The P is idle, and its timers have nobody else.
                self.wake_sysmon::<P>();
                false
            }
        }
    }

    /// Lets `m`, which has been given a P, run: false when it cannot.
    fn launch<P: Platform>(&'static self, m: &'static M, new: bool) -> bool {
        if !new {
            self.wake_sysmon::<P>();
            P::unpark(&m.parker);
            return true;
        }
        if P::WATCHED {
            self.sched.lock().request_start(m);
            P::unpark(&self.sysmon.parker);
            return true;
        }
        self.wake_sysmon::<P>();
        self.start::<P>(m)
    }

    /// Starts threads that were ordered. By the watcher, whose thread runs nothing else (L10). False
    /// when there is no thread at all, nor has been any: nothing will ever run.
    pub(crate) fn start_requested<P: Platform>(&'static self) -> bool {
        loop {
            let m = self.sched.lock().take_start_request();
            let Some(m) = m else { return true };
            if !self.start::<P>(m)
                && self.ms.live.load(Ordering::Acquire) == 0
                && !self.ms.has_started.load(Ordering::Relaxed)
            {
                return false;
            }
        }
    }

    /// The scheduler has halted: what was ordered is not needed any more.
    pub(crate) fn cancel_start_requests(&'static self) {
        loop {
            let m = self.sched.lock().take_start_request();
            let Some(m) = m else { return };
            self.retire_m(m);
        }
    }

    fn start<P: Platform>(&'static self, m: &'static M) -> bool {
        let started = P::start(m).is_ok();
        // Relaxed: the watcher looks again and again.
        self.ms.start_refused.store(!started, Ordering::Relaxed);
        if !started {
            // Work goes on with the Ms there are.
            // SAFETY: the M was not started, so its fields are still ours.
            if unsafe { m.spin.searching.replace(false) } {
                self.work.searching.fetch_sub(1, Ordering::AcqRel);
            }
            self.take_back_p::<P>(m);
            self.retire_m(m);
        }
        started
    }

    /// `m`, inside, has no use for its P, and will not be back: the P goes to whoever has.
    ///
    /// No fence here: whoever published something just before may have seen no idle P, and sysmon
    /// looks for that at its next look. It has one: this P was owned until now.
    pub(crate) fn leave_p<P: Platform>(&'static self, m: &'static M) {
        let p = super::sched_state::disown(m);
        let work = p.runq.has_next()
            || !p.runq.is_empty()
            || self.work.queued.load(Ordering::Relaxed) != 0;
        if work {
            self.hand_off::<P>(p);
            return;
        }
        let first = self.put_p(&mut self.sched.lock(), p);
        match first {
            Some(first) => P::unpark(&first.parker),
            None => {
                self.sysmon.unchecked.store(true, Ordering::Relaxed);
                self.wake_sysmon::<P>();
            }
        }
    }

    /// Tries again to start a thread, when there was none to be had and work waits; or for the first time,
    /// when nobody has looked.
    pub(crate) fn retry<P: Platform>(&'static self) {
        let unchecked = || {
            self.sysmon.unchecked.load(Ordering::Relaxed)
                && self.sysmon.unchecked.swap(false, Ordering::Relaxed)
        };
        if self.start_is_overdue() || unchecked() && self.work_lacks_an_m() {
            self.wake::<P>();
        }
    }

    /// Whether work and a P wait for a thread that was refused.
    pub(crate) fn start_is_overdue(&self) -> bool {
        self.ms.start_refused.load(Ordering::Relaxed) && self.work_lacks_an_m()
    }

    /// Whether work waits, and a P is idle.
    fn work_lacks_an_m(&self) -> bool {
        // Relaxed: the watcher looks again and again.
        self.ps.idle.load(Ordering::Relaxed) != 0
            && (self.work.queued.load(Ordering::Relaxed) != 0
                || self.config.procs.iter().any(|p| !p.runq.is_empty()))
    }
}
