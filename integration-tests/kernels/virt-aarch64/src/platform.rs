//! The port: all that one bare core of QEMU's virt machine gives to the scheduler.

use core::arch::asm;
use core::fmt;
use core::sync::atomic::{Ordering, compiler_fence};

use g0_defer::NoUnwind;
use g0_sched::{Fatal, M, Parker, Platform, StartError};

use crate::say;

/// The platform's name: one core, no interrupts, no unwinder.
pub struct Virt;

// SAFETY: the slot is a register that nothing else uses, read anew each time. With one core, the
// token is a word of its own memory, and both fences are what the compiler must not reorder.
unsafe impl Platform for Virt {
    type Unwind = NoUnwind;

    #[inline(always)]
    fn current() -> *const M {
        let m;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, tpidr_el1", out(reg) m, options(nostack, preserves_flags)) };
        m
    }

    fn set_current(m: *const M) {
        // SAFETY: a register for software's use.
        unsafe { asm!("msr tpidr_el1, {}", in(reg) m, options(nostack, preserves_flags)) };
    }

    fn start(_m: &'static M) -> Result<(), StartError> {
        Err(StartError::NoCore)
    }

    fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        // No token now is none until the deadline: nobody else is there who could give one.
        if parker.word.swap(0, Ordering::Relaxed) == 0 {
            let Some(deadline) = deadline else { panic!("deadlock: every goroutine waits") };
            while Self::now() < deadline {
                // SAFETY: waits for an event, the next tick of the event stream at the latest.
                unsafe { asm!("wfe", options(nomem, nostack, preserves_flags)) };
            }
            return false;
        }
        true
    }

    fn unpark(parker: &Parker) {
        parker.word.store(1, Ordering::Relaxed);
    }

    fn now() -> u64 {
        let (ticks, hertz): (u64, u64);
        // SAFETY: reads two registers; the barrier keeps the read after what precedes it.
        unsafe {
            asm!("isb", "mrs {}, cntvct_el0", "mrs {}, cntfrq_el0", out(reg) ticks, out(reg) hertz,
                options(nostack, preserves_flags));
        }
        (u128::from(ticks) * 1_000_000_000 / u128::from(hertz)) as u64
    }

    fn heavy_fence() {
        compiler_fence(Ordering::SeqCst);
    }

    fn fatal(report: &Fatal) -> ! {
        say!("{report}");
        exit(102)
    }
}

/// The serial line, a PL011, which needs no setting up on this machine.
pub struct Serial;

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const DATA: *mut u32 = 0x0900_0000 as *mut u32;
        // SAFETY: the data register, mapped as device memory; a write sends one byte.
        text.bytes().for_each(|byte| unsafe { DATA.write_volatile(u32::from(byte)) });
        Ok(())
    }
}

/// Ends the emulator with `status`: semihosting's extended exit.
pub fn exit(status: u64) -> ! {
    let block = [0x20026, status];
    loop {
        // SAFETY: the host reads the block of two words; it does not go on after it.
        unsafe { asm!("hlt #0xf000", in("w0") 0x20, in("x1") &block, options(nostack, readonly)) };
    }
}
