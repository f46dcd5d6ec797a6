//! Where records live: a few in the scope's own frame, more of them in the allocator.
//!
//! The places in the frame are a stack of slots with a count. That suffices because a scope's
//! records come and go last in first out: of the records that are in slots, the one that goes is
//! always the one that came last.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::{DeferError, record};

/// So many records find room in the frame.
pub(crate) const SLOTS: usize = 4;
/// So many words may each of them capture.
pub(crate) const WORDS: usize = 4;

/// Memory for one record that captures up to [`WORDS`] words.
const SLOT: Layout = record::layout::<[usize; WORDS]>();
type Slot = MaybeUninit<[usize; SLOT.size() / size_of::<usize>()]>;

const _: () = assert!(size_of::<Slot>() == SLOT.size() && align_of::<Slot>() == SLOT.align());

/// The memory of one chain's records.
///
/// > A record lies either in a slot below `used`, or in a block of the allocator's, and in no
/// > second place.
///
/// Cells and not the facade's locks: a scope belongs to one goroutine, `Store` is not `Sync`.
pub(crate) struct Store {
    /// How many slots are taken: those below.
    used: Cell<usize>,
    slots: [UnsafeCell<Slot>; SLOTS],
}

impl Store {
    pub(crate) const fn new() -> Store {
        Store { used: Cell::new(0), slots: [const { UnsafeCell::new(Slot::uninit()) }; SLOTS] }
    }

    /// Memory for a record of this layout, the caller's until it is given to `free`.
    ///
    /// A record in a slot refers to `self`, which must not move from here on.
    #[inline]
    pub(crate) fn place(&self, layout: Layout) -> Result<NonNull<u8>, DeferError> {
        let used = self.used.get();
        if used < SLOTS && layout.size() <= SLOT.size() && layout.align() <= SLOT.align() {
            self.used.set(used + 1);
            return Ok(self.slot(used));
        }
        allocate(layout)
    }

    /// Takes a record's memory back.
    ///
    /// # Safety
    ///
    /// `at` is from `place` with this layout, of all in slots the last that is still there; nobody
    /// uses it any more.
    #[inline]
    pub(crate) unsafe fn free(&self, at: NonNull<u8>, layout: Layout) {
        let used = self.used.get();
        if used > 0 && self.slot(used - 1) == at {
            self.used.set(used - 1);
        } else {
            // SAFETY: not the newest slot, and of the slots only the newest can go, so it is a
            // block of `allocate`.
            unsafe { deallocate(at, layout) }
        }
    }

    fn slot(&self, index: usize) -> NonNull<u8> {
        NonNull::from(&self.slots[index]).cast()
    }
}

#[cfg(feature = "alloc")]
fn allocate(layout: Layout) -> Result<NonNull<u8>, DeferError> {
    // SAFETY: a record has a header, so the size is not zero.
    NonNull::new(unsafe { alloc::alloc::alloc(layout) }).ok_or(DeferError::OutOfMemory)
}

/// # Safety
///
/// `at` is from `allocate` with this layout.
#[cfg(feature = "alloc")]
unsafe fn deallocate(at: NonNull<u8>, layout: Layout) {
    // SAFETY: as the caller promises.
    unsafe { alloc::alloc::dealloc(at.as_ptr(), layout) }
}

#[cfg(not(feature = "alloc"))]
fn allocate(_: Layout) -> Result<NonNull<u8>, DeferError> {
    Err(DeferError::FrameFull)
}

/// # Safety
///
/// Never called: without an allocator every record is in a slot.
#[cfg(not(feature = "alloc"))]
unsafe fn deallocate(_: NonNull<u8>, _: Layout) {
    unreachable!("a record that is in no slot, without an allocator")
}
