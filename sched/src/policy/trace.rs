//! When a line about the scheduler is due.

use crate::objects::report::Trace;
use crate::objects::shared::Core;
use crate::platform::Platform;

impl Core {
    /// Prints a line if it is time. By sysmon.
    pub(crate) fn trace<P: Platform>(&'static self, now: u64) {
        if let Some(since_start) = self.stats.tracing.take_turn(now) {
            // SAFETY: this is sysmon, with no lock held.
            unsafe { P::trace(&Trace { core: self, since_start }) };
        }
    }
}
