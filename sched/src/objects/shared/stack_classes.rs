//! The sizes of stacks that goroutines of one scheduler may have.
//!
//! | stack | of |
//! |---|---|
//! | the scheduler's own class, in the Ps' caches and [`Core::depot`] | a goroutine that asks for nothing |
//! | a class of [`StackClasses::others`], a depot each | one that asks for a size |
//! | the class of main, one of those | main, and the goroutines of foreign threads, whose callbacks may be as deep |

use core::ptr::NonNull;

use g0_stack::{Class, Depot, StackError, StackSource};

use super::Core;
use crate::objects::g::G;

/// A depot of one class.
pub(crate) type AnyDepot = Depot<&'static dyn StackSource>;

/// What a scheduler knows of classes. Set before it starts.
pub(crate) struct StackClasses {
    /// Depots of further classes, each of another one.
    pub(crate) others: &'static [AnyDepot],
    pub(crate) main: Class,
    /// Most bytes of a packet on a stack of the scheduler's own class.
    pub(crate) most_packet: usize,
    /// The end of the run unwinds nothing on stacks of fewer bytes: there is no room for an unwinder.
    pub(crate) unwinds_from: usize,
}

impl StackClasses {
    /// Returns those of a scheduler whose stacks are all of one class.
    pub(crate) const fn new(class: Class) -> Self {
        Self { others: &[], main: class, most_packet: most_packet(class), unwinds_from: 0 }
    }
}

/// Returns how many bytes a goroutine's closure, its result, and what aligns them may take of a stack of this class: a
/// quarter; an eighth of one of a packed class, whose record and last frames take a half.
pub(crate) const fn most_packet(class: Class) -> usize {
    let is_packed = usize::BITS == 64 && class.size() < 4096;
    class.size() / if is_packed { 8 } else { 4 }
}

impl Core {
    /// Returns the depot of the class.
    pub(crate) fn depot_of(&self, class: Class) -> Option<&AnyDepot> {
        self.depots().find(|depot| depot.class() == class)
    }

    /// Returns the depot of the smallest class that holds `bytes`.
    ///
    /// # Errors
    ///
    /// [`StackError::ZeroSize`] for 0, [`StackError::TooLarge`] beyond the largest class that there is.
    pub(crate) fn depot_for(&self, bytes: usize) -> Result<&AnyDepot, StackError> {
        let wanted = Class::for_size(bytes)?;
        let fit = self.depots().filter(|depot| depot.class() >= wanted);
        fit.min_by_key(|depot| depot.class()).ok_or_else(|| {
            let largest = self.depots().map(|depot| depot.class().size()).max();
            StackError::TooLarge { asked: bytes, largest: largest.unwrap_or(0) }
        })
    }

    /// Returns the depot of main's class; none if the scheduler was given no such class.
    pub(crate) fn main_depot(&self) -> Option<&AnyDepot> {
        self.depot_of(self.classes.main)
    }

    /// Returns the source of the class, as far as it is one of the scheduler's.
    pub(crate) fn source_of(&self, class: Class) -> Option<&'static dyn StackSource> {
        self.depot_of(class).map(|depot| *depot.source())
    }

    /// Returns the source whose stacks give back what lies below a stack pointer, and a class of it: the smallest that
    /// has `bytes`, if there is one.
    pub(crate) fn releasing_source(
        &self,
        bytes: usize,
    ) -> Option<(&'static dyn StackSource, Class)> {
        let releasing = || self.depots().filter(|depot| depot.source().releases_below());
        let fit = releasing().filter(|depot| depot.class().size() >= bytes);
        let depot = fit.min_by_key(|depot| depot.class()).or_else(|| releasing().next())?;
        Some((*depot.source(), depot.class()))
    }

    pub(crate) fn depots(&self) -> impl Iterator<Item = &AnyDepot> {
        core::iter::once(&self.depot).chain(self.classes.others)
    }

    /// Returns whether the stack of `g` has no room for an unwinder.
    ///
    /// # Safety
    ///
    /// `g` must lie in its stack, which is not freed.
    pub(crate) unsafe fn is_cramped(&self, g: NonNull<G>) -> bool {
        // No model looks at a header.
        self.classes.unwinds_from != 0
            // SAFETY: as the caller ensures.
            && unsafe { G::header(g).as_ref() }.class().size() < self.classes.unwinds_from
    }
}
