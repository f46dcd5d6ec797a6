//! The five functions that compiled code calls by name for copies, fills and comparisons.
//!
//! The copies are single string instructions and the comparison reads volatile, because a loop
//! over bytes is what the compiler turns into a call of the very function it stands in.

use core::arch::asm;

/// # Safety
/// C's contract of `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's ranges are valid; the direction flag is clear in every C function.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") len => _,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// C's contract of `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // Going forward is wrong only when `to` begins inside `from`.
    if to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: as the caller promised, and forward is right here.
        return unsafe { memcpy(to, from, len) };
    }
    // SAFETY: the ranges are valid and begin at the same place or `len` is at least 1, so the
    // last byte of each is inside it; the direction flag is clear again at the end.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rdi") to.wrapping_add(len).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(len).wrapping_sub(1) => _, inout("rcx") len => _,
            options(nostack));
    }
    to
}

/// # Safety
/// C's contract of `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's range is valid; the direction flag is clear in every C function.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, in("al") byte as u8, inout("rcx") len => _,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// C's contract of `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    for i in 0..len {
        // SAFETY: `i` is below the length for which both pointers are valid.
        let (x, y) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
    }
    0
}

/// # Safety
/// C's contract of `bcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the contract is the same.
    unsafe { memcmp(a, b, len) }
}
