//! The goroutines in the reports of a deadlock and of a stall.

use core::fmt;
use core::ptr::{self, NonNull};

use super::GoroutineInfo;
use crate::objects::g::G;
use crate::objects::report::{DeadlockReport, Stall, StallReport};

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

impl StallReport {
    /// Returns all of them, in no order.
    pub fn goroutines(&self) -> impl Iterator<Item = GoroutineInfo> + use<'_> {
        let is_meant = |g: NonNull<G>| {
            // SAFETY: registered Gs live as long as the scheduler.
            self.m.is_null() || ptr::eq(unsafe { g.as_ref() }.bound.look(), self.m)
        };
        self.core.seen(self.now).filter(move |&(g, _)| is_meant(g)).map(|(_, seen)| seen)
    }
}

/// In one sentence, without the goroutines.
impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasted = self.lasted.as_secs_f64();
        match self.stall {
            Stall::Quiet => write!(
                f,
                "nothing has run for {lasted:.1} s while {} goroutines wait, which only a thread that is not the \
                 runtime's can wake",
                self.goroutines().count()
            ),
            Stall::Unwinding => write!(
                f,
                "a goroutine has waited for {lasted:.1} s while it unwinds, and those that are ready on its thread \
                 cannot run: if it waits for one of them, it does so for ever"
            ),
        }
    }
}

impl fmt::Debug for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StallReport")
            .field("stall", &self.stall)
            .field("lasted", &self.lasted)
            .finish_non_exhaustive()
    }
}
