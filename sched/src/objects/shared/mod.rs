//! What the Gs, Ms and Ps of one scheduler share.
//!
//! A [`Core`] has no behaviour of its own: `policy` decides over it, `exec` carries the decisions out, and
//! `foreign` lets other threads come to it. Its parts, each with one owner, are in [`parts`].

pub(crate) mod parts;
pub(crate) mod sched_state;
pub(crate) mod stack_classes;

use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use g0_arch::sync::Mutex;
#[cfg(feature = "std")]
use g0_arch::sync::OwnedCell;
use g0_arch::sync::atomic::{AtomicU64, Ordering};
use g0_stack::{Class, Depot, StackSource};

use super::config::{Mobility, Uncaught};
use super::g::{G, status};
use super::m::M;
use super::p::Proc;
use super::segments::Segments;
use super::shrink::Shrink;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::Coarse;

use parts::{CoreStats, DeadlockCheck, End, Evictions, Foreign, Gs, Ms, Ps, SysmonState, Work};
use sched_state::SchedState;
use stack_classes::{AnyDepot, StackClasses};

/// What a scheduler is made of; all of it must live as long as the scheduler.
#[derive(Clone, Copy)]
pub struct Config {
    /// The Ps: as many goroutines run at a time. Not empty.
    pub procs: &'static [Proc],
    /// Ms to begin with; `more` is asked when they are used up.
    pub machines: &'static [M],
    /// Where further Ms come from.
    pub more: More,
    /// Where stacks come from. Safe code runs on them: [`StackSource`] says what that asks of a source without
    /// guards.
    pub stacks: &'static dyn StackSource,
    /// The stack of every goroutine that asks for no other
    /// ([`Scheduler::stack_classes`](crate::Scheduler::stack_classes)).
    pub stack: Class,
    /// Whether goroutines may go on on another M after they have started.
    pub mobility: Mobility,
    /// Both sides of the claim protocol use full fences.
    pub symmetric: bool,
}

