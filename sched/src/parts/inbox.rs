//! An M's inbox: Gs bound to it, put there by any thread, taken by the M alone (L1, L3).
//!
//! ```text
//!                 push (first)                    push
//!   EMPTY ─────────────────────▶ g ───────────────────▶ g' → g
//!     │ ▲                        │                          │
//!     │ └──────── drain ─────────┴──────────────────────────┘
//!     │ sleep
//!     ▼        push: returns true, "you wake it"
//!   SLEEP ─────────────────────▶ g
//!     └──────── drain ─────────▶ EMPTY
//! ```
//!
//! One word says both what is in the box and whether the M has gone to sleep over an empty one,
//! so there is no wake to lose: an M that sleeps swaps EMPTY for SLEEP and fails if anything has
//! arrived; the thread that replaces SLEEP owes the M a P and a wake, in this order.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::{AtomicPtr, Ordering};

use super::list::{Fifo, Linked};

/// Many producers, one consumer.
#[derive(Debug)]
pub struct Inbox<T>(AtomicPtr<T>);

const SLEEP: usize = 1;

fn sleep<T>() -> *mut T {
    ptr::without_provenance_mut(SLEEP)
}

impl<T: Linked> Inbox<T> {
    maybe_const! {
        /// Returns an empty inbox, its M awake.
        pub fn new() -> Self {
            Self(AtomicPtr::new(ptr::null_mut()))
        }
    }

    /// Puts `g` in. Returns true when the M was asleep: then the caller must see that it gets a P and wakes.
    ///
    /// # Safety
    ///
    /// `g` must be bound to this inbox's M, its context saved, and it must be in no other queue.
    #[must_use = "when true, the M must be woken"]
    pub unsafe fn push(&self, g: NonNull<T>) -> bool {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            let next = if head.addr() == SLEEP { ptr::null_mut() } else { head };
            // SAFETY: `g` is in no queue, so its link is the caller's until the swap succeeds.
            unsafe { g.as_ref().link().set(next) };
            // Release: the consumer sees the link and the G's saved context. Acquire on SLEEP:
            // the waker sees what the M published before it slept.
            match self.0.compare_exchange_weak(
                head,
                g.as_ptr(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return head.addr() == SLEEP,
                Err(now) => head = now,
            }
        }
    }

    /// Returns whether something is in the box (or the M is marked asleep): worth a [`drain`](Self::drain).
    #[inline(always)]
    pub fn is_touched(&self) -> bool {
        !self.0.load(Ordering::Relaxed).is_null()
    }

    /// Returns whether something is in the box.
    pub fn has_mail(&self) -> bool {
        !matches!(self.0.load(Ordering::Relaxed).addr(), 0 | SLEEP)
    }

    /// Appends all that has arrived to `to`, oldest first, and marks the M awake. The M alone may call it.
    pub fn drain(&self, to: &mut Fifo<T>) {
        // Acquire: pairs with the pushes' release.
        let mut at = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        if at.addr() == SLEEP {
            return;
        }
        let mut first: *mut T = ptr::null_mut();
        while !at.is_null() {
            // SAFETY: the chain is the caller's since the swap; newest first, so it is turned round.
            unsafe {
                let next = (*at).link().get();
                (*at).link().set(first);
                first = at;
                at = next;
            }
        }
        while let Some(g) = NonNull::new(first) {
            // SAFETY: as above; `push_back` rewrites the link, so it is read before.
            unsafe {
                first = g.as_ref().link().get();
                to.push_back(g);
            }
        }
    }

    /// Marks the M asleep over an empty box; returns false when there is mail. The M alone may call it.
    #[must_use = "when false, there is mail"]
    pub fn sleep(&self) -> bool {
        // Release: the pusher that replaces SLEEP sees what this M published before.
        self.0
            .compare_exchange(ptr::null_mut(), sleep(), Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}

impl<T: Linked> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}
