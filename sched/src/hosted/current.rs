//! The current-M slot: one word of thread-local storage, read in assembly.
//!
//! The compiler may compute the address of a thread-local once in a function, also across a call
//! that comes back on another thread. So the slot is no `thread_local!`: each read computes the
//! address anew, from the thread pointer.

use crate::objects::m::M;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        // The initial-exec model: right in executables and in libraries loaded at start; the
        // linker turns it into a constant offset where it can.
        core::arch::global_asm!(
            ".pushsection .tbss.g0_sched_current_m,\"awT\",@nobits",
            ".globl g0_sched_0_1_current_m",
            ".hidden g0_sched_0_1_current_m",
            ".type g0_sched_0_1_current_m,@object",
            ".size g0_sched_0_1_current_m,8",
            ".balign 8",
            "g0_sched_0_1_current_m: .zero 8",
            ".popsection",
        );

        #[inline(always)]
        pub(super) fn get() -> *const M {
            let m;
            // SAFETY: reads this thread's word. Not `pure`: after a switch it is another one.
            unsafe {
                core::arch::asm!(
                    "mov {m}, qword ptr [rip + g0_sched_0_1_current_m@gottpoff]",
                    "mov {m}, qword ptr fs:[{m}]",
                    m = out(reg) m,
                    options(nostack, preserves_flags, readonly),
                );
            }
            m
        }

        pub(super) fn set(m: *const M) {
            // SAFETY: writes this thread's word.
            unsafe {
                core::arch::asm!(
                    "mov {t}, qword ptr [rip + g0_sched_0_1_current_m@gottpoff]",
                    "mov qword ptr fs:[{t}], {m}",
                    t = out(reg) _,
                    m = in(reg) m,
                    options(nostack, preserves_flags),
                );
            }
        }
    } else {
        use core::cell::Cell;
        use core::ptr;

        std::thread_local! {
            static CURRENT: Cell<*const M> = const { Cell::new(ptr::null()) };
        }

        // Never inlined, so that no caller keeps the address across a switch.
        #[inline(never)]
        pub(super) fn get() -> *const M {
            CURRENT.with(Cell::get)
        }

        #[inline(never)]
        pub(super) fn set(m: *const M) {
            CURRENT.with(|current| current.set(m));
        }
    }
}
