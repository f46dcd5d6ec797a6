//! A P's records: those that it can give and take without asking anybody.
//!
//! For each class two magazines. One is in use, and holds up to half of what the pool may; the
//! other is full or is not there. So what goes to the central list, or comes from it, is a chain
//! that has been linked long before: nothing is counted and nothing is walked along.
//!
//! ```text
//!   take   in use: pop.    empty: the full one is in use.   none: a bundle of the central list
//!   put    in use: push.   full: it is the full one.        two: the full one goes to the central list
//! ```

use core::ptr::{self, NonNull};

use crate::central::Central;
use crate::class::CLASSES;
use crate::record::{Holds, Record};
use crate::{Local, store};

/// Records in a magazine; a pool holds two.
pub(crate) const HALF: u32 = if cfg!(loom) { 2 } else { 16 };

/// Free records of one P: up to 32 of each class.
pub struct Pool {
    classes: [Magazines; CLASSES],
}

/// > L16. A free record is in `used` or in the chain of `full`, of one pool or of none.
struct Magazines {
    /// Newest first; `count` of them.
    used: *mut Record,
    count: u32,
    /// A chain of [`HALF`] whose first record says so, or null.
    full: *mut Record,
}

// SAFETY: the records in it are its own, whichever thread has it.
unsafe impl Send for Pool {}

impl Pool {
    /// An empty one.
    pub const fn new() -> Pool {
        const NONE: Magazines =
            Magazines { used: ptr::null_mut(), count: 0, full: ptr::null_mut() };
        Pool { classes: [NONE; CLASSES] }
    }

    /// Takes a record out. None: both magazines are empty.
    #[inline(always)]
    pub(crate) fn take<L: Local>(&mut self, class: usize) -> Option<NonNull<Record>> {
        let own = &mut self.classes[class];
        if own.count == 0 {
            if own.full.is_null() {
                return None;
            }
            own.used = core::mem::replace(&mut own.full, ptr::null_mut());
            own.count = HALF;
        }
        let record = NonNull::new(own.used)?;
        // SAFETY: a record in a pool is the pool's.
        unsafe {
            if !matches!(record.as_ref().holds.get(), Holds::Free { .. }) {
                taken_in_use::<L>(record);
            }
            own.used = record.as_ref().next.get();
            own.count -= 1;
            record.as_ref().clear(Holds::Empty);
        }
        Some(record)
    }

    /// Puts a record in. `false`: both magazines are full, and it is still the caller's.
    ///
    /// # Safety
    ///
    /// The record is of this class and the caller's, who does not use it again.
    #[inline(always)]
    pub(crate) unsafe fn put<L: Local>(&mut self, class: usize, record: NonNull<Record>) -> bool {
        let own = &mut self.classes[class];
        if own.count == HALF {
            if !own.full.is_null() {
                return false;
            }
            own.full = core::mem::replace(&mut own.used, ptr::null_mut());
            own.count = 0;
        }
        // SAFETY: the caller's promise; what it breaks is looked for.
        unsafe {
            if matches!(record.as_ref().holds.get(), Holds::Free { .. } | Holds::Panic(_)) {
                freed_wrongly::<L>(record);
            }
            own.count += 1;
            // Whichever is the last to come, and so the first of its magazine, knows its number.
            record.as_ref().clear(Holds::Free { count: own.count, below: ptr::null_mut() });
            record.as_ref().next.set(own.used);
        }
        own.used = record.as_ptr();
        true
    }

    /// Both magazines are empty: takes a bundle, if there is one. Otherwise what is in use would be lost.
    pub(crate) fn refill(&mut self, central: &Central, class: usize) {
        if let Some((first, count)) = central.take(class) {
            let own = &mut self.classes[class];
            debug_assert!(
                own.used.is_null() && own.full.is_null(),
                "L16: a pool that has some is refilled"
            );
            (own.used, own.count) = (first.as_ptr(), count);
        }
    }

    /// Both magazines are full: one goes to the central list. What is too much for that list comes
    /// back, for the allocator.
    pub(crate) fn spill(&mut self, central: &Central, class: usize) -> *mut Record {
        let own = &mut self.classes[class];
        let used = core::mem::replace(&mut own.used, ptr::null_mut());
        let full = core::mem::replace(&mut own.full, used);
        own.count = 0;
        // SAFETY: the chain was in `full`, and is in no place now.
        NonNull::new(full).map_or(ptr::null_mut(), |first| unsafe { central.put(class, first) })
    }

    /// Gives all of them to the central list: of a P that is not used any more. (A pool that is dropped
    /// gives back to the allocator what is the allocator's, and forgets memory that it was given.)
    pub fn drain(&mut self, central: &Central) {
        for class in 0..CLASSES {
            // SAFETY: each chain is the pool's, and in no place once it is taken out.
            unsafe {
                crate::store::dispose(self.spill(central, class));
                crate::store::dispose(self.spill(central, class));
            }
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool::new()
    }
}

impl Drop for Pool {
    /// The allocator's blocks go back; memory that was given is not used again.
    fn drop(&mut self) {
        for own in &mut self.classes {
            // SAFETY: the pool's, and it has gone.
            unsafe {
                store::dispose(core::mem::replace(&mut own.used, ptr::null_mut()));
                store::dispose(core::mem::replace(&mut own.full, ptr::null_mut()));
            }
        }
    }
}

impl core::fmt::Debug for Pool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let counts = self
            .classes
            .each_ref()
            .map(|own| own.count + if own.full.is_null() { 0 } else { HALF });
        f.debug_struct("Pool").field("free", &counts).finish()
    }
}

