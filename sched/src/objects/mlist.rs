//! A list of Ms that any of them can leave: the idle ones, and those in line for a P.

use core::ptr;

use super::m::M;

/// Doubly linked through [`M::next`] and [`M::prev`]; under the scheduler's lock.
#[derive(Debug)]
pub(crate) struct MList {
    head: *const M,
    tail: *const M,
}

impl MList {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    pub(crate) fn push_front(&mut self, m: &'static M) {
        // SAFETY: the links are under the lock that guards this list, and `m` is in no list.
        unsafe {
            m.links.prev.set(ptr::null());
            m.links.next.set(self.head);
            match self.head.as_ref() {
                Some(head) => head.links.prev.set(m),
                None => self.tail = m,
            }
        }
        self.head = m;
    }

    pub(crate) fn push_back(&mut self, m: &'static M) {
        // SAFETY: as in `push_front`.
        unsafe {
            m.links.next.set(ptr::null());
            m.links.prev.set(self.tail);
            match self.tail.as_ref() {
                Some(tail) => tail.links.next.set(m),
                None => self.head = m,
            }
        }
        self.tail = m;
    }

    pub(crate) fn pop_front(&mut self) -> Option<&'static M> {
        // SAFETY: Ms are never freed while their scheduler lives.
        let m: &'static M = unsafe { self.head.as_ref()? };
        self.remove(m);
        Some(m)
    }

    /// Takes `m` out; it is in this list.
    pub(crate) fn remove(&mut self, m: &'static M) {
        // SAFETY: as in `push_front`, but that `m` is in this list.
        unsafe {
            let (prev, next) = (m.links.prev.get(), m.links.next.get());
            match prev.as_ref() {
                Some(prev) => prev.links.next.set(next),
                None => self.head = next,
            }
            match next.as_ref() {
                Some(next) => next.links.prev.set(prev),
                None => self.tail = prev,
            }
        }
    }
}
