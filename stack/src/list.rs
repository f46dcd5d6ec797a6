//! Intrusive lists of free stacks: what caches, pools and sources keep.

use core::ptr::{self, NonNull};

use g0_arch::sync::hint::prefetch;

use crate::{Header, Stack};

/// A last-in-first-out list, linked through the headers; it never allocates.
///
/// > **Invariant.** `head` and everything linked from it are `len` stacks that are free (their
/// > identity says so) and that only this list refers to. They stay mapped while they are listed:
/// > their source outlives them (the promise of `Stack`'s makers).
pub(crate) struct List {
    head: *mut Header,
    len: u32,
}

// SAFETY: the list owns its stacks, which are tied to no thread.
unsafe impl Send for List {}

impl List {
    pub(crate) const EMPTY: List = List { head: ptr::null_mut(), len: 0 };

    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// The first stack; in a pool it carries the batch's links.
    #[inline]
    pub(crate) fn head(&self) -> *mut Header {
        self.head
    }

    /// A list from its parts, which another list gave up.
    ///
    /// # Safety
    /// `head` and `len` are those of a list that was forgotten, and were so once.
    #[inline]
    pub(crate) unsafe fn from_parts(head: *mut Header, len: u32) -> List {
        List { head, len }
    }

    /// Takes the stack in, as a free one. A stack that is not live and whole is fatal.
    #[inline]
    pub(crate) fn push(&mut self, stack: Stack, place: &'static str) {
        stack.retire(place);
        self.push_retired(stack.into_raw());
    }

    #[inline]
    fn push_retired(&mut self, header: NonNull<Header>) {
        // SAFETY: a header whose ownership came with it.
        unsafe { header.as_ref() }.next.set(self.head);
        self.head = header.as_ptr();
        self.len += 1;
    }

    /// The stack that was put in last, live again.
    #[inline]
    pub(crate) fn pop(&mut self, place: &'static str) -> Option<Stack> {
        let header = self.pop_retired()?;
        // SAFETY: the list owned the stack, and no longer does.
        let stack = unsafe { Stack::from_raw(header) };
        stack.revive(place);
        Some(stack)
    }

    /// As [`pop`](List::pop), but the stack stays marked free.
    #[inline]
    pub(crate) fn pop_retired(&mut self) -> Option<NonNull<Header>> {
        let header = NonNull::new(self.head)?;
        // SAFETY: the list's invariant: its stacks are valid.
        self.head = unsafe { header.as_ref() }.next.get();
        self.len -= 1;
        // The next one is often cold, and wanted soon: its header, what lies beneath it, and where
        // the first frames go.
        for line in -6..1 {
            prefetch(self.head.cast::<u8>().wrapping_offset(line * 64));
        }
        Some(header)
    }

    /// Everything, leaving nothing.
    #[inline]
    pub(crate) fn take(&mut self) -> List {
        core::mem::replace(self, List::EMPTY)
    }

    /// The headers, first to last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Header> {
        let mut at = self.head;
        core::iter::from_fn(move || {
            // SAFETY: the list's invariant; `&self` keeps everyone from taking a stack out.
            let header = unsafe { at.as_ref() }?;
            at = header.next.get();
            Some(header)
        })
    }

    /// Puts `other` before this list. Walks `other`, so callers give the one they just made.
    #[cfg(all(feature = "std", target_os = "linux"))]
    pub(crate) fn prepend(&mut self, other: List) {
        let Some(last) = other.iter().last() else { return };
        last.next.set(self.head);
        self.head = other.head;
        self.len += other.len;
    }
}
