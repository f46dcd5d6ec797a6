//! When a line about the scheduler is due.

use crate::objects::report::Trace;
use crate::objects::shared::Core;
use crate::parts::stat_atomic;
use crate::platform::Platform;

impl Core {
    /// Prints a line if it is time. By sysmon.
    pub(crate) fn trace<P: Platform>(&'static self, now: u64) {
        // Relaxed: sysmon's own, once it runs.
        if now < self.stats.tracing.due() {
            return;
        }
        let start = match self.stats.tracing.start.load(stat_atomic::Ordering::Relaxed) {
            0 => {
                self.stats.tracing.start.store(now, stat_atomic::Ordering::Relaxed);
                now
            }
            start => start,
        };
        let period = self.stats.tracing.period.load(stat_atomic::Ordering::Relaxed);
        self.stats.tracing.next.store(now.saturating_add(period), stat_atomic::Ordering::Relaxed);
        P::trace(&Trace { core: self, since_start: now - start });
    }
}
