//! A list of Ms that any of them can leave: the idle ones, and the P wait queue.

use core::ptr;

use g0_arch::sync::OwnedCell;

/// What has the links of a list: an M.
///
/// # Safety
///
/// Each of the two must return the same word every time, the element's own, and nothing but an [`MList`] may use
/// them.
pub(crate) unsafe trait Listed: Sized + 'static {
    /// Returns the link to the next; the list's, while the element is in one.
    fn next(&self) -> &OwnedCell<*const Self>;

    /// Returns the link to the one before; the list's, as `next` is.
    fn prev(&self) -> &OwnedCell<*const Self>;
}

/// Doubly linked through the elements; under the scheduler's lock.
#[derive(Debug)]
pub(crate) struct MList<M> {
    head: *const M,
    tail: *const M,
}

impl<M: Listed> MList<M> {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    pub(crate) fn push_front(&mut self, m: &'static M) {
        // SAFETY: the links are under the lock that guards this list, and `m` is in no list.
        unsafe {
            m.prev().set(ptr::null());
            m.next().set(self.head);
            match self.head.as_ref() {
                Some(head) => head.prev().set(m),
                None => self.tail = m,
            }
        }
        self.head = m;
    }

    pub(crate) fn push_back(&mut self, m: &'static M) {
        // SAFETY: as in `push_front`.
        unsafe {
            m.next().set(ptr::null());
            m.prev().set(self.tail);
            match self.tail.as_ref() {
                Some(tail) => tail.next().set(m),
                None => self.head = m,
            }
        }
        self.tail = m;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    pub(crate) fn pop_front(&mut self) -> Option<&'static M> {
        // SAFETY: Ms are never freed while their scheduler lives.
        let m: &'static M = unsafe { self.head.as_ref()? };
        self.remove(m);
        Some(m)
    }

    /// Returns all of them, the last first. The list must not change meanwhile.
    pub(crate) fn iter_back(&self) -> impl Iterator<Item = &'static M> + use<M> {
        let mut at = self.tail;
        core::iter::from_fn(move || {
            // SAFETY: as in `push_front`; Ms are never freed while their scheduler lives.
            unsafe {
                let m: &'static M = at.as_ref()?;
                at = m.prev().get();
                Some(m)
            }
        })
    }

    /// Takes `m` out; it is in this list.
    pub(crate) fn remove(&mut self, m: &'static M) {
        // SAFETY: as in `push_front`, but that `m` is in this list.
        unsafe {
            let (prev, next) = (m.prev().get(), m.next().get());
            match prev.as_ref() {
                Some(prev) => prev.next().set(next),
                None => self.head = next,
            }
            match next.as_ref() {
                Some(next) => next.prev().set(prev),
                None => self.tail = prev,
            }
        }
    }
}
