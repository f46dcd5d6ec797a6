//! A processor: the right to run goroutines, and what goes with it.

use core::ptr;

use g0_arch::sync::OwnedCell;
use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use g0_arch::sync::cell::UnsafeCell;
use g0_stack::{Cache, Class};

use super::g::G;
use super::m::M;
use super::round::Round;
use super::segments::ProcSegments;
use super::timers::Timers;
use crate::parts::count::Count;
use crate::parts::runq::RunQueue;
use crate::parts::share::Share;
use crate::parts::stat_atomic;

/// How many switches go by before the other queues are looked at.
pub(crate) const FAIR: u32 = 61;

/// How far back the turn lies of one that was asked for, in switches.
pub(crate) const REQUESTED: u32 = 1 << 16;

/// What sysmon saw at its last looks. Sysmon's.
pub(crate) struct Watched {
    /// The tick, and since when it has not changed.
    pub(crate) tick: AtomicU32,
    pub(crate) since: AtomicU64,
    /// When the other queues were given their last turn by time.
    pub(crate) fair_since: stat_atomic::AtomicU64,
    /// The tick at which a timer was late.
    pub(crate) late_tick: AtomicU32,
}

/// What has happened here. Written by the owner, summed by any thread.
pub(crate) struct PCounts {
    /// Goroutines started, and ended.
    pub(crate) started: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) parks: Count,
    pub(crate) steals: Count,
    pub(crate) hand_offs: Count,
}

/// Where a P without an owner stands. Under the scheduler's lock.
pub(crate) struct PLinks {
    /// Next in the idle list.
    pub(crate) idle: OwnedCell<*const Proc>,
    /// Not in use.
    pub(crate) retired: OwnedCell<bool>,
}

/// A processor. Its plain fields belong to the M that owns it, while that is inside.
#[repr(C, align(128))]
pub struct Proc {
    pub(crate) runq: RunQueue<G>,
    /// Switches so far. Read by sysmon: the same goroutine still?
    pub(crate) tick: AtomicU32,
    /// The tick at which the other queues and the timers are looked at. Sysmon may put it forward.
    pub(crate) fair_at: AtomicU32,
    /// How often its queues were looked at since each of them had its turn. The turns above are put off
    /// whenever the P changes hands, which may be more often than they come. The owner's.
    pub(crate) looks: OwnedCell<u32>,
    /// How far the other queues' turns have come. The owner's.
    pub(crate) round: OwnedCell<Round>,
    /// How long the turns of those that hand each other the P are. The owner's.
    pub(crate) share: OwnedCell<Share>,
    pub(crate) watch: Watched,
    /// Belongs to a scheduler.
    pub(crate) taken: AtomicBool,
    pub(crate) counts: PCounts,
    /// Free Gs with their stacks.
    pub(crate) free: UnsafeCell<Cache>,
    /// Free segments.
    pub(crate) segments: ProcSegments,
    /// Free records of deferred calls.
    pub(crate) defers: UnsafeCell<g0_defer::Cache>,
    /// Ids it may give out: next and end.
    pub(crate) ids: OwnedCell<(u64, u64)>,
    /// When its M got it, nanoseconds.
    pub(crate) since: OwnedCell<u64>,
    pub(crate) random: OwnedCell<u32>,
    /// The owner. Written by the owner and by retakers, read by sysmon.
    pub(crate) m: AtomicPtr<M>,
    pub(crate) links: PLinks,
    /// Deadlines of goroutines that parked here. Last, for it is large.
    pub(crate) timers: Timers<G>,
}

// SAFETY: the plain fields and the cache are the owner's (L5); the rest is atomic or under the
// scheduler's lock.
unsafe impl Sync for Proc {}
// SAFETY: as above; a P is tied to no thread.
unsafe impl Send for Proc {}

impl Proc {
    maybe_const! {
        /// Returns a P with empty queues, which no M owns.
        pub fn new() -> Self {
            Self {
                runq: RunQueue::new(),
                tick: AtomicU32::new(0),
                fair_at: AtomicU32::new(FAIR),
                looks: OwnedCell::new(0),
                round: OwnedCell::new(Round::START),
                share: OwnedCell::new(Share::NEW),
                watch: Watched {
                    tick: AtomicU32::new(0),
                    since: AtomicU64::new(0),
                    fair_since: stat_atomic::AtomicU64::new(0),
                    late_tick: AtomicU32::new(0),
                },
                taken: AtomicBool::new(false),
                counts: PCounts {
                    started: AtomicU64::new(0),
                    ended: AtomicU64::new(0),
                    parks: Count::new(),
                    steals: Count::new(),
                    hand_offs: Count::new(),
                },
                free: UnsafeCell::new(Cache::new(Class::MIN)),
                segments: ProcSegments::new(),
                defers: UnsafeCell::new(g0_defer::Cache::new()),
                ids: OwnedCell::new((0, 0)),
                since: OwnedCell::new(0),
                random: OwnedCell::new(1),
                m: AtomicPtr::new(ptr::null_mut()),
                links: PLinks {
                    idle: OwnedCell::new(ptr::null()),
                    retired: OwnedCell::new(false),
                },
                timers: Timers::new(),
            }
        }
    }
}

impl Proc {
    /// It is the other queues' turn, whatever the count of switches says. Any thread: the owner may overlook a
    /// stranger's word once.
    pub(crate) fn request_fair_turn(&self) {
        let tick = self.tick.load(Ordering::Relaxed);
        self.fair_at.store(tick.wrapping_sub(REQUESTED), Ordering::Relaxed);
    }
}

impl Default for Proc {
    fn default() -> Self {
        Self::new()
    }
}
