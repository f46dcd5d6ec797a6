//! The goroutines in the report of a deadlock.

use core::fmt;

use super::GoroutineInfo;
use crate::objects::report::DeadlockReport;

impl DeadlockReport {
    /// Returns all of them, in no order.
    pub fn goroutines(&self) -> impl Iterator<Item = GoroutineInfo> + use<'_> {
        self.core.seen(self.now).map(|(_, seen)| seen)
    }
}

impl fmt::Debug for DeadlockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.goroutines()).finish()
    }
}
