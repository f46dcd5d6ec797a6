//! The runnable Gs that are bound to one M: its own list, without an atomic.
//!
//! `next` is to the list what `runnext` is to a ring: a G just made ready goes before the others,
//! so that two bound Gs that hand values to each other do not wait for the rest.

use core::ptr::{self, NonNull};

use super::g::G;
use crate::parts::inbox::Inbox;
use crate::parts::list::Fifo;

/// The list. The M's own thread only.
#[derive(Debug)]
pub struct Local {
    next: *mut G,
    rest: Fifo<G>,
}

impl Local {
    /// An empty list.
    pub const fn new() -> Self {
        Self { next: ptr::null_mut(), rest: Fifo::new() }
    }

    /// Whether no G is here.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.next.is_null() && self.rest.is_empty()
    }

    /// A G that yields: behind all others.
    ///
    /// # Safety
    ///
    /// `g` is bound to this M, its context is saved (or will be before this list is looked at),
    /// and it is in no other queue.
    #[inline(always)]
    pub unsafe fn push_back(&mut self, g: NonNull<G>) {
        // SAFETY: the caller's promise.
        unsafe { self.rest.push_back(g) };
    }

    /// A G just made ready: before all others, for a while.
    ///
    /// # Safety
    ///
    /// As [`push_back`](Self::push_back).
    #[inline(always)]
    pub unsafe fn push_next(&mut self, g: NonNull<G>) {
        if let Some(old) = NonNull::new(core::mem::replace(&mut self.next, g.as_ptr())) {
            // SAFETY: it was in `next`, so it is alive and nowhere else.
            unsafe { self.rest.push_back(old) };
        }
    }

    /// The next to run. With `fair`, the G that was just made ready goes behind the others: were it to
    /// wait where it is, one who yields again and again would always be before it.
    #[inline(always)]
    pub fn pop(&mut self, inbox: &Inbox<G>, fair: bool) -> Option<NonNull<G>> {
        if inbox.is_touched() {
            inbox.drain(&mut self.rest);
        }
        if fair && let Some(g) = self.rest.pop() {
            if let Some(next) = NonNull::new(core::mem::replace(&mut self.next, ptr::null_mut())) {
                // SAFETY: it was in `next`, so it is alive and nowhere else.
                unsafe { self.rest.push_back(next) };
            }
            return Some(g);
        }
        match NonNull::new(core::mem::replace(&mut self.next, ptr::null_mut())) {
            Some(g) => Some(g),
            None => self.rest.pop(),
        }
    }

    /// Takes `g`; false when it is not here. What an interrupt handler has put here, though it may
    /// run anywhere, goes to `unbound`.
    pub fn take(
        &mut self,
        inbox: &Inbox<G>,
        g: NonNull<G>,
        mut unbound: impl FnMut(NonNull<G>),
    ) -> bool {
        if inbox.is_touched() {
            inbox.drain(&mut self.rest);
        }
        let mut found = self.next == g.as_ptr();
        if found {
            self.next = ptr::null_mut();
        }
        for _ in 0..self.rest.len() {
            let Some(at) = self.rest.pop() else { break };
            // SAFETY: it was in this list; of a runnable G, `bound` is whoever's to read that has it.
            unsafe {
                if at == g {
                    found = true;
                } else if at.as_ref().bound.get().is_null() {
                    unbound(at);
                } else {
                    self.rest.push_back(at);
                }
            }
        }
        found
    }
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}
