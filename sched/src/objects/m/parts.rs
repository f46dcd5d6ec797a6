//! The parts of an [`M`], each with one owner.

use core::ptr;

use g0_arch::sync::atomic::{AtomicPtr, Ordering};
use g0_arch::sync::{OwnedCell, WatchedPtr};

use super::{M, MState};
use crate::objects::g::G;
use crate::objects::p::Proc;
use crate::parts::adaptive_spin::AdaptiveSpin;
use crate::parts::burst::Burst;
use crate::parts::count::Count;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::Coarse;

/// Which goroutines may run here; see `policy::lockedm`. The M's own thread.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// A G that has locked this thread; null when none has (L2).
    pub(crate) reserved: WatchedPtr<G>,
    /// More than one has, which the pinned runtime alone lets them: their links lead from each to the rest.
    pub(crate) several: OwnedCell<bool>,
    /// The reserved goroutine yields: what else is queued runs first.
    pub(crate) yield_requested: OwnedCell<bool>,
    /// The goroutine that it is reserved for unwinds, while others are bound here, which wait for that. Read by
    /// sysmon.
    pub(crate) unwinds: stat_atomic::AtomicBool,
    /// Since when the wait has lasted that was last reported for that. Sysmon's.
    pub(crate) reported: stat_atomic::AtomicU32,
    /// The goroutine that had locked the thread has ended: no goroutine may run here any more.
    pub(crate) dying: OwnedCell<bool>,
    /// The thread is the one that began the run, and main's alone: no other goroutine ever runs here. Set before
    /// main begins.
    pub(crate) wired: OwnedCell<bool>,
}

/// How the M looks for work before it sleeps. The M's own thread; while the M is at rest, the waker.
#[derive(Debug)]
pub(crate) struct Searching {
    /// It is counted among the Ms that search.
    pub(crate) searching: OwnedCell<bool>,
    /// The sum of all ticks when it began to look, or to nap.
    pub(crate) ticks: OwnedCell<u32>,
    /// How long its next nap is, nanoseconds, and how many naps it has taken and seen nothing.
    pub(crate) nap: OwnedCell<u32>,
    pub(crate) vain_naps: OwnedCell<u32>,
    /// Whether it is worth spinning for a P before the next sleep.
    pub(crate) before_sleep: OwnedCell<bool>,
    /// For how long it spins for a P.
    pub(crate) for_p: OwnedCell<AdaptiveSpin>,
    /// For how long it spins, with a P, for its own goroutine.
    pub(crate) with_p: OwnedCell<AdaptiveSpin>,
}

/// What the bridge to foreign code counts and keeps. The M's own thread; counts are read by sysmon.
#[derive(Debug)]
pub(crate) struct ForeignCalls {
    /// Calls of foreign code.
    pub(crate) calls: Count,
    /// Callbacks that have returned to it.
    pub(crate) callbacks: Count,
    /// The sum of both when sysmon looked last, and since when it has seen no other. Sysmon's.
    pub(crate) calls_seen: stat_atomic::AtomicU64,
    pub(crate) seen_since: stat_atomic::AtomicU64,
    /// What `call` is in the innermost call that is known to last. Read by any thread.
    pub(crate) lasting: AtomicPtr<u8>,
    /// The callbacks that have left goroutines in the queues of the P. Sysmon may end it.
    pub(crate) burst: Burst,
}

/// What an extra M alone has; see [`extras`](crate::objects::extras). Its thread's while it has one.
#[derive(Debug)]
pub(crate) struct Extra {
    /// The M is for threads that the scheduler did not start. Written once; read by any thread.
    pub(crate) is_extra: stat_atomic::AtomicBool,
    /// The M's goroutine, the only one that runs here. Written once, before the M is an extra one.
    pub(crate) own_g: OwnedCell<*mut G>,
    /// What the M's `call` points to between callbacks: the bridge's own, as if a call were open.
    pub(crate) root: OwnedCell<*mut u8>,
    /// Whether the thread keeps the M until it ends.
    pub(crate) kept: OwnedCell<bool>,
    /// The next spare M. The list's while the M is spare.
    pub(crate) spare: AtomicPtr<M>,
    /// The next older extra M; written once.
    pub(crate) next: OwnedCell<*const M>,
}

