//! A P's records: those that it can give and take without asking the depot.
//!
//! ```text
//!   take   in the cache: it is that.      none: a magazine of the depot
//!   put    there is room: it is there.    full: a magazine goes to the depot
//! ```

use core::ptr::NonNull;

use g0_arch::magazine;

use crate::block;
use crate::class::{CLASSES, HALF, Magazine};
use crate::depot::Depot;
use crate::harm::Harm;
use crate::record::{Holds, Record};

/// Free records of one P: up to 32 of each class.
///
/// > **L16** A free record is in one magazine, of a cache or of a depot.
pub struct Cache {
    classes: [magazine::Cache<Record, HALF>; CLASSES],
}

impl Cache {
    /// Returns an empty one.
    pub const fn new() -> Cache {
        Cache { classes: [const { magazine::Cache::new() }; CLASSES] }
    }

    /// Takes a record out and returns it. None: it has none of this class.
    #[inline(always)]
    pub(crate) fn take<L: Harm>(&mut self, class: usize) -> Option<NonNull<Record>> {
        let record = self.classes[class].get()?;
        // SAFETY: the cache gave it up.
        unsafe {
            if !matches!(record.as_ref().holds.get(), Holds::Free { .. }) {
                taken_in_use::<L>(record);
            }
            record.as_ref().clear(Holds::Empty);
        }
        Some(record)
    }

    /// Puts a record in. Returns `false` if the cache is full, and the record is still the caller's.
    ///
    /// # Safety
    ///
    /// The record must be of this class and the caller's, which must not use it again.
    #[inline(always)]
    pub(crate) unsafe fn put<L: Harm>(&mut self, class: usize, record: NonNull<Record>) -> bool {
        let free = &mut self.classes[class];
        if !free.make_room() {
            return false;
        }
        // SAFETY: as the caller ensures; what it breaks is looked for. There is room.
        unsafe {
            if matches!(record.as_ref().holds.get(), Holds::Free { .. } | Holds::Panic(_)) {
                freed_wrongly::<L>(record);
            }
            record.as_ref().clear(Holds::FREE);
            free.push(record);
        }
        true
    }

    /// Takes a magazine of the depot, if there is one. The cache has none of this class.
    pub(crate) fn refill(&mut self, depot: &Depot, class: usize) {
        self.classes[class].fill(depot.take(class));
    }

    /// Gives a magazine to the depot: the cache is full. Returns what is too much for that, for the
    /// allocator.
    pub(crate) fn spill(&mut self, depot: &Depot, class: usize) -> Magazine {
        depot.put(class, self.classes[class].take_half())
    }

    /// Gives all of them to the depot: of a P that is not used any more. (A cache that is dropped
    /// gives back to the allocator what is the allocator's, and forgets memory that it was given.)
    pub fn drain(&mut self, depot: &Depot) {
        for (class, free) in self.classes.iter_mut().enumerate() {
            let [hot, cold] = free.take_all();
            block::dispose(depot.put(class, cold));
            block::dispose(depot.put(class, hot));
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Cache::new()
    }
}

impl Drop for Cache {
    /// Gives the allocator's blocks back; memory that was given is not used again.
    fn drop(&mut self) {
        for free in &mut self.classes {
            free.take_all().into_iter().for_each(block::dispose);
        }
    }
}

impl core::fmt::Debug for Cache {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let counts = self.classes.each_ref().map(magazine::Cache::len);
        f.debug_struct("Cache").field("free", &counts).finish()
    }
}

#[cold]
unsafe fn taken_in_use<L: Harm>(record: NonNull<Record>) -> ! {
    // SAFETY: no user is to have it, so none writes.
    match unsafe { record.as_ref().holds.get() } {
        Holds::Panic(_) => L::harm("L16: a record was taken with a panic in it"),
        _ => L::harm("L16: a record was taken that is in use"),
    }
}

