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

pub(crate) mod ahead;
pub mod claim;
mod deadlock;
pub mod extra;
pub mod inbox;
mod late;
pub(crate) mod linger;
pub mod list;
mod lists;
pub mod local;
mod mlist;
pub mod next;
mod procs;
mod ready;
mod retake;
pub mod runq;
pub mod timers;
mod wake;
pub mod wheel;

use core::ptr::{self, NonNull};

use g0_arch::CachePadded;
use g0_arch::sync::Mutex;
use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
use g0_stack::{Class, Depot, StackSource};

use crate::g::G;
use crate::home::ForeignThreads;
use crate::m::M;
use crate::p::Proc;
use crate::plain::Plain;
use crate::platform::{Parker, Platform, light_fence};
use crate::see::Count;
use crate::see::trace::Tracing;
use crate::told;
use crate::waiting::Coarse;

pub use deadlock::Deadlock;
pub(crate) use deadlock::Look;
pub(crate) use lists::{Got, Lists, disown};

/// What a scheduler is made of; all of it lives as long as the scheduler.
#[derive(Clone, Copy)]
pub struct Config {
    /// The Ps: as many goroutines run at a time. Not empty.
    pub procs: &'static [Proc],
    /// Ms to begin with; `more` is asked when they are used up.
    pub machines: &'static [M],
    /// Makes a further M, or says that there is none. On g0, no lock held.
    pub more: fn() -> Option<&'static M>,
    /// Where stacks come from.
    pub stacks: &'static dyn StackSource,
    /// Every goroutine's stack.
    pub stack: Class,
    /// Whether goroutines may go on on another M after they have started.
    pub mobility: Mobility,
    /// Both sides of the claim protocol use full fences.
    pub symmetric: bool,
}

/// Whether a goroutine may change Ms after it has started; see the crate's essay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mobility(bool);

impl Mobility {
    /// The safe runtime: a goroutine stays on the M that runs it first. The choice of a kernel with
    /// one core, where others may run then while a callback is parked.
    pub const BOUND: Self = Self(false);

    /// The migrating runtime.
    ///
    /// # Safety
    ///
    /// No function of the program, after inlining, uses the same thread-local both before and
    /// after a point at which a goroutine may be suspended (compilers keep its address), and no
    /// value that is tied to its thread lives across one, unless the goroutine is locked to its
    /// thread. A kernel without thread-locals has nothing to promise.
    pub const unsafe fn migrating() -> Self {
        Self(true)
    }
}

/// How far a scheduler has come with its end.
pub(crate) mod phase {
    /// At work.
    pub(crate) const OPEN: usize = 0;
    /// The main goroutine has returned: what is parked is being unwound, nothing starts.
    pub(crate) const CLOSING: usize = 1;
    /// Ms end.
    pub(crate) const HALTED: usize = 2;
}

