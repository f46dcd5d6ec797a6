//! When goroutines have waited for so long that it is told, though no deadlock is certain.
//!
//! The [look for a deadlock](super::deadlock) is silent where it cannot be sure. Two cases are worth a report that
//! ends nothing ([`Reports::stalled`](crate::port::Reports::stalled)):
//!
//! - *Quiet*: all Ms have been at rest for long, no timer is armed and no goroutine that waits can be woken by a handle
//!   or a waker; but the process has other threads, which may hold the end of a channel. Reported once while it lasts;
//!   and each further time only after twice as long, for a program that is idle now and then knows it by now.
//! - *Unwinding*: on the pinned runtime a goroutine has waited for long while it unwinds. It keeps its thread, and
//!   those that are ready there cannot run: if it waits for one of them, for ever. Other threads may be busy meanwhile.
//!   Reported once for each such wait.
//!
//! Sysmon looks (or a timer tick), a few times within the time that is long; while all is at rest it wakes for it.

use core::time::Duration;

use g0_arch::sync::atomic::Ordering;

use super::sysmon::NAP;
use crate::objects::config::Deadlock;
use crate::objects::g::{G, status};
use crate::objects::m::{M, ms_from};
use crate::objects::report::{Stall, StallReport};
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::Coarse;
use crate::platform::Platform;

/// Looks within the time that is long; at most so far apart, nanoseconds.
const LOOKS: u64 = 8;
const FAR: u64 = 1_000_000_000;

// All that is kept from look to look is the one thread's that looks.
const RELAXED: stat_atomic::Ordering = stat_atomic::Ordering::Relaxed;

impl Core {
    /// Reports what has stalled, if it is time to look. By sysmon, or by a timer tick.
    pub(crate) fn watch_stalls<P: Platform>(&'static self) {
        let stalls = &self.deadlock.stalls;
        if !self.reports_stalls() {
            return;
        }
        let now = P::now();
        if now < stalls.next_look.load(RELAXED) {
            return;
        }
        let period = (stalls.after / LOOKS).clamp(NAP, FAR);
        stalls.next_look.store(now.saturating_add(period), RELAXED);
        if self.phase() == phase::OPEN {
            self.watch_quiet::<P>(now);
            self.watch_unwinding::<P>(now);
        }
    }

    /// Returns when sysmon must look, nanoseconds, if nothing runs until then; `u64::MAX`: it need not.
    pub(crate) fn stall_due(&self) -> u64 {
        let stalls = &self.deadlock.stalls;
        if !self.reports_stalls() || stalls.reported.load(RELAXED) {
            return u64::MAX;
        }
        let due = stalls.since.load(RELAXED).saturating_add(self.patience());
        due.max(stalls.next_look.load(RELAXED))
    }

    fn reports_stalls(&self) -> bool {
        self.deadlock.mode != Deadlock::Ignore && self.deadlock.stalls.after != u64::MAX
    }

    /// Returns for how long nothing must have run before it is told, nanoseconds.
    fn patience(&self) -> u64 {
        let stalls = &self.deadlock.stalls;
        let doubled = 1_u64.checked_shl(stalls.reports.load(RELAXED)).unwrap_or(u64::MAX);
        stalls.after.saturating_mul(doubled)
    }

    /// Reports that nothing has run for long.
    fn watch_quiet<P: Platform>(&'static self, now: u64) {
        let stalls = &self.deadlock.stalls;
        let progress = self.progress();
        let moved = stalls.progress.swap(progress, RELAXED) != progress;
        if moved || !self.all_idle() || self.next_deadline() != u64::MAX {
            stalls.since.store(now, RELAXED);
            stalls.reported.store(false, RELAXED);
            return;
        }
        let lasted = now.saturating_sub(stalls.since.load(RELAXED));
        if stalls.reported.load(RELAXED) || lasted < self.patience() {
            return;
        }
        if !self.waits_for_strangers::<P>() {
            // Something known may wake a goroutine. It is asked again after as long.
            return stalls.since.store(now, RELAXED);
        }
        stalls.reported.store(true, RELAXED);
        stalls.reports.fetch_add(1, RELAXED);
        self.report_stall::<P>(Stall::Quiet, now, Duration::from_nanos(lasted), core::ptr::null());
    }

    /// Returns a number that changes when a goroutine has run or come out of C.
    fn progress(&self) -> u64 {
        let runs = self.config.procs.iter().map(|p| u64::from(p.tick.load(Ordering::Relaxed)));
        let stays = ms_from(self.sched.lock().all_ms).map(M::stays);
        runs.chain(stays).fold(0, u64::wrapping_add)
    }

    /// Reports goroutines that wait while they unwind, and keep others from running.
    fn watch_unwinding<P: Platform>(&'static self, now: u64) {
        let first = self.sched.lock().all_ms;
        for m in ms_from(first).filter(|m| m.lock.unwinds.load(RELAXED)) {
            // SAFETY: registered Gs live as long as the scheduler.
            let Some(unwinding) = (unsafe { m.lock.reserved.look().as_ref() }) else { continue };
            let (_, since) = unwinding.waiting();
            let lasted = since.until(Coarse::of(now));
            let waits = unwinding.status.load(Ordering::Relaxed) == status::PARKED;
            if !waits || lasted < Duration::from_nanos(self.deadlock.stalls.after) {
                continue;
            }
            let is_ready = |g: &G| {
                core::ptr::eq(g.bound.look(), m)
                    && g.status.load(Ordering::Relaxed) == status::RUNNABLE
            };
            // SAFETY: as above.
            if self.all_goroutines().any(|g| is_ready(unsafe { g.as_ref() }))
                && m.lock.reported.swap(since.0, RELAXED) != since.0
            {
                self.report_stall::<P>(Stall::Unwinding, now, lasted, m);
            }
        }
    }

    fn report_stall<P: Platform>(
        &'static self,
        stall: Stall,
        now: u64,
        lasted: Duration,
        m: *const M,
    ) {
        // SAFETY: by sysmon or a tick, with no lock held.
        unsafe { P::stalled(&StallReport { core: self, now, stall, lasted, m }) };
    }
}
