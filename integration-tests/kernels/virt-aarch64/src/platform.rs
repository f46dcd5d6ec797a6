//! The port: all that one bare core of QEMU's virt machine gives to the scheduler.

use core::arch::asm;
use core::fmt;
use core::sync::atomic::{Ordering, compiler_fence};

use g0_defer::NoUnwind;
use g0_sched::port::{Interrupts, Machines, Reports};
use g0_sched::{Fatal, M, Parker, Platform, StartError};

use crate::{alarm, interrupts, say};

/// The platform's name: one core, a timer that interrupts it, no unwinder.
pub struct Virt;

// SAFETY: the slot is a register that nothing else uses, read anew each time. With one core, the
// token is a word of its own memory that is looked at with interrupts off, and both fences are what
// the compiler must not reorder.
unsafe impl Platform for Virt {
    type Unwind = NoUnwind;

    #[inline(always)]
    fn current() -> *const M {
        let m;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, tpidr_el1", out(reg) m, options(nostack, preserves_flags)) };
        m
    }

    unsafe fn set_current(m: *const M) {
        // SAFETY: a register for software's use.
        unsafe { asm!("msr tpidr_el1, {}", in(reg) m, options(nostack, preserves_flags)) };
    }

    unsafe fn start(_m: &'static M) -> Result<(), StartError> {
        Err(StartError::NoCore)
    }

    /// No tick: the timer is set for the next thing that is due, and the core sleeps until then.
    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        let deadline = deadline.unwrap_or(u64::MAX);
        interrupts::mask();
        let token = loop {
            if parker.word.swap(0, Ordering::Relaxed) != 0 {
                break true;
            }
            if Self::now() >= deadline {
                break false;
            }
            let next = deadline.min(alarm::next());
            assert_ne!(next, u64::MAX, "deadlock: every goroutine waits, and no alarm is set");
            interrupts::interrupt_at(next);
            // What interrupts between the look and this ends it at once.
            interrupts::wait();
            interrupts::unmask();
            interrupts::mask();
        };
        interrupts::unmask();
        token
    }

    unsafe fn unpark(parker: &Parker) {
        parker.word.store(1, Ordering::Relaxed);
    }

    fn now() -> u64 {
        let ticks: u64;
        // SAFETY: reads a register; the barrier keeps the read after what precedes it.
        unsafe {
            asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags));
        }
        (u128::from(ticks) * NANOS / hertz()) as u64
    }

    fn heavy_fence() {
        compiler_fence(Ordering::SeqCst);
    }

    fn fatal(report: &Fatal) -> ! {
        say!("{report}");
        exit(102)
    }
}

impl Interrupts for Virt {
    fn in_interrupt() -> bool {
        interrupts::in_handler()
    }
}

impl Reports for Virt {
    /// The handlers use handles and wakers only.
    unsafe fn external_wakers(_: usize) -> bool {
        false
    }
}

impl Machines for Virt {
    /// The core never ends, and all that code on it refers to is static.
    const HAS_THREAD_LOCALS: bool = false;
}

g0_sched::default_parts!(Virt: ForeignCode, Unwinding);

const NANOS: u128 = 1_000_000_000;

/// Ticks of the counter in a second.
fn hertz() -> u128 {
    let hertz: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack, pure)) };
    u128::from(hertz)
}

/// What the counter shows when [`Virt::now`] is `ns` at least.
pub fn counter_at(ns: u64) -> u64 {
    u64::try_from((u128::from(ns) * hertz()).div_ceil(NANOS)).unwrap_or(u64::MAX)
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
