//! A machine: an OS thread or a core.
//!
//! ```text
//!                    start            next finds nothing: go_idle
//!   (unused) ──────────────▶ BUSY ──────────────────────────────▶ IDLE   on the idle list
//!                            ▲  │  its G is elsewhere: rest       ▼
//!                            │  ├────────────────────────────▶ PRIVATE  its own inbox wakes it
//!                            │  │  want_p finds no P              │
//!                            │  └────────────────────────────▶ LINE ◀── wake_bound, no P free
//!                            └──────── hand_p: the P is given, then the wake ───┘
//! ```
//!
//! An M is never freed, only used again. One for a thread that the scheduler did not start, an *extra* M,
//! has a diagram of its own: see [`crate::foreign::extram`].

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use g0_arch::sync::cell::UnsafeCell;
use g0_arch::tools::Fiber;

use super::g::G;
use super::local::Local;
use super::p::Proc;
use super::shared::Core;
use crate::parts::adaptive_spin::AdaptiveSpin;
use crate::parts::claim::Claim;
use crate::parts::count::Count;
use crate::parts::inbox::Inbox;
use crate::parts::libcall::LibCall;
use crate::parts::parker::Parker;
use crate::parts::stat_atomic;
use g0_arch::sync::{OwnedCell, WatchedPtr, load_owned};

/// Where an M stands; under the scheduler's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MState {
    /// Runs, or has been given a P and is about to.
    Busy,
    /// On the idle list, without a P.
    Idle,
    /// Without a P; only a G of its own makes it stand in line.
    AwaitsOwnG,
    /// In the line of Ms that wait for a P.
    WaitsForP,
    /// Without a thread, to be used again.
    Free,
}

impl MState {
    /// Whether the M sleeps, or is about to, until somebody else has something for it.
    pub(crate) fn is_rest(self) -> bool {
        matches!(self, Self::Idle | Self::AwaitsOwnG)
    }
}

/// A machine. Its fields are its own thread's unless their comment says otherwise.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct M {
    /// Who owns its P: shared with retakers.
    pub(crate) claim: Claim,
    /// The G that it runs, or whose foreign call it is in; null in the scheduler. Read by sysmon.
    pub(crate) g: AtomicPtr<G>,
    /// The bridge's word (`incgo`): not null while foreign code runs here. Read by sysmon.
    pub(crate) call: AtomicPtr<u8>,
    /// The same as plain memory with an address, which loom's atomics have not.
    #[cfg(loom)]
    pub(crate) call_here: OwnedCell<*mut u8>,
    /// Its P. Read by retakers, between raise and take.
    pub(crate) p: AtomicPtr<Proc>,
    pub(crate) core: OwnedCell<*const Core>,
    /// Where a call on g0 starts: below whatever is live there.
    pub(crate) g0_sp: OwnedCell<*mut u8>,
    /// Where this thread's `errno` lies, or null.
    pub(crate) errno: OwnedCell<*mut i32>,
    /// The one G it may run (L2), or null.
    pub(crate) reserved: WatchedPtr<G>,
    pub(crate) symmetric: OwnedCell<bool>,
    pub(crate) migrating: OwnedCell<bool>,
    /// Calls of foreign code.
    pub(crate) calls: Count,
    /// Returns to it.
    pub(crate) callbacks: Count,
    /// How many of both there were when sysmon looked last.
    pub(crate) calls_seen: stat_atomic::AtomicU64,
    /// Gs bound here, by others: shared.
    pub(crate) inbox: Inbox<G>,
    /// Gs bound here, runnable.
    pub(crate) local: UnsafeCell<Local>,
    pub(crate) spinning: OwnedCell<bool>,
    /// Whether it is worth looking for a P for a while before sleeping, and for how long.
    pub(crate) spins_before_sleep: OwnedCell<bool>,
    pub(crate) handoff_spin: OwnedCell<AdaptiveSpin>,
    /// The same for its goroutine, with a P.
    pub(crate) handoff_spin_with_p: OwnedCell<AdaptiveSpin>,
    /// Its P was taken while a goroutine computed; under no lock, counted in the core.
    pub(crate) evicted: AtomicBool,
    /// Its locked goroutine yields: others first.
    pub(crate) yield_requested: OwnedCell<bool>,
    /// Locked goroutines on this M: more than one on the safe runtime only.
    pub(crate) locked_gs: OwnedCell<u32>,
    /// Its reserved goroutine shares it with nobody, on the safe runtime neither.
    pub(crate) exclusive: OwnedCell<bool>,
    /// The library call that its goroutine prepares or is in.
    pub(crate) libcall: OwnedCell<LibCall>,
    /// No goroutine may run here any more.
    pub(crate) dying: OwnedCell<bool>,
    /// It is for threads that the scheduler did not start. Written once; read by anybody.
    pub(crate) extra: stat_atomic::AtomicBool,
    /// The goroutine of an extra M, the only one that runs here. Written once, before the M is an
    /// extra one.
    pub(crate) own_g: OwnedCell<*mut G>,
    /// What an extra M's `call` points to between callbacks: the bridge's own, as if a call were open.
    pub(crate) root: OwnedCell<*mut u8>,
    /// Whether its thread keeps an extra M until it ends.
    pub(crate) kept: OwnedCell<bool>,
    /// The next spare one. Of its thread, or the list's: see `core::extra`.
    pub(crate) spare: AtomicPtr<M>,
    /// All extra Ms; written once.
    pub(crate) extras: OwnedCell<*const M>,
    /// Where `start_m` waits to return.
    pub(crate) base: OwnedCell<*mut u8>,
    /// The P it has been given while it waited; written under the lock before the wake (L3).
    pub(crate) nextp: AtomicPtr<Proc>,
    pub(crate) parker: Parker,
    /// Belongs to a scheduler.
    pub(crate) taken: AtomicBool,
    /// The five below are under the scheduler's lock.
    pub(crate) state: OwnedCell<MState>,
    pub(crate) next: OwnedCell<*const M>,
    pub(crate) prev: OwnedCell<*const M>,
    pub(crate) all: OwnedCell<*const M>,
    pub(crate) id: OwnedCell<u32>,
    /// Its system stack, as memory checkers know it.
    pub(crate) fiber: Fiber,
}

