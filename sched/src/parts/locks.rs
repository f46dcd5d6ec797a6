//! How often a goroutine is locked to its thread (L8).

/// Lock counts (L8) in one word.
///
/// ```text
///   | start (1 bit) | internal (23) | outer (20) | external (20) |
/// ```
///
/// The *start* lock is that of an exclusive scheduler's goroutine: taken as it starts, never undone.
///
/// External locks are the user's, internal ones those of callbacks and of parks while unwinding. In a
/// callback the user's locks from outside are *outer*: an unlock does not reach them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Locks(u64);

impl Locks {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const EXTERNAL: Self = Self(1);
    const OUTER: u64 = 1 << 20;
    pub(crate) const INTERNAL: Self = Self(1 << 40);
    pub(crate) const START: Self = Self(1 << 63);

    /// Returns the counts without the start lock.
    #[inline(always)]
    pub(crate) fn asked_for(self) -> Self {
        Self(self.0 & !Self::START.0)
    }

    #[inline(always)]
    pub(crate) fn has_internal(self) -> bool {
        self.asked_for().0 >= Self::INTERNAL.0
    }

    pub(crate) fn internal(self) -> usize {
        (self.asked_for().0 / Self::INTERNAL.0) as usize
    }

    pub(crate) fn outer(self) -> usize {
        (self.0 / Self::OUTER % Self::OUTER) as usize
    }

    /// Returns the count of the user's locks that an unlock may undo.
    #[inline(always)]
    pub(crate) fn external(self) -> usize {
        (self.0 % Self::OUTER) as usize
    }

    /// Returns the counts with one lock more; none if the user has locked too often. The number of internal
    /// locks is bounded by the frames on the stack.
    #[inline(always)]
    pub(crate) fn plus(self, one: Self) -> Option<Self> {
        let full = self.external() as u64 == Self::OUTER - 1;
        (!full || one == Self::INTERNAL).then_some(Self(self.0 + one.0))
    }

    /// Returns the counts with one lock less, which there is.
    #[inline(always)]
    pub(crate) fn minus(self, one: Self) -> Self {
        Self(self.0 - one.0)
    }

    /// Makes the user's locks outer ones; returns how many. All callbacks together hold no more of them than
    /// there is room for: beyond that they stay as they are.
    pub(crate) fn cover(self) -> (Self, usize) {
        let external = self.external() as u64;
        if self.0 / Self::OUTER % Self::OUTER + external >= Self::OUTER {
            return (self, 0);
        }
        (Self(self.0 - external + external * Self::OUTER), external as usize)
    }

    /// Undoes [`cover`](Self::cover).
    pub(crate) fn uncover(self, external: usize) -> Self {
        let external = external as u64;
        let sum = (self.external() as u64 + external).min(Self::OUTER - 1);
        Self(self.0 - self.external() as u64 - external * Self::OUTER + sum)
    }
}
