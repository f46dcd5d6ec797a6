//! What is reported of a whole scheduler; what it says is found out when it is printed.

use core::time::Duration;

use g0_arch::sync::atomic::Ordering;

use super::m::M;
use super::shared::Core;
use crate::parts::fatal::Fatal;
use crate::parts::phase::main_left;

/// A scheduler none of whose goroutines can ever run again. Nothing changes any more, so it may be
/// looked through as often as one likes.
pub struct DeadlockReport {
    pub(crate) core: &'static Core,
    pub(crate) now: u64,
}

/// Goroutines that have waited for long, perhaps for ever. They may go on while they are looked through.
pub struct StallReport {
    pub(crate) core: &'static Core,
    pub(crate) now: u64,
    pub(crate) stall: Stall,
    pub(crate) lasted: Duration,
    /// The M whose goroutines they are; null: all of them.
    pub(crate) m: *const M,
}

/// Why goroutines that wait may do so for ever, though no deadlock is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stall {
    /// No goroutine has run, and none will by itself: a thread that is none of the scheduler's would have to wake
    /// one.
    Quiet,
    /// A goroutine waits while it unwinds, and keeps its thread meanwhile, on which others are ready to run: on the
    /// pinned runtime they run nowhere else. It waits for ever if it waits for one of those.
    Unwinding,
}

/// What a scheduler does at one moment, as a line. It looks at a bounded number of goroutines, so it costs the same
/// with a million of them.
pub struct Trace {
    pub(crate) core: &'static Core,
    pub(crate) since_start: u64,
}

impl DeadlockReport {
    pub(crate) fn new(core: &'static Core, now: u64) -> Self {
        Self { core, now }
    }

    /// Returns whether goroutines wait for an M besides.
    fn lacks_ms(&self) -> bool {
        self.core.sched.lock().lacks_ms() && self.core.has_runnable()
    }

    /// Returns how many Ms the scheduler may start ([`Scheduler::max_machines`](crate::Scheduler::max_machines)), if
    /// it has as many, and goroutines wait for one more.
    pub fn limit_of_machines(&self) -> Option<usize> {
        self.core.limit_of_ms().filter(|_| self.lacks_ms())
    }

    /// In one sentence.
    pub fn reason(&self) -> &'static str {
        if self.lacks_ms() {
            "deadlock: all goroutines wait for ever, and there is no thread for what has not started"
        } else if self.core.end.main_left.load(Ordering::Relaxed) == main_left::EXITED {
            "deadlock: main has called goexit, and all other goroutines wait for ever"
        } else {
            "deadlock: all goroutines wait for ever"
        }
    }

    /// Without the goroutines, for platforms that print no more.
    pub fn fatal(&self) -> Fatal {
        Fatal::new(self.reason())
    }
}

impl StallReport {
    /// Returns what is the matter.
    pub fn stall(&self) -> Stall {
        self.stall
    }

    /// Returns how long it has lasted.
    pub fn lasted(&self) -> Duration {
        self.lasted
    }
}
