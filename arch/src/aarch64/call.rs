//! Calls on another stack: `call_on`, `call_here`, `escape`.
//!
//! ```text
//!      the caller's stack                          the new stack
//!
//!      :  the caller's frame  :               sp ->+--------------------+
//!      +----------------------+                    :  frame of f        :
//!  +24 | -                    |                    :                    :
//!  +16 | x19                  |
//!   +8 | x30: after the block |
//!   +0 | x29                  |<- *slot, x29
//!      +----------------------+
//!      :  free: the next base :
//! ```
//!
//! The block is one `bl` to [`thunk`], which makes this frame, and declares everything clobbered but
//! x19 and x29. While `f` runs, x29 points at the frame: `f` has to preserve it, so it leads back
//! when `f` returns. The compiler sees one way out of the block, the instruction after `bl`; that
//! `escape` comes there too, with x19 and x29 restored from the frame, makes no difference to it.
//!
//! The unwind rule of the thunk finds its frame through x29, so unwinders cross; it is marked as a
//! signal frame because a debugger takes a frame whose caller lies below it for a corrupt stack,
//! except there.
//!
//! (On x86_64 the block makes the frame and calls by itself, which saves 1 ns. Here it would
//! gain less: `bl` does not write to memory.)

use core::arch::{asm, naked_asm};

use memoffset::offset_of;

use super::REGISTER;
use crate::{Call, Suspended};

/// What lies at `*slot`.
#[repr(C, align(16))]
struct Frame {
    x29: usize,
    x30: usize,
    x19: usize,
}

const FRAME: usize = size_of::<Frame>();
const X29: usize = offset_of!(Frame, x29);
const X30: usize = offset_of!(Frame, x30);
const X19: usize = offset_of!(Frame, x19);

// x29 and x30 are a pair, stored and loaded where the frame begins.
const _: () = assert!(X29 == 0 && X30 == X29 + REGISTER);

/// Returns the registers of the caller, as the picture has them.
pub(in super::super) fn caller(
    slot: usize,
    mut word: impl FnMut(usize) -> Option<usize>,
) -> Option<Suspended> {
    Some(Suspended {
        pc: word(slot.checked_add(X30)?)?,
        fp: word(slot.checked_add(X29)?)?,
        sp: slot.checked_add(FRAME)?,
    })
}

/// Calls `f(arg)` with the stack pointer at `sp`.
#[inline(always)]
pub(in super::super) unsafe fn call_on(
    sp: *mut u8,
    f: Call,
    arg: *mut u8,
    slot: *mut *mut u8,
) -> usize {
    let result;
    // SAFETY: every register that `f`, or an escape out of it, may change is declared here or
    // saved by `thunk`, the block may touch memory, and both ways end after the `bl`.
    unsafe {
        asm!(
            // x0 = arg, x1 = f, x2 = sp, x3 = slot
            "bl {thunk}",
            thunk = sym thunk,
            inout("x0") arg => result,
            inout("x1") f => _,
            inout("x2") sp => _,
            inout("x3") slot => _,
            lateout("x20") _,
            lateout("x21") _,
            lateout("x22") _,
            lateout("x23") _,
            lateout("x24") _,
            lateout("x25") _,
            lateout("x26") _,
            lateout("x27") _,
            lateout("x28") _,
            clobber_abi("C"),
        );
    }
    result
}

/// Calls `f(arg)` with the stack pointer at the lower end of the frame of the call itself.
#[inline(always)]
pub(in super::super) unsafe fn call_here(f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    let result;
    // SAFETY: as for `call_on`; what lies below sp is free, for the block may push.
    unsafe {
        asm!(
            "sub x2, sp, {FRAME}",
            // x0 = arg, x1 = f, x2 = what `thunk` will write to *slot, x3 = slot
            "bl {thunk}",
            FRAME = const FRAME,
            thunk = sym thunk,
            inout("x0") arg => result,
            inout("x1") f => _,
            inout("x3") slot => _,
            lateout("x2") _,
            lateout("x20") _,
            lateout("x21") _,
            lateout("x22") _,
            lateout("x23") _,
            lateout("x24") _,
            lateout("x25") _,
            lateout("x26") _,
            lateout("x27") _,
            lateout("x28") _,
            clobber_abi("C"),
        );
    }
    result
}

/// Makes the frame of the picture and calls.
#[unsafe(naked)]
unsafe extern "C" fn thunk() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_signal_frame",
        // x0 = arg, x1 = f, x2 = sp, x3 = slot, x30 = after the block
        "stp x29, x30, [sp, #-{FRAME}]!",
        ".cfi_def_cfa_offset {FRAME}",
        ".cfi_offset x29, {X29} - {FRAME}",
        ".cfi_offset x30, {X30} - {FRAME}",
        "str x19, [sp, #{X19}]",
        ".cfi_offset x19, {X19} - {FRAME}",
        "mov x29, sp",
        ".cfi_def_cfa_register x29",
        "str x29, [x3]",
        "and x2, x2, #-16",
        "mov sp, x2",
        // x0 = arg, x29 = &frame, sp = new stack, aligned to 16
        "blr x1",
        // x0 = result, x29 and x19 as before the call
        "mov sp, x29",
        ".cfi_def_cfa_register sp",
        "ldp x29, x30, [sp], #{FRAME}",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore x19",
        ".cfi_restore x29",
        ".cfi_restore x30",
        "ret",
        ".cfi_endproc",
        FRAME = const FRAME,
        X29 = const X29,
        X30 = const X30,
        X19 = const X19,
    )
}

/// Ends the call whose frame is at `*slot`, with `value`.
#[inline(always)]
pub(in super::super) unsafe fn escape(slot: *mut *mut u8, value: usize) -> ! {
    // SAFETY: the caller vouches for the frame. It is left as `f`'s return would leave it.
    unsafe {
        asm!(
            // x0 = value, x1 = slot
            "ldr x1, [x1]",
            // Kernels compiled without floating point may have the unit turned off.
            #[cfg(target_feature = "neon")]
            "msr fpcr, xzr",
            "ldr x19, [x1, #{X19}]",
            "ldp x29, x30, [x1]",
            "add sp, x1, #{FRAME}",
            // sp, x19, x29 = the caller's, x0 = value
            "br x30",
            FRAME = const FRAME,
            X19 = const X19,
            in("x1") slot,
            in("x0") value,
            options(noreturn),
        )
    }
}
