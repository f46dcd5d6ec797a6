//! Freeing segments whose frames are gone.

use core::ptr::NonNull;

use super::Here;
use crate::Header;

/// Frees all segments of a task above the stack that holds `sp`, kept ones too, and returns this stack, which is the
/// present one from here on: the caller must set it. For one who drops the frames above `sp` without unwinding.
///
/// Fatal ([`Here::fatal`]) if it is called on a stack of the task itself, or if `sp` lies in none of them.
///
/// # Safety
/// `present` must be the present stack of a task that does not run; nothing may return to frames above `sp`; and the
/// caller must be where [`Here::source`] may be called.
pub unsafe fn unwindstack<H: Here>(present: NonNull<Header>, sp: *const u8) -> NonNull<Header> {
    let _ = (present, sp);
    todo!()
}
