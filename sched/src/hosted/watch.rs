//! A runtime as it is seen from outside, also when it has gone.

use core::fmt;
use core::ptr::NonNull;
use std::boxed::Box;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use super::site_stats::{SiteStats, Sites};
use super::tag::Hosted;
use crate::api::scheduler::Scheduler;
use crate::introspect::stats::Stats;
#[cfg(feature = "dump")]
use crate::objects::shared::Core;

/// Watches a runtime, from any thread and any goroutine, before, while and after it runs. Made by
/// [`Runtime::watch`](crate::Runtime::watch); it does not keep the runtime.
#[derive(Clone)]
pub struct Watch {
    watched: Arc<Mutex<Watched>>,
    sites: Arc<Sites>,
}

enum Watched {
    /// Alive until this has been changed, which takes the lock.
    Alive(NonNull<Scheduler<Hosted>>),
    /// Freed; what was last seen.
    Gone(Box<Stats>),
}

// SAFETY: what is reached through the pointer is a shared scheduler.
unsafe impl Send for Watched {}

impl Watch {
    /// Of a scheduler that lives until [`end`](Self::end) has returned, or for ever.
    pub(super) fn new(scheduler: NonNull<Scheduler<Hosted>>, sites: Arc<Sites>) -> Self {
        Self { watched: Arc::new(Mutex::new(Watched::Alive(scheduler))), sites }
    }

    /// Ends the looks: no thread looks at the scheduler any more.
    pub(super) fn end(&self) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Watched::Alive(scheduler) = *watched {
            *watched = Watched::Gone(Box::new(stats(scheduler)));
        }
    }

    /// Writes every goroutine: what it does, where it was started, and the backtrace of each that waits.
    /// A runtime that has not begun or has gone has none. The goroutines run on meanwhile; one that
    /// wakes while it is looked at is said to have.
    ///
    /// `out` may do as it likes: ask this watch, wait, even outlast the runtime, which ends the dump.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    #[cfg(feature = "dump")]
    pub fn dump(&self, mut out: impl std::io::Write) -> std::io::Result<()> {
        use super::dump::Dump;

        let Some(mut dump) = self.look(Dump::of) else { return Ok(()) };
        let mut text = Vec::new();
        // A goroutine at a time, for `out` is the caller's code and must not run under the lock.
        // SAFETY: the scheduler is the one that the dump is of, and alive.
        while self.look(|_| unsafe { dump.next(&mut text) }).unwrap_or(false) {
            out.write_all(&text)?;
            text.clear();
        }
        Ok(())
    }

    /// Returns what `look` sees of the runtime; `None` if it has not begun or has gone. The lock is held
    /// meanwhile: `look` must run no code of the program.
    #[cfg(feature = "dump")]
    fn look<R>(&self, look: impl FnOnce(&'static Core) -> R) -> Option<R> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Watched::Alive(scheduler) = *watched else { return None };
        // SAFETY: the lock keeps it.
        let scheduler: &'static Scheduler<Hosted> = unsafe { scheduler.as_ref() };
        scheduler.has_run().then(|| look(scheduler.core()))
    }

    /// Returns the runtime in numbers; of one that has ended, as it was then. Looks at every goroutine.
    pub fn stats(&self) -> Stats {
        match &*self.watched.lock().unwrap_or_else(PoisonError::into_inner) {
            Watched::Alive(scheduler) => stats(*scheduler),
            Watched::Gone(stats) => **stats,
        }
    }

    /// Returns how much stack goroutines have used so far, by where they were started, the deepest first; also of a
    /// runtime that has ended. Empty unless it
    /// [measures stacks](crate::Builder::measure_stacks). A goroutine is there when it has ended, which its joiner
    /// waits for, and of segments when it has been given one.
    pub fn stack_use(&self) -> Vec<SiteStats> {
        self.sites.all()
    }
}

/// Returns the numbers of `scheduler`, all zero before it runs.
fn stats(scheduler: NonNull<Scheduler<Hosted>>) -> Stats {
    // SAFETY: the caller holds the lock that keeps it.
    let scheduler: &'static Scheduler<Hosted> = unsafe { scheduler.as_ref() };
    if scheduler.has_run() { scheduler.core().stats() } else { Stats::default() }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
