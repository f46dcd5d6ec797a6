//! Keeping a parked goroutine off its stack for a moment: sysmon gives pages of it back meanwhile.
//!
//! What every resumption reads anyway is the goroutine's saved stack pointer: the [`Resume`] word. Sysmon *diverts* it:
//! it puts the stack pointer of a context of its own there, the *entrance*, on a stack beside. A waker and a switch to
//! the goroutine do what they always do; but the switch comes to the entrance, where the code waits until the detour is
//! *open*, and goes on to where the word led before. So a resumption pays nothing for it, not even a test.
//!
//! ```text
//!   waker, and the M that resumes             sysmon
//!   status := RUNNABLE     (Release)          word := entrance       (compare-and-swap)
//!   compiler fence                            heavy fence
//!   load word              (Acquire)          load status, load word
//!   its stack: run on it                      PARKED and diverted: give the pages back
//!   the entrance: wait for OPEN, then the     word := its stack      (compare-and-swap)
//!     same                                    state := OPEN          (Release)
//! ```
//!
//! Either the M finds the entrance, or sysmon finds that the goroutine does not wait any more: so pages go only of a
//! stack that is used after the detour is open, if at all. The word tells stack pointers and not times, and that is
//! enough: a goroutine that has run and parked again at the same depth between sysmon's look and its swap is parked
//! there as well, and one that has saved another context has overwritten the entrance, which the second look shows.
//!
//! The entrance's stack is used again when no M can be on its way over it: when the goroutine, seen after one more
//! heavy fence, is parked or has ended ([`Detour::is_left`]). For an M that has found the entrance has been told of a
//! goroutine that was RUNNABLE, and it is parked again only when it has run.
//!
//! > **L27** Pages of a goroutine's stack are given back only while nothing runs on it, and nothing does before they
//! > have gone.
//!
//! *Rejected.* A flag that a goroutine looks at when it has been resumed: what it calls before lies in the pages that
//! go, and how much that is only the compiler knows. A look between queue and switch: each switch would pay for it. A
//! claim on all Ps: every operation of the program would wait for the batch, instead of the goroutines in it.

use core::ptr;

use g0_arch::sync::OwnedCell;
use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::light_fence::light_fence;
use super::status::{DEAD, PARKED, Status};

/// Where a goroutine that does not run goes on: a saved stack pointer, its own or an entrance.
#[derive(Debug)]
#[repr(transparent)]
pub struct Resume(AtomicPtr<u8>);

impl Resume {
    maybe_const! {
        /// Returns a word that leads to `sp`.
        pub fn new(sp: *mut u8) -> Self {
            Self(AtomicPtr::new(sp))
        }
    }

    /// Returns where to go on. For the M that resumes the goroutine, after that was made ready. `symmetric` is for
    /// models, in which sysmon's fence reaches no other thread.
    #[inline(always)]
    pub fn take(&self, symmetric: bool) -> *mut u8 {
        light_fence(symmetric);
        // Acquire: an entrance is ready, and pages that were given back have gone.
        self.0.load(Ordering::Acquire)
    }

    /// Returns where it leads at this moment.
    pub fn look(&self) -> *mut u8 {
        // Relaxed: for a guess, which a swap confirms.
        self.0.load(Ordering::Relaxed)
    }

    /// Leads to `sp` from now on, as a switch away from the goroutine, or its start, says.
    #[inline(always)]
    pub fn set(&self, sp: *mut u8) {
        // Relaxed: the goroutine's status or its queue publishes it (L15).
        #[cfg(not(loom))]
        self.0.store(sp, Ordering::Relaxed);
        // To loom a store may come before a compare-and-swap that has not seen it; to the language it cannot.
        #[cfg(loom)]
        self.0.swap(sp, Ordering::Relaxed);
    }

    /// Returns its address, for the switch that saves the stack pointer.
    #[cfg(not(loom))]
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut *mut u8 {
        self.0.as_ptr()
    }

