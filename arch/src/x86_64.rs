//! x86_64, System V.

use core::arch::{asm, naked_asm};

use crate::{Call, Context, Entry};

/// Words of a fresh context, from its stack pointer upwards.
#[repr(C)]
struct Fresh {
    pc: usize,
    entry: usize,
    data: *mut u8,
}

/// `call_on`'s frame on the old stack, from `*slot` upwards.
#[repr(C)]
struct Frame {
    mxcsr: u32,
    x87: u32,
    rbx: usize,
    rbp: usize,
    pc: usize,
}

const FRAME: usize = size_of::<Frame>();

pub(super) unsafe fn init(top: *mut u8, entry: Entry, data: *mut u8) -> Context {
    let top = top.map_addr(|a| a & !15);
    let fresh = top.wrapping_sub(size_of::<Fresh>()).cast::<Fresh>();
    // SAFETY: the caller gave us the bytes below `top`.
    unsafe {
        fresh.write(Fresh { pc: start as *const () as usize, entry: entry as usize, data });
    }
    Context(fresh.cast())
}

#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "pop rax",
        "pop rsi",
        "mov rdi, rdx",
        "xor ebp, ebp",
        "call rax",
        "ud2",
        ".cfi_endproc",
    )
}

#[inline(always)]
pub(super) unsafe fn switch(from: *mut Context, to: Context, value: usize) -> usize {
    let result;
    // SAFETY: every register that the other side may change is declared or saved here.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "push rbp",
            "push rbx",
            "push rax",
            "mov [rdi], rsp",
            "mov rsp, rsi",
            "pop rax",
            "jmp rax",
            "2:",
            "pop rbx",
            "pop rbp",
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

#[inline(always)]
pub(super) unsafe fn call_on(sp: *mut u8, f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    let result;
    // SAFETY: every register that `f`, or an escape out of it, may change is declared here.
    unsafe {
        asm!(
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

#[inline(always)]
pub(super) unsafe fn call_here(f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    let result;
    // SAFETY: as in `call_on`; the new stack pointer is the one that `thunk` will have.
    unsafe {
        asm!(
            "lea rdx, [rsp - {FRAME}]",
            "call {thunk}",
            thunk = sym thunk,
            FRAME = const FRAME,
            inout("rdi") arg => _,
            inout("rsi") f => _,
            lateout("rdx") _,
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

#[unsafe(naked)]
unsafe extern "C" fn thunk() {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        ".cfi_offset rbx, -24",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rcx], rsp",
        "and rdx, -16",
        "mov rsp, rdx",
        "call rsi",
        "leave",
        ".cfi_def_cfa rsp, 8",
        ".cfi_restore rbp",
        "ret",
        ".cfi_endproc",
    )
}

#[inline(always)]
pub(super) unsafe fn escape(slot: *mut *mut u8, value: usize) -> ! {
    // SAFETY: the caller vouches for the frame; what follows undoes `thunk`.
    unsafe {
        asm!(
            "mov rsp, [rdi]",
            "ldmxcsr [rsp]",
            "fldcw [rsp + 4]",
            "add rsp, 8",
            "pop rbx",
            "pop rbp",
            "pop rcx",
            "jmp rcx",
            in("rdi") slot,
            in("rax") value,
            options(noreturn),
        )
    }
}

#[inline(always)]
pub(super) fn stack_pointer() -> *mut u8 {
    let sp;
    // SAFETY: it reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}
