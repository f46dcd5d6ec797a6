//! Where records live: a few in the scope's own frame, more in the P's cache, the rest in the allocator.
//!
//! The places in the frame are a stack of slots with a count. That suffices because a scope's
//! records come and go last in first out: of the records that are in slots, the one that goes is
//! always the one that came last.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::block::{allocate, class_of, deallocate, dispose, one};
use crate::class::{self, Magazine};
use crate::record::{Origin, Record};
use crate::{Cache, DeferError, Depot, Local};

/// So many records find room in the frame; none in a model, which is about caches.
pub(crate) const SLOTS: usize = if cfg!(loom) { 0 } else { 4 };

/// Memory for one record that captures up to four words. A word's alignment will do: a line of its own
/// is of no use to what only its goroutine touches.
const SLOT: Layout = Record::layout::<[usize; class::WORDS[0]]>();
type Slot = MaybeUninit<[usize; SLOT.size() / size_of::<usize>()]>;

const _: () = assert!(size_of::<Slot>() == SLOT.size() && align_of::<Slot>() >= SLOT.align());

/// The memory of one chain's records.
///
/// > A record lies either in a slot below `used`, or elsewhere, and in no second place.
///
/// Cells and not the facade's locks: a scope belongs to one goroutine, `Store` is not `Sync`.
pub(crate) struct Store<L> {
    /// How many slots are taken: those below.
    used: Cell<usize>,
    slots: [UnsafeCell<Slot>; SLOTS],
    local: PhantomData<fn() -> L>,
}

impl<L: Local> Store<L> {
    pub(crate) const fn new() -> Self {
        Store {
            used: Cell::new(0),
            slots: [const { UnsafeCell::new(Slot::uninit()) }; SLOTS],
            local: PhantomData,
        }
    }

    /// Returns an empty record of this layout, the caller's until it is given to `free`.
    ///
    /// A record in a slot refers to `self`, which must not move from here on.
    #[inline(always)]
    pub(crate) fn place(&self, layout: Layout) -> Result<NonNull<Record>, DeferError> {
        let used = self.used.get();
        if used < SLOTS && layout.size() <= SLOT.size() && layout.align() <= SLOT.align() {
            self.used.set(used + 1);
            // SAFETY: a slot that is not taken is the store's to use.
            return Ok(unsafe {
                Record::make(NonNull::from(&self.slots[used]).cast(), Origin::Frame)
            });
        }
        take::<L>(layout)
    }

    /// Takes back a record that is empty or whose call has been moved out.
    ///
    /// # Safety
    ///
    /// It must be from `place` with this layout, and of all in slots the last that is still there;
    /// nothing may use it any more.
    #[inline(always)]
    pub(crate) unsafe fn free(&self, record: NonNull<Record>, layout: Layout) {
        // SAFETY: as the caller ensures.
        unsafe {
            if record.as_ref().origin() == Origin::Frame {
                self.used.set(self.used.get() - 1);
            } else {
                give_back::<L>(record, layout);
            }
        }
    }
}

/// Returns an empty record with room for this layout, from a cache, the depot or the allocator.
#[inline(always)]
pub(crate) fn take<L: Local>(layout: Layout) -> Result<NonNull<Record>, DeferError> {
    if let Some(class) = class::of(layout)
        // SAFETY: this crate's own few instructions.
        && let Some(Some(record)) = unsafe { L::with(|cache| cache.take::<L>(class)) }
    {
        return Ok(record);
    }
    take_slowly::<L>(layout)
}

#[cold]
#[inline(never)]
fn take_slowly<L: Local>(layout: Layout) -> Result<NonNull<Record>, DeferError> {
    let Some(class) = class::of(layout) else {
        return allocate(layout, None).ok_or(DeferError::TooLarge);
    };
    let take = |cache: Option<&mut Cache>, depot: &Depot| {
        // It may be another cache than a moment ago: the goroutine's P was taken, and it has one again.
        let cache = cache?;
        if let Some(record) = cache.take::<L>(class) {
            return Some(record);
        }
        cache.refill(depot, class);
        cache.take::<L>(class)
    };
    // SAFETY: this crate's own: a lock for a few instructions.
    let taken = unsafe { L::with_depot(take) };
    match taken {
        Some(Some(record)) => Ok(record),
        // It joins the caches when it is freed.
        Some(None) => allocate(class::layout(class), Some(class)).ok_or(DeferError::FrameFull),
        None => allocate(layout, None).ok_or(DeferError::FrameFull),
    }
    .map_err(|error| if cfg!(feature = "alloc") { DeferError::OutOfMemory } else { error })
}

/// Gives a record back to where it is from.
///
/// # Safety
///
/// It must be from [`take`] with this layout, and nothing may use it any more.
#[inline(always)]
pub(crate) unsafe fn give_back<L: Local>(record: NonNull<Record>, layout: Layout) {
    // SAFETY: as the caller ensures.
    unsafe {
        if let Some(class) = class_of(record)
            && L::with(|cache| cache.put::<L>(class, record)) == Some(true)
        {
            return;
        }
        give_back_slowly::<L>(record, layout);
    }
}

#[cold]
#[inline(never)]
unsafe fn give_back_slowly<L: Local>(record: NonNull<Record>, layout: Layout) {
    // SAFETY: as the caller ensures.
    unsafe {
        let Some(class) = class_of(record) else { return deallocate(record, layout) };
        let surplus = L::with_depot(|cache, depot| {
            let Some(cache) = cache else { return depot.put_one(class, record) };
            // As above: this one may have room.
            if cache.put::<L>(class, record) {
                return Magazine::new();
            }
            let surplus = cache.spill(depot, class);
            cache.put::<L>(class, record);
            surplus
        });
        match surplus {
            Some(surplus) => dispose(surplus),
            // Its caches have gone, or it came from where there are some to where there are none.
            None => dispose(one(record)),
        }
    }
}
