//! The watcher: a thread where there are threads; elsewhere [`Core::retake`] from a timer tick, on
//! a stack of its own.

use g0_arch::sync::atomic::{Ordering, fence};

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
        if core.all_idle() {
            core.sysmon_asleep.store(true, Ordering::Relaxed);
            // Pairs with the fence in `rouse_sysmon`.
            fence(Ordering::SeqCst);
            if core.all_idle() && core.phase() != phase::HALTED {
                P::park(&core.sysmon, None);
            }
            core.sysmon_asleep.store(false, Ordering::Relaxed);
            (period, calm) = (SHORT, 0);
        }
        P::park(&core.sysmon, Some(P::now().saturating_add(period)));
        if core.retake::<P>() {
            (period, calm) = (SHORT, 0);
        } else {
            calm += 1;
            if calm > CALM {
                period = (period * 2).min(LONG);
            }
        }
    }
}