#[cold]
unsafe fn freed_wrongly<L: Harm>(record: NonNull<Record>) -> ! {
    // SAFETY: as above.
    match unsafe { record.as_ref().holds.get() } {
        Holds::Panic(_) => L::harm("L16: a record was freed with a panic in it"),
        _ => L::harm("L16: a record was freed twice"),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::record::Origin;
    use crate::{Local, class};

    /// Its records have gone wrong, and a test wants to know how.
    enum Told {}

    // SAFETY: there is no cache; the tests do not use anything after a fatal report.
    unsafe impl Local for Told {
        unsafe fn with<R>(_: impl FnOnce(&mut Cache) -> R) -> Option<R> {
            None
        }

        unsafe fn with_depot<R>(_: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
            None
        }

        fn fatal(reason: &'static str) -> ! {
            panic!("{reason}")
        }
    }

    #[repr(align(64))]
    struct Room([u8; 64]);

    /// Returns an empty record of the smallest class.
    fn record(room: &mut Room) -> NonNull<Record> {
        assert_eq!(class::layout(0).size(), size_of::<Room>());
        // SAFETY: memory of a record's size and alignment.
        unsafe { Record::make(NonNull::from(&mut room.0).cast(), Origin::Given(0)) }
    }

    fn look(_: NonNull<Record>) -> (*mut (dyn core::any::Any + Send), core::alloc::Layout) {
        unreachable!("nobody looks")
    }

    #[test]
    #[should_panic(expected = "L16: a record was freed twice")]
    fn a_record_that_is_freed_twice_is_fatal() {
        let (mut cache, mut room) = (Cache::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: the test's own; the second is the mistake that is looked for.
        unsafe {
            assert!(cache.put::<Told>(0, record));
            cache.put::<Told>(0, record);
        }
    }

    #[test]
    #[should_panic(expected = "L16: a record was freed with a panic in it")]
    fn a_record_that_is_freed_with_a_panic_in_it_is_fatal() {
        let (mut cache, mut room) = (Cache::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: the test's own.
        unsafe {
            record.as_ref().holds.set(Holds::Panic(look));
            cache.put::<Told>(0, record);
        }
    }

    #[test]
    #[should_panic(expected = "L16: a record was taken with a panic in it")]
    fn a_record_that_is_taken_with_a_panic_in_it_is_fatal() {
        let (mut cache, mut room) = (Cache::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: the test's own; it is changed behind the cache's back.
        unsafe {
            assert!(cache.put::<Told>(0, record));
            record.as_ref().holds.set(Holds::Panic(look));
        }
        cache.take::<Told>(0);
    }

    #[test]
    #[should_panic(expected = "L16: a record was taken that is in use")]
    fn a_record_that_is_in_use_and_comes_out_of_a_cache_is_fatal() {
        let (mut cache, mut room) = (Cache::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: as above.
        unsafe {
            assert!(cache.put::<Told>(0, record));
            record.as_ref().holds.set(Holds::Empty);
        }
        cache.take::<Told>(0);
    }

    #[test]
    fn what_is_taken_is_what_was_put_and_the_half_goes_and_comes_as_it_is() {
        let mut rooms = [const { Room([0; 64]) }; 48];
        let all = rooms.each_mut().map(record);
        let (mut a, mut b, depot) = (Cache::new(), Cache::new(), Depot::new());
        // SAFETY: the test's own, each put once.
        unsafe {
            for at in &all[..32] {
                assert!(a.put::<Told>(0, *at));
            }
            for at in &all[32..] {
                if !a.put::<Told>(0, *at) {
                    assert!(a.spill(&depot, 0).is_empty());
                    assert!(a.put::<Told>(0, *at));
                }
            }
        }
        assert_eq!(b.take::<Told>(0), None);
        b.refill(&depot, 0);
        let mut taken: std::vec::Vec<_> = core::iter::from_fn(|| b.take::<Told>(0)).collect();
        assert_eq!(taken.len(), 16);
        taken.extend(core::iter::from_fn(|| a.take::<Told>(0)));
        b.refill(&depot, 0);
        assert_eq!((taken.len(), b.take::<Told>(0)), (48, None));
        // SAFETY: the test's own, each put once.
        unsafe { taken.drain(..21).for_each(|at| assert!(a.put::<Told>(0, at))) };
        a.drain(&depot);
        assert_eq!(a.take::<Told>(0), None);
        for _ in 0..2 {
            b.refill(&depot, 0);
            taken.extend(core::iter::from_fn(|| b.take::<Told>(0)));
        }
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 48, "L16: none came twice");
    }

    #[test]
    fn a_record_is_cleared_when_it_is_freed() {
        let (mut cache, mut rooms) = (Cache::new(), [Room([0; 64]), Room([0; 64])]);
        let [one, other] = rooms.each_mut().map(record);
        // SAFETY: the test's own.
        unsafe {
            one.as_ref().next.set(other.as_ptr());
            assert!(cache.put::<Told>(0, one));
            assert_eq!(cache.take::<Told>(0), Some(one));
            assert!(one.as_ref().next.get().is_null());
            assert!(matches!(one.as_ref().holds.get(), Holds::Empty));
        }
    }

    #[test]
    #[should_panic(expected = "L16: a record was freed with a panic in it")]
    #[cfg(feature = "alloc")]
    fn the_record_of_a_payload_that_is_still_there_is_not_freed() {
        let thrown = crate::Thrown::<Told>::new(7_u64);
        let record = NonNull::new(thrown.into_raw().cast::<Record>()).expect("a record");
        let mut cache = Cache::new();
        // SAFETY: the mistake that is looked for; the cache is not used again.
        unsafe { cache.put::<Told>(0, record) };
        core::mem::forget(cache);
    }
}
