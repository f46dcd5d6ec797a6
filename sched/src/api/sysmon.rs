//! Sysmon: a thread where there are threads; elsewhere [`Core::tick`] from a timer tick, on a stack
//! of its own.

use g0_arch::sync::atomic::{Ordering, fence};

use crate::exec::detour::entrance;
use crate::objects::shared::Core;
use crate::parts::{phase, stat_atomic};
use crate::platform::Platform;
use crate::policy::deadlock::Look;
use crate::policy::sysmon::{GRACE, NAP};

/// Between two looks, nanoseconds: no heavy fence comes more often.
const SHORT: u64 = 100_000;
/// After a while without need, and at most; and half a goroutine's turn at most (L24).
const LONG: u64 = 5_000_000;
/// Between two looks at the machine, and between two attempts to start a thread that was refused while
/// nothing else runs, nanoseconds.
const AROUND: u64 = 100_000_000;
const RETRY: u64 = 10_000_000;
/// Looks in vain before the period grows.
const CALM: u32 = 50;

/// While there are external wakers a deadlock is looked for again, a few times: they may be about
/// to end.
const LOOKS: u32 = 8;
/// How long after the first look, nanoseconds; after each further one twice as long.
const LOOK: u64 = 10_000_000;

/// Watches `core` until it halts. For platforms: what the thread does that
/// [`watch`](crate::port::Machines::watch) starts.
///
/// ```compile_fail,E0133
/// # fn of_another(scheduler: &'static g0_sched::Scheduler<g0_sched::Hosted>) {
/// g0_sched::sysmon::<g0_sched::Hosted>(scheduler.core()); // a run has its own
/// # }
/// ```
///
/// # Safety
///
/// `core` must be that of a scheduler on this very platform, whose run has begun: before, sysmon could take the
/// scheduler that has no goroutine yet for one whose goroutines all wait. The calling thread must be no M, and
/// there must be one sysmon a run.
pub unsafe fn sysmon<P: Platform>(core: &'static Core) {
    let (mut period, mut calm, mut looks) = (SHORT, 0, 0);
    let mut looked = P::now();
    while core.phase() != phase::HALTED {
        core.trace::<P>(P::now());
        if !core.start_requested::<P>() {
            // No M is there to run anything: the run ends before it has begun.
            // Relaxed: read after sysmon has been joined.
            core.ms.never_started.store(true, Ordering::Relaxed);
            core.halt::<P>();
        }
        core.make_spare::<P>();
        // SAFETY: this is sysmon.
        unsafe { P::start_services(core) };
        // Relaxed: it only shortens this sleep.
        let activity = core.sysmon.activity.swap(0, stat_atomic::Ordering::Relaxed) != 0;
        if activity {
            looks = 0;
        }
        if core.all_idle() {
            core.sysmon.until.store(u64::MAX, stat_atomic::Ordering::Relaxed);
            // Release: a thread that sees it does not see the end of an earlier sleep.
            core.sysmon.asleep.store(true, Ordering::Release);
            // Pairs with the fence in `wake_sysmon`.
            fence(Ordering::SeqCst);
            if core.all_idle() && core.phase() != phase::HALTED {
                // An M at rest keeps the next deadline; if none does, sysmon itself.
                let deadline = core.next_deadline();
                let mut until =
                    deadline.saturating_add(if core.has_timer_leader() { NAP } else { GRACE });
                if deadline == u64::MAX && core.report_deadlock::<P>() == Look::ExternalWakers {
                    if looks < LOOKS {
                        until = P::now().saturating_add(LOOK << looks);
                    }
                    looks += 1;
                }
                if activity {
                    until = until.min(P::now().saturating_add(NAP));
                }
                if core.start_is_overdue::<P>() {
                    until = until.min(P::now().saturating_add(RETRY));
                }
                let others = [
                    core.stats.tracing.due(),
                    core.dismissal_due::<P>(),
                    core.stall_due(),
                    core.shrink_due::<P>(),
                ];
                until = others.into_iter().fold(until, u64::min);
                core.sysmon.until.store(until, stat_atomic::Ordering::Relaxed);
                if core.sysmon.parker.park::<P>((until != u64::MAX).then_some(until)) {
                    looks = 0; // something has moved
                }
            }
            core.sysmon.asleep.store(false, Ordering::Relaxed);
            (period, calm) = (SHORT, 0);
        } else {
            looks = 0;
        }
        let now = P::now();
        if now.saturating_sub(looked) >= AROUND {
            looked = now;
            // SAFETY: this is sysmon.
            unsafe { P::look_around(core) };
        }
        let late = core.next_deadline().saturating_add(GRACE).max(now.saturating_add(SHORT));
        let due = core.shrink_due::<P>().max(now.saturating_add(SHORT));
        core.sysmon.parker.park::<P>(Some(late.min(now.saturating_add(period)).min(due)));
        core.shrink::<P>(entrance::<P>);
        // SAFETY: as the caller ensures.
        if unsafe { core.tick::<P>() } || core.needs_close_look() {
            (period, calm) = (SHORT, 0);
        } else {
            calm += 1;
            if calm > CALM {
                period = (period * 2).min(core.half_a_turn(LONG));
            }
        }
    }
    core.cancel_start_requests();
}

impl Core {
    /// Looks once at everything: late timers, turns that are over, and Ps of Ms that are away. Returns whether a P was
    /// taken. By sysmon, or by a timer tick.
    ///
    /// # Safety
    ///
    /// This must be the core of a scheduler on this very platform. It must be called on a thread or a stack of its
    /// own that is no M, and on none that has interrupted one: the M may hold the locks that are taken here.
    pub unsafe fn tick<P: Platform>(&'static self) -> bool {
        self.watch_timers::<P>();
        self.retry::<P>();
        self.dismiss_idle_ms::<P>();
        self.watch_stalls::<P>();
        self.watch_turns::<P>();
        self.retake::<P>()
    }
}