/// The turn of the goroutine that runs here, as sysmon has seen it at its last look. Sysmon's.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The addresses of the G and of the P, and the P's tick.
    g: stat_atomic::AtomicUsize,
    p: stat_atomic::AtomicUsize,
    tick: stat_atomic::AtomicU32,
    /// Since when, nanoseconds; begun anew when the goroutine is asked to give way.
    pub(crate) since: stat_atomic::AtomicU64,
}

/// Where the M stands. Under the scheduler's lock.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) state: OwnedCell<MState>,
    /// At rest it naps: it counts as one that looks for work, and wakes by itself to do so.
    pub(crate) napping: OwnedCell<bool>,
    pub(crate) next: OwnedCell<*const M>,
    pub(crate) prev: OwnedCell<*const M>,
    /// The next older M; written once.
    pub(crate) all: OwnedCell<*const M>,
    pub(crate) id: OwnedCell<u32>,
    /// When it came to rest last.
    pub(crate) rested: OwnedCell<Coarse>,
    /// The scheduler has started its thread, and so may end it.
    pub(crate) has_own_thread: OwnedCell<bool>,
    /// In this rest it was found that its thread must not end.
    pub(crate) needed: OwnedCell<bool>,
}

impl Reservation {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                reserved: WatchedPtr::new(ptr::null_mut()),
                several: OwnedCell::new(false),
                yield_requested: OwnedCell::new(false),
                unwinds: stat_atomic::AtomicBool::new(false),
                reported: stat_atomic::AtomicU32::new(u32::MAX),
                dying: OwnedCell::new(false),
                wired: OwnedCell::new(false),
            }
        }
    }
}

impl Searching {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                searching: OwnedCell::new(false),
                ticks: OwnedCell::new(0),
                nap: OwnedCell::new(0),
                vain_naps: OwnedCell::new(0),
                before_sleep: OwnedCell::new(false),
                for_p: OwnedCell::new(AdaptiveSpin::FULL),
                with_p: OwnedCell::new(AdaptiveSpin::FULL),
            }
        }
    }
}

impl ForeignCalls {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                calls: Count::new(),
                callbacks: Count::new(),
                calls_seen: stat_atomic::AtomicU64::new(0),
                seen_since: stat_atomic::AtomicU64::new(0),
                lasting: AtomicPtr::new(ptr::null_mut()),
                burst: Burst::new(),
            }
        }
    }
}

impl Extra {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                is_extra: stat_atomic::AtomicBool::new(false),
                own_g: OwnedCell::new(ptr::null_mut()),
                root: OwnedCell::new(ptr::null_mut()),
                kept: OwnedCell::new(false),
                spare: AtomicPtr::new(ptr::null_mut()),
                next: OwnedCell::new(ptr::null()),
            }
        }
    }
}

impl Turn {
    pub(crate) const fn new() -> Self {
        Self {
            g: stat_atomic::AtomicUsize::new(0),
            p: stat_atomic::AtomicUsize::new(0),
            tick: stat_atomic::AtomicU32::new(0),
            since: stat_atomic::AtomicU64::new(0),
        }
    }

    /// Takes note that the M runs `g`, with `p`; returns whether the turn is the same as at the last look. With
    /// another P than then it is, for the goroutine has run on meanwhile, or waited for a P.
    pub(crate) fn goes_on(&self, g: *mut G, p: &Proc) -> bool {
        // Relaxed, all of it: two sysmons would only disagree about how long it has been.
        let relaxed = stat_atomic::Ordering::Relaxed;
        let tick = p.tick.load(Ordering::Relaxed);
        let same_g = self.g.swap(g.addr(), relaxed) == g.addr();
        let same_p = self.p.swap(ptr::from_ref(p).addr(), relaxed) == ptr::from_ref(p).addr();
        let same_tick = self.tick.swap(tick, relaxed) == tick;
        !g.is_null() && same_g && (!same_p || same_tick)
    }
}

impl Links {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                state: OwnedCell::new(MState::Busy),
                napping: OwnedCell::new(false),
                next: OwnedCell::new(ptr::null()),
                prev: OwnedCell::new(ptr::null()),
                all: OwnedCell::new(ptr::null()),
                id: OwnedCell::new(0),
                rested: OwnedCell::new(Coarse(0)),
                has_own_thread: OwnedCell::new(false),
                needed: OwnedCell::new(false),
            }
        }
    }
}