// SAFETY: the fields say which thread may touch them; the protocols in `core` keep to it.
unsafe impl Sync for M {}
// SAFETY: as above; an M is not tied to the thread that made it.
unsafe impl Send for M {}

impl M {
    maybe_const! {
        /// An M that has not been started.
        pub fn new() -> Self {
            Self {
                claim: Claim::new(),
                g: AtomicPtr::new(ptr::null_mut()),
                call: AtomicPtr::new(ptr::null_mut()),
                #[cfg(loom)]
                call_here: OwnedCell::new(ptr::null_mut()),
                p: AtomicPtr::new(ptr::null_mut()),
                core: OwnedCell::new(ptr::null()),
                g0_sp: OwnedCell::new(ptr::null_mut()),
                errno: OwnedCell::new(ptr::null_mut()),
                reserved: WatchedPtr::new(ptr::null_mut()),
                symmetric: OwnedCell::new(true),
                migrating: OwnedCell::new(false),
                calls: Count::new(),
                callbacks: Count::new(),
                calls_seen: stat_atomic::AtomicU64::new(0),
                inbox: Inbox::new(),
                local: UnsafeCell::new(Local::new()),
                spinning: OwnedCell::new(false),
                spins_before_sleep: OwnedCell::new(false),
                handoff_spin: OwnedCell::new(AdaptiveSpin::FULL),
                handoff_spin_with_p: OwnedCell::new(AdaptiveSpin::FULL),
                evicted: AtomicBool::new(false),
                yield_requested: OwnedCell::new(false),
                locked_gs: OwnedCell::new(0),
                exclusive: OwnedCell::new(false),
                libcall: OwnedCell::new(LibCall::NONE),
                dying: OwnedCell::new(false),
                extra: stat_atomic::AtomicBool::new(false),
                own_g: OwnedCell::new(ptr::null_mut()),
                root: OwnedCell::new(ptr::null_mut()),
                kept: OwnedCell::new(false),
                spare: AtomicPtr::new(ptr::null_mut()),
                extras: OwnedCell::new(ptr::null()),
                base: OwnedCell::new(ptr::null_mut()),
                nextp: AtomicPtr::new(ptr::null_mut()),
                parker: Parker::new(),
                taken: AtomicBool::new(false),
                state: OwnedCell::new(MState::Busy),
                next: OwnedCell::new(ptr::null()),
                prev: OwnedCell::new(ptr::null()),
                all: OwnedCell::new(ptr::null()),
                id: OwnedCell::new(0),
                fiber: Fiber::none(),
            }
        }
    }
}

impl M {
    /// What the threads of its scheduler are called. An M that is being started has one.
    #[cfg(feature = "std")]
    pub(crate) fn name(&self) -> &'static str {
        // SAFETY: set before the M is started, and the name before the scheduler is.
        unsafe { (*self.core.get()).name.get() }
    }

    /// The goroutine that runs here or is in a foreign call. Its own thread only, which alone
    /// writes the word: so it reads it as plain memory, and no more often than need be.
    #[inline(always)]
    pub(crate) fn curg(&self) -> Option<NonNull<G>> {
        // SAFETY: no write is concurrent.
        NonNull::new(unsafe { load_owned(&self.g) })
    }

    /// Whether foreign code runs here. Its own thread only; as [`curg`](Self::curg).
    #[inline(always)]
    pub(crate) fn in_foreign_code(&self) -> bool {
        // SAFETY: no write is concurrent.
        unsafe { !load_owned(&self.call).is_null() }
    }

    /// How often it has gone to foreign code. Read by sysmon: the same stay there still?
    pub(crate) fn stays(&self) -> u64 {
        // Two words: each only grows, so whatever comes in between makes a later sum larger.
        self.calls.get().wrapping_add(self.callbacks.get())
    }

    /// Whether it is for threads that the scheduler did not start. Anybody.
    #[inline(always)]
    pub(crate) fn is_extra(&self) -> bool {
        // Relaxed: written before the M owned a P, and by then known to whoever looks for that.
        self.extra.load(stat_atomic::Ordering::Relaxed)
    }

    /// Whether its thread is in code of its own, between callbacks. Its own thread only.
    #[inline(always)]
    pub(crate) fn is_between_callbacks(&self) -> bool {
        // SAFETY: no write is concurrent.
        unsafe { core::ptr::eq(load_owned(&self.call), self.root()) }
    }

    /// Foreign code runs here, or no longer does. Its own thread only.
    pub(crate) fn set_call(&self, word: *mut u8) {
        // Relaxed: ordered by the fences of the bridge.
        self.call.store(word, Ordering::Relaxed);
        #[cfg(loom)]
        // SAFETY: our thread's.
        unsafe {
            self.call_here.set(word);
        }
    }

    /// What `call` points to between callbacks.
    #[inline(always)]
    pub(crate) fn root(&self) -> *mut u8 {
        ptr::from_ref(&self.root).cast_mut().cast()
    }

    /// The goroutine on whose own stack the caller is: none on g0. Its own thread only.
    #[inline(always)]
    pub(crate) fn running(&self) -> Option<NonNull<G>> {
        if self.in_foreign_code() { None } else { self.curg() }
    }
}

impl Default for M {
    fn default() -> Self {
        Self::new()
    }
}
