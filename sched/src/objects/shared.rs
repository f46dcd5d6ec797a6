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

use core::ptr::{self, NonNull};

use g0_arch::CachePadded;
use g0_arch::sync::Mutex;
use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use g0_stack::{Pool, StackSource};

use super::config::Uncaught;
use super::config::{Config, Deadlock, ForeignThreads};
use super::extras::Extras;
use super::g::G;
use super::p::Proc;
use super::sched_state::SchedState;
use crate::parts::count::Count;
use crate::parts::parker::Parker;
use crate::parts::phase;
use crate::parts::stat_atomic;
use crate::parts::tracing::Tracing;
use crate::parts::wait_reason::Coarse;
use g0_arch::sync::OwnedCell;

/// The shared state of one scheduler.
pub struct Core {
    pub(crate) config: Config,
    /// What its threads are called. Set before it starts.
    #[cfg(feature = "std")]
    pub(crate) name: OwnedCell<&'static str>,
    /// Ps, Ms and Gs that wait for one another.
    pub(crate) sched: Mutex<SchedState>,
    pub(crate) pool: Pool<&'static dyn StackSource>,
    /// Lengths of sched, to be read without their lock.
    pub(crate) idle_ps: CachePadded<AtomicUsize>,
    /// Ps that are wanted, and those that are not retired.
    pub(crate) procs: AtomicUsize,
    pub(crate) live_ps: AtomicUsize,
    pub(crate) spinning: CachePadded<AtomicUsize>,
    pub(crate) queued: AtomicUsize,
    pub(crate) p_waiters: AtomicUsize,
    pub(crate) phase: AtomicUsize,
    /// The main goroutine has called goexit.
    pub(crate) main_gone: AtomicBool,
    /// The goroutine whose return ends the scheduler.
    pub(crate) main_g: AtomicPtr<G>,
    /// Ms that have been started and not ended, extra ones that a thread has included.
    pub(crate) live_ms: AtomicUsize,
    /// Ms of threads that the scheduler did not start, and of which no end is to be awaited.
    pub(crate) adopted: AtomicUsize,
    /// Those Ms, spare or not.
    pub(crate) extras: Extras,
    /// What is done with such threads.
    pub(crate) foreign: ForeignThreads,
    /// The next scheduler of the same [`Registry`](crate::Registry); under that one's lock.
    pub(crate) next_registered: OwnedCell<*const Core>,
    /// What is done when nothing can ever run again.
    pub(crate) deadlock: Deadlock,
    /// What is done with a panic that nobody takes.
    pub(crate) uncaught: super::config::Uncaught,
    /// Threads that serve it and are no Ms: they wake nobody by themselves.
    pub(crate) service_threads: AtomicUsize,
    /// Those who are no Ms and fire timers now; whether somebody looked for a deadlock meanwhile.
    pub(crate) watching: AtomicUsize,
    pub(crate) look_again: AtomicBool,
    /// A deadlock has been reported.
    pub(crate) reported: AtomicBool,
    /// Threads that are no Ms of it and give a stack back, or wake a goroutine; and those whose M has just ended.
    pub(crate) external_refs: AtomicUsize,
    pub(crate) evicted: AtomicUsize,
    /// How many of them there may be; `usize::MAX`: as many as Ps are wanted.
    pub(crate) max_evicted: stat_atomic::AtomicUsize,
    /// For statistics.
    pub(crate) tracing: Tracing,
    pub(crate) retakes: Count,
    pub(crate) evictions: Count,
    pub(crate) heavy_fences: Count,
    /// Ms without a P that look for one instead of sleeping.
    pub(crate) handoff_spinners: AtomicUsize,
    pub(crate) next_id: AtomicU64,
    /// The coarse clock, for those who must not read a clock.
    pub(crate) clock: stat_atomic::AtomicU32,
    /// Every G ever made, newest first.
    pub(crate) all_gs: AtomicPtr<G>,
    /// The last attempt to start a thread failed.
    pub(crate) start_refused: AtomicBool,
    /// A thread has run, ever: if none is left, another comes sooner or later.
    pub(crate) has_started: AtomicBool,
    /// A P has become idle without a look at all queues.
    pub(crate) check_skipped: AtomicBool,
    /// There was no thread at all: nothing has run.
    pub(crate) never_started: AtomicBool,
    /// Sysmon sleeps until a P is taken from the idle list, or by the clock until then.
    pub(crate) sysmon_asleep: AtomicBool,
    pub(crate) sysmon_until: stat_atomic::AtomicU64,
    /// A P has been taken to work since sysmon looked.
    pub(crate) activity: stat_atomic::AtomicU8,
    pub(crate) sysmon: Parker,
    /// Rung when the last M has ended or the scheduler has halted.
    pub(crate) done: Parker,
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
                pool: Pool::new(config.stack, config.stacks),
                idle_ps: CachePadded::new(AtomicUsize::new(0)),
                procs: AtomicUsize::new(config.procs.len()),
                live_ps: AtomicUsize::new(config.procs.len()),
                spinning: CachePadded::new(AtomicUsize::new(0)),
                queued: AtomicUsize::new(0),
                p_waiters: AtomicUsize::new(0),
                phase: AtomicUsize::new(phase::OPEN),
                main_gone: AtomicBool::new(false),
                main_g: AtomicPtr::new(ptr::null_mut()),
                live_ms: AtomicUsize::new(0),
                adopted: AtomicUsize::new(0),
                extras: Extras::new(),
                foreign: ForeignThreads::Bind,
                next_registered: OwnedCell::new(ptr::null()),
                deadlock: Deadlock::Ignore,
                uncaught: Uncaught::Fatal,
                service_threads: AtomicUsize::new(0),
                watching: AtomicUsize::new(0),
                look_again: AtomicBool::new(false),
                reported: AtomicBool::new(false),
                external_refs: AtomicUsize::new(0),
                evicted: AtomicUsize::new(0),
                max_evicted: stat_atomic::AtomicUsize::new(usize::MAX),
                tracing: Tracing::off(),
                retakes: Count::new(),
                evictions: Count::new(),
                heavy_fences: Count::new(),
                handoff_spinners: AtomicUsize::new(0),
                next_id: AtomicU64::new(1),
                clock: stat_atomic::AtomicU32::new(0),
                all_gs: AtomicPtr::new(ptr::null_mut()),
                start_refused: AtomicBool::new(false),
                has_started: AtomicBool::new(false),
                check_skipped: AtomicBool::new(false),
                never_started: AtomicBool::new(false),
                sysmon_asleep: AtomicBool::new(false),
                sysmon_until: stat_atomic::AtomicU64::new(u64::MAX),
                activity: stat_atomic::AtomicU8::new(0),
                sysmon: Parker::new(),
                done: Parker::new(),
            }
        }
    }

    /// The goroutine whose return ends the scheduler; from when it has been started.
    pub(crate) fn main(&self) -> NonNull<G> {
        NonNull::new(self.main_g.load(Ordering::Relaxed)).expect("g0: a scheduler without a main")
    }

    pub(crate) fn phase(&self) -> usize {
        self.phase.load(Ordering::Relaxed)
    }

    /// What time it is, roughly.
    #[inline(always)]
    pub(crate) fn coarse(&self) -> Coarse {
        // Relaxed: for reports only.
        Coarse(self.clock.load(stat_atomic::Ordering::Relaxed))
    }

    /// Whoever reads the clock for something else tells what it said.
    #[inline]
    pub(crate) fn set_clock(&self, now: u64) {
        let now = Coarse::of(now);
        // The line that everybody reads is written once a unit.
        if self.coarse() != now {
            self.clock.store(now.0, stat_atomic::Ordering::Relaxed);
        }
    }

    /// Before it starts: how many Ms may compute without a P at a time.
    #[cfg(feature = "std")]
    pub(crate) fn evict_at_most(&self, most: usize) {
        self.max_evicted.store(most, stat_atomic::Ordering::Relaxed);
    }

    /// Goroutines that have been started and not ended, callbacks of foreign threads among them.
    pub(crate) fn goroutines(&self) -> u64 {
        let sum = |f: fn(&Proc) -> &AtomicU64| {
            self.config.procs.iter().map(|p| f(p).load(Ordering::Acquire)).sum::<u64>()
        };
        // Ends first: a goroutine that ends in between is counted as running.
        let ended = sum(|p| &p.ended);
        sum(|p| &p.started).wrapping_sub(ended) + self.foreign_callbacks()
    }

    /// Registers a new G for ever.
    pub(crate) fn register(&self, g: NonNull<G>) {
        let mut head = self.all_gs.load(Ordering::Relaxed);
        loop {
            // SAFETY: `g` is not registered yet, so nobody reads the link.
            unsafe { g.as_ref().all.set(head) };
            match self.all_gs.compare_exchange_weak(
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
