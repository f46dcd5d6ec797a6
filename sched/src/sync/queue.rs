//! The waiters of a primitive, in order.

use core::ptr;

use g0_arch::sync::cell::Cell;

use crate::objects::inside::Within;
use crate::objects::waiter::Waiter;
use crate::platform::Platform;
use crate::policy::prefetch::fetch;

/// A place in a queue; lives on the waiting stack.
pub struct Node {
    waiter: *const Waiter,
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
    pub(crate) fn new(waiter: &Waiter, slot: *mut u8) -> Self {
        Self {
            waiter: core::ptr::from_ref(waiter),
            slot,
            served: Cell::new(false),
            queued: Cell::new(false),
            next: Cell::new(ptr::null()),
            prev: Cell::new(ptr::null()),
        }
    }

    /// Returns whether it is still in a queue. Under the primitive's lock.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// Returns the waiter whose place it is.
    pub(crate) fn waiter(&self) -> *const Waiter {
        self.waiter
    }

    /// Ends the wait of a node that has been popped. `within` is the calling M, or none.
    ///
    /// # Safety
    ///
    /// As [`Waiter::wake`].
    #[inline(always)]
    pub(crate) unsafe fn wake<P: Platform>(node: *const Node, within: Option<&Within>) {
        // SAFETY: it waits until this wake.
        unsafe { Waiter::wake::<P>((*node).waiter, within) }
    }

    /// Claims the wait, in the node's name: returns whether the taker must end it.
    ///
    /// # Safety
    ///
    /// The node must have been in a queue until now, and the queue's lock must be held.
    #[inline(always)]
    unsafe fn claim(node: *const Node) -> bool {
        // SAFETY: the lock is held, and the waiting side takes it before its stack goes on.
        unsafe { (*(*node).waiter).claim(node.addr()) }
    }
}

/// How many [`Queue::take_some`] takes at most.
const LOT: usize = 32;

/// The nodes of a primitive, first in, first out; under its lock.
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
    /// `node` must live, and not move, until it has been popped or removed.
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

    /// Puts `node` at the head.
    ///
    /// # Safety
    ///
    /// As [`push`](Self::push).
    pub(crate) unsafe fn push_front(&mut self, node: *const Node) {
        // SAFETY: nodes in the queue live.
        unsafe {
            (*node).queued.set(true);
            (*node).next.set(self.head);
            (*node).prev.set(ptr::null());
            match self.head.as_ref() {
                Some(head) => head.prev.set(node),
                None => self.tail = node,
            }
        }
        self.head = node;
    }

    /// Takes out and returns the first node whose wait has not been ended: the caller must end it.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<*const Node> {
        loop {
            if self.head.is_null() {
                return None;
            }
            let node = self.head;
            // SAFETY: nodes in the queue live.
            unsafe {
                self.remove(node);
                // That wait has ended otherwise: the waiting side will find its node taken out.
                if Node::claim(node) {
                    return Some(node);
                }
            }
        }
    }

    /// Returns the first node, which is still queued.
    pub(crate) fn peek(&self) -> Option<&Node> {
        // SAFETY: nodes in the queue live, and the lock is held while the queue is borrowed.
        unsafe { self.head.as_ref() }
    }

    /// Returns whether no node is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Takes all nodes out, to be woken without the lock.
    pub(crate) fn take(&mut self) -> Taken {
        let mut all = Taken::none();
        while let Some(node) = self.pop() {
            all.push(node);
        }
        all
    }

    /// Takes the first few out: with all of them the lock would be held for as long as there are
    /// waiters. Their Gs are prefetched on the way, for they are about to be woken.
    pub(crate) fn take_some(&mut self) -> Taken {
        let mut some = Taken::none();
        for _ in 0..LOT {
            let Some(node) = self.pop() else { break };
            // SAFETY: it waits until its wake.
            if let Some(g) = unsafe { (*(*node).waiter).goroutine() } {
                fetch(g.as_ptr().cast());
            }
            some.push(node);
        }
        some
    }

    /// # Safety
    ///
    /// `node` must be in this queue.
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

/// Nodes that have been taken out of a queue together, to be woken.
#[must_use = "they wait to be woken"]
pub(crate) struct Taken {
    first: *const Node,
    last: *const Node,
}

impl Taken {
    /// No node.
    pub(crate) const fn none() -> Self {
        Self { first: ptr::null(), last: ptr::null() }
    }

    /// Returns whether it holds no node.
    pub(crate) fn is_none(&self) -> bool {
        self.first.is_null()
    }

    /// Adds a node that has been popped.
    pub(crate) fn push(&mut self, node: *const Node) {
        // SAFETY: both wait to be woken; a node that is in no queue is its taker's.
        unsafe {
            (*node).next.set(ptr::null());
            match self.last.as_ref() {
                Some(last) => last.next.set(node),
                None => self.first = node,
            }
        }
        self.last = node;
    }

    /// Wakes all of them, in order.
    ///
    /// # Safety
    ///
    /// `within` must be the calling M, or none.
    pub(crate) unsafe fn wake<P: Platform>(self, within: Option<&Within>) {
        let mut at = self.first;
        // SAFETY: each of them waits until it is woken here; its link is read before.
        unsafe {
            while let Some(node) = at.as_ref() {
                at = node.next.get();
                Node::wake::<P>(node, within);
            }
        }
    }
}
