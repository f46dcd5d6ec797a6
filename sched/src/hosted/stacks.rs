//! Where the stacks of a hosted runtime come from.
//!
//! | source | classes | of |
//! |---|---|---|
//! | slab | 4 KiB to 1 GiB | main, callbacks of foreign threads, goroutines, segments; [guarded](g0_stack::SlabSource) |
//! | packed, if asked for | 1 and 2 KiB | goroutines |

use core::ptr::NonNull;
use std::boxed::Box;
use std::vec::Vec;

use g0_stack::{Class, Depot, PackedSource, SlabBuilder, SlabSource, StackError, StackSource};

use crate::objects::config::Mobility;
use crate::objects::shared::stack_classes::AnyDepot;
use crate::parts::error::Error;

/// The smallest stack of a slab. What is smaller is packed.
pub(super) const LEAST_GUARDED: usize = 4096;

/// The largest stack that a runtime packs.
const LARGEST_PACKED: usize = 2048;

/// Returns the class of a guarded stack of `size` bytes.
pub(super) const fn guarded(size: usize) -> Result<Class, StackError> {
    match size {
        0 => Err(StackError::ZeroSize),
        _ => Class::for_size(if size < LEAST_GUARDED { LEAST_GUARDED } else { size }),
    }
}

/// The sources of a runtime, and the depots of all classes but its own; leaked.
pub(super) struct Stacks {
    slabs: NonNull<SlabSource>,
    packed: Option<NonNull<PackedSource>>,
    others: NonNull<[AnyDepot]>,
    /// The class that goroutines have if nothing else is asked for.
    pub(super) class: Class,
    pub(super) main: Class,
}

impl Stacks {
    /// Makes them: main's of `size` bytes, by `slabs`, and the goroutines' too, or packed ones of so many bytes.
    ///
    /// # Errors
    ///
    /// [`Error::StackSize`], [`Error::PackedStacks`], [`Error::PackedExclusive`].
    ///
    /// # Safety
    ///
    /// As [`Builder::without_guards`](crate::Builder::without_guards) where `guards` is false, and as
    /// [`Builder::packed_stacks`](crate::Builder::packed_stacks) where some are packed.
    pub(super) unsafe fn new(
        size: usize,
        guards: bool,
        packed: Option<usize>,
        mobility: Mobility,
        slabs: SlabBuilder,
    ) -> Result<Self, Error> {
        let main = guarded(size).map_err(Error::StackSize)?;
        let (class, packed) = match packed {
            None => (main, None),
            Some(_) if mobility.locks_at_start() => return Err(Error::PackedExclusive),
            Some(asked) if asked > LARGEST_PACKED => {
                let largest = LARGEST_PACKED;
                return Err(Error::StackSize(StackError::TooLarge { asked, largest }));
            }
            Some(asked) => {
                let class = Class::for_size(asked).map_err(Error::StackSize)?;
                // SAFETY: as the caller ensures.
                let source = unsafe { PackedSource::new() }.map_err(Error::PackedStacks)?;
                (class, Some(NonNull::from(Box::leak(Box::new(source)))))
            }
        };
        // SAFETY: as the caller ensures.
        let slabs = if guards { slabs } else { unsafe { slabs.without_guards() } };
        let slabs = NonNull::from(Box::leak(Box::new(slabs.build())));
        let mut stacks = Self { slabs, packed, others: NonNull::from(&mut []), class, main };
        let sizes = (0..Class::COUNT).map(|i| Class::MIN.size() << i);
        let classes = sizes.filter_map(|size| Class::for_size(size).ok()).filter(|&other| {
            let has_source = other.size() >= LEAST_GUARDED || stacks.packed.is_some();
            other != class && has_source
        });
        let depots = classes.map(|class| Depot::new(class, stacks.source_of(class)));
        let depots = depots.collect::<Vec<_>>().into_boxed_slice();
        stacks.others = NonNull::from(Box::leak(depots));
        Ok(stacks)
    }

    /// Returns what stacks of the class come from.
    pub(super) fn source_of(&self, class: Class) -> &'static dyn StackSource {
        // SAFETY: alive until `free`.
        unsafe {
            match self.packed {
                Some(packed) if class.size() < LEAST_GUARDED => packed.as_ref(),
                _ => self.slabs.as_ref(),
            }
        }
    }

    /// Returns the depots of all classes but the goroutines' own.
    pub(super) fn others(&self) -> &'static [AnyDepot] {
        // SAFETY: alive until `free`.
        unsafe { self.others.as_ref() }
    }

    /// Returns whether some are packed.
    pub(super) fn are_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Frees it all.
    ///
    /// # Safety
    ///
    /// The scheduler must be gone, with all that was given a stack, a source or a depot of these.
    pub(super) unsafe fn free(&self) {
        // SAFETY: each was leaked by `new`, and is freed once; the depots before their sources.
        unsafe {
            drop(Box::from_raw(self.others.as_ptr()));
            drop(Box::from_raw(self.slabs.as_ptr()));
            if let Some(packed) = self.packed {
                drop(Box::from_raw(packed.as_ptr()));
            }
        }
    }
}
