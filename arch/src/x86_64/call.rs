//! Calls on another stack: `call_on`, `call_here`, `escape`.
//!
//! ```text
//!      the caller's stack                        the new stack
//!
//!      :  the caller's frame  :                  :                    :
//!      +----------------------+             sp ->+--------------------+
//!  +24 | pc after the block   |                  | return into block  |
//!  +16 | mark                 |                  +--------------------+
//!   +8 | rbp                  |<- rbp            :  frame of f        :
//!   +0 | rbx                  |<- *slot          :                    :
//!      +----------------------+
//!      :  free: the next base :
//! ```
//!
//! While `f` runs, rbp points at the saved rbp: `f` has to preserve it, so it leads back when
//! `f` returns. `*slot` is a multiple of 16, and nothing below it is live.
//!
//! The block saves rbx and rbp and declares all else clobbered. So it does not matter to the
//! compiler *how* the block comes to its end, once, with the value in rax: by the return of `f` or
//! by `escape`, which restores rbx and rbp from the frame and jumps to `pc`. There is no second
//! return, and none of what makes `setjmp` hazardous: the compiler keeps no value in a register
//! across the block that an escape would lose.
//!
//! # What an unwinder sees
//!
//! The `call` instruction sits in the middle of a function, on another stack, where that
//! function's unwind rule (often: "my frame is so many bytes above rsp") is wrong. So for the
//! length of the call the block replaces the rule:
//!
//! ```text
//!   f                                     on the new stack
//!   the caller, at the call instruction   a frame of no size at `sp`; its caller is found
//!                                         through rbp, in the words of the picture
//!   mark                                  a frame that only says: here the stack changes
//!   the caller, at the end of the block   rsp, rbx, rbp as there: the compiler's rule holds
//! ```
//!
//! So the caller is listed twice, with the mark between. The mark is there for debuggers: gdb
//! takes a frame whose caller lies *below* it for a corrupt stack, except where the frame is
//! that of a signal handler. The mark says that it is one. And a reader of a backtrace sees
//! where the stack changes. Of the two listings of the caller the outer one is to be asked for
//! local variables; the inner has another stack pointer.
//!
//! One thing is not exact: a profiler whose signal comes between the first push and the new rule
//! finds a stack that has grown by a few words unknown to the rule in force, and loses the
//! frames below. Nothing is called there, so no other reader can see it.
//!
//! Such rules can be written only inside a function that has unwind tables. With
//! `panic = "abort"` there may be none, and then a naked function with a rule of its own, [`thunk`],
//! makes the same frame. `call_here`, which is not hurried, always uses it.
//!
//! Measured, one call of an empty function, beside 1.35 ns for a plain indirect call: block 1.5,
//! thunk 2.45 (a second pair of `call` and `ret`), block that jumps to a call placed out of line
//! 1.9 to 2.1.

use core::arch::{asm, naked_asm};

use memoffset::offset_of;

use super::PUSHED;
use crate::{Call, Suspended};

/// What lies at `*slot`.
#[repr(C)]
struct Frame {
    rbx: usize,
    rbp: usize,
    mark: usize,
    pc: usize,
}

const FRAME: usize = size_of::<Frame>();
const RBX: usize = offset_of!(Frame, rbx);
const RBP: usize = offset_of!(Frame, rbp);
const MARK: usize = offset_of!(Frame, mark);
const PC: usize = offset_of!(Frame, pc);

// A multiple of 16 below the caller's aligned rsp is where the next base begins.
const _: () = assert!(FRAME.is_multiple_of(16));
// The words are pushed from the last to the first, one by one, and popped: no gap is between them.
const _: () = assert!(RBX == 0 && RBP == RBX + PUSHED && MARK == RBP + PUSHED);
const _: () = assert!(PC == MARK + PUSHED && FRAME == PC + PUSHED);

/// The control words that Rust code, and a process at its start, has: all exceptions masked,
/// round to nearest, denormals are numbers, the x87 computes with 64 bits. Kernels compiled without
/// floating point have none to set, and may have the unit turned off.
#[cfg(target_feature = "sse")]
static MXCSR: u32 = 0x1f80;
#[cfg(target_feature = "sse")]
static X87: u16 = 0x037f;

/// Returns the registers of the caller, as the picture has them.
pub(in super::super) fn caller(
    slot: usize,
    mut word: impl FnMut(usize) -> Option<usize>,
) -> Option<Suspended> {
    Some(Suspended {
        pc: word(slot.checked_add(PC)?)?,
        fp: word(slot.checked_add(RBP)?)?,
        sp: slot.checked_add(FRAME)?,
    })
}

