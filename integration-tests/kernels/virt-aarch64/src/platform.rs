//! The port: what one core of QEMU's virt machine gives to the scheduler.

use core::arch::asm;
use core::fmt;

/// The serial line, a PL011, which needs no setting up on this machine.
pub struct Serial;

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const DATA: *mut u32 = 0x0900_0000 as *mut u32;
        for byte in text.bytes() {
            // SAFETY: the data register is mapped as device memory; a write sends one byte.
            unsafe { DATA.write_volatile(u32::from(byte)) };
        }
        Ok(())
    }
}

/// Nanoseconds since the machine was switched on, by the generic timer.
pub fn now() -> u64 {
    let (ticks, frequency): (u64, u64);
    // SAFETY: reads two registers; the barrier keeps the read after what precedes it.
    unsafe {
        asm!("isb", "mrs {}, cntvct_el0", "mrs {}, cntfrq_el0", out(reg) ticks, out(reg) frequency,
            options(nomem, nostack));
    }
    (u128::from(ticks) * 1_000_000_000 / u128::from(frequency)) as u64
}

/// Ends the emulator with `status`, by semihosting.
pub fn exit(status: u8) -> ! {
    const EXIT_EXTENDED: usize = 0x20;
    const APPLICATION_EXIT: u64 = 0x20026;
    let block = [APPLICATION_EXIT, u64::from(status)];
    loop {
        // SAFETY: the host reads the block of two words; it does not go on after it.
        unsafe {
            asm!("hlt #0xf000", inout("x0") EXIT_EXTENDED => _, in("x1") block.as_ptr(),
                options(nostack, readonly));
        }
    }
}
