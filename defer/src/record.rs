//! A record: a header, and room for what a deferred call captured or for the payload of a panic.
//!
//! ```text
//!   memory ──made──▶ FREE ──take──▶ EMPTY ──push──▶ CALL ──run: moved out──┐
//!                     ▲               │                                     │
//!                     │               └──throw──▶ PANIC ──dropped──▶ EMPTY  │
//!                     └───────────────────────put──────────────────────┴────┘
//! ```
//!
//! The header stays what it is all the time; only the room behind it is used for this and that.

use core::alloc::Layout;
use core::any::Any;
use core::ptr::{self, NonNull};

use g0_arch::magazine::Link;
use g0_arch::sync::OwnedCell;

/// What a record is at the moment.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    /// In a cache or depot. The first of a magazine in a depot says how many it has, and which magazine
    /// lies below.
    Free { len: u32, below: *mut Record },
    /// Taken, and nothing in it.
    Empty,
    /// A deferred call.
    Call(Run),
    /// The payload of a panic.
    Panic(Look),
}

impl Holds {
    /// Of a record that is about to come into a magazine.
    pub(crate) const FREE: Holds = Holds::Free { len: 0, below: ptr::null_mut() };
}

/// Where a record's memory is from, and so where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A slot of a scope.
    Frame,
    /// A block of the allocator's of this class: it goes to caches.
    #[cfg(feature = "alloc")]
    Block(u8),
    /// Static memory of this class: it goes to caches, and never to the allocator.
    #[cfg_attr(loom, allow(dead_code))]
    Given(u8),
    /// A block of the allocator's for this one use.
    #[cfg(feature = "alloc")]
    Single,
}

/// Frees the record and then calls what it held. `store` is the chain's, `flight` what is in flight.
///
/// # Safety
///
/// The record must be in this chain's hands and in no list any more, and both pointers must be what the
/// chain passes.
pub(crate) type Run = unsafe fn(record: NonNull<Record>, store: *const (), flight: *mut ());

/// Returns the payload in a record, and the layout that it was placed with.
///
/// # Safety
///
/// The record must hold that payload.
pub(crate) type Look = unsafe fn(record: NonNull<Record>) -> (*mut (dyn Any + Send), Layout);

/// A record's header.
#[repr(C)]
pub(crate) struct Record {
    /// In a chain, a list of payloads, a magazine.
    pub(crate) next: OwnedCell<*mut Record>,
    pub(crate) holds: OwnedCell<Holds>,
    origin: OwnedCell<Origin>,
}

/// A record with what is in it.
#[repr(C)]
pub(crate) struct Full<T> {
    header: Record,
    content: T,
}

#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () = assert!(size_of::<Record>() == 32);

impl Record {
    /// Returns the layout of a record that holds a `T`.
    pub(crate) const fn layout<T>() -> Layout {
        Layout::new::<Full<T>>()
    }

    /// Makes the header of a record of this memory; it is empty.
    ///
    /// # Safety
    ///
    /// The memory must be the caller's, and have room for a header.
    #[inline(always)]
    pub(crate) unsafe fn make(at: NonNull<u8>, origin: Origin) -> NonNull<Record> {
        let record = at.cast::<Record>();
        let header = Record {
            next: OwnedCell::new(ptr::null_mut()),
            holds: OwnedCell::new(Holds::Empty),
            origin: OwnedCell::new(origin),
        };
        // SAFETY: as the caller ensures.
        unsafe { record.write(header) };
        record
    }

    /// Forgets what the record held, and what it was linked to.
    ///
    /// # Safety
    ///
    /// The record must be the caller's alone.
    #[inline(always)]
    pub(crate) unsafe fn clear(&self, now: Holds) {
        // Without `..`: a field that is added later has to be thought of here. Where it is from
        // stays true.
        let Record { next, holds, origin: _ } = self;
        // SAFETY: as the caller ensures.
        unsafe {
            next.set(ptr::null_mut());
            holds.set(now);
        }
    }

    #[inline(always)]
    pub(crate) fn origin(&self) -> Origin {
        // SAFETY: written when the record was made, before it had a user.
        unsafe { self.origin.get() }
    }

    /// Moves `content` into the room behind the header. For nothing and for one word that is no or
    /// one store.
    ///
    /// # Safety
    ///
    /// The record must be the caller's, empty, and placed for a `T`.
    #[inline(always)]
    pub(crate) unsafe fn fill<T>(record: NonNull<Record>, content: T) {
        // SAFETY: as the caller ensures.
        unsafe { Record::content::<T>(record).write(content) }
    }

    /// Returns where a `T` lies in a record.
    ///
    /// # Safety
    ///
    /// The record must have been placed for a `T`.
    #[inline(always)]
    pub(crate) unsafe fn content<T>(record: NonNull<Record>) -> *mut T {
        // SAFETY: as the caller ensures: the memory reaches so far.
        unsafe { &raw mut (*record.cast::<Full<T>>().as_ptr()).content }
    }
}

// SAFETY: `next` is a cell of its own, and a free record holds nothing but what is written here.
unsafe impl Link for Record {
    #[inline(always)]
    unsafe fn next(&self) -> *mut Record {
        // SAFETY: as the caller ensures.
        unsafe { self.next.get() }
    }

    #[inline(always)]
    unsafe fn set_next(&self, next: *mut Record) {
        // SAFETY: as the caller ensures.
        unsafe { self.next.set(next) };
    }

    unsafe fn magazine(&self) -> (u32, *mut Record) {
        // SAFETY: as the caller ensures.
        match unsafe { self.holds.get() } {
            Holds::Free { len, below } => (len, below),
            _ => unreachable!("L16: a record in the depot is in use"),
        }
    }

    unsafe fn set_magazine(&self, len: u32, below: *mut Record) {
        // SAFETY: as the caller ensures.
        unsafe {
            if !matches!(self.holds.get(), Holds::Free { .. }) {
                unreachable!("L16: a record that is in use comes to the depot");
            }
            self.holds.set(Holds::Free { len, below });
        }
    }
}
