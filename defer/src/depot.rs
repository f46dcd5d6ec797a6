//! What all Ps share: records that one P has too many of and another will want.

use core::ptr::NonNull;

use g0_arch::magazine;
use g0_arch::sync::Mutex;

use crate::block;
use crate::class::{self, CLASSES, Magazine};
#[cfg(not(loom))]
use crate::class::{HALF, LINE, lines};
use crate::record::{Holds, Origin, Record};

/// So many [magazines](g0_arch::magazine) of a class stay; what is more than that goes back to the
/// allocator.
const MOST: usize = 64;

/// Free records that belong to no P.
pub struct Depot {
    classes: [Mutex<magazine::Depot<Record>>; CLASSES],
}

impl Depot {
    /// Returns an empty depot.
    #[cfg(not(loom))]
    pub const fn new() -> Depot {
        Depot { classes: [const { Mutex::new(magazine::Depot::new()) }; CLASSES] }
    }

    /// Returns an empty depot.
    #[cfg(loom)]
    pub fn new() -> Depot {
        Depot { classes: core::array::from_fn(|_| Mutex::new(magazine::Depot::new())) }
    }

    /// Takes out and returns the topmost magazine of the class; an empty one if there is none.
    pub(crate) fn take(&self, class: usize) -> Magazine {
        self.classes[class].lock().pop()
    }

    /// Puts a magazine of the class on top. Returns it if there are too many and the allocator may have
    /// it, and an empty one otherwise. An empty one takes no lock.
    pub(crate) fn put(&self, class: usize, magazine: Magazine) -> Magazine {
        if magazine.is_empty() {
            return magazine;
        }
        let is_given = magazine.iter().any(|record| matches!(record.origin(), Origin::Given(_)));
        let mut magazines = self.classes[class].lock();
        if magazines.magazines() >= MOST && !is_given {
            return magazine;
        }
        magazines.push(magazine);
        Magazine::new()
    }

    /// As [`put`](Self::put), for a record by itself, of a thread that has no cache.
    ///
    /// # Safety
    ///
    /// It must be of this class and the caller's, which must not use it again.
    pub(crate) unsafe fn put_one(&self, class: usize, record: NonNull<Record>) -> Magazine {
        // SAFETY: as the caller ensures.
        unsafe {
            record.as_ref().clear(Holds::FREE);
            self.put(class, block::one(record))
        }
    }

    /// Returns how many free records of so many words it has now: for reports and tests.
    pub fn records(&self, words: usize) -> usize {
        class::of_words(words).map_or(0, |class| self.classes[class].lock().items())
    }

    /// Makes records of `memory`, each of which holds up to `words` words (4, 12, or 28), for as long as
    /// the program runs; returns how many. Zero: it was given before, or no record is so large.
    #[cfg(not(loom))]
    pub fn give<const LINES: usize>(
        &self,
        memory: &'static crate::Memory<LINES>,
        words: usize,
    ) -> usize {
        let (Some(class), Some(start)) = (class::of_words(words), memory.take()) else { return 0 };
        let records = LINES / lines(class);
        let mut magazine = Magazine::new();
        for i in 0..records {
            // SAFETY: the i-th lies within the memory, which is the depot's and stays.
            unsafe {
                let at = start.add(i * lines(class) * LINE);
                let record = Record::make(at, Origin::Given(class as u8));
                record.as_ref().clear(Holds::FREE);
                magazine.push(record);
            }
            if magazine.len() == HALF || i + 1 == records {
                let kept = self.put(class, magazine.take());
                debug_assert!(kept.is_empty(), "given memory stays");
            }
        }
        records
    }
}

impl Default for Depot {
    fn default() -> Self {
        Depot::new()
    }
}

impl Drop for Depot {
    /// As of a [`Cache`](crate::Cache).
    fn drop(&mut self) {
        for class in 0..CLASSES {
            loop {
                let magazine = self.take(class);
                if magazine.is_empty() {
                    break;
                }
                block::dispose(magazine);
            }
        }
    }
}

impl core::fmt::Debug for Depot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Depot").finish_non_exhaustive()
    }
}
