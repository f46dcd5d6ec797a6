//! The core's one interrupt, that of its timer: from the vector to the handler and back.
//!
//! The handler has a stack of its own (see `boot.rs`), so whoever runs on that is in it.

use core::arch::{asm, naked_asm};

use crate::alarm;
use crate::platform::counter_at;

/// The interrupt controller, a GICv2: its distributor and this core's side of it.
const DISTRIBUTOR: usize = 0x0800_0000;
const INTERFACE: usize = 0x0801_0000;
/// The virtual timer's number.
const TIMER: u32 = 27;

/// Lets the timer's interrupt through.
pub fn init() {
    const CONTROL: usize = 0;
    const SET_ENABLE: usize = 0x100;
    const LOWEST_PRIORITY: usize = 4;
    // SAFETY: the controller's registers, mapped as device memory; what is asked for is handled.
    unsafe {
        register(DISTRIBUTOR, SET_ENABLE).write_volatile(1 << TIMER);
        register(DISTRIBUTOR, CONTROL).write_volatile(1);
        register(INTERFACE, LOWEST_PRIORITY).write_volatile(0xff);
        register(INTERFACE, CONTROL).write_volatile(1);
    }
    unmask();
}

fn register(base: usize, offset: usize) -> *mut u32 {
    core::ptr::with_exposed_provenance_mut(base + offset)
}

/// Whether the caller is the handler.
#[inline(always)]
pub fn in_handler() -> bool {
    let own_stack_pointer: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, spsel", out(reg) own_stack_pointer, options(nomem, nostack)) };
    own_stack_pointer != 0
}

/// No interrupt from here on; whether they were on. No option says `nomem`: what follows stays behind.
#[inline(always)]
pub fn mask() -> bool {
    let before: u64;
    // SAFETY: the handler is all that can interrupt, and it waits.
    unsafe { asm!("mrs {}, daif", "msr daifset, #2", out(reg) before, options(nostack)) };
    before & 1 << 7 == 0
}

/// Interrupts from here on.
#[inline(always)]
pub fn unmask() {
    // SAFETY: the handler keeps to what handlers may do.
    unsafe { asm!("msr daifclr, #2", options(nostack)) };
}

/// The timer interrupts at `deadline`, nanoseconds, and not before; never, if that is the end of time.
/// Interrupts are off.
pub fn interrupt_at(deadline: u64) {
    let enabled = u64::from(deadline != u64::MAX);
    // SAFETY: the timer is ours.
    unsafe {
        asm!("msr cntv_cval_el0, {}", "msr cntv_ctl_el0, {}", "isb",
            in(reg) counter_at(deadline), in(reg) enabled, options(nomem, nostack));
    }
}

/// Waits for an interrupt, which is handled when they are on again: so none comes in between.
pub fn wait() {
    // SAFETY: an interrupt ends the wait, though it is masked.
    unsafe { asm!("dsb sy", "wfi", options(nostack)) };
}

extern "C" fn handle() {
    const ACKNOWLEDGE: usize = 0xc;
    const END: usize = 0x10;
    // SAFETY: this core's side of the controller.
    let which = unsafe { register(INTERFACE, ACKNOWLEDGE).read_volatile() };
    if which & 0x3ff == TIMER {
        // It asks for as long as its time has passed: so this comes before the end.
        alarm::ring();
    }
    // SAFETY: the one that was acknowledged.
    unsafe { register(INTERFACE, END).write_volatile(which) };
}

/// Saves what a function may change and the interrupted code has not saved itself: all of the vector
/// registers too, of which functions keep lower halves only.
#[unsafe(naked)]
pub unsafe extern "C" fn entry() {
    naked_asm!(
        // sp = the handlers' stack
        "sub  sp, sp, #688",
        "stp  x0, x1, [sp, #0]",
        "stp  x2, x3, [sp, #16]",
        "stp  x4, x5, [sp, #32]",
        "stp  x6, x7, [sp, #48]",
        "stp  x8, x9, [sp, #64]",
        "stp  x10, x11, [sp, #80]",
        "stp  x12, x13, [sp, #96]",
        "stp  x14, x15, [sp, #112]",
        "stp  x16, x17, [sp, #128]",
        "stp  x18, x30, [sp, #144]",
        "mrs  x0, fpsr",
        "str  x0, [sp, #160]",
        "stp  q0, q1, [sp, #176]",
        "stp  q2, q3, [sp, #208]",
        "stp  q4, q5, [sp, #240]",
        "stp  q6, q7, [sp, #272]",
        "stp  q8, q9, [sp, #304]",
        "stp  q10, q11, [sp, #336]",
        "stp  q12, q13, [sp, #368]",
        "stp  q14, q15, [sp, #400]",
        "stp  q16, q17, [sp, #432]",
        "stp  q18, q19, [sp, #464]",
        "stp  q20, q21, [sp, #496]",
        "stp  q22, q23, [sp, #528]",
        "stp  q24, q25, [sp, #560]",
        "stp  q26, q27, [sp, #592]",
        "stp  q28, q29, [sp, #624]",
        "stp  q30, q31, [sp, #656]",
        "bl   {handle}",
        "ldp  q0, q1, [sp, #176]",
        "ldp  q2, q3, [sp, #208]",
        "ldp  q4, q5, [sp, #240]",
        "ldp  q6, q7, [sp, #272]",
        "ldp  q8, q9, [sp, #304]",
        "ldp  q10, q11, [sp, #336]",
        "ldp  q12, q13, [sp, #368]",
        "ldp  q14, q15, [sp, #400]",
        "ldp  q16, q17, [sp, #432]",
        "ldp  q18, q19, [sp, #464]",
        "ldp  q20, q21, [sp, #496]",
        "ldp  q22, q23, [sp, #528]",
        "ldp  q24, q25, [sp, #560]",
        "ldp  q26, q27, [sp, #592]",
        "ldp  q28, q29, [sp, #624]",
        "ldp  q30, q31, [sp, #656]",
        "ldr  x0, [sp, #160]",
        "msr  fpsr, x0",
        "ldp  x2, x3, [sp, #16]",
        "ldp  x4, x5, [sp, #32]",
        "ldp  x6, x7, [sp, #48]",
        "ldp  x8, x9, [sp, #64]",
        "ldp  x10, x11, [sp, #80]",
        "ldp  x12, x13, [sp, #96]",
        "ldp  x14, x15, [sp, #112]",
        "ldp  x16, x17, [sp, #128]",
        "ldp  x18, x30, [sp, #144]",
        "ldp  x0, x1, [sp, #0]",
        "add  sp, sp, #688",
        "eret",
        handle = sym handle,
    )
}

/// What crates for bare metal take for a lock: no interrupts.
struct Masked;
critical_section::set_impl!(Masked);

// SAFETY: one core; nothing runs between the two but what the section holds.
unsafe impl critical_section::Impl for Masked {
    unsafe fn acquire() -> bool {
        mask()
    }

    unsafe fn release(were_on: bool) {
        if were_on {
            unmask();
        }
    }
}
