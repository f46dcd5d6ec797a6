//! Fresh and suspended contexts: `init`, `start`, `switch`.
//!
//! A context is a stack pointer with three words above it, and a fourth that keeps it aligned.
//!
//! ```text
//!          suspended                     fresh                     in `entry`
//!
//!     :  frames of the    :       :                  :       :                  :
//!     :  suspended code   :  top->+------------------+  top->+------------------+<- sp
//!     +-------------------+   +24 | -                |       :  entry's frame   :
//! +24 | -                 |   +16 | entry    (x19)   |       :                  :
//! +16 | x19               |    +8 | start    (pc)    |
//!  +8 | pc in switch      |    +0 | data     (x29)   |<- sp
//!  +0 | x29               |<- sp  +------------------+
//!     +-------------------+       :  unused          :
//!     :  unused           :
//! ```
//!
//! The words are loaded before the jump. So at the address that is stored as `pc` the registers
//! are those of the suspended function itself and the compiler's own unwind tables hold: a debugger
//! starts from `x29 = [sp]`, `pc = [sp + 8]`, `x19 = [sp + 16]`, and `sp + 32`. A fresh
//! context has the same shape; its x19 and x29 carry `entry` and `data` into `start`.

use core::arch::{asm, naked_asm};

use memoffset::offset_of;

use super::{REGISTER, align};
use crate::{Context, Entry, Suspended};

/// What lies at a context's stack pointer.
#[repr(C, align(16))]
struct Saved {
    x29: usize,
    pc: usize,
    x19: usize,
}

const SAVED: usize = size_of::<Saved>();
const X29: usize = offset_of!(Saved, x29);
const PC: usize = offset_of!(Saved, pc);
const X19: usize = offset_of!(Saved, x19);

// x29 and the pc are a pair, stored and loaded where the record begins.
const _: () = assert!(X29 == 0 && PC == X29 + REGISTER);
// A `str` of the stack pointer stores all of it.
const _: () = assert!(size_of::<Context>() == REGISTER);

/// Writes a fresh context below `top`.
#[inline]
pub(in super::super) unsafe fn init(top: *mut u8, entry: Entry, data: *mut u8) -> Context {
    let sp = align(top).wrapping_sub(SAVED);
    let pc = start as *const () as usize;
    let saved = Saved { x29: data.expose_provenance(), pc, x19: entry as usize };
    // SAFETY: the caller has given the bytes below `top`; they are aligned to 16.
    unsafe { sp.cast::<Saved>().write(saved) };
    Context(sp)
}

/// Returns the registers of the suspended code, as the picture has them.
pub(in super::super) fn suspended(
    sp: usize,
    mut word: impl FnMut(usize) -> Option<usize>,
) -> Option<Suspended> {
    Some(Suspended {
        pc: word(sp.checked_add(PC)?)?,
        fp: word(sp.checked_add(X29)?)?,
        sp: sp.checked_add(SAVED)?,
    })
}

/// A fresh context begins here. It has no caller, and tells unwinders so.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined x30",
        // x0 = value of the switch, x19 = entry, x29 = data, sp = top
        "mov x1, x29",
        // Chains of frame pointers end here as well.
        "mov x29, xzr",
        "mov x30, xzr",
        // x0 = value, x1 = data
        "blr x19",
        "brk #1",
        ".cfi_endproc",
    )
}

/// Leaves the running context in `*from` and goes on with `to`.
#[inline(always)]
pub(in super::super) unsafe fn switch(from: *mut Context, to: Context, value: usize) -> usize {
    let result;
    // SAFETY: every register that the other side may change is declared or saved here, the block
    // may touch memory, and it is left where the compiler expects: at its end.
    unsafe {
        asm!(
            // x0 = value, x1 = from, x2 = to
            "adr x9, 2f",
            "stp x29, x9, [sp, #-{SAVED}]!",
            "str x19, [sp, #{X19}]",
            "mov x9, sp",
            // The three words are there: the context is complete.
            "str x9, [x1]",
            "ldp x29, x9, [x2]",
            "ldr x19, [x2, #{X19}]",
            // What follows runs on the other stack.
            "add sp, x2, #{SAVED}",
            // sp, x19, x29 = the other side's, x0 = value; to its label 2, or to `start`
            "br x9",
            "2:",
            SAVED = const SAVED,
            X19 = const X19,
            inout("x0") value => result,
            inout("x1") from => _,
            inout("x2") to.0 => _,
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
