//! The heavy fence: the kernel makes every running thread of the process pass a full barrier.
//!
//! ```text
//!   M                        retaker
//!   store inside             store claim
//!   compiler fence           membarrier(PRIVATE_EXPEDITED): on every CPU that runs a thread of
//!   load claim               this process a barrier falls before or after the M's pair
//!                            load inside
//! ```

const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Registers the process; returns false when the kernel, or a filter, refuses.
pub(super) fn register() -> bool {
    // SAFETY: no memory is passed.
    unsafe { libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// Passes the barrier; [`register`] must have succeeded.
pub(super) fn fence() {
    // SAFETY: as above.
    let rc = unsafe { libc::syscall(libc::SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) };
    assert!(rc == 0, "g0: membarrier failed after it had been registered");
}
