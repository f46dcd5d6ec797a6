//! From the reset of the core to [`main`](crate::main), and what a fault prints.
//!
//! The core starts at exception level 1 with its translation off, where all memory counts as
//! device memory: there an unaligned access faults and an exclusive load and store, of which every
//! lock is made, need not work at all. So the first thing is an identity map of two blocks of
//! 1 GiB: the devices, and the RAM as ordinary cached memory.

use core::arch::{asm, global_asm};

/// One gigabyte each: devices (attribute 0, never executable), then RAM (attribute 1, inner
/// shareable). Bit 10 says "accessed"; without it the first use faults.
#[repr(C, align(4096))]
struct Blocks([u64; 512]);

static BLOCKS: Blocks = {
    const BLOCK: u64 = 1 | 1 << 10;
    let mut table = [0; 512];
    table[0] = BLOCK | 3 << 53;
    table[1] = (1 << 30) | BLOCK | 1 << 2 | 3 << 8;
    Blocks(table)
};

/// Attribute 0: device memory (nGnRnE). Attribute 1: normal, write-back.
const ATTRIBUTES: u64 = 0xff << 8;
/// 39 bits of addresses (so that the first level is the table of gigabytes), walks cached and
/// shareable, no second half.
const TRANSLATION: u64 = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 1 << 32;
/// Translation, data cache and instruction cache on.
const ENABLE: u64 = 1 | 1 << 2 | 1 << 12;

global_asm!(
    ".section .text.start, \"ax\"",
    ".globl _start",
    "_start:",
    // Floating point and NEON do not trap. The compiler uses them from the first function on.
    "mov  x0, #(3 << 20)",
    "msr  cpacr_el1, x0",
    "adrp x0, {vectors}",
    "add  x0, x0, :lo12:{vectors}",
    "msr  vbar_el1, x0",
    "adrp x0, {blocks}",
    "add  x0, x0, :lo12:{blocks}",
    "msr  ttbr0_el1, x0",
    "ldr  x0, ={attributes}",
    "msr  mair_el1, x0",
    "ldr  x0, ={translation}",
    "msr  tcr_el1, x0",
    "dsb  sy",
    "tlbi vmalle1",
    "dsb  nsh",
    "isb",
    "mrs  x0, sctlr_el1",
    "ldr  x1, ={enable}",
    "orr  x0, x0, x1",
    "msr  sctlr_el1, x0",
    "isb",
    // The zeroed memory, which an image does not carry.
    "adrp x0, __bss_start",
    "adrp x1, __bss_end",
    "0: cmp x0, x1",
    "b.hs 1f",
    "stp  xzr, xzr, [x0], #16",
    "b    0b",
    // This level's own stack pointer is for interrupts; all else runs on the other one, so that a
    // goroutine's stack needs no room for a handler.
    "1: adrp x0, __interrupts_top",
    "mov  sp, x0",
    "msr  spsel, #0",
    // The stack of this core, and no frame above the first.
    "adrp x0, __stack_top",
    "mov  sp, x0",
    "mov  x29, xzr",
    "mov  x30, xzr",
    "b    {main}",
    ".ltorg",
    vectors = sym vectors,
    blocks = sym BLOCKS,
    attributes = const ATTRIBUTES,
    translation = const TRANSLATION,
    enable = const ENABLE,
    main = sym crate::start,
);

/// Sixteen entries of 128 bytes. The second is for interrupts of this level while it runs on the
/// other stack pointer. Nothing here expects any other exception: each says what it was and ends the
/// machine with a status that is not zero.
#[unsafe(naked)]
unsafe extern "C" fn vectors() {
    core::arch::naked_asm!(
        ".balign 2048",
        "b {fault}",
        ".balign 128",
        "b {interrupt}",
        ".rept 14",
        ".balign 128",
        "b {fault}",
        ".endr",
        fault = sym fault,
        interrupt = sym crate::interrupts::entry,
    )
}

extern "C" fn fault() -> ! {
    let (why, place, address): (usize, usize, usize);
    // SAFETY: reading the three registers that describe the exception just taken.
    unsafe {
        asm!("mrs {}, esr_el1", "mrs {}, elr_el1", "mrs {}, far_el1",
            out(reg) why, out(reg) place, out(reg) address, options(nomem, nostack));
    }
    panic!("exception: syndrome {why:#x} at {place:#x}, address {address:#x}");
}
