//! What is reported of a whole scheduler; what it says is found out when it is printed.

use core::fmt;
use core::panic::Location;
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

/// How much stack a goroutine has used, of a scheduler that
/// [measures](crate::Scheduler::measure_stacks): its own stack when it ends, its segments when it is given one.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct StackUse {
    /// Where it was started. The same for all goroutines on which callbacks of foreign threads run.
    pub site: &'static Location<'static>,
    /// Its name, or nothing.
    pub name: &'static str,
    /// Whether it ends by this: true once a goroutine, and once a callback of a foreign thread. One that ends, and has
    /// to drop its result after all, tells of its own stack a second time.
    pub ends: bool,
    /// How many bytes it has used of its own stack at the most, counted from the top: the goroutine's record and its
    /// closure, of which the record takes a quarter to a half KiB, are among them, the stack's header is not. `None`
    /// while it goes on, and where the source cannot tell.
    pub stack: Option<usize>,
    /// How many bytes its own stack has, counted likewise: its class's, less the header and, of a slab, up to 1.5 KiB
    /// that tops are apart.
    pub size: usize,
    /// How many bytes the segments take that it is on, the one included that it is given; 0 at its end.
    pub segments: usize,
    pub(crate) core: &'static Core,
}

impl StackUse {
    /// Returns the goroutine's scheduler.
    pub fn core(&self) -> &'static Core {
        self.core
    }
}

/// In one line.
impl fmt::Display for StackUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, name, stack, size, segments, .. } = self;
        write!(f, "{}{}started at {site}: ", name, if name.is_empty() { "" } else { ", " })?;
        match stack {
            Some(bytes) => write!(f, "{bytes} of {size} bytes of stack"),
            None if *segments == 0 => write!(f, "of {size} bytes of stack nothing is known"),
            None => write!(f, "{segments} bytes of segments"),
        }
    }
}

impl fmt::Debug for StackUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackUse")
            .field("site", &format_args!("{}", self.site))
            .field("name", &self.name)
            .field("ends", &self.ends)
            .field("stack", &self.stack)
            .field("size", &self.size)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
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
