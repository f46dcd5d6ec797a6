//! A P's timers, and which threads look after them.
//!
//! | the P is | its timers are looked at by |
//! |---|---|
//! | busy | its M, when nothing else is runnable and every 61st switch; thieves that find no work |
//! | busy with one goroutine for long | sysmon, or a timer tick, which asks for that look or fires them itself |
//! | idle | the [timer leader](super::timer_leader): of the Ms at rest the one that sleeps until the next deadline of all Ps |
//!
//! A timer is armed in the post-switch step, on the P of the M where its goroutine parked, and
//! stays there: the M that fires it makes the goroutine ready on its own P. Arming wakes no M: the one
//! that arms is awake, and looks at all deadlines before it rests.
//!
//! ```text
//!   the firing thread                the goroutine, woken by something else
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

use super::sysmon::GRACE;
use crate::objects::inside::Within;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::objects::timers::BATCH;
use crate::platform::Platform;

impl Core {
    /// Makes the goroutines ready whose timers on `of` are due, at the tail; returns whether there was
    /// one. `m` is the calling M; `None` from anywhere else. It may start a thread: the caller must be on g0
    /// or a thread's own stack.
    pub(crate) fn serve_timers<P: Platform>(&'static self, m: Option<&Within>, of: &Proc) -> bool {
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
            // SAFETY: `g` is parked, and the claim has made it the caller's to wake.
            wake |= unsafe { self.ready_behind::<P>(m, g) };
        }
        if wake {
            self.wake::<P>();
        }
        any
    }

    /// As [`serve_timers`](Self::serve_timers), for the timers of all Ps, those of `m`'s first.
    pub(super) fn serve_all_timers<P: Platform>(&'static self, m: &Within) -> bool {
        self.serve_timers::<P>(Some(m), m.p())
            || self.config.procs.iter().any(|of| self.serve_timers::<P>(Some(m), of))
    }

    /// Fires the late timers of Ps that run one goroutine for long or are idle, and asks the other Ps to look
    /// at theirs. By sysmon.
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
