//! The core: it decides, and never switches stacks.
//!
//! Its functions return what is to be done ([`next::Next`]: run this G, wait for a P, stop), and the
//! executor (`exec`) does it with `g0-arch`. So a model can drive the shipped decisions with
//! threads of its own and nothing but atomics in between.
//!
//! | file | decides | invariants |
//! |---|---|---|
//! | [`claim`] | who owns a P | L5, L18 |
//! | [`runq`] | the order of a P's Gs | L15 |
//! | [`inbox`], [`local`] | the Gs bound to an M | L1, L3 |
//! | `lists` | who gets a free P; who sleeps | L2, L3, L11, L13 |
//! | `ready` | where a runnable G goes | L1, L15 |
//! | `next` | what an M does next | L2, L11 |
//! | [`timers`], [`wheel`] | whose deadline has come | L11 |
//! | `ahead` | what is fetched into the cache | – |
//! | [`extra`] | which thread has an M that is not of ours | L7 |
//! | `late` | who wins when a wake meets the end | – |
//! | `deadlock` | whether anything can ever run again | L12 |

use core::ptr::NonNull;

use g0_arch::sync::Mutex;
use g0_arch::sync::atomic::{AtomicU64, Ordering};
use g0_stack::{Depot, StackSource};

use super::config::Config;
#[cfg(feature = "std")]
use g0_arch::sync::OwnedCell;

use super::config::Uncaught;
use super::core_parts::{
    CoreStats, DeadlockCheck, End, Evictions, Foreign, Gs, Ms, Ps, SysmonState, Work,
};
use super::g::G;
use super::p::Proc;
use super::sched_state::SchedState;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::Coarse;

/// The shared state of one scheduler.
pub struct Core {
    pub(crate) config: Config,
    /// What its threads are called. Set before it starts.
    #[cfg(feature = "std")]
    pub(crate) name: OwnedCell<&'static str>,
    /// Ps, Ms and Gs that wait for one another.
    pub(crate) sched: Mutex<SchedState>,
    pub(crate) depot: Depot<&'static dyn StackSource>,
    pub(crate) ps: Ps,
    pub(crate) work: Work,
    pub(crate) ms: Ms,
    pub(crate) gs: Gs,
    pub(crate) end: End,
    pub(crate) foreign: Foreign,
    pub(crate) deadlock: DeadlockCheck,
    /// What is done with a panic that nobody takes.
    pub(crate) uncaught: Uncaught,
    pub(crate) evict: Evictions,
    pub(crate) stats: CoreStats,
    pub(crate) sysmon: SysmonState,
}

// SAFETY: what is not atomic or under the lock is written before the scheduler starts.
unsafe impl Sync for Core {}
// SAFETY: it is tied to no thread.
unsafe impl Send for Core {}

impl Core {
    maybe_const! {
        /// A core that has not started.
        pub fn new(config: Config) -> Self {
            Self {
                config,
                #[cfg(feature = "std")]
                name: OwnedCell::new("g0"),
                sched: Mutex::new(SchedState::new()),
                depot: Depot::new(config.stack, config.stacks),
                ps: Ps::new(config.procs.len()),
                work: Work::new(),
                ms: Ms::new(),
                gs: Gs::new(),
                end: End::new(),
                foreign: Foreign::new(),
                deadlock: DeadlockCheck::new(),
                uncaught: Uncaught::Fatal,
                evict: Evictions::new(),
                stats: CoreStats::new(),
                sysmon: SysmonState::new(),
            }
        }
    }

    /// The goroutine whose return ends the scheduler; from when it has been started.
    pub(crate) fn main(&self) -> NonNull<G> {
        NonNull::new(self.end.main_g.load(Ordering::Relaxed))
            .expect("g0: a scheduler without a main")
    }

    pub(crate) fn phase(&self) -> usize {
        self.end.phase.load(Ordering::Relaxed)
    }

    /// What time it is, roughly.
    #[inline(always)]
    pub(crate) fn coarse(&self) -> Coarse {
        // Relaxed: for reports only.
        Coarse(self.stats.clock.load(stat_atomic::Ordering::Relaxed))
    }

    /// Whoever reads the clock for something else tells what it said.
    #[inline]
    pub(crate) fn set_clock(&self, now: u64) {
        let now = Coarse::of(now);
        // The line that everybody reads is written once a unit.
        if self.coarse() != now {
            self.stats.clock.store(now.0, stat_atomic::Ordering::Relaxed);
        }
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

    /// Registers a new G for ever.
    pub(crate) fn register(&self, g: NonNull<G>) {
        let mut head = self.gs.all.load(Ordering::Relaxed);
        loop {
            // SAFETY: `g` is not registered yet, so nobody reads the link.
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
}