    /// Leads to `to`, if it leads to `from` still; returns whether it did.
    fn lead(&self, from: *mut u8, to: *mut u8) -> bool {
        // Release: what takes the word sees what was done before.
        self.0.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed).is_ok()
    }
}

/// A way round, for one goroutine at a time. For sysmon alone, but for [`pass`](Self::pass).
///
/// > **Invariant.** The plain fields are sysmon's until the word leads to the entrance, and again when
/// > [`is_left`](Self::is_left) has said so.
#[derive(Debug)]
pub struct Detour {
    entrance: OwnedCell<*mut u8>,
    /// Where the goroutine goes on.
    exit: OwnedCell<*mut u8>,
    open: AtomicBool,
}

impl Detour {
    maybe_const! {
        /// Returns a detour that nothing leads to.
        pub fn new() -> Self {
            Self {
                entrance: OwnedCell::new(ptr::null_mut()),
                exit: OwnedCell::new(ptr::null_mut()),
                open: AtomicBool::new(true),
            }
        }
    }

    /// Diverts `word`, if it leads to `from` still: to `entrance`, which must lead to [`pass`](Self::pass).
    ///
    /// # Safety
    ///
    /// The caller must be sysmon, and the detour new or [left](Self::is_left). `entrance` must be a context that may be
    /// switched to once, by any thread.
    #[must_use = "a word that is diverted must be led back"]
    pub unsafe fn divert(&self, word: &Resume, from: *mut u8, entrance: *mut u8) -> bool {
        // SAFETY: the detour is the caller's.
        unsafe {
            self.entrance.set(entrance);
            self.exit.set(from);
        }
        // Relaxed: the swap publishes it.
        self.open.store(false, Ordering::Relaxed);
        word.lead(from, entrance)
    }

    /// Returns where it leads.
    ///
    /// # Safety
    ///
    /// The caller must be sysmon, and have diverted a word.
    pub unsafe fn leads_to(&self) -> *mut u8 {
        // SAFETY: sysmon's own field, which it alone writes.
        unsafe { self.exit.get() }
    }

    /// Returns whether nothing runs on the goroutine's stack before the detour is [opened](Self::open). A heavy fence
    /// must have come between [`divert`](Self::divert) and this, else the answer says nothing.
    ///
    /// # Safety
    ///
    /// The caller must be sysmon, and have diverted `word`.
    pub unsafe fn is_closed(&self, word: &Resume, status: &Status) -> bool {
        // Acquire: a goroutine that has parked again has saved another context.
        // SAFETY: sysmon's own field, which it alone writes.
        status.load(Ordering::Acquire) == PARKED && word.look() == unsafe { self.entrance.get() }
    }

    /// Leads `word` back, if it is diverted still, and lets go on what waits at the entrance.
    ///
    /// # Safety
    ///
    /// As [`is_closed`](Self::is_closed).
    pub unsafe fn open(&self, word: &Resume) {
        // SAFETY: sysmon's own fields, which it alone writes.
        unsafe { word.lead(self.entrance.get(), self.exit.get()) };
        // Release: the pages have gone.
        self.open.store(true, Ordering::Release);
    }

    /// Returns whether no M is on its way over the detour, which has been opened, nor will be: then it may be used
    /// again. A heavy fence must have come between [`open`](Self::open) and this, else the answer says nothing.
    pub fn is_left(&self, status: &Status) -> bool {
        // Acquire: what has passed is over.
        matches!(status.load(Ordering::Acquire), PARKED | DEAD)
    }

    /// Waits at the entrance until the detour is open, and returns where it leads. Calls `wait` again and again.
    ///
    /// # Safety
    ///
    /// The caller must be an M that was led to the entrance.
    pub unsafe fn pass(&self, mut wait: impl FnMut()) -> *mut u8 {
        // Acquire: the pages have gone.
        while !self.open.load(Ordering::Acquire) {
            wait();
        }
        // SAFETY: written before the word led here, and not written before this M has left.
        unsafe { self.exit.get() }
    }
}

impl Default for Detour {
    fn default() -> Self {
        Self::new()
    }
}
