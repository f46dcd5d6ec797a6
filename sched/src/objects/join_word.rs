//! Values of a G's join word; other values are the address of the waiter that joins.

pub(crate) const DETACHED: usize = 1;

pub(crate) const DONE: usize = 2;
