//! The parts of a [`Core`], each with one owner.

use core::ptr;

use g0_arch::sync::OwnedCell;
use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use super::Core;
use crate::objects::config::{Deadlock, ForeignThreads};
use crate::objects::extras::Extras;
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::count::Count;
use crate::parts::hunger::Hunger;
use crate::parts::parker::Parker;
use crate::parts::phase::{self, main_left};
use crate::parts::stat_atomic;
use crate::parts::tracing::Tracing;

/// How many Ps there are. Written under the scheduler's lock, read by any thread.
pub(crate) struct Ps {
    /// How many are wanted.
    pub(crate) wanted: AtomicUsize,
    /// How many are not retired.
    pub(crate) live: AtomicUsize,
}

/// How much work waits, and how many Ms look for it: what is asked without the lock.
pub(crate) struct Work {
    /// The idle Ps, and the Ms that look for work.
    pub(crate) hunger: Hunger,
    /// Before then no P is borrowed, nanoseconds: the last attempt was in vain.
    pub(crate) borrow_at: stat_atomic::AtomicU64,
    /// The length of the global queue. Written under the lock.
    pub(crate) queued: AtomicUsize,
    /// The length of the P wait queue. Written under the lock.
    pub(crate) p_waiters: AtomicUsize,
    /// Ms without a P that spin for one instead of sleeping.
    pub(crate) handoff_spinners: AtomicUsize,
}

/// Threads that are Ms, and attempts to start them.
pub(crate) struct Ms {
    /// Ms that have been started and not ended, extra ones that a thread has included.
    pub(crate) live: AtomicUsize,
    /// Ms of threads that the scheduler did not start, and of which no end is to be awaited.
    pub(crate) adopted: AtomicUsize,
    /// How many there may be that the scheduler starts. Set before the start.
    pub(crate) max: usize,
    /// How long an M rests before its thread may end, nanoseconds. Set before the start.
    pub(crate) keep_alive: u64,
    /// Of those alive, adopted ones apart, the threads that are parked for good.
    pub(crate) kept: AtomicUsize,
    /// The last attempt to start a thread failed.
    pub(crate) start_refused: AtomicBool,
    /// A thread has run, ever: if none is left, another comes sooner or later.
    pub(crate) has_started: AtomicBool,
    /// There was no thread at all: nothing has run.
    pub(crate) never_started: AtomicBool,
}

/// How the scheduler ends.
pub(crate) struct End {
    /// See [`phase`](crate::parts::phase).
    pub(crate) phase: AtomicUsize,
    /// How main has left; see [`main_left`]. Written by main itself.
    pub(crate) main_left: AtomicUsize,
    /// The goroutine whose return ends the scheduler; null when it has returned and left its stack.
    pub(crate) main_g: AtomicPtr<G>,
    /// How long the end waits for the next goroutine to end, nanoseconds. Set before the start.
    pub(crate) grace: u64,
    /// The M that conducts the end while it runs goroutines: that of the thread which began the run. Null where
    /// that thread runs none.
    pub(crate) conductor: AtomicPtr<M>,
    /// What the conductor keeps between two looks. The thread's that began the run.
    pub(crate) conducting: OwnedCell<Conducting>,
    /// Goroutines that wait while they unwind: each keeps an M for itself.
    pub(crate) unwinding: AtomicUsize,
    /// How many of them there may be before others begin to unwind.
    pub(crate) room: AtomicUsize,
    /// Panics after main's return that were not taken.
    pub(crate) panics: AtomicU64,
    /// Threads that are at work in the scheduler and are no Ms of it: they give a stack back, or wake a
    /// goroutine, or their M has just ended.
    pub(crate) external_refs: AtomicUsize,
    /// Rung when the last M has ended or the scheduler has halted.
    pub(crate) done: Parker,
    /// The model is over: its threads must end, also those that are parked for good.
    #[cfg(loom)]
    pub(crate) model_over: AtomicBool,
    /// Written as a model frees the scheduler: what reads it before must come before.
    #[cfg(loom)]
    pub(crate) model_freed: OwnedCell<()>,
}

/// How long the end of a run waits for the next goroutine to end, if nothing else is said, nanoseconds.
pub(crate) const GRACE: u64 = 500_000_000;

/// How many goroutines that the end unwinds may wait at a time, each with an M of its own, as long as one of them
/// ends now and then.
pub(crate) const AT_ONCE: usize = 64;

