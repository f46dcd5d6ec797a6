//! A P's timers, and who looks after them.
//!
//! | the P is | its timers are looked at by |
//! |---|---|
//! | busy | its M, when nothing else is runnable and every 61st switch; thieves that find no work |
//! | busy with one goroutine for long | sysmon, or a timer tick, which asks for that look or fires them itself |
//! | idle | the *timer_leader*: of the Ms at rest the one that sleeps until the next deadline of all Ps |
//!
//! A timer is armed in the post-switch step, on the P of the M where its goroutine parked, and
//! stays there: whoever fires it makes the goroutine ready where *it* is. Arming wakes nobody: the M
//! that arms is awake, and looks at all deadlines before it rests.
//!
//! ```text
//!   whoever fires                    the goroutine, woken by something else
//!   lock the wheel                   lock the wheel
//!   take the timer out               take the timer out, if it is in
//!   claim the wait                   unlock
//!   unlock                           its stack frame may go
//!   wake, if the claim was won
//! ```
//!
//! The claim is made under the lock, so the timer lives; after a claim that was won the goroutine
//! waits for the wake, so it lives too.

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::objects::timers::BATCH;
use crate::platform::Platform;

/// How late a timer of a busy P may be before sysmon sees to it, nanoseconds.
pub(crate) const GRACE: u64 = 100_000;

impl Core {
    /// Makes ready whose timers on `of` are due, behind all others; true when there was one. `m` is
    /// the calling M, inside, with a P; none from anywhere else. It may start a thread: not on a
    /// goroutine's stack.
    pub(crate) fn serve_timers<P: Platform>(
        &'static self,
        m: Option<&'static M>,
        of: &Proc,
    ) -> bool {
        if of.timers.due() == u64::MAX {
            return false;
        }
        let now = P::now();
        self.set_clock(now);
        if of.timers.due() > now {
            return false;
        }
        let mut fired = [None; BATCH];
        of.timers.fire(now, &mut fired);
        let (mut any, mut wake) = (false, false);
        for g in fired.into_iter().flatten() {
            any = true;
            // SAFETY: it was parked, and the claim made it ours to wake.
            wake |= unsafe { self.ready_behind::<P>(m, g) };
        }
        if wake {
            self.wake::<P>();
        }
        any
    }

    /// As [`serve_timers`](Self::serve_timers), the timers of all Ps, those of `m`'s first.
    pub(super) fn serve_all_timers<P: Platform>(&'static self, m: &'static M, p: &Proc) -> bool {
        self.serve_timers::<P>(Some(m), p)
            || self.config.procs.iter().any(|of| self.serve_timers::<P>(Some(m), of))
    }

    /// The next deadline of all Ps, nanoseconds; `u64::MAX` without timers.
    pub(crate) fn next_deadline(&self) -> u64 {
        self.config.procs.iter().map(|p| p.timers.due()).min().unwrap_or(u64::MAX)
    }

    /// Sysmon's look at the timers of Ps that nobody looks after.
    pub(crate) fn watch_timers<P: Platform>(&'static self) {
        let now = P::now();
        self.set_clock(now);
        let late = now.saturating_sub(GRACE);
        self.watch();
        for p in self.config.procs {
            if p.timers.due() > late {
                continue;
            }
            let tick = p.tick.load(Ordering::Relaxed);
            // Relaxed: two sysmons would only look twice.
            if p.watch.late_tick.swap(tick, Ordering::Relaxed) == tick {
                // No switch since the last look, or idle.
                self.serve_timers::<P>(None, p);
            } else {
                p.request_fair_turn();
            }
        }
        self.unwatch::<P>();
    }
}
