//! Values of a G's join word.
//!
//! | value | says |
//! |---|---|
//! | 0 | no joiner waits, and the handle is there |
//! | [`DETACHED`] | the handle is gone |
//! | [`DONE`] | the goroutine has ended |
//! | an address, marked | this waiter joins: a goroutine of the same scheduler |
//! | an address | this waiter joins: a thread that is no M, or a goroutine of another scheduler |
//!
//! A waiter of the same scheduler waits until it is woken, unless that scheduler ends. A stranger may leave at
//! any time, for its own scheduler may end: so nothing is read of it before the word has been swapped, and it is
//! never switched to (L1).

use core::ptr;

use super::waiter::Waiter;

pub(crate) const DETACHED: usize = 1;

pub(crate) const DONE: usize = 2;

/// Beside the address of a waiter that is of the same scheduler. One bit, and no other value has it: the end of
/// a goroutine finds its joiner by one test.
const OWN: usize = 4;

const _: () = assert!(align_of::<Waiter>() > OWN);

/// Returns the word that says that `waiter` joins, which is of the same scheduler if `own`.
#[inline(always)]
pub(crate) fn joined_by(waiter: *const Waiter, own: bool) -> usize {
    waiter.expose_provenance() + OWN * usize::from(own)
}

/// Returns the waiter in `word`; none if it is a stranger, or there is none.
#[inline(always)]
pub(crate) fn own_joiner(word: usize) -> Option<*const Waiter> {
    (word & OWN != 0).then(|| ptr::with_exposed_provenance(word - OWN))
}

/// Returns the waiter in `word`, which must hold one, a stranger or not.
pub(crate) fn joiner(word: usize) -> *const Waiter {
    ptr::with_exposed_provenance(word & !OWN)
}
