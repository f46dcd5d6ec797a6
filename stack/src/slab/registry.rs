//! Which addresses are slab stacks: what the overflow handler asks.
//!
//! A list of records that only grows. A signal handler walks it without a lock: records are never
//! freed, and a record's fields carry a sequence number, odd while they change. A record whose
//! chunk is gone is used again for another.
//!
//! The atomics are core's and not the facade's: this is static, and read in signal handlers, which
//! no model runs.

use alloc::boxed::Box;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};

use super::chunk::{Chunk, Geometry};
use crate::Header;

static RECORDS: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// What is known of a chunk.
///
/// > **Invariant.** A record that is `used` has one owner, which alone writes it; `sequence` is odd
/// > while the fields change; `stacks` is 0 in a record that stands for nothing.
pub(crate) struct Record {
    used: AtomicBool,
    sequence: AtomicUsize,
    start: AtomicPtr<u8>,
    stacks: AtomicUsize,
    page: AtomicUsize,
    stride: AtomicUsize,
    colours: AtomicUsize,
    next: AtomicPtr<Record>,
}

/// The slot that an address lies in.
pub(crate) struct Slot {
    /// Whether the address is in the guard page.
    pub in_guard: bool,
    /// The lowest address of the slot, which is its guard page's.
    pub low: usize,
    /// Where the slot's header is, if a stack has been made in it.
    pub header: NonNull<Header>,
}

impl Record {
    /// Makes the chunk known. The record stays the caller's until [`forget`](Record::forget).
    pub(crate) fn register(chunk: &Chunk) -> &'static Record {
        let record = Record::claim();
        record.start.store(chunk.start, Ordering::Relaxed);
        record.page.store(chunk.geometry.page, Ordering::Relaxed);
        record.stride.store(chunk.geometry.stride, Ordering::Relaxed);
        record.colours.store(chunk.geometry.colours(), Ordering::Relaxed);
        record.stacks.store(chunk.stacks, Ordering::Relaxed);
        record.open();
        record
    }

    /// Forgets the chunk, which is about to be unmapped.
    pub(crate) fn forget(&self) {
        self.close();
        self.stacks.store(0, Ordering::Relaxed);
        self.open();
        // Release: the next owner's writes come after these.
        self.used.store(false, Ordering::Release);
    }

    /// Returns a record that stands for nothing, closed for writing, the caller's.
    fn claim() -> &'static Record {
        for record in records() {
            // Acquire: what the former owner wrote comes before what this one writes.
            let free =
                record.used.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
            if free.is_ok() {
                record.close();
                return record;
            }
        }
        let record: &'static Record = Box::leak(Box::new(Record {
            used: AtomicBool::new(true),
            sequence: AtomicUsize::new(1),
            start: AtomicPtr::new(ptr::null_mut()),
            stacks: AtomicUsize::new(0),
            page: AtomicUsize::new(0),
            stride: AtomicUsize::new(0),
            colours: AtomicUsize::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
        }));
        let mut head = RECORDS.load(Ordering::Relaxed);
        loop {
            record.next.store(head, Ordering::Relaxed);
            let new = ptr::from_ref(record).cast_mut();
            // Release: a reader that finds the record finds its fields and its link.
            match RECORDS.compare_exchange(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return record,
                Err(other) => head = other,
            }
        }
    }

    /// Even → odd: the fields are about to change.
    ///
    /// ```text
    ///   owner                               reader (signal handler)
    ///   sequence = odd (Relaxed)            s = sequence (Acquire), even?
    ///   fence(Release)                      read fields (Relaxed)
    ///   write fields (Relaxed)              fence(Acquire)
    ///   sequence = even (Release)           sequence == s? (Relaxed)
    /// ```
    ///
    /// If the reader saw any field of this change, its fence meets the owner's, and its second
    /// look sees the odd number or a later one: it does not use what it read. If its first look
    /// saw the even number at the end, it sees all the fields.
    fn close(&self) {
        // Only the owner writes, so a load and a store do.
        let even = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(even + 1, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// Odd → even: the fields stand.
    fn open(&self) {
        let odd = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(odd + 1, Ordering::Release);
    }

    /// Returns the slot of this record's chunk that `address` lies in.
    fn slot(&self, address: usize) -> Option<Slot> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Relaxed);
        let stacks = self.stacks.load(Ordering::Relaxed);
        let page = self.page.load(Ordering::Relaxed);
        let stride = self.stride.load(Ordering::Relaxed);
        let colours = self.colours.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if !sequence.is_multiple_of(2) || self.sequence.load(Ordering::Relaxed) != sequence {
            // Being written: it is not the chunk of a fault on a live stack, whose record stands.
            return None;
        }
        let offset = address.checked_sub(start.addr())?;
        if stacks == 0 || offset >= stacks * stride {
            return None;
        }
        let geometry = Geometry::from_parts(page, stride, colours);
        let i = offset / stride;
        Some(Slot {
            in_guard: offset - geometry.guard(i) < page,
            low: start.addr() + geometry.guard(i),
            header: NonNull::new(start.wrapping_add(geometry.header(i)).cast())?,
        })
    }
}

/// Returns all records, newest first.
fn records() -> impl Iterator<Item = &'static Record> {
    // Acquire: the other side of the Release that put the record there.
    let mut at = RECORDS.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        // SAFETY: null or a record, and records are never freed.
        let record: &'static Record = unsafe { at.as_ref() }?;
        at = record.next.load(Ordering::Relaxed);
        Some(record)
    })
}

/// Returns the slot that the address lies in. Safe in a signal handler: no lock, no allocation.
pub(crate) fn find(address: usize) -> Option<Slot> {
    records().find_map(|record| record.slot(address))
}