/// Where a scheduler finds further Ms, when those of its [`Config`] are used up.
///
/// ```compile_fail,E0133
/// use g0_sched::{M, More};
///
/// // It runs within the scheduler, which it must not call: so not without `unsafe`.
/// let more = More::by(|| None::<&'static M>);
/// ```
#[derive(Clone, Copy)]
pub struct More(pub(crate) fn() -> Option<&'static M>);

impl More {
    /// There are none.
    pub const NONE: Self = Self(|| None);

    /// They are allocated, and never freed.
    #[cfg(feature = "alloc")]
    pub const ALLOCATED: Self = Self(|| Some(Box::leak(Box::new(M::new()))));

    /// They are made by `make`, which says when there are no more. It runs on g0, no lock held.
    ///
    /// # Safety
    ///
    /// `make` runs within the scheduler: it must not unwind, and must call nothing of the scheduler, nor anything
    /// that waits for a goroutine.
    pub const unsafe fn by(make: fn() -> Option<&'static M>) -> Self {
        Self(make)
    }
}

/// The shared state of one scheduler.
pub struct Core {
    pub(crate) config: Config,
    /// What its threads are called. Set before it starts.
    #[cfg(feature = "std")]
    pub(crate) name: OwnedCell<&'static str>,
    /// What the hosted platform keeps for it. Set once.
    #[cfg(all(feature = "std", not(loom)))]
    pub(crate) companion: std::sync::OnceLock<std::sync::Arc<dyn core::any::Any + Send + Sync>>,
    /// Ps, Ms and Gs that wait for one another.
    pub(crate) sched: Mutex<SchedState>,
    /// Stacks of the class that goroutines have if nothing else is asked for.
    pub(crate) depot: AnyDepot,
    pub(crate) classes: StackClasses,
    /// What goroutines' stacks grow by. Set before it starts.
    pub(crate) segments: Segments,
    pub(crate) ps: Ps,
    pub(crate) work: Work,
    pub(crate) ms: Ms,
    pub(crate) gs: Gs,
    pub(crate) end: End,
    pub(crate) foreign: Foreign,
    pub(crate) deadlock: DeadlockCheck,
    /// What is done with a panic that no joiner takes.
    pub(crate) uncaught: Uncaught,
    /// Whether a panic's message names the goroutine. Set before it starts.
    #[cfg(feature = "std")]
    pub(crate) names_panics: bool,
    /// Whether the program's signal handlers are given the flag SA_ONSTACK. Set before it starts.
    #[cfg(feature = "std")]
    pub(crate) adds_onstack: bool,
    /// Whether the platform is told how deep stacks come. Set before it starts.
    pub(crate) measures: bool,
    pub(crate) evict: Evictions,
    pub(crate) stats: CoreStats,
    pub(crate) sysmon: SysmonState,
    /// Giving memory of parked goroutines back.
    pub(crate) shrink: Shrink,
}

impl Drop for Core {
    fn drop(&mut self) {
        // SAFETY: a scheduler that is dropped has ended, or has never begun; its Ms have gone.
        unsafe {
            if let Some((source, _)) = self.releasing_source(0) {
                self.shrink.free(source);
            }
        }
    }
}

// SAFETY: what is not atomic or under the lock is written before the scheduler starts.
unsafe impl Sync for Core {}
// SAFETY: it is tied to no thread.
unsafe impl Send for Core {}

impl Core {
    maybe_const! {
        /// Returns a core that has not started.
        pub(crate) fn new(config: Config) -> Self {
            Self {
                config,
                #[cfg(feature = "std")]
                name: OwnedCell::new("g0"),
                #[cfg(all(feature = "std", not(loom)))]
                companion: std::sync::OnceLock::new(),
                sched: Mutex::new(SchedState::new()),
                depot: Depot::new(config.stack, config.stacks),
                segments: Segments::none(),
                classes: StackClasses::new(config.stack),
                ps: Ps::new(config.procs.len()),
                work: Work::new(config.symmetric),
                ms: Ms::new(),
                gs: Gs::new(),
                end: End::new(),
                foreign: Foreign::new(),
                deadlock: DeadlockCheck::new(),
                uncaught: Uncaught::Fatal,
                #[cfg(feature = "std")]
                names_panics: false,
                #[cfg(feature = "std")]
                adds_onstack: true,
                measures: false,
                evict: Evictions::new(),
                stats: CoreStats::new(),
                sysmon: SysmonState::new(),
                shrink: Shrink::new(),
            }
        }
    }

    pub(crate) fn phase(&self) -> usize {
        self.end.phase.load(Ordering::Relaxed)
    }

    /// Returns what time it is, roughly.
    #[inline(always)]
    pub(crate) fn coarse(&self) -> Coarse {
        // Relaxed: for reports only.
        Coarse(self.stats.clock.load(stat_atomic::Ordering::Relaxed))
    }

    /// Takes over what the clock said to a thread that has read it for something else.
    #[inline]
    pub(crate) fn set_clock(&self, now: u64) {
        let now = Coarse::of(now);
        // The line that all threads read is written once a unit.
        if self.coarse() != now {
            self.stats.clock.store(now.0, stat_atomic::Ordering::Relaxed);
        }
    }

    /// Returns whether goroutines give way wherever they may, whatever the clock says.
    pub(crate) fn is_turn_empty(&self) -> bool {
        self.sysmon.turn == 0
    }

    /// Before it starts: how many Ms may compute without a P at a time.
    #[cfg(feature = "std")]
    pub(crate) fn evict_at_most(&self, most: usize) {
        self.evict.max.store(most, stat_atomic::Ordering::Relaxed);
    }

    /// Goroutines that have been started and not ended, callbacks of foreign threads among them.
    pub(crate) fn goroutines(&self) -> u64 {
        let sum = |f: fn(&Proc) -> &AtomicU64| {
            self.config.procs.iter().map(|p| f(p).load(Ordering::Acquire)).sum::<u64>()
        };
        // Ends first: a goroutine that ends in between is counted as running.
        let ended = sum(|p| &p.counts.ended);
        sum(|p| &p.counts.started).wrapping_sub(ended) + self.foreign_callbacks()
    }

    /// Returns how many Ms there are that the scheduler has started, or is about to.
    pub(crate) fn own_ms(&self) -> usize {
        // Relaxed: decided by under the lock, where it is written; for reports else.
        let live = self.ms.live.load(Ordering::Relaxed);
        live.saturating_sub(self.ms.adopted.load(Ordering::Relaxed))
    }

    /// Returns the limit of Ms, if the last one that was asked for would have been one more.
    pub(crate) fn limit_of_ms(&self) -> Option<usize> {
        let refused = self.sched.lock().out_of_ms && self.own_ms() >= self.ms.max;
        refused.then_some(self.ms.max)
    }

    /// Registers a new G for ever.
    pub(crate) fn register(&self, g: NonNull<G>) {
        let mut head = self.gs.all.load(Ordering::Relaxed);
        loop {
            // SAFETY: `g` is not registered yet, so no thread reads the link.
            unsafe { g.as_ref().all.set(head) };
            match self.gs.all.compare_exchange_weak(
                head,
                g.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Returns whether a goroutine is in a queue. It goes through all of them.
    pub(crate) fn has_runnable(&self) -> bool {
        // SAFETY: registered Gs live as long as the scheduler.
        let status = |g: NonNull<G>| unsafe { g.as_ref() }.status.load(Ordering::Relaxed);
        self.all_goroutines().any(|g| status(g) == status::RUNNABLE)
    }

    /// Returns how many callbacks of foreign threads run.
    pub(crate) fn foreign_callbacks(&self) -> u64 {
        let runs = |m: &&M| {
            // SAFETY: an extra M's goroutine is written once, before the M is registered.
            unsafe { &*m.extra.own_g.get() }.status.load(Ordering::Acquire) != status::DEAD
        };
        self.foreign.extras.all().filter(runs).count() as u64
    }

    /// Returns all Gs that were ever used.
    pub(crate) fn all_goroutines(&self) -> impl Iterator<Item = NonNull<G>> + use<> {
        self.goroutines_from(None)
    }

    /// Returns all Gs that were ever used, or those from `first` on.
    pub(crate) fn goroutines_from(
        &self,
        first: Option<NonNull<G>>,
    ) -> impl Iterator<Item = NonNull<G>> + use<> {
        let mut at = match first {
            Some(first) => first.as_ptr(),
            None => self.gs.all.load(Ordering::Acquire),
        };
        core::iter::from_fn(move || {
            let g = NonNull::new(at)?;
            // SAFETY: registered Gs live as long as the scheduler; the link is written once, before.
            at = unsafe { g.as_ref().all.get() };
            Some(g)
        })
    }

    /// Returns whether a foreign thread has ever called back.
    pub(crate) fn has_extras(&self) -> bool {
        self.foreign.extras.all().next().is_some()
    }
}
