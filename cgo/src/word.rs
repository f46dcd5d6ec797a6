//! Values small enough to come back in a register.
//!
//! A base whose value has the size of a machine's integer returns it as one, so that the compiler
//! can end the base with a jump to the C function. `call_on` sees the register as a `usize`; what
//! the value left of it is not looked at.

use core::mem::{self, MaybeUninit};
use core::ptr;

/// The function that `call_on` runs, before its result is called a number.
pub(crate) type Base<W> = unsafe extern "C" fn(*mut u8) -> MaybeUninit<W>;

/// Returns whether a `T` comes back in the register. Known when compiled: the other way leaves no code.
pub(crate) const fn fits<T>() -> bool {
    matches!(size_of::<T>(), 0 | 1 | 2 | 4) || size_of::<T>() == size_of::<usize>()
}

/// Returns a value as the integer of its size. To drop that is to leak the value.
#[inline(always)]
pub(crate) fn pack<T, W>(value: T) -> MaybeUninit<W> {
    let mut word = MaybeUninit::<W>::uninit();
    if size_of::<T>() <= size_of::<W>() {
        // SAFETY: it fits, and the write asks for no alignment.
        unsafe { word.as_mut_ptr().cast::<T>().write_unaligned(value) }
    }
    word
}

/// Takes out and returns what `pack` put in.
///
/// # Safety
///
/// `word` must be the result of a `call_on` whose base gave `pack::<T, W>(..)` of a `T` that [`fits`],
/// `W` being the integer of its size, and it must be taken out once only.
#[inline(always)]
pub(crate) unsafe fn unpack<T>(word: usize) -> T {
    // SAFETY: the sizes are equal, and the bytes are those of the value. The assembly between the
    // two sides hands on an address and nothing else: it stands for exposing the pointers in it.
    unsafe {
        match size_of::<T>() {
            0 => mem::transmute_copy(&()),
            1 => mem::transmute_copy(&(word as u8)),
            2 => mem::transmute_copy(&(word as u16)),
            n if n == size_of::<usize>() => {
                mem::transmute_copy(&ptr::with_exposed_provenance_mut::<u8>(word))
            }
            _ => mem::transmute_copy(&(word as u32)),
        }
    }
}
