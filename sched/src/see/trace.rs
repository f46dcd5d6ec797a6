//! One line about a scheduler, at a period.

use core::fmt;

use g0_arch::sync::atomic::Ordering;

use crate::core::Core;
use crate::platform::Platform;
use crate::told;

/// What a scheduler does at one moment, as a line. No goroutine is looked at, so it costs the same with
/// a million of them.
#[derive(Clone, Copy)]
pub struct Trace {
    core: &'static Core,
    since_start: u64,
}

/// Whether and when to trace: nanoseconds.
#[derive(Debug)]
pub(crate) struct Tracing {
    /// 0: never.
    period: told::AtomicU64,
    /// The first look; 0 before it.
    start: told::AtomicU64,
    next: told::AtomicU64,
}

impl Tracing {
    pub(crate) const fn off() -> Self {
        Self {
            period: told::AtomicU64::new(0),
            start: told::AtomicU64::new(0),
            next: told::AtomicU64::new(0),
        }
    }

    /// Every so many nanoseconds.
    pub(crate) fn set(&self, period: u64) {
        self.period.store(period, told::Ordering::Relaxed);
    }

    /// When the next line is due.
    pub(crate) fn due(&self) -> u64 {
        match self.period.load(told::Ordering::Relaxed) {
            0 => u64::MAX,
            _ => self.next.load(told::Ordering::Relaxed),
        }
    }
}

impl Core {
    /// Prints a line if it is time. By sysmon.
    pub(crate) fn trace<P: Platform>(&'static self, now: u64) {
        // Relaxed: sysmon's own, once it runs.
        if now < self.tracing.due() {
            return;
        }
        let start = match self.tracing.start.load(told::Ordering::Relaxed) {
            0 => {
                self.tracing.start.store(now, told::Ordering::Relaxed);
                now
            }
            start => start,
        };
        let period = self.tracing.period.load(told::Ordering::Relaxed);
        self.tracing.next.store(now.saturating_add(period), told::Ordering::Relaxed);
        P::trace(&Trace { core: self, since_start: now - start });
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.core;
        let (m, p) = (core.machine_stats(), core.proc_stats());
        write!(
            f,
            "g0 {} ms: {} Ps ({} idle), {} Ms ({} idle, {} looking, {} in line, \
             {} in foreign calls, {} evicted, {} locked), {} goroutines, queued {} + [",
            self.since_start / 1_000_000,
            p.busy + p.idle,
            p.idle,
            m.all(),
            m.idle,
            core.spinning.load(Ordering::Relaxed),
            m.in_line,
            m.foreign,
            m.evicted,
            m.locked,
            core.goroutines(),
            core.queued.load(Ordering::Relaxed),
        )?;
        for (i, p) in core.config.procs.iter().take(p.busy + p.idle).enumerate() {
            let space = if i == 0 { "" } else { " " };
            write!(f, "{space}{}", p.runq.len())?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
