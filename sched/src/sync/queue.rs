//! Who waits for a primitive, in order.

use core::ptr;

use g0_arch::sync::cell::Cell;

use crate::objects::m::M;
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

    /// Whether nobody has taken it out yet; under the primitive's lock.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// Whose place it is.
    pub(crate) fn waiter(&self) -> *const Waiter {
        self.waiter
    }

    /// Ends the wait of the node that has been popped. `m` is the caller's M, inside, or none.
    ///
    /// # Safety
    ///
    /// As [`Waiter::wake`].
    #[inline(always)]
    pub(crate) unsafe fn wake<P: Platform>(node: *const Node, m: Option<&'static M>) {
        // SAFETY: the caller's promise: it waits until this wake.
        unsafe { Waiter::wake::<P>((*node).waiter, m) }
    }

    /// Whether the taker, under the lock, has the wait to end. The node is its token.
    ///
    /// # Safety
    ///
    /// The node has been in a queue until now, and its lock is held.
    #[inline(always)]
    unsafe fn claim(node: *const Node) -> bool {
        // SAFETY: the caller's promise: whoever waits takes this lock before its stack goes on.
        unsafe { (*(*node).waiter).claim(node.addr()) }
    }
}

/// How many [`Queue::take_some`] takes at most.
const LOT: usize = 32;

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

    /// Before all others.
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

    /// The first whose wait is still to be ended: that is the caller's to do.
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
                // Another has ended it otherwise: it is going to find itself taken out.
                if Node::claim(node) {
                    return Some(node);
                }
            }
        }
    }

    /// The first, as it stands there.
    pub(crate) fn peek(&self) -> Option<&Node> {
        // SAFETY: nodes in the queue live, and the lock is held while the queue is borrowed.
        unsafe { self.head.as_ref() }
    }

    /// Whether nobody stands there.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// All of them, to be woken without the lock.
    pub(crate) fn take(&mut self) -> Taken {
        let mut all = Taken::none();
        while let Some(node) = self.pop() {
            all.push(node);
        }
        all
    }

    /// The first few: with all of them the lock would be held for as long as there are waiters. They
    /// are fetched on the way, for they are about to be woken.
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
pub(crate) struct Taken {
    first: *const Node,
    last: *const Node,
}

impl Taken {
    /// Nobody.
    pub(crate) const fn none() -> Self {
        Self { first: ptr::null(), last: ptr::null() }
    }

    /// Whether it is nobody.
    pub(crate) fn is_none(&self) -> bool {
        self.first.is_null()
    }

    /// One more, who has been popped.
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

    /// Wakes them all, in order.
    ///
    /// # Safety
    ///
    /// `m` is the caller's M, inside, or none.
    pub(crate) unsafe fn wake<P: Platform>(self, m: Option<&'static M>) {
        let mut at = self.first;
        // SAFETY: each of them waits until it is woken here; its link is read before.
        unsafe {
            while let Some(node) = at.as_ref() {
                at = node.next.get();
                Node::wake::<P>(node, m);
            }
        }
    }
}
