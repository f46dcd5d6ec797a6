//! Which idle stacks give their pages back.
//!
//! A stack that lies on a free list through two sweeps has its pages released by the second; one
//! that came and went in between has not, because its age starts again whenever it is freed. So a
//! sweep every few seconds takes nothing from stacks that are in steady use, needs no clock, and
//! releases each idle stack once.

use crate::StackSource;
use crate::list::List;

/// Put on the list since the last sweep.
const NEW: u8 = 0;
/// Seen by one sweep.
const SEEN: u8 = 1;
/// Pages given back.
const RELEASED: u8 = 2;

/// Ages every stack of the list; returns how many were released.
pub(crate) fn sweep(list: &List, source: &impl StackSource) -> usize {
    let mut released = 0;
    for header in list.iter() {
        match header.age.get() {
            NEW => header.age.set(SEEN),
            SEEN => {
                header.age.set(RELEASED);
                // SAFETY: a stack on a free list is owned by it and has no live frame.
                unsafe { source.release_pages(header) };
                released += 1;
            }
            _ => {}
        }
    }
    released
}

/// Releases every stack of the list that has not been released since it was put on a list.
pub(crate) fn release(list: &List, source: &impl StackSource) {
    for header in list.iter() {
        if header.age.replace(RELEASED) != RELEASED {
            // SAFETY: a stack on a free list is owned by it and has no live frame.
            unsafe { source.release_pages(header) };
        }
    }
}