/// How far the conductor of an end has come. Times are on the platform's clock, with [`still`](Self::still) added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conducting {
    /// It has looked once.
    pub(crate) begun: bool,
    /// Every M has seen that the run ends.
    pub(crate) seen: bool,
    /// It is an M, which has looked when it came by last.
    pub(crate) came_by: bool,
    /// The fewest goroutines that it has seen.
    pub(crate) fewest: u64,
    /// When it saw them first.
    pub(crate) since: u64,
    /// When it let more goroutines unwind at a time.
    pub(crate) grown: u64,
    /// What the clock showed at the last look.
    pub(crate) clock: u64,
    /// What is to be added to the clock for looks at which it had not moved.
    pub(crate) still: u64,
    /// The result of the end.
    pub(crate) left_behind: u64,
    /// Where the look at all goroutines goes on; null: at the first.
    pub(crate) at: *mut G,
}

impl Conducting {
    const NONE: Self = Self {
        begun: false,
        seen: false,
        came_by: false,
        fewest: u64::MAX,
        since: 0,
        grown: 0,
        clock: 0,
        still: 0,
        left_behind: 0,
        at: ptr::null_mut(),
    };

    /// Returns whether it must look again; while the clock stands still, each time.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        !self.begun || now == self.clock || now.saturating_sub(self.clock) >= LOOK
    }
}

/// How long the conductor of an end lets pass between two looks, nanoseconds.
pub(crate) const LOOK: u64 = 200_000;

/// What the look for a deadlock asks; see `policy::deadlock`.
pub(crate) struct DeadlockCheck {
    /// What is done when nothing can ever run again. Set before the start.
    pub(crate) mode: Deadlock,
    /// Threads that serve the scheduler and are no Ms: they wake no goroutine by themselves.
    pub(crate) service_threads: AtomicUsize,
    /// Threads that are no Ms and fire timers now.
    pub(crate) watching: AtomicUsize,
    /// The look for a deadlock is to be repeated by the thread that is watching.
    pub(crate) look_again: AtomicBool,
    /// A deadlock has been reported.
    pub(crate) reported: AtomicBool,
    /// The look for goroutines that have waited for long; see `policy::stall`.
    pub(crate) stalls: Stalls,
}

/// For how long nothing has run, and what was said about it. By the one thread that looks.
pub(crate) struct Stalls {
    /// What is long, nanoseconds. Set before the start.
    pub(crate) after: u64,
    /// When to look next.
    pub(crate) next_look: stat_atomic::AtomicU64,
    /// Since when nothing has run: what tells whether something has.
    pub(crate) since: stat_atomic::AtomicU64,
    pub(crate) progress: stat_atomic::AtomicU64,
    /// How often it has been reported that nothing runs, and whether it has this time.
    pub(crate) reports: stat_atomic::AtomicU32,
    pub(crate) reported: stat_atomic::AtomicBool,
}

/// Threads that the scheduler did not start.
pub(crate) struct Foreign {
    /// What is done with such threads. Set before the start.
    pub(crate) mode: ForeignThreads,
    /// Their Ms, spare or not.
    pub(crate) extras: Extras<M>,
    /// How many threads that rest after a callback are to give their P up. Written under the lock when an M
    /// finds no P, and counted down by those threads.
    pub(crate) sought: AtomicUsize,
    /// Before that no M that waits for a P passes another heavy fence.
    pub(crate) next_fence: stat_atomic::AtomicU64,
    /// The next scheduler of the same [`Registry`](crate::Registry); under the registry's lock.
    pub(crate) next_registered: OwnedCell<*const Core>,
}

/// Ms that compute without a P.
pub(crate) struct Evictions {
    pub(crate) count: AtomicUsize,
    /// How many there may be; `usize::MAX`: as many as Ps are wanted. Set before the start.
    pub(crate) max: stat_atomic::AtomicUsize,
}

/// What is counted for reports, and the clock that they are stamped by.
pub(crate) struct CoreStats {
    pub(crate) tracing: Tracing,
    pub(crate) retakes: Count,
    pub(crate) evictions: Count,
    pub(crate) heavy_fences: Count,
    /// The coarse clock, for code that must not read a clock.
    pub(crate) clock: stat_atomic::AtomicU32,
}

/// The Gs.
pub(crate) struct Gs {
    pub(crate) next_id: AtomicU64,
    /// Every G ever made, newest first.
    pub(crate) all: AtomicPtr<G>,
}

/// A goroutine's turn, if nothing else is said, nanoseconds.
pub(crate) const TURN: u64 = 10_000_000;

/// How sysmon sleeps, what wakes it, and what it measures.
pub(crate) struct SysmonState {
    pub(crate) parker: Parker,
    /// How long a goroutine may run while something waits for its P or its M, nanoseconds: 0 for no time at all,
    /// `u64::MAX` for ever. Set before the start.
    pub(crate) turn: u64,
    /// Sysmon sleeps until a P is taken from the idle list, or by the clock until `until`.
    pub(crate) asleep: AtomicBool,
    pub(crate) until: stat_atomic::AtomicU64,
    /// A P has been taken to work since sysmon looked.
    pub(crate) activity: stat_atomic::AtomicU8,
    /// A P has become idle without a look at all queues.
    pub(crate) unchecked: AtomicBool,
    /// Before then no M is looked for whose thread may end.
    pub(crate) next_dismissal: stat_atomic::AtomicU64,
    /// How many goroutines it has asked to give way that have not answered; while there are any, the scheduler is
    /// counted in [`attention`](crate::parts::attention).
    pub(crate) unanswered: AtomicUsize,
}