/// The shared state of one scheduler.
pub struct Core {
    pub(crate) config: Config,
    /// What its threads are called. Set before it starts.
    #[cfg(feature = "std")]
    pub(crate) name: Plain<&'static str>,
    /// Ps, Ms and Gs that wait for one another.
    pub(crate) lists: Mutex<Lists>,
    pub(crate) depot: Depot<&'static dyn StackSource>,
    /// Lengths of lists, to be read without their lock.
    pub(crate) idle_ps: CachePadded<AtomicUsize>,
    /// Ps that are wanted, and those that are not retired.
    pub(crate) procs: AtomicUsize,
    pub(crate) live_ps: AtomicUsize,
    pub(crate) spinning: CachePadded<AtomicUsize>,
    pub(crate) queued: AtomicUsize,
    pub(crate) in_line: AtomicUsize,
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
    pub(crate) extras: extra::Extras,
    /// What is done with such threads.
    pub(crate) foreign: ForeignThreads,
    /// The next scheduler of the same [`Home`](crate::Home); under that one's lock.
    pub(crate) neighbour: Plain<*const Core>,
    /// What is done when nothing can ever run again.
    pub(crate) deadlock: Deadlock,
    /// What is done with a panic that nobody takes.
    pub(crate) uncaught: crate::defers::Uncaught,
    /// Threads that serve it and are no Ms: they wake nobody by themselves.
    pub(crate) helpers: AtomicUsize,
    /// Those who are no Ms and fire timers now; whether somebody looked for a deadlock meanwhile.
    watching: AtomicUsize,
    look_again: AtomicBool,
    /// A deadlock has been reported.
    reported: AtomicBool,
    /// Threads that are no Ms of it and give a stack back, or wake a goroutine; and those whose M has just ended.
    pub(crate) guests: AtomicUsize,
    pub(crate) evicted: AtomicUsize,
    /// How many of them there may be; `usize::MAX`: as many as Ps are wanted.
    max_evicted: told::AtomicUsize,
    /// For statistics.
    pub(crate) tracing: Tracing,
    pub(crate) retakes: Count,
    pub(crate) evictions: Count,
    pub(crate) heavy_fences: Count,
    /// Ms without a P that look for one instead of sleeping.
    pub(crate) lingering: AtomicUsize,
    pub(crate) next_id: AtomicU64,
    /// The coarse clock, for those who must not read a clock.
    clock: told::AtomicU32,
    /// Every G ever made, newest first.
    pub(crate) all_gs: AtomicPtr<G>,
    /// The last attempt to start a thread failed.
    pub(crate) short_of_threads: AtomicBool,
    /// A thread has run, ever: if none is left, another comes sooner or later.
    pub(crate) born: AtomicBool,
    /// A P has become idle without a look at all queues.
    pub(crate) unlooked: AtomicBool,
    /// There was no thread at all: nothing has run.
    pub(crate) stillborn: AtomicBool,
    /// Sysmon sleeps until a P is taken from the idle list, or by the clock until then.
    pub(crate) sysmon_asleep: AtomicBool,
    pub(crate) sysmon_until: told::AtomicU64,
    /// A P has been taken to work since sysmon looked.
    pub(crate) stirred: told::AtomicU8,
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
                name: Plain::new("g0"),
                lists: Mutex::new(Lists::new()),
                depot: Depot::new(config.stack, config.stacks),
                idle_ps: CachePadded::new(AtomicUsize::new(0)),
                procs: AtomicUsize::new(config.procs.len()),
                live_ps: AtomicUsize::new(config.procs.len()),
                spinning: CachePadded::new(AtomicUsize::new(0)),
                queued: AtomicUsize::new(0),
                in_line: AtomicUsize::new(0),
                phase: AtomicUsize::new(phase::OPEN),
                main_gone: AtomicBool::new(false),
                main_g: AtomicPtr::new(ptr::null_mut()),
                live_ms: AtomicUsize::new(0),
                adopted: AtomicUsize::new(0),
                extras: extra::Extras::new(),
                foreign: ForeignThreads::Bind,
                neighbour: Plain::new(ptr::null()),
                deadlock: Deadlock::Ignore,
                uncaught: crate::defers::Uncaught::Fatal,
                helpers: AtomicUsize::new(0),
                watching: AtomicUsize::new(0),
                look_again: AtomicBool::new(false),
                reported: AtomicBool::new(false),
                guests: AtomicUsize::new(0),
                evicted: AtomicUsize::new(0),
                max_evicted: told::AtomicUsize::new(usize::MAX),
                tracing: Tracing::off(),
                retakes: Count::new(),
                evictions: Count::new(),
                heavy_fences: Count::new(),
                lingering: AtomicUsize::new(0),
                next_id: AtomicU64::new(1),
                clock: told::AtomicU32::new(0),
                all_gs: AtomicPtr::new(ptr::null_mut()),
                short_of_threads: AtomicBool::new(false),
                born: AtomicBool::new(false),
                unlooked: AtomicBool::new(false),
                stillborn: AtomicBool::new(false),
                sysmon_asleep: AtomicBool::new(false),
                sysmon_until: told::AtomicU64::new(u64::MAX),
                stirred: told::AtomicU8::new(0),
                sysmon: Parker::new(),
                done: Parker::new(),
            }
        }
    }

    /// Makes every P idle; false when one of them belongs to another scheduler.
    ///
    /// # Safety
    ///
    /// Once, before anything else is done with this core.
    pub unsafe fn open(&'static self) -> bool {
        if self.config.procs.iter().any(|p| p.taken.swap(true, Ordering::AcqRel)) {
            return false;
        }
        for (i, p) in self.config.procs.iter().enumerate().rev() {
            // SAFETY: nobody uses the Ps yet.
            unsafe {
                p.random.set(i as u32 * 2 + 1);
                p.free.with_mut(|free| *free = g0_stack::Cache::new(self.config.stack));
            }
            self.put_p(&mut self.lists.lock(), p);
        }
        true
    }

    /// Prepares an unused M for [`crate::start_m`].
    fn adopt(&'static self, m: &'static M) {
        // SAFETY: nobody else knows this M yet.
        unsafe {
            m.core.set(self);
            m.symmetric.set(self.config.symmetric);
            m.migrating.set(self.config.mobility.0);
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
        Coarse(self.clock.load(told::Ordering::Relaxed))
    }

    /// Whoever reads the clock for something else tells what it said.
    #[inline]
    pub(crate) fn set_clock(&self, now: u64) {
        let now = Coarse::of(now);
        // The line that everybody reads is written once a unit.
        if self.coarse() != now {
            self.clock.store(now.0, told::Ordering::Relaxed);
        }
    }

    /// Before it starts: how many Ms may compute without a P at a time.
    #[cfg(feature = "std")]
    pub(crate) fn evict_at_most(&self, most: usize) {
        self.max_evicted.store(most, told::Ordering::Relaxed);
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

    /// Whether a P is idle and nobody is looking for work: then whoever has published work must
    /// wake an M. The cheap half of [`Core::wake`]: no lock, no read-modify-write.
    ///
    /// ```text
    ///   publisher                        M that goes idle
    ///   work into a queue                spinning -= 1, idle_ps += 1
    ///   light fence                      heavy fence
    ///   load idle_ps, spinning           look at all queues once more
    /// ```
    #[inline(always)]
    pub(crate) fn wants_wake(&self) -> bool {
        light_fence(self.config.symmetric);
        self.idle_ps.load(Ordering::Relaxed) != 0 && self.spinning.load(Ordering::Relaxed) == 0
    }

    /// Wakes sysmon if it sleeps for longer than a nap; called without the lock, after a P has been
    /// taken to work.
    pub(crate) fn rouse_sysmon<P: Platform>(&self) {
        // Relaxed: it only shortens the next sleep. The line is written once a look.
        if self.stirred.load(told::Ordering::Relaxed) == 0 {
            self.stirred.store(1, told::Ordering::Relaxed);
        }
        // Sysmon stores `asleep` and then counts the idle Ps; we have counted one less before.
        fence(Ordering::SeqCst);
        // Acquire: `sysmon_until` is this sleep's, or still without end.
        if self.sysmon_asleep.load(Ordering::Acquire)
            && self.sysmon_until.load(told::Ordering::Relaxed)
                > P::now().saturating_add(crate::sysmon::NAP)
            && self.sysmon_asleep.swap(false, Ordering::AcqRel)
        {
            P::unpark(&self.sysmon);
        }
    }
}
