//! Who waits for a primitive, in order.

use core::cell::Cell;
use core::ptr;

use crate::m::M;
use crate::platform::Platform;
use crate::waiter::Waiter;

/// A place in a queue; lives on the waiting stack.
pub(crate) struct Node {
    pub(crate) waiter: Waiter,
    /// Where the value goes to or comes from.
    pub(crate) slot: *mut u8,
    /// Whether the wake brought what was waited for. Written by the waker, before the wake.
    pub(crate) served: Cell<bool>,
    queued: Cell<bool>,
    next: Cell<*const Node>,
    prev: Cell<*const Node>,
}

impl Node {
    #[inline(always)]
    pub(crate) fn new(waiter: Waiter, slot: *mut u8) -> Self {
        Self {
            waiter,
            slot,
            served: Cell::new(false),
            queued: Cell::new(false),
            next: Cell::new(ptr::null()),
            prev: Cell::new(ptr::null()),
        }
    }

    /// Whether nobody has taken it out yet; under the primitive's lock.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }
}

/// First in, first out; under the primitive's lock.
pub(crate) struct Queue {
    head: *const Node,
    tail: *const Node,
}

// SAFETY: the nodes are reached under the primitive's lock only.
unsafe impl Send for Queue {}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    /// # Safety
    ///
    /// `node` stays where it is until it has been popped or removed.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, node: *const Node) {
        // SAFETY: nodes in the queue live.
        unsafe {
            (*node).queued.set(true);
            (*node).next.set(ptr::null());
            (*node).prev.set(self.tail);
            match self.tail.as_ref() {
                Some(tail) => tail.next.set(node),
                None => self.head = node,
            }
        }
        self.tail = node;
    }

    /// The first; the caller wakes it.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<*const Node> {
        if self.head.is_null() {
            return None;
        }
        let node = self.head;
        // SAFETY: nodes in the queue live.
        unsafe { self.remove(node) };
        Some(node)
    }

    /// All of them, to be woken without the lock.
    pub(crate) fn take(&mut self) -> Taken {
        let first = self.head;
        let mut at = first;
        // SAFETY: nodes in the queue live.
        while let Some(node) = unsafe { at.as_ref() } {
            // What is not queued any more, shutdown leaves to the wake that is on its way.
            node.queued.set(false);
            at = node.next.get();
        }
        *self = Self::new();
        Taken(first)
    }

    /// # Safety
    ///
    /// `node` is in this queue.
    #[inline(always)]
    pub(crate) unsafe fn remove(&mut self, node: *const Node) {
        // SAFETY: nodes in the queue live, and so do their neighbours.
        unsafe {
            let (prev, next) = ((*node).prev.get(), (*node).next.get());
            match prev.as_ref() {
                Some(prev) => prev.next.set(next),
                None => self.head = next,
            }
            match next.as_ref() {
                Some(next) => next.prev.set(prev),
                None => self.tail = prev,
            }
            (*node).queued.set(false);
        }
    }
}

/// Those who have been taken out of a queue together.
#[must_use = "they wait to be woken"]
pub(crate) struct Taken(*const Node);

impl Taken {
    /// Nobody.
    pub(crate) const fn none() -> Self {
        Self(ptr::null())
    }

    /// Wakes them all, in order.
    ///
    /// # Safety
    ///
    /// `m` is the caller's M, inside, or none.
    pub(crate) unsafe fn wake<P: Platform>(self, m: Option<&'static M>) {
        let mut at = self.0;
        // SAFETY: each of them waits until it is woken here; its link is read before.
        unsafe {
            while let Some(node) = at.as_ref() {
                at = node.next.get();
                Waiter::wake::<P>(&raw const node.waiter, m);
            }
        }
    }
}
