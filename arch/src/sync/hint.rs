//! Hints to the processor, or to the model.

#[cfg(not(loom))]
pub use core::hint::spin_loop;
#[cfg(all(loom, not(g0_shuttle)))]
pub use loom::hint::spin_loop;
#[cfg(all(loom, g0_shuttle))]
pub use shuttle::hint::spin_loop;

/// Asks for the cache line at `address`, so that it is there when it is needed. The address may be
/// any: where nothing can be fetched, nothing happens. Without such an instruction, nothing ever does.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    // SAFETY: a prefetch is a hint: it changes no register and no memory, and never faults.
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    unsafe {
        core::arch::asm!("prefetcht0 [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    // SAFETY: as above.
    #[cfg(all(target_arch = "aarch64", not(loom)))]
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(any(loom, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}
