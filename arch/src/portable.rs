//! What stands in for the assembly where there is none: enough for the threads backend.

use crate::{Arch, Call, Threads};

/// [`Arch::call_on`] on the present stack.
///
/// # Safety
///
/// As for [`Arch::call_on`], except that there is no `sp`.
#[inline]
pub unsafe fn call_here(f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    // SAFETY: the contract is handed through; the backend does not look at the stack pointer.
    unsafe { Threads::call_on(core::ptr::null_mut(), f, arg, slot) }
}

/// Returns the stack pointer of the calling function, near enough: for bounds checks and reports.
#[inline(always)]
pub fn stack_pointer() -> *mut u8 {
    let here = 0_u8;
    core::ptr::without_provenance_mut((&raw const here).addr())
}
