//! What lies beneath a header, for code that meets a stack which it has not made: a signal handler that finds one
//! full, a walk along its segments.
//!
//! A payload has no type. So its owner says by a [`Tag`] what it is, and code that meets the stack believes the
//! tag and nothing else; a stack without one carries whatever its user likes.
//!
//! ```text
//!   source ─ alloc ─▶ no tag ─ set_tag ─▶ tag      through caches and depots it stays, as the payload does
//!     ▲                                    │
//!     └──────────────── free ──────────────┘       the source takes it off: the next user may be another
//! ```

use core::sync::atomic::{AtomicPtr, Ordering};
use core::{fmt, ptr};

/// Names one kind of payload: a static for each, told apart by its address.
pub struct Tag {
    /// Something, for an address of its own.
    _something: u8,
}

impl Tag {
    /// Returns a tag, which is to be put into a static.
    pub const fn new() -> Tag {
        Tag { _something: 0 }
    }
}

impl Default for Tag {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tag").field(&ptr::from_ref(self)).finish()
    }
}

/// The word of a header: null, or its tag. Atomic, for a signal handler reads it.
pub(crate) struct Word(AtomicPtr<Tag>);

impl Word {
    pub(crate) const fn none() -> Word {
        Word(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn set(&self, tag: &'static Tag) {
        // Release: what lies beneath was written before.
        self.0.store(ptr::from_ref(tag).cast_mut(), Ordering::Release);
    }

    pub(crate) fn is(&self, tag: &'static Tag) -> bool {
        ptr::eq(self.0.load(Ordering::Acquire), tag)
    }

    /// Takes the tag off: the stack is the source's, and nothing looks.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }
}
