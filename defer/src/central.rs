//! The list of all Ps: bundles of records that one P has too many of and another will want.
//!
//! ```text
//!   top ─▶ record ─next─▶ record ─next─▶ … 16
//!            │ below
//!            ▼
//!          record ─next─▶ record …
//! ```
//!
//! A bundle comes and goes as a whole, in a few instructions under the lock whatever its length.

use core::ptr::{self, NonNull};

use g0_arch::sync::{Mutex, OwnedCell};

use crate::class::CLASSES;
#[cfg(not(loom))]
use crate::class::{LINE, lines};
#[cfg(not(loom))]
use crate::pool::HALF;
use crate::record::{Holds, Record};

/// So many bundles of a class stay; what is more than that goes back to the allocator.
const MOST: usize = 64;

/// Free records that belong to no P.
pub struct Central {
    lists: [List; CLASSES],
}

/// The lock lies beside what it protects, so that a model sees whoever comes without it.
struct List {
    lock: Mutex<()>,
    /// The first record of the topmost bundle. Under the lock.
    top: OwnedCell<*mut Record>,
    /// How many bundles there are. Under the lock.
    bundles: OwnedCell<usize>,
}

impl List {
    #[cfg(not(loom))]
    const fn new() -> List {
        List {
            lock: Mutex::new(()),
            top: OwnedCell::new(ptr::null_mut()),
            bundles: OwnedCell::new(0),
        }
    }

    #[cfg(loom)]
    fn new() -> List {
        List {
            lock: Mutex::new(()),
            top: OwnedCell::new(ptr::null_mut()),
            bundles: OwnedCell::new(0),
        }
    }
}

// SAFETY: the records in it belong to nobody else, and the lock orders who takes them.
unsafe impl Sync for Central {}
// SAFETY: as above.
unsafe impl Send for Central {}

impl Central {
    /// An empty list.
    #[cfg(not(loom))]
    pub const fn new() -> Central {
        Central { lists: [const { List::new() }; CLASSES] }
    }

    /// An empty list.
    #[cfg(loom)]
    pub fn new() -> Central {
        Central { lists: core::array::from_fn(|_| List::new()) }
    }

    /// Takes the topmost bundle: its first record, and how many there are.
    pub(crate) fn take(&self, class: usize) -> Option<(NonNull<Record>, u32)> {
        let list = &self.lists[class];
        let guard = list.lock.lock();
        // SAFETY: under the lock; a record in the list is the list's.
        let taken = unsafe {
            let first = NonNull::new(list.top.get())?;
            let Holds::Free { count, below } = first.as_ref().holds.get() else {
                unreachable!("L16: a record in the central list is in use");
            };
            list.top.set(below);
            list.bundles.set(list.bundles.get() - 1);
            (first, count)
        };
        drop(guard);
        Some(taken)
    }

    /// Puts a bundle on top. Null; or the bundle, if there are too many and the allocator may have it.
    ///
    /// # Safety
    ///
    /// The records from `first` on are free, of this class and the caller's, and `first` says how
    /// many they are.
    pub(crate) unsafe fn put(&self, class: usize, first: NonNull<Record>) -> *mut Record {
        // SAFETY: the caller's promise.
        let (count, is_kept) = unsafe {
            let Holds::Free { count, .. } = first.as_ref().holds.get() else {
                unreachable!("L16: a record that is in use comes to the central list");
            };
            (count, is_given(first))
        };
        let list = &self.lists[class];
        let guard = list.lock.lock();
        // SAFETY: under the lock.
        unsafe {
            if list.bundles.get() >= MOST && !is_kept {
                return first.as_ptr();
            }
            first.as_ref().holds.set(Holds::Free { count, below: list.top.get() });
            list.top.set(first.as_ptr());
            list.bundles.set(list.bundles.get() + 1);
        }
        drop(guard);
        ptr::null_mut()
    }

    /// A record by itself, of a thread that has no pool. As [`put`](Self::put).
    ///
    /// # Safety
    ///
    /// It is of this class and the caller's, who does not use it again.
    pub(crate) unsafe fn put_one(&self, class: usize, record: NonNull<Record>) -> *mut Record {
        // SAFETY: the caller's promise.
        unsafe {
            record.as_ref().clear(Holds::Free { count: 1, below: ptr::null_mut() });
            self.put(class, record)
        }
    }

    /// How many free records of so many words it has now: for reports and tests.
    pub fn records(&self, words: usize) -> usize {
        let Some(class) = crate::class::WORDS.iter().position(|&room| words <= room) else {
            return 0;
        };
        let list = &self.lists[class];
        let guard = list.lock.lock();
        // SAFETY: under the lock.
        let (mut at, mut records) = (unsafe { list.top.get() }, 0);
        while let Some(first) = NonNull::new(at) {
            // SAFETY: as above; the records in the list are free.
            let Holds::Free { count, below } = (unsafe { first.as_ref().holds.get() }) else {
                break;
            };
            (at, records) = (below, records + count as usize);
        }
        drop(guard);
        records
    }

    /// Makes records of `memory`, each of which holds up to `words` words (4, 12, or 28), for as long
    /// as the program runs; says how many. Zero: it was given before, or no record is so large.
    #[cfg(not(loom))]
    pub fn give<const LINES: usize>(
        &self,
        memory: &'static crate::Memory<LINES>,
        words: usize,
    ) -> usize {
        let wanted = crate::class::WORDS.iter().position(|&room| words <= room);
        let (Some(class), Some(start)) = (wanted, memory.take()) else { return 0 };
        let records = LINES / lines(class);
        let mut first: *mut Record = ptr::null_mut();
        let mut count = 0;
        for i in 0..records {
            // SAFETY: the i-th lies within the memory, which is ours.
            unsafe {
                let at = start.add(i * lines(class) * LINE);
                let record = Record::make(at, crate::record::Origin::Given(class as u8));
                count += 1;
                record.as_ref().clear(Holds::Free { count, below: ptr::null_mut() });
                record.as_ref().next.set(first);
                first = record.as_ptr();
                if count == HALF || i + 1 == records {
                    let kept = self.put(class, record);
                    debug_assert!(kept.is_null(), "given memory stays");
                    (first, count) = (ptr::null_mut(), 0);
                }
            }
        }
        records
    }
}

/// Whether a record of this bundle is static memory.
///
/// # Safety
///
/// It is the caller's.
unsafe fn is_given(first: NonNull<Record>) -> bool {
    let mut at = first.as_ptr();
    // SAFETY: the caller's promise.
    while let Some(record) = unsafe { at.as_ref() } {
        if matches!(record.origin(), crate::record::Origin::Given(_)) {
            return true;
        }
        // SAFETY: as above.
        at = unsafe { record.next.get() };
    }
    false
}

impl Default for Central {
    fn default() -> Self {
        Central::new()
    }
}

impl Drop for Central {
    /// As of a [`Pool`](crate::Pool).
    fn drop(&mut self) {
        for class in 0..CLASSES {
            while let Some((first, _)) = self.take(class) {
                // SAFETY: taken out.
                unsafe { crate::store::dispose(first.as_ptr()) };
            }
        }
    }
}

impl core::fmt::Debug for Central {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Central").finish_non_exhaustive()
    }
}
