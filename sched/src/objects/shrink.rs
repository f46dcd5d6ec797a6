//! What sysmon keeps of its sweep over parked goroutines' stacks; see `policy::shrink`.

use core::ptr::{self, NonNull};

use g0_arch::sync::OwnedCell;
use g0_stack::{Header, Stack, StackSource};

use super::g::G;
use crate::parts::count::Count;
use crate::parts::detour::Detour;
use crate::parts::stat_atomic;

/// For how long a goroutine must have waited before pages of it are given back, if nothing else is said, nanoseconds.
pub(crate) const REST: u64 = 1_000_000_000;
/// Goroutines whose pages are given back behind one heavy fence.
pub(crate) const BATCH: usize = 8;
/// Detours: those of a batch are used again when a later fence has shown that no M is on its way over them.
const DETOURS: usize = 2 * BATCH;

/// The sweep. For sysmon alone, but for the detours and what is counted.
pub(crate) struct Shrink {
    /// For how long a goroutine must have waited, nanoseconds; `u64::MAX`: nothing is given back. Set before the start.
    pub(crate) rest: u64,
    /// When sysmon must look next, nanoseconds; `u64::MAX`: not before a goroutine has run.
    pub(crate) due: stat_atomic::AtomicU64,
    pub(crate) sweep: OwnedCell<Sweep>,
    pub(crate) slots: [Slot; DETOURS],
    /// Stacks of which pages were given back while their goroutine was parked.
    pub(crate) stacks: Count,
    /// Goroutines that were woken meanwhile, and waited.
    pub(crate) waits: Count,
}

/// How far a sweep has come. Times in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Sweep {
    pub(crate) under_way: bool,
    /// How many switches there had been when it began.
    pub(crate) ticks: u32,
    /// The next goroutine to look at; `None` with `walked`: all were looked at.
    pub(crate) at: Option<NonNull<G>>,
    pub(crate) walked: bool,
    /// Another sweep must follow, even if nothing runs: a goroutine was seen that has not rested for long enough.
    pub(crate) again: bool,
    /// How long it has looked for them.
    pub(crate) looked: u64,
    /// Goroutines whose stacks hold more than they need.
    pub(crate) found: [Option<NonNull<G>>; BATCH],
}

impl Sweep {
    pub(crate) const NONE: Self = Self {
        under_way: false,
        ticks: 0,
        at: None,
        walked: false,
        again: false,
        looked: 0,
        found: [None; BATCH],
    };
}

/// A detour with a stack of its own.
pub(crate) struct Slot {
    pub(crate) detour: Detour,
    /// Where the entrance lies; null until the first use. Sysmon's, as all that follows.
    pub(crate) stack: OwnedCell<*mut Header>,
    pub(crate) state: OwnedCell<SlotState>,
    /// The goroutine that it was used for last.
    pub(crate) g: OwnedCell<*mut G>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    Free,
    /// Its goroutine is diverted.
    Closed,
    /// An M may be on its way over it.
    Opened,
}

impl Shrink {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                rest: REST,
                due: stat_atomic::AtomicU64::new(u64::MAX),
                sweep: OwnedCell::new(Sweep::NONE),
                slots: slots(),
                stacks: Count::new(),
                waits: Count::new(),
            }
        }
    }

    /// Gives the stacks of the detours back to the source that they came from.
    ///
    /// # Safety
    ///
    /// The scheduler must have ended, and no M of it be left.
    pub(crate) unsafe fn free(&mut self, source: &dyn StackSource) {
        for slot in &mut self.slots {
            // SAFETY: the scheduler's own from here on; the stack came from this source, and no frame on it is live.
            unsafe {
                if let Some(header) = NonNull::new(slot.stack.replace(ptr::null_mut())) {
                    source.free(Stack::from_raw(header));
                }
            }
        }
    }
}

impl Slot {
    maybe_const! {
        fn new() -> Self {
            Self {
                detour: Detour::new(),
                stack: OwnedCell::new(ptr::null_mut()),
                state: OwnedCell::new(SlotState::Free),
                g: OwnedCell::new(ptr::null_mut()),
            }
        }
    }
}

#[cfg(not(loom))]
const fn slots() -> [Slot; DETOURS] {
    [const { Slot::new() }; DETOURS]
}

#[cfg(loom)]
fn slots() -> [Slot; DETOURS] {
    core::array::from_fn(|_| Slot::new())
}
