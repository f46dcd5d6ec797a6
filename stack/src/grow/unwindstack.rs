//! Freeing segments whose frames are gone.

use core::ptr::NonNull;

use g0_arch::stack_pointer;

use super::{Here, Piece, kept, pieces};
use crate::Header;

/// Frees all segments of a task above the stack that holds `sp`, those in use and those kept. Returns that stack,
/// which is the present one from here on: the caller must set it, before the task runs again.
///
/// It is for a system that drops the frames beyond `sp` without unwinding them, and does so from its own stack. (Code
/// that jumps *within* a task need not: it sets the [present stack](Here::set_present) again that it has noted,
/// and what lies above is kept.)
///
/// # Panics
///
/// [`Here::fatal`] if it runs on a stack of the task itself, or if none of them holds `sp`.
///
/// # Safety
///
/// `present` must be the present stack of a task that does not run and that the caller has to itself. Nothing may
/// return to frames beyond `sp`. The caller must be where [`Here::source`] may be called.
pub unsafe fn unwindstack<H: Here>(present: NonNull<Header>, sp: *const u8) -> NonNull<Header> {
    // SAFETY: as the caller ensures.
    let stacks = unsafe { pieces(present) };
    if stacks.clone().any(|piece| piece.holds(stack_pointer())) {
        H::fatal(format_args!(
            "g0-stack: grow::unwindstack: called on a stack of the task itself: call it on the system's",
        ))
    }
    let Some(Piece { header, .. }) = stacks.clone().find(|piece| piece.holds(sp)) else {
        let count = stacks.count();
        H::fatal(format_args!(
            "g0-stack: grow::unwindstack: {sp:p} lies in none of the {count} stacks of the task",
        ))
    };
    // SAFETY: nothing returns to what is above; it came from the source of the tasks.
    unsafe { kept::free_above(header, &H::source()) };
    header
}
