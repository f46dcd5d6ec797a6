//! x86_64, System V calling convention.
//!
//! # What is saved, and where
//!
//! The convention names six registers that a function gives back as it got them: rbx, rbp and
//! r12 to r15. A library written in C has to save all six at each switch, for it cannot know
//! which are in use. Here the switch is inline assembly and the compiler does know: everything
//! is declared clobbered, so it saves what is live and nothing else. Two registers cannot be
//! declared: rbx, which LLVM keeps for itself (it is the base pointer of frames with unusual
//! alignment), and rbp, the frame pointer. Those two are saved by the assembly itself.
//!
//! The vector registers all belong to the caller in this convention, so nothing is to be done.
//! The direction flag is clear at every call and return, and every entry here is one.
//!
//! **MXCSR and the x87 control word are not switched.** They are the thread's, and Rust code may
//! count on their default values at all times: changing them is undefined behaviour unless they
//! are put back before Rust code runs again. So there is nothing to save at a switch or a call.
//! Only `escape` meets other values, for it drops foreign frames, which may have set a rounding
//! mode for themselves and can no longer put it back; so it loads the defaults. (Reading MXCSR at
//! each call instead costs 2.5 ns on the machine where a plain indirect call takes 1.4.)
//!
//! # Jumps and returns
//!
//! A processor predicts a `ret` from a stack of its own, which knows nothing of switches: a `ret`
//! after a change of stacks goes to the wrong place, and then to the right one some 8 ns later.
//! An indirect `jmp` is predicted by its own history. So a switch leaves by `jmp` in both
//! directions, and `call_on`, which does return where it was called, uses `call` and `ret`, one
//! pair, so that both stacks stay in step.
//!
//! For the same reason there is no support for shadow stacks (CET): `switch` and `escape` would
//! have to change that stack too.
//!
//! # Where things lie
//!
//! [`context`] has the pictures of a fresh and a suspended context, [`call`] those of a call.

mod call;
mod context;

pub(super) use call::{call_here, call_on, caller, escape};
pub(super) use context::{init, suspended, switch};

/// The bytes that one `push` or `pop` moves.
const PUSHED: usize = 8;

/// Returns `sp`, rounded down to what the convention asks of a stack before a `call`.
fn align(sp: *mut u8) -> *mut u8 {
    sp.map_addr(|a| a & !15)
}

/// Returns the present stack pointer.
#[inline(always)]
pub(super) fn stack_pointer() -> *mut u8 {
    let sp;
    // SAFETY: it reads a register.
    unsafe {
        core::arch::asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    sp
}
