//! aarch64, the AAPCS64 calling convention.
//!
//! # What is saved, and where
//!
//! A function gives back x19 to x29 and the lower halves of v8 to v15. As on x86_64 the blocks
//! declare all of them clobbered and let the compiler save what is live. Two cannot be declared,
//! x19 (LLVM's base pointer) and x29 (the frame pointer), and are saved by the assembly. x30, the
//! link register, is an ordinary clobber. x18 belongs to the platform: on some systems it
//! points at thread data and the system alone writes it, on the rest it is a scratch register;
//! `clobber_abi` knows which, and no instruction here names it.
//!
//! **FPCR is not switched.** It is the thread's, and Rust code may count on its default, zero, at
//! all times. `escape`, which drops foreign frames that may have changed it for themselves, sets it
//! to that.
//!
//! # Jumps and returns
//!
//! A `ret` is predicted from the processor's own stack of calls, a `br` by its history: a switch
//! leaves by `br`, a call on another stack is one paired `blr` and `ret` within the thunk. Targets
//! of a `br` here carry no landing pads: the code must not be linked into pages that demand
//! them (BTI), and return addresses are not signed.
//!
//! # Where things lie
//!
//! [`context`] has the pictures of a fresh and a suspended context, [`call`] those of a call.

mod call;
mod context;

pub(super) use call::{call_here, call_on, caller, escape};
pub(super) use context::{init, suspended, switch};

/// The bytes of an x register: how far apart `stp` and `ldp` have the two of a pair.
const REGISTER: usize = 8;

/// Returns `sp`, rounded down to what the machine asks of a stack pointer.
fn align(sp: *mut u8) -> *mut u8 {
    sp.map_addr(|a| a & !15)
}

/// Returns the present stack pointer.
#[inline(always)]
pub(super) fn stack_pointer() -> *mut u8 {
    let sp;
    // SAFETY: it reads a register.
    unsafe {
        core::arch::asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    sp
}