/// Calls `f(arg)` with the stack pointer at `sp`.
#[cfg(panic = "unwind")]
#[inline(always)]
pub(in super::super) unsafe fn call_on(
    sp: *mut u8,
    f: Call,
    arg: *mut u8,
    slot: *mut *mut u8,
) -> usize {
    let result;
    // SAFETY: every register that `f`, or an escape out of it, may change is declared or saved
    // here, the block may touch memory, and both ways end at its end.
    unsafe {
        asm!(
            // rdi = arg, rsi = f, rdx = sp, rcx = slot, rsp aligned to 16
            "lea rax, [rip + 2f]",
            "push rax",
            "lea rax, [rip + {mark} + 1]",
            "push rax",
            "push rbp",
            "mov rbp, rsp",
            "push rbx",
            "mov [rcx], rsp",
            "and rdx, -16",
            // The rule of the picture. CFA = rsp once `f`'s return address is popped; the
            // registers are found by expressions over rbp, which points at `frame.rbp` (DWARF
            // numbers: rbx 3, rbp 6, rsp 7, return address 16; 0x10 "at the address", 0x16 "is the
            // value", 0x76 rbp + n, n in seven bits).
            ".cfi_remember_state",
            ".cfi_def_cfa rsp, 0",
            ".cfi_escape 0x10, 16, 2, 0x76, {MARK} - {RBP}",
            ".cfi_escape 0x16, 7, 2, 0x76, {PC} - {RBP}",
            ".cfi_escape 0x10, 6, 2, 0x76, 0",
            ".cfi_escape 0x10, 3, 2, 0x76, ({RBX} - {RBP}) & 0x7f",
            ".cfi_same_value r12",
            ".cfi_same_value r13",
            ".cfi_same_value r14",
            ".cfi_same_value r15",
            "mov rsp, rdx",
            // rdi = arg, rbp = &frame.rbp, rsp = new stack, aligned to 16
            "call rsi",
            // rax = result, rbp and rbx as before the call
            "lea rsp, [rbp + {FRAME} - {RBP}]",
            "mov rbp, [rbp]",
            ".cfi_restore_state",
            "2:",
            mark = sym mark,
            FRAME = const FRAME,
            RBX = const RBX,
            RBP = const RBP,
            MARK = const MARK,
            PC = const PC,
            inout("rdi") arg => _,
            inout("rsi") f => _,
            inout("rdx") sp => _,
            inout("rcx") slot => _,
            lateout("rax") result,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    result
}

/// Calls `f(arg)` with the stack pointer at `sp`.
#[cfg(not(panic = "unwind"))]
#[inline(always)]
pub(in super::super) unsafe fn call_on(
    sp: *mut u8,
    f: Call,
    arg: *mut u8,
    slot: *mut *mut u8,
) -> usize {
    let result;
    // SAFETY: every register that `f`, or an escape out of it, may change is declared here or
    // saved by `thunk`, the block may touch memory, and both ways end after the `call`.
    unsafe {
        asm!(
            // rdi = arg, rsi = f, rdx = sp, rcx = slot
            "call {thunk}",
            thunk = sym thunk,
            inout("rdi") arg => _,
            inout("rsi") f => _,
            inout("rdx") sp => _,
            inout("rcx") slot => _,
            lateout("rax") result,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    result
}

/// Calls `f(arg)` with the stack pointer at the lower end of the frame of the call itself.
#[inline(always)]
pub(in super::super) unsafe fn call_here(f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    let result;
    // SAFETY: as for `call_on` by `thunk`; what lies below rsp is free, for the block may push.
    unsafe {
        asm!(
            "lea rdx, [rsp - {FRAME}]",
            // rdi = arg, rsi = f, rdx = what `thunk` will write to *slot, rcx = slot
            "call {thunk}",
            FRAME = const FRAME,
            thunk = sym thunk,
            inout("rdi") arg => _,
            inout("rsi") f => _,
            inout("rcx") slot => _,
            lateout("rdx") _,
            lateout("rax") result,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    result
}

/// Makes the frame of the picture and calls. For callers without unwind tables.
///
/// It is its own mark: hence the signal frame. The word of the picture that would hold the mark's
/// address holds a second copy of the pc, so that chains of frame pointers read on.
#[unsafe(naked)]
unsafe extern "C" fn thunk() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_signal_frame",
        // rdi = arg, rsi = f, rdx = sp, rcx = slot, [rsp] = pc, CFA = the frame's upper end
        "push [rsp]",
        ".cfi_def_cfa_offset {FRAME} - {MARK}",
        "push rbp",
        ".cfi_def_cfa_offset {FRAME} - {RBP}",
        ".cfi_offset rbp, {RBP} - {FRAME}",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        ".cfi_offset rbx, {RBX} - {FRAME}",
        "mov [rcx], rsp",
        "and rdx, -16",
        "mov rsp, rdx",
        // rdi = arg, rbp = &frame.rbp, rsp = new stack, aligned to 16
        "call rsi",
        // rax = result, rbp and rbx as before the call
        "leave",
        ".cfi_def_cfa rsp, {FRAME} - {MARK}",
        ".cfi_restore rbp",
        ".cfi_restore rbx",
        "add rsp, {PC} - {MARK}",
        ".cfi_def_cfa_offset {FRAME} - {PC}",
        "ret",
        ".cfi_endproc",
        FRAME = const FRAME,
        RBX = const RBX,
        RBP = const RBP,
        MARK = const MARK,
        PC = const PC,
    )
}

/// Never run. An address in it, on the stack, tells unwinders that the stack changes here.
#[cfg(panic = "unwind")]
#[unsafe(naked)]
unsafe extern "C" fn mark() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_signal_frame",
        // [rsp] = pc. Unwinders take an address for one that a call returns to and look at the
        // byte before it; the frame holds this function's address plus one.
        "ud2",
        ".cfi_endproc",
    )
}

/// Ends the call whose frame is at `*slot`, with `value`.
#[inline(always)]
pub(in super::super) unsafe fn escape(slot: *mut *mut u8, value: usize) -> ! {
    // SAFETY: the caller vouches for the frame. It is left as `f`'s return would leave it.
    unsafe {
        asm!(
            // rdi = slot, rax = value
            "mov rsp, [rdi]",
            #[cfg(target_feature = "sse")]
            "ldmxcsr [rip + {MXCSR}]",
            #[cfg(target_feature = "sse")]
            "fldcw [rip + {X87}]",
            "pop rbx",
            "pop rbp",
            // Over the mark.
            "pop rcx",
            "pop rcx",
            // rsp, rbx, rbp = the caller's, rax = value
            "jmp rcx",
            #[cfg(target_feature = "sse")]
            MXCSR = sym MXCSR,
            #[cfg(target_feature = "sse")]
            X87 = sym X87,
            in("rdi") slot,
            in("rax") value,
            options(noreturn),
        )
    }
}
