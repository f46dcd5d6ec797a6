//! Fresh and suspended contexts: `init`, `start`, `switch`.
//!
//! A context is a stack pointer with three words above it.
//!
//! ```text
//!          suspended                     fresh                     in `entry`
//!
//!     :  frames of the    :       :                  :       :                  :
//!     :  suspended code   :  top->+------------------+  top->+------------------+
//!     +-------------------+   +16 | data     (rbp)   |       | return into start|
//! +16 | rbp               |    +8 | entry    (rbx)   |       |                  |<- rsp
//!  +8 | rbx               |    +0 | start    (pc)    |<- sp  :  entry's frame   :
//!  +0 | pc in switch      |<- sp  +------------------+
//!     +-------------------+       :  unused          :
//!     :  unused           :
//! ```
//!
//! A switch pops the three of the other side *before* it jumps. So at the address that is stored
//! as `pc` the registers are those of the suspended function itself, nothing of the switch is on
//! its stack, and the compiler's own unwind tables hold: a debugger that wants the backtrace of a
//! suspended context starts from `pc = [sp]`, `rbx = [sp + 8]`, `rbp = [sp + 16]`,
//! `rsp = sp + 24`. The price is a fresh context of the same shape, whose rbx and rbp carry
//! `entry` and `data` into `start`.

use core::arch::{asm, naked_asm};

use memoffset::offset_of;

use super::{PUSHED, align};
use crate::{Context, Entry, Suspended};

/// What lies at a context's stack pointer.
#[repr(C)]
struct Saved {
    pc: usize,
    rbx: usize,
    rbp: usize,
}

// The words are pushed from the last to the first, one by one, and popped: no gap is between them.
const _: () = assert!(offset_of!(Saved, pc) == 0);
const _: () = assert!(offset_of!(Saved, rbx) == PUSHED);
const _: () = assert!(offset_of!(Saved, rbp) == 2 * PUSHED);
const _: () = assert!(size_of::<Saved>() == 3 * PUSHED);
// A `mov` of rsp stores all of it.
const _: () = assert!(size_of::<Context>() == 8);

/// Writes a fresh context below `top`.
#[inline]
pub(in super::super) unsafe fn init(top: *mut u8, entry: Entry, data: *mut u8) -> Context {
    let sp = align(top).wrapping_sub(size_of::<Saved>());
    let pc = start as *const () as usize;
    let saved = Saved { pc, rbx: entry as usize, rbp: data.expose_provenance() };
    // SAFETY: the caller has given the bytes below `top`; aligned to 16, less 24, they are
    // aligned for words.
    unsafe { sp.cast::<Saved>().write(saved) };
    Context(sp)
}

/// Returns the registers of the suspended code, as the picture has them.
pub(in super::super) fn suspended(
    sp: usize,
    mut word: impl FnMut(usize) -> Option<usize>,
) -> Option<Suspended> {
    Some(Suspended {
        pc: word(sp.checked_add(offset_of!(Saved, pc))?)?,
        fp: word(sp.checked_add(offset_of!(Saved, rbp))?)?,
        sp: sp.checked_add(size_of::<Saved>())?,
    })
}

/// A fresh context begins here. It has no caller, and tells unwinders so.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        // rbx = entry, rbp = data, rdx = value of the switch, rsp = top
        "mov rdi, rdx",
        "mov rsi, rbp",
        // Chains of frame pointers end here as well.
        "xor ebp, ebp",
        // rdi = value, rsi = data, rsp aligned to 16
        "call rbx",
        "ud2",
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
            // rdi = from, rsi = to, rdx = value
            "lea rax, [rip + 2f]",
            "push rbp",
            "push rbx",
            "push rax",
            // The three words are there: the context is complete.
            "mov [rdi], rsp",
            // What follows runs on the other stack.
            "mov rsp, rsi",
            "pop rax",
            "pop rbx",
            "pop rbp",
            // rsp, rbx, rbp = the other side's, rdx = value; to its label 2, or to `start`
            "jmp rax",
            "2:",
            inout("rdi") from => _,
            inout("rsi") to.0 => _,
            inout("rdx") value => result,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    result
}
