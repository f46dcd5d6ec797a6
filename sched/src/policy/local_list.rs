//! The list of the Gs that are bound to the calling M, for the decisions that use it.

use core::ptr::NonNull;

use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::m::M;

/// Returns whether a G that is bound to `m` is runnable. A word of an interrupt handler may come late.
///
/// # Safety
///
/// `m` must be the calling thread's.
#[inline(always)]
pub(super) unsafe fn bound_here(m: &M) -> bool {
    // SAFETY: the list is the thread's of `m`, which is the calling one.
    m.inbox.is_touched() || m.local.with(|local| unsafe { !(*local).is_empty() })
}

impl M {
    /// Returns whether a goroutine waits that no other M may run.
    ///
    /// # Safety
    ///
    /// The M must be the calling thread's.
    #[inline(always)]
    pub(crate) unsafe fn is_awaited(&self) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { bound_here(self) }
    }
}

/// Returns the next G that is bound to `m`; with `fair` one that has waited goes before one that has just
/// become ready.
#[inline(always)]
pub(super) fn pop(m: &Within, fair: bool) -> Option<NonNull<G>> {
    // SAFETY: `m` is the calling thread's, and so is the list.
    m.local.with_mut(|local| unsafe { (*local).pop(&m.inbox, fair) })
}

/// Returns whether one was just made ready, and whether others wait.
pub(super) fn next_and_rest(m: &Within) -> (bool, bool) {
    // SAFETY: `m` is the calling thread's, and so is the list.
    let (next, rest) = m.local.with(|local| unsafe { ((*local).has_next(), (*local).has_rest()) });
    (next, rest || m.inbox.is_touched())
}

/// Returns the one that was just made ready.
pub(super) fn pop_next(m: &Within) -> Option<NonNull<G>> {
    // SAFETY: `m` is the calling thread's, and so is the list.
    m.local.with_mut(|local| unsafe { (*local).take_next() })
}

/// Puts all that has come for `m`, and what would run next, behind the other Gs that are bound to it.
pub(super) fn fetch(m: &Within) {
    // SAFETY: `m` is the calling thread's, and so is the list.
    m.local.with_mut(|local| unsafe { (*local).fetch(&m.inbox) });
}

/// Puts `g` before the other Gs that are bound to `m`.
///
/// # Safety
///
/// `g` must be bound to `m`, runnable and in no queue.
#[inline(always)]
pub(super) unsafe fn push_next(m: &Within, g: NonNull<G>) {
    // SAFETY: `m` is the calling thread's, and so is the list; of `g` the caller says the rest.
    m.local.with_mut(|local| unsafe { (*local).push_next(g) });
}

/// Puts `g` behind the other Gs that are bound to `m`.
///
/// # Safety
///
/// As [`push_next`].
#[inline(always)]
pub(super) unsafe fn push_back(m: &Within, g: NonNull<G>) {
    // SAFETY: as in `push_next`.
    m.local.with_mut(|local| unsafe { (*local).push_back(g) });
}
