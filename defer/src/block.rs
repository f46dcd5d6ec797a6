//! Records as the allocator gives and takes them, and those that neither cache nor depot keeps.

use core::alloc::Layout;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use crate::class;
use crate::class::Magazine;
use crate::record::{Holds, Origin, Record};

/// Returns the class of a record that goes to caches; none for another record.
///
/// # Safety
///
/// The record must be the caller's.
#[inline(always)]
pub(crate) unsafe fn class_of(record: NonNull<Record>) -> Option<usize> {
    // SAFETY: as the caller ensures.
    match unsafe { record.as_ref().origin() } {
        Origin::Given(class) => Some(usize::from(class)),
        #[cfg(feature = "alloc")]
        Origin::Block(class) => Some(usize::from(class)),
        #[cfg(feature = "alloc")]
        Origin::Single => None,
        Origin::Frame => None,
    }
}

/// Returns a magazine of one record.
///
/// # Safety
///
/// It must be the caller's, which must not use it again.
pub(crate) unsafe fn one(record: NonNull<Record>) -> Magazine {
    let mut magazine = Magazine::new();
    // SAFETY: as the caller ensures; records lie where they are until they are disposed of.
    unsafe { magazine.push(record) };
    magazine
}

/// Gives records that neither cache nor depot keeps to the allocator, those that are its own.
pub(crate) fn dispose(mut magazine: Magazine) {
    while let Some(record) = magazine.pop() {
        // SAFETY: the magazine gave it up, and it was allocated with its class's layout.
        #[cfg(feature = "alloc")]
        unsafe {
            if let Origin::Block(class) = record.as_ref().origin() {
                deallocate(record, class::layout(usize::from(class)));
            }
        }
        #[cfg(not(feature = "alloc"))]
        let _ = record;
    }
}

/// Returns a record of the allocator's: of a class, or for one use; none if it has no memory.
#[cfg(feature = "alloc")]
pub(crate) fn allocate(layout: Layout, class: Option<usize>) -> Option<NonNull<Record>> {
    let origin = class.map_or(Origin::Single, |class| Origin::Block(class as u8));
    // SAFETY: a record has a header, so the size is not zero; the memory is the record's alone.
    unsafe {
        let at = NonNull::new(alloc::alloc::alloc(layout))?;
        #[cfg(loom)]
        crate::doors::make();
        Some(Record::make(at, origin))
    }
}

/// # Safety
///
/// The record must be from `allocate` with this layout.
#[cfg(feature = "alloc")]
pub(crate) unsafe fn deallocate(record: NonNull<Record>, layout: Layout) {
    // SAFETY: as the caller ensures. A header has nothing to drop.
    unsafe {
        record.as_ref().clear(Holds::Empty);
        #[cfg(loom)]
        crate::doors::lose();
        alloc::alloc::dealloc(record.as_ptr().cast(), layout)
    }
}

#[cfg(not(feature = "alloc"))]
pub(crate) fn allocate(_: Layout, _: Option<usize>) -> Option<NonNull<Record>> {
    None
}

/// # Safety
///
/// Must never be called: without an allocator every record is in a slot or in given memory.
#[cfg(not(feature = "alloc"))]
pub(crate) unsafe fn deallocate(record: NonNull<Record>, _: Layout) {
    // SAFETY: the record is the caller's.
    unsafe { record.as_ref().clear(Holds::Empty) };
    unreachable!("a record of the allocator's, without an allocator")
}
