//! Goroutines as they are seen from outside: for reports, statistics and dumps.

pub(crate) mod deadlock_report;
pub(crate) mod stats;
pub(crate) mod trace;

use core::fmt;
use core::panic::Location;
use core::ptr::{self, NonNull};
use core::time::Duration;

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::{G, status};
use crate::objects::m::{M, ms_from};
use crate::objects::shared::Core;
use crate::parts::ident::Label;
use crate::parts::wait_reason::{Coarse, WaitReason};

pub use stats::{GoroutineStats, MachineStats, ProcStats, SegmentStats, StackStats, Stats, stats};

/// What a goroutine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoroutineState {
    /// It is in a queue.
    Runnable,
    /// It runs on an M.
    Running,
    /// It is in a foreign call.
    Foreign,
    /// It waits.
    Waits(WaitReason),
}

/// A goroutine, as it was at one moment.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct GoroutineInfo {
    /// Its number: unique in its scheduler, never used again.
    pub id: u64,
    /// Its name, empty if it was given none.
    pub name: &'static str,
    /// What it does.
    pub state: GoroutineState,
    /// How long it has waited, to a few milliseconds; zero when it does not wait.
    pub waited: Duration,
    /// Where it was started.
    pub site: &'static Location<'static>,
}

impl fmt::Display for GoroutineInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "goroutine {}", self.id)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        match self.state {
            GoroutineState::Runnable => f.write_str(", runnable")?,
            GoroutineState::Running => f.write_str(", running")?,
            GoroutineState::Foreign => f.write_str(", in a foreign call")?,
            GoroutineState::Waits(reason) => {
                write!(f, ", waits for {} ms: {reason}", self.waited.as_millis())?
            }
        }
        write!(f, ", started at {}", self.site)
    }
}

/// Returns whether M `m` runs `g`, and how.
fn on(m: &M, g: NonNull<G>) -> Option<GoroutineState> {
    if !ptr::eq(m.g.load(Ordering::Relaxed), g.as_ptr()) {
        return None;
    }
    let foreign = !m.call.load(Ordering::Relaxed).is_null();
    Some(if foreign { GoroutineState::Foreign } else { GoroutineState::Running })
}

impl Core {
    /// Returns all goroutines, newest stacks first; each as it is when it is asked for.
    pub(crate) fn seen(
        &'static self,
        now: u64,
    ) -> impl Iterator<Item = (NonNull<G>, GoroutineInfo)> {
        let (now, first) = (Coarse::of(now), self.sched.lock().all_ms);
        self.all_goroutines().filter_map(move |g| Some((g, look_at(g, now, first)?)))
    }
}

/// Returns `g` as it is now; none if it has ended. One of the Ms from `first` on may run it.
fn look_at(g: NonNull<G>, now: Coarse, first: *const M) -> Option<GoroutineInfo> {
    // SAFETY: registered Gs live as long as the scheduler.
    let this = unsafe { g.as_ref() };
    let (status, Label { id, name, site }) = this.ident.read(&this.status)?;
    let (reason, since) = this.waiting();
    let (state, waited) = match status {
        status::PARKED => (GoroutineState::Waits(reason), since.until(now)),
        _ => {
            let running = ms_from(first).find_map(|m| on(m, g));
            (running.unwrap_or(GoroutineState::Runnable), Duration::ZERO)
        }
    };
    Some(GoroutineInfo { id, name, state, waited, site })
}
