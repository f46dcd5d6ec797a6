//! A machine: an OS thread or a core.
//!
//! ```text
//!              start         next finds nothing: go_idle
//!   FREE ─────────────▶ BUSY ─────────────────────────────▶ IDLE         on the idle list
//!                       ▲  │  its G is elsewhere: rest      │
//!                       │  ├────────────────────────────▶ AWAITS OWN G   its inbox wakes it
//!                       │  │  want_p finds no P             ▼
//!                       │  └────────────────────────────▶ WAITS FOR P ◀── wake_bound, no P idle
//!                       └──────── hand: the P is given, then the wake ──┘
//!
//!   IDLE for long, and more Ms are than need be ──▶ DISMISSED ──▶ FREE, or IDLE if goroutines are bound to it
//!   BUSY, and the scheduler has halted ──▶ FREE, or KEPT for goroutines that are left behind
//! ```
//!
//! An M is never freed, only used again. One for a thread that the scheduler did not start, an *extra* M,
//! has a diagram of its own: see [`crate::foreign::extram`].

pub(crate) mod parts;

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use g0_arch::sync::cell::UnsafeCell;
use g0_arch::sync::{OwnedCell, load_owned};
use g0_arch::tools::Fiber;

use super::extras::Spare;
use super::g::G;
use super::local::Local;
use super::mlist::Listed;
use super::p::Proc;
use super::shared::Core;
use crate::parts::claim::Claim;
use crate::parts::inbox::Inbox;
use crate::parts::load::Load;
use crate::parts::parker::Parker;
use crate::parts::stat_atomic;

use parts::{Extra, ForeignCalls, Links, Reservation, Searching, Turn};

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
    /// Was idle for long, and its thread is told to end.
    Dismissed,
    /// Without a thread, to be used again.
    Free,
    /// Its thread is parked for good (L23).
    Kept,
}

impl MState {
    /// Returns whether the M sleeps, or is about to, until another thread has something for it.
    pub(crate) fn is_rest(self) -> bool {
        matches!(self, Self::Idle | Self::AwaitsOwnG)
    }
}

/// A machine. Its fields are its own thread's unless their comment says otherwise.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct M {
    /// Whether it owns its P: shared with retakers.
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
    /// Where this thread's `errno` lies, or [`no_errno`](Self::no_errno).
    pub(crate) errno: OwnedCell<*mut i32>,
    pub(crate) lock: Reservation,
    pub(crate) symmetric: OwnedCell<bool>,
    /// A goroutine that is not locked may go on elsewhere.
    pub(crate) migrating: OwnedCell<bool>,
    /// A goroutine is locked here from its start.
    pub(crate) locks_at_start: OwnedCell<bool>,
    /// How many goroutines it is home to. Read by any thread, as a hint.
    pub(crate) load: Load,
    /// Gs bound here, pushed by any thread.
    pub(crate) inbox: Inbox<G>,
    /// Gs bound here, runnable.
    pub(crate) local: UnsafeCell<Local<G>>,
    pub(crate) spin: Searching,
    /// Its P was taken while a goroutine computed; under no lock, counted in the core.
    pub(crate) evicted: AtomicBool,
    /// The goroutine whose turn is over; null when none is asked to give way. Written by sysmon, which raises the
    /// claim then; kept when the M's P changes.
    pub(crate) asked: AtomicPtr<G>,
    pub(crate) turn: Turn,
    pub(crate) foreign: ForeignCalls,
    pub(crate) extra: Extra,
    /// Where `start_m` waits to return.
    pub(crate) base: OwnedCell<*mut u8>,
    /// The P that the M has been given while it waited; written under the lock before the wake (L3).
    pub(crate) nextp: AtomicPtr<Proc>,
    pub(crate) parker: Parker,
    /// The M belongs to a scheduler.
    pub(crate) taken: AtomicBool,
    pub(crate) links: Links,
    /// Where a platform without `errno` has it: callbacks save it unasked.
    no_errno: OwnedCell<i32>,
    /// Its system stack, as memory checkers know it.
    pub(crate) fiber: Fiber,
}

// SAFETY: the fields say which thread may touch them; the protocols of `policy` and `exec` keep to it.
unsafe impl Sync for M {}
// SAFETY: as above; an M is not tied to the thread that made it.
unsafe impl Send for M {}

impl M {
    maybe_const! {
        /// Returns an M that has not been started.
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
                lock: Reservation::new(),
                symmetric: OwnedCell::new(true),
                migrating: OwnedCell::new(false),
                locks_at_start: OwnedCell::new(false),
                load: Load::new(),
                inbox: Inbox::new(),
                local: UnsafeCell::new(Local::new()),
                spin: Searching::new(),
                evicted: AtomicBool::new(false),
                asked: AtomicPtr::new(ptr::null_mut()),
                turn: Turn::new(),
                foreign: ForeignCalls::new(),
                extra: Extra::new(),
                base: OwnedCell::new(ptr::null_mut()),
                nextp: AtomicPtr::new(ptr::null_mut()),
                parker: Parker::new(),
                taken: AtomicBool::new(false),
                links: Links::new(),
                no_errno: OwnedCell::new(0),
                fiber: Fiber::none(),
            }
        }
    }
}