#[cold]
unsafe fn taken_in_use<L: Local>(record: NonNull<Record>) -> ! {
    // SAFETY: nobody is to have it, so nobody writes.
    match unsafe { record.as_ref().holds.get() } {
        Holds::Panic(_) => L::fatal("L16: a record was taken with a panic in it"),
        _ => L::fatal("L16: a record was taken that is in use"),
    }
}

#[cold]
unsafe fn freed_wrongly<L: Local>(record: NonNull<Record>) -> ! {
    // SAFETY: as above.
    match unsafe { record.as_ref().holds.get() } {
        Holds::Panic(_) => L::fatal("L16: a record was freed with a panic in it"),
        _ => L::fatal("L16: a record was freed twice"),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::class;
    use crate::record::Origin;

    /// Its records have gone wrong, and a test wants to know how.
    enum Told {}

    // SAFETY: there is no pool; the tests do not use anything after a fatal report.
    unsafe impl Local for Told {
        fn with<R>(_: impl FnOnce(&mut Pool) -> R) -> Option<R> {
            None
        }

        fn with_central<R>(_: impl FnOnce(Option<&mut Pool>, &Central) -> R) -> Option<R> {
            None
        }

        fn fatal(reason: &'static str) -> ! {
            panic!("{reason}")
        }
    }

    #[repr(align(64))]
    struct Room([u8; 64]);

    /// An empty record of the smallest class.
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
        let (mut pool, mut room) = (Pool::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: ours; the second is the mistake that is looked for.
        unsafe {
            assert!(pool.put::<Told>(0, record));
            pool.put::<Told>(0, record);
        }
    }

    #[test]
    #[should_panic(expected = "L16: a record was freed with a panic in it")]
    fn a_record_that_is_freed_with_a_panic_in_it_is_fatal() {
        let (mut pool, mut room) = (Pool::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: ours.
        unsafe {
            record.as_ref().holds.set(Holds::Panic(look));
            pool.put::<Told>(0, record);
        }
    }

    #[test]
    #[should_panic(expected = "L16: a record was taken with a panic in it")]
    fn a_record_that_is_taken_with_a_panic_in_it_is_fatal() {
        let (mut pool, mut room) = (Pool::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: ours; it is changed behind the pool's back.
        unsafe {
            assert!(pool.put::<Told>(0, record));
            record.as_ref().holds.set(Holds::Panic(look));
        }
        pool.take::<Told>(0);
    }

    #[test]
    #[should_panic(expected = "L16: a record was taken that is in use")]
    fn a_record_that_is_in_use_and_comes_out_of_a_pool_is_fatal() {
        let (mut pool, mut room) = (Pool::new(), Room([0; 64]));
        let record = record(&mut room);
        // SAFETY: as above.
        unsafe {
            assert!(pool.put::<Told>(0, record));
            record.as_ref().holds.set(Holds::Empty);
        }
        pool.take::<Told>(0);
    }

    #[test]
    fn what_is_taken_is_what_was_put_and_the_half_goes_and_comes_as_it_is() {
        let mut rooms = [const { Room([0; 64]) }; 48];
        let all = rooms.each_mut().map(record);
        let (mut a, mut b, central) = (Pool::new(), Pool::new(), Central::new());
        // SAFETY: ours, each put once.
        unsafe {
            for at in &all[..32] {
                assert!(a.put::<Told>(0, *at));
            }
            for at in &all[32..] {
                if !a.put::<Told>(0, *at) {
                    assert!(a.spill(&central, 0).is_null());
                    assert!(a.put::<Told>(0, *at));
                }
            }
        }
        assert_eq!(b.take::<Told>(0), None);
        b.refill(&central, 0);
        let mut taken: std::vec::Vec<_> = core::iter::from_fn(|| b.take::<Told>(0)).collect();
        assert_eq!(taken.len(), 16);
        taken.extend(core::iter::from_fn(|| a.take::<Told>(0)));
        b.refill(&central, 0);
        assert_eq!((taken.len(), b.take::<Told>(0)), (48, None));
        // SAFETY: ours, each put once.
        unsafe { taken.drain(..21).for_each(|at| assert!(a.put::<Told>(0, at))) };
        a.drain(&central);
        assert_eq!(a.take::<Told>(0), None);
        for _ in 0..2 {
            b.refill(&central, 0);
            taken.extend(core::iter::from_fn(|| b.take::<Told>(0)));
        }
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 48, "L16: none came twice");
    }

    #[test]
    fn a_record_is_cleared_when_it_is_freed() {
        let (mut pool, mut rooms) = (Pool::new(), [Room([0; 64]), Room([0; 64])]);
        let [one, other] = rooms.each_mut().map(record);
        // SAFETY: ours.
        unsafe {
            one.as_ref().next.set(other.as_ptr());
            assert!(pool.put::<Told>(0, one));
            assert_eq!(pool.take::<Told>(0), Some(one));
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
        let mut pool = Pool::new();
        // SAFETY: the mistake that is looked for; the pool is not used again.
        unsafe { pool.put::<Told>(0, record) };
        core::mem::forget(pool);
    }
}
