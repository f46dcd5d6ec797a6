//! The record of one deferred call: how it is linked, how it is run, what it captured.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::store::Store;

/// The part of a record that does not depend on the closure. It lies first, so that a pointer to
/// the header is a pointer to the record.
pub(crate) struct Header {
    /// The record deferred before this one.
    pub(crate) next: Link,
    /// Runs the record's call. It alone still knows the closure's type.
    pub(crate) run: Run,
}

/// The newest record of a chain, or none.
pub(crate) type Link = Option<NonNull<Header>>;

/// Gives the record at the pointer back to the store and then calls what it captured.
///
/// # Safety
///
/// The record is initialised, was placed by this store, and is in no chain any more.
pub(crate) type Run = unsafe fn(NonNull<Header>, &Store);

#[repr(C)]
struct Record<F> {
    header: Header,
    call: F,
}

const _: () = assert!(core::mem::offset_of!(Record<[usize; 4]>, header) == 0);

/// The layout of the record of an `F`.
pub(crate) const fn layout<F>() -> Layout {
    Layout::new::<Record<F>>()
}

/// Writes the record of `call`.
///
/// # Safety
///
/// `at` is free memory of `layout::<F>()`, the caller's alone.
pub(crate) unsafe fn write<F: FnOnce()>(at: NonNull<u8>, next: Link, call: F) -> NonNull<Header> {
    let record = at.cast::<Record<F>>();
    let header = Header { next, run: run::<F> };
    // SAFETY: memory of this layout, ours alone, as the caller promises.
    unsafe { record.write(Record { header, call }) };
    record.cast()
}

/// The `Run` of records whose closure is an `F`.
///
/// # Safety
///
/// As `Run` says; and the closure is an `F`.
unsafe fn run<F: FnOnce()>(header: NonNull<Header>, store: &Store) {
    let record = header.cast::<Record<F>>();
    // Without `..`: a field that is added later has to be thought of here. Moving everything out is
    // what clears a record.
    // SAFETY: initialised, and an F, as the caller promises. It is in no chain, so nobody reads it
    // a second time.
    let Record { header: Header { next: _, run: _ }, call } = unsafe { record.read() };
    // Before the call: the call may defer more, may never return, and finds its own record's memory
    // free again.
    // SAFETY: placed by this store with this layout, and empty now.
    unsafe { store.free(record.cast(), layout::<F>()) };
    call()
}
