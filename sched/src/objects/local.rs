//! The runnable Gs that are bound to one M: its own list, without an atomic.
//!
//! `next` is to the list what `runnext` is to a ring: a G just made ready goes before the rest,
//! so that two bound Gs that hand values to each other do not wait for the rest.

use core::ptr::{self, NonNull};

use crate::parts::inbox::Inbox;
use crate::parts::list::{Fifo, Linked};

/// What is bound to one M, or to none: a G.
///
/// # Safety
///
/// [`is_bound`](Self::is_bound) must say of one that is bound that it is.
pub unsafe trait Bound: Linked {
    /// Returns whether only one M may run it.
    ///
    /// # Safety
    ///
    /// It must be runnable, and the caller must have taken it out of its queue.
    unsafe fn is_bound(&self) -> bool;
}

/// The list. The M's own thread only.
#[derive(Debug)]
pub struct Local<G> {
    next: *mut G,
    rest: Fifo<G>,
}

impl<G: Bound> Local<G> {
    /// Returns an empty list.
    pub const fn new() -> Self {
        Self { next: ptr::null_mut(), rest: Fifo::new() }
    }

    /// Returns whether no G is here.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.next.is_null() && self.rest.is_empty()
    }

    /// Returns whether there is one that was just made ready.
    pub fn has_next(&self) -> bool {
        !self.next.is_null()
    }

    /// Returns whether there are others than that, but for those in the inbox.
    pub fn has_rest(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Takes the G that was just made ready.
    #[inline(always)]
    pub fn take_next(&mut self) -> Option<NonNull<G>> {
        NonNull::new(core::mem::replace(&mut self.next, ptr::null_mut()))
    }

    /// Puts `g`, which yields, at the tail.
    ///
    /// # Safety
    ///
    /// `g` must be bound to this M and in no other queue, and its context saved (or it will be before
    /// this list is looked at).
    #[inline(always)]
    pub unsafe fn push_back(&mut self, g: NonNull<G>) {
        // SAFETY: as the caller ensures.
        unsafe { self.rest.push_back(g) };
    }

    /// Puts `g`, just made ready, before all the rest, for a while.
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

    /// Puts what is in `inbox`, and the G that was just made ready, at the tail.
    pub fn fetch(&mut self, inbox: &Inbox<G>) {
        if inbox.is_touched() {
            inbox.drain(&mut self.rest);
        }
        if let Some(next) = self.take_next() {
            // SAFETY: it was in `next`, so it is alive and nowhere else.
            unsafe { self.rest.push_back(next) };
        }
    }

    /// Takes the next to run. With `fair`, the G that was just made ready goes to the tail: were it to
    /// wait where it is, a G that yields again and again would always be before it.
    #[inline(always)]
    pub fn pop(&mut self, inbox: &Inbox<G>, fair: bool) -> Option<NonNull<G>> {
        if inbox.is_touched() {
            inbox.drain(&mut self.rest);
        }
        if fair && let Some(g) = self.rest.pop() {
            if let Some(next) = self.take_next() {
                // SAFETY: it was in `next`, so it is alive and nowhere else.
                unsafe { self.rest.push_back(next) };
            }
            return Some(g);
        }
        self.take_next().or_else(|| self.rest.pop())
    }

    /// Takes `g`; returns false when it is not here. What an interrupt handler has put here, though it may
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
            // SAFETY: it was in this list, so it is runnable, and out of it since the pop.
            unsafe {
                if at == g {
                    found = true;
                } else if !at.as_ref().is_bound() {
                    unbound(at);
                } else {
                    self.rest.push_back(at);
                }
            }
        }
        found
    }
}

impl<G: Bound> Default for Local<G> {
    fn default() -> Self {
        Self::new()
    }
}
