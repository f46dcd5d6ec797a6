//! The assembly backend of the target, chosen here.
//!
//! Each machine's folder defines the same eight functions: `init`, `switch`, `suspended`, `call_on`,
//! `call_here`, `caller`, `escape`, `stack_pointer`. A machine to come adds a folder, a line here and one in `lib.rs`.

use crate::{Arch, Call, Context, Entry, Suspended};

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        #[path = "x86_64/mod.rs"]
        mod imp;
    } else if #[cfg(target_arch = "aarch64")] {
        #[path = "aarch64/mod.rs"]
        mod imp;
    } else {
        compile_error!("lib.rs takes this target for one with assembly");
    }
}

impl Suspended {
    /// Returns the registers of the context with this [stack pointer](Context::stack_pointer). `word` reads a
    /// word of its stack, which may be a copy, or another process's; it returns none where it cannot.
    pub fn read(sp: usize, word: impl FnMut(usize) -> Option<usize>) -> Option<Self> {
        imp::suspended(sp, word)
    }

    /// As [`read`](Self::read), of code that has called a function on another stack by
    /// [`call_on`](Arch::call_on), whose slot this is: where it goes on afterwards.
    pub fn read_call(slot: usize, word: impl FnMut(usize) -> Option<usize>) -> Option<Self> {
        imp::caller(slot, word)
    }
}

/// The assembly of the target.
#[derive(Clone, Copy, Debug)]
pub struct Native;

// SAFETY: each method is the assembly that its file explains, under the trait's contract.
unsafe impl Arch for Native {
    type Context = Context;
    const EMPTY: Context = Context::EMPTY;

    #[inline]
    unsafe fn init(top: *mut u8, entry: Entry, data: *mut u8) -> Context {
        // SAFETY: the contract is handed through unchanged. The bytes belong to the context from now on.
        unsafe {
            crate::tools::open(top.wrapping_sub(64), 64);
            imp::init(top, entry, data)
        }
    }

    #[inline(always)]
    unsafe fn switch(from: *mut Context, to: Context, value: usize) -> usize {
        // SAFETY: the contract is handed through unchanged.
        unsafe { imp::switch(from, to, value) }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
        // SAFETY: the contract is handed through unchanged.
        unsafe { imp::call_on(sp, f, arg, slot) }
    }

    #[inline(always)]
    unsafe fn escape(slot: *mut *mut u8, value: usize) -> ! {
        // SAFETY: the contract is handed through unchanged.
        unsafe { imp::escape(slot, value) }
    }
}

/// [`Arch::call_on`] at the present stack pointer: it opens a base that [`Arch::escape`] can
/// leave, without leaving the stack.
///
/// # Safety
///
/// As for [`Arch::call_on`], except that there is no `sp`.
#[inline(always)]
pub unsafe fn call_here(f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
    // SAFETY: the contract is handed through unchanged.
    unsafe { imp::call_here(f, arg, slot) }
}

/// Returns the stack pointer of the calling function, near enough: for bounds checks and reports.
#[inline(always)]
pub fn stack_pointer() -> *mut u8 {
    imp::stack_pointer()
}
