//! The watcher: a thread where there are threads; elsewhere [`Core::tick`] from a timer tick, on a
//! stack of its own.

use g0_arch::sync::atomic::{Ordering, fence};

use crate::core::timers::GRACE;
use crate::core::{Core, phase};
use crate::platform::Platform;

/// Between two looks, nanoseconds: no heavy fence comes more often.
const SHORT: u64 = 100_000;
/// After a while without need, and at most.
const LONG: u64 = 10_000_000;
/// Looks in vain before the period grows.
const CALM: u32 = 50;

/// Watches `core` until it halts. On a thread of its own, which is no M.
pub fn sysmon<P: Platform>(core: &'static Core) {
    let (mut period, mut calm) = (SHORT, 0);
    while core.phase() != phase::HALTED {
        if !core.start_ordered::<P>() {
            // Nobody is there to run anything: the run ends before it has begun.
            // Relaxed: read after the watcher has been joined.
            core.stillborn.store(true, Ordering::Relaxed);
            core.halt::<P>();
        }
        if core.all_idle() {
            core.sysmon_asleep.store(true, Ordering::Relaxed);
            // Pairs with the fence in `rouse_sysmon`.
            fence(Ordering::SeqCst);
            if core.all_idle() && core.phase() != phase::HALTED {
                // An M at rest keeps the next deadline; if none does, the watcher itself.
                let deadline = core.next_deadline();
                let deadline = (!core.is_kept()).then_some(deadline.saturating_add(GRACE));
                P::park(&core.sysmon, deadline);
            }
            core.sysmon_asleep.store(false, Ordering::Relaxed);
            (period, calm) = (SHORT, 0);
        }
        let now = P::now();
        let late = core.next_deadline().saturating_add(GRACE).max(now.saturating_add(SHORT));
        P::park(&core.sysmon, Some(late.min(now.saturating_add(period))));
        if core.tick::<P>() {
            (period, calm) = (SHORT, 0);
        } else {
            calm += 1;
            if calm > CALM {
                period = (period * 2).min(LONG);
            }
        }
    }
    core.cancel_orders();
}

impl Core {
    /// One look at everything: late timers, and Ps of Ms that are away. True when a P was taken. By
    /// sysmon, or by a timer tick on a stack of its own, on no M.
    pub fn tick<P: Platform>(&'static self) -> bool {
        self.watch_timers::<P>();
        self.retry::<P>();
        self.watch_rings::<P>();
        self.retake::<P>()
    }
}