impl Ps {
    maybe_const! {
        pub(crate) fn new(procs: usize) -> Self {
            Self {
                wanted: AtomicUsize::new(procs),
                live: AtomicUsize::new(procs),
            }
        }
    }
}

impl Work {
    maybe_const! {
        pub(crate) fn new(symmetric: bool) -> Self {
            Self {
                hunger: Hunger::new(symmetric),
                borrow_at: stat_atomic::AtomicU64::new(0),
                queued: AtomicUsize::new(0),
                p_waiters: AtomicUsize::new(0),
                handoff_spinners: AtomicUsize::new(0),
            }
        }
    }
}

impl Ms {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                live: AtomicUsize::new(0),
                adopted: AtomicUsize::new(0),
                max: usize::MAX,
                keep_alive: u64::MAX,
                kept: AtomicUsize::new(0),
                start_refused: AtomicBool::new(false),
                has_started: AtomicBool::new(false),
                never_started: AtomicBool::new(false),
            }
        }
    }
}

impl End {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                phase: AtomicUsize::new(phase::OPEN),
                main_left: AtomicUsize::new(main_left::NOT),
                main_g: AtomicPtr::new(ptr::null_mut()),
                grace: GRACE,
                conductor: AtomicPtr::new(ptr::null_mut()),
                conducting: OwnedCell::new(Conducting::NONE),
                unwinding: AtomicUsize::new(0),
                room: AtomicUsize::new(AT_ONCE),
                panics: AtomicU64::new(0),
                external_refs: AtomicUsize::new(0),
                done: Parker::new(),
                #[cfg(loom)]
                model_over: AtomicBool::new(false),
                #[cfg(loom)]
                model_freed: OwnedCell::new(()),
            }
        }
    }

    /// Does `act` as a guest: the run may end meanwhile, but the owner, which looks at the count before it frees
    /// the scheduler, waits for the calling thread. `act` must not unwind, and is the last thing that the thread
    /// does there.
    #[inline(always)]
    pub(crate) fn as_guest(&self, act: impl FnOnce()) {
        // Relaxed: the owner comes after something that the caller orders after the count.
        self.external_refs.fetch_add(1, Ordering::Relaxed);
        act();
        #[cfg(loom)]
        // SAFETY: a model tells if the owner frees it meanwhile.
        unsafe {
            self.model_freed.get();
        }
        // Release: the owner that frees comes after the last access here.
        self.external_refs.fetch_sub(1, Ordering::Release);
    }
}

impl DeadlockCheck {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                mode: Deadlock::Ignore,
                service_threads: AtomicUsize::new(0),
                watching: AtomicUsize::new(0),
                look_again: AtomicBool::new(false),
                reported: AtomicBool::new(false),
                stalls: Stalls::new(),
            }
        }
    }
}

impl Stalls {
    const fn new() -> Self {
        Self {
            after: u64::MAX,
            next_look: stat_atomic::AtomicU64::new(0),
            since: stat_atomic::AtomicU64::new(0),
            progress: stat_atomic::AtomicU64::new(0),
            reports: stat_atomic::AtomicU32::new(0),
            reported: stat_atomic::AtomicBool::new(false),
        }
    }
}

impl Foreign {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                mode: ForeignThreads::Bind,
                extras: Extras::new(),
                sought: AtomicUsize::new(0),
                next_fence: stat_atomic::AtomicU64::new(0),
                next_registered: OwnedCell::new(ptr::null()),
            }
        }
    }
}

impl Evictions {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self { count: AtomicUsize::new(0), max: stat_atomic::AtomicUsize::new(usize::MAX) }
        }
    }
}

impl CoreStats {
    pub(crate) const fn new() -> Self {
        Self {
            tracing: Tracing::off(),
            retakes: Count::new(),
            evictions: Count::new(),
            heavy_fences: Count::new(),
            clock: stat_atomic::AtomicU32::new(0),
        }
    }
}

impl Gs {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self { next_id: AtomicU64::new(1), all: AtomicPtr::new(ptr::null_mut()) }
        }
    }
}

impl SysmonState {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                parker: Parker::new(),
                turn: TURN,
                asleep: AtomicBool::new(false),
                until: stat_atomic::AtomicU64::new(u64::MAX),
                activity: stat_atomic::AtomicU8::new(0),
                unchecked: AtomicBool::new(false),
                next_dismissal: stat_atomic::AtomicU64::new(0),
                unanswered: AtomicUsize::new(0),
            }
        }
    }
}