impl M {
    /// Returns what the threads of its scheduler are called. An M that is being started has one.
    #[cfg(feature = "std")]
    pub(crate) fn name(&self) -> &'static str {
        // SAFETY: set before the M is started, and the name before the scheduler is.
        unsafe { (*self.core.get()).name.get() }
    }

    /// Returns the goroutine that runs here or is in a foreign call. Its own thread only, which alone
    /// writes the word: so it reads it as plain memory, and no more often than need be.
    #[inline(always)]
    pub(crate) fn curg(&self) -> Option<NonNull<G>> {
        // SAFETY: no write is concurrent.
        NonNull::new(unsafe { load_owned(&self.g) })
    }

    /// Returns its scheduler. An M that is being started has one.
    #[inline(always)]
    pub(crate) fn core(&self) -> &'static Core {
        // SAFETY: set before the M is started; a core outlives its Ms.
        unsafe { &*self.core.get() }
    }

    /// Returns whether foreign code runs here. Its own thread only; as [`curg`](Self::curg).
    #[inline(always)]
    pub(crate) fn in_foreign_code(&self) -> bool {
        // SAFETY: no write is concurrent.
        unsafe { !load_owned(&self.call).is_null() }
    }

    /// Says where this thread's `errno` lies; null: nowhere.
    ///
    /// # Safety
    ///
    /// Must be called on the M's own thread, before its first goroutine.
    pub(crate) unsafe fn set_errno(&self, at: *mut i32) {
        let at = if at.is_null() { self.no_errno.as_ptr() } else { at };
        // SAFETY: as the caller ensures.
        unsafe { self.errno.set(at) };
    }

    /// Returns where this thread's `errno` lies, or null.
    ///
    /// # Safety
    ///
    /// Must be called on the M's own thread.
    pub(crate) unsafe fn known_errno(&self) -> *mut i32 {
        // SAFETY: as the caller ensures.
        let at = unsafe { self.errno.get() };
        if ptr::eq(at, self.no_errno.as_ptr()) { ptr::null_mut() } else { at }
    }

    /// Returns how often it has gone to foreign code. Sysmon sees by it whether a foreign call is the
    /// same still.
    pub(crate) fn stays(&self) -> u64 {
        // Two words: each only grows, so whatever comes in between makes a later sum larger.
        self.foreign.calls.get().wrapping_add(self.foreign.callbacks.get())
    }

    /// Returns whether it is for threads that the scheduler did not start. Any context.
    #[inline(always)]
    pub(crate) fn is_extra(&self) -> bool {
        // Relaxed: written before the M owned a P, and by then known to a thread that looks for that.
        self.extra.is_extra.load(stat_atomic::Ordering::Relaxed)
    }

    /// Returns whether its thread is in code of its own, between callbacks. Its own thread only.
    #[inline(always)]
    pub(crate) fn is_between_callbacks(&self) -> bool {
        // SAFETY: no write is concurrent.
        unsafe { core::ptr::eq(load_owned(&self.call), self.root()) }
    }

    /// Returns whether its thread rests after a callback: it is in code of its own, or in a call that is known to
    /// last. Any thread: if the M is outside it still is what it seems to be.
    pub(crate) fn rests(&self) -> bool {
        // Relaxed: ordered by the fences of `want_p`.
        let call = self.call.load(Ordering::Relaxed);
        !call.is_null()
            && (ptr::eq(call, self.root())
                || ptr::eq(call, self.foreign.lasting.load(Ordering::Relaxed)))
    }

    /// Returns whether its thread may come to rest: for one that is in a callback, perhaps.
    pub(crate) fn may_rest(&self) -> bool {
        // Relaxed: written before the callback began in which the M got its P.
        self.is_extra() || !self.foreign.lasting.load(Ordering::Relaxed).is_null()
    }

    /// Foreign code runs here, or no longer does. Its own thread only.
    pub(crate) fn set_call(&self, word: *mut u8) {
        // Relaxed: ordered by the fences of the bridge.
        self.call.store(word, Ordering::Relaxed);
        #[cfg(loom)]
        // SAFETY: the word is this thread's.
        unsafe {
            self.call_here.set(word);
        }
    }

    /// Returns what `call` points to between callbacks.
    #[inline(always)]
    pub(crate) fn root(&self) -> *mut u8 {
        ptr::from_ref(&self.extra.root).cast_mut().cast()
    }

    /// Returns the goroutine on whose own stack the caller is: none on g0. Its own thread only.
    #[inline(always)]
    pub(crate) fn running(&self) -> Option<NonNull<G>> {
        if self.in_foreign_code() { None } else { self.curg() }
    }
}

/// Returns `first` of a scheduler's Ms, and those that are older.
pub(crate) fn ms_from(first: *const M) -> impl Iterator<Item = &'static M> {
    let mut at = first;
    core::iter::from_fn(move || {
        // SAFETY: Ms are never freed; the link is written once, before the M is in the list.
        unsafe {
            let m: &'static M = at.as_ref()?;
            at = m.links.all.get();
            Some(m)
        }
    })
}

// SAFETY: its own two words, which are used for nothing else.
unsafe impl Listed for M {
    fn next(&self) -> &OwnedCell<*const M> {
        &self.links.next
    }

    fn prev(&self) -> &OwnedCell<*const M> {
        &self.links.prev
    }
}

// SAFETY: as above.
unsafe impl Spare for M {
    fn below(&self) -> &AtomicPtr<M> {
        &self.extra.spare
    }

    fn older(&self) -> &OwnedCell<*const M> {
        &self.extra.next
    }
}

impl Default for M {
    fn default() -> Self {
        Self::new()
    }
}
