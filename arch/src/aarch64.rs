//! aarch64, AAPCS64.

use core::arch::{asm, naked_asm};

use crate::{Call, Context, Entry};

/// Words of a suspended context, from its stack pointer upwards.
#[repr(C)]
struct Saved {
    x29: usize,
    pc: usize,
    x19: usize,
    data: *mut u8,
}

/// `call_on`'s frame on the old stack, from `*slot` upwards.
#[repr(C)]
struct Frame {
    x29: usize,
    x30: usize,
    x19: usize,
    fpcr: usize,
}

const FRAME: usize = size_of::<Frame>();

pub(super) unsafe fn init(top: *mut u8, entry: Entry, data: *mut u8) -> Context {
    let top = top.map_addr(|a| a & !15);
    let saved = top.wrapping_sub(size_of::<Saved>()).cast::<Saved>();
    // SAFETY: the caller gave us the bytes below `top`.
    unsafe {
        saved.write(Saved { x29: 0, pc: start as *const () as usize, x19: entry as usize, data });
    }
    Context(saved.cast())
}

#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined x30",
        "ldr x1, [sp, #-8]",
        "blr x19",
        "brk #1",
        ".cfi_endproc",
    )
}

#[inline(always)]
pub(super) unsafe fn switch(from: *mut Context, to: Context, value: usize) -> usize {
    let result;
    // SAFETY: every register that the other side may change is declared or saved here.
    unsafe {
        asm!(
            "adr x9, 2f",
            "stp x29, x9, [sp, #-32]!",
            "str x19, [sp, #16]",
            "mov x9, sp",
            "str x9, [x1]",
            "ldp x29, x9, [x2]",
            "ldr x19, [x2, #16]",
            "add sp, x2, #32",
            "br x9",
            "2:",
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

#[inline(always)]
pub(super) unsafe fn call_on(sp: *mut u8, f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    let result;
    // SAFETY: every register that `f`, or an escape out of it, may change is declared here.
    unsafe {
        asm!(
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

#[inline(always)]
pub(super) unsafe fn call_here(f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    let result;
    // SAFETY: as in `call_on`; the new stack pointer is the one that `thunk` will have.
    unsafe {
        asm!(
            "sub x2, sp, {FRAME}",
            "bl {thunk}",
            thunk = sym thunk,
            FRAME = const FRAME,
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

#[unsafe(naked)]
unsafe extern "C" fn thunk() {
    naked_asm!(
        ".cfi_startproc",
        "stp x29, x30, [sp, #-32]!",
        ".cfi_def_cfa_offset 32",
        ".cfi_offset x29, -32",
        ".cfi_offset x30, -24",
        "mov x29, sp",
        ".cfi_def_cfa_register x29",
        "mrs x9, fpcr",
        "stp x19, x9, [sp, #16]",
        ".cfi_offset x19, -16",
        "str x29, [x3]",
        "and x2, x2, #-16",
        "mov sp, x2",
        "blr x1",
        "mov sp, x29",
        "ldp x29, x30, [sp], #32",
        ".cfi_def_cfa sp, 0",
        ".cfi_restore x29",
        ".cfi_restore x30",
        "ret",
        ".cfi_endproc",
    )
}

#[inline(always)]
pub(super) unsafe fn escape(slot: *mut *mut u8, value: usize) -> ! {
    // SAFETY: the caller vouches for the frame; what follows undoes `thunk`.
    unsafe {
        asm!(
            "ldr x1, [x1]",
            "ldp x19, x9, [x1, #16]",
            "msr fpcr, x9",
            "ldp x29, x30, [x1]",
            "add sp, x1, #32",
            "br x30",
            in("x1") slot,
            in("x0") value,
            options(noreturn),
        )
    }
}

#[inline(always)]
pub(super) fn stack_pointer() -> *mut u8 {
    let sp;
    // SAFETY: it reads a register.
    unsafe { asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}
