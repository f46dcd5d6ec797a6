//! One line about a scheduler, at a period.

use core::fmt;

use g0_arch::sync::atomic::Ordering;

use crate::objects::report::Trace;

/// Goroutines that a line looks at, at most: so it costs no more with a million of them.
const LOOKED_AT: usize = 1 << 15;

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
            core.work.hunger.look().searching(),
            m.waiting_for_p,
            m.foreign,
            m.evicted,
            m.locked,
            core.goroutines(),
            core.work.queued.load(Ordering::Relaxed),
        )?;
        for (i, p) in core.config.procs.iter().take(p.busy + p.idle).enumerate() {
            let space = if i == 0 { "" } else { " " };
            write!(f, "{space}{}", p.runq.len())?;
        }
        f.write_str("]")?;
        let (behind, more) = core.runnable_behind_busy_ms(LOOKED_AT);
        write!(f, ", {behind}{} ready behind busy Ms", if more { "+" } else { "" })?;
        match core.limit_of_ms() {
            Some(limit) => write!(f, ", limit of {limit} Ms reached"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
