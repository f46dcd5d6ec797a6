//! The report of a deadlock, as data.

use core::fmt;

use g0_arch::sync::atomic::Ordering;

use super::GoroutineInfo;
use crate::objects::report::DeadlockReport;
use crate::platform::fatal::Fatal;

impl DeadlockReport {
    /// In one sentence.
    pub fn reason(&self) -> &'static str {
        if self.core.end.main_gone.load(Ordering::Relaxed) {
            "deadlock: main has called goexit, and all other goroutines wait for ever"
        } else {
            "deadlock: all goroutines wait for ever"
        }
    }

    /// All of them, in no order.
    pub fn goroutines(&self) -> impl Iterator<Item = GoroutineInfo> + use<> {
        self.core.seen(self.now).map(|(_, seen)| seen)
    }

    /// Without the goroutines, for platforms that print no more.
    pub fn fatal(&self) -> Fatal {
        Fatal { reason: self.reason(), goroutine: 0, name: "", site: None }
    }
}

impl fmt::Debug for DeadlockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.goroutines()).finish()
    }
}
