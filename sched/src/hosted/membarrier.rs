//! The heavy fence: the kernel makes every running thread of the process pass a full barrier.
//!
//! ```text
//!   M                        retaker
//!   store inside             store claim
//!   compiler fence           membarrier(PRIVATE_EXPEDITED): on every CPU that runs a thread of
//!   load claim               this process a barrier falls before or after the M's pair
//!                            load inside
//! ```

use super::tag::Hosted;
use crate::parts::fatal::Fatal;
use crate::platform::Platform;

const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Registers the process; returns false when the kernel, or a filter, refuses.
pub(super) fn register() -> bool {
    // SAFETY: no memory is passed.
    unsafe { libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// Passes the barrier, or ends the program: an M that has passed the light fence for the last time can no longer
/// be told that its P is wanted, and a P that is taken from it all the same would have two owners.
///
/// *Rejected.* Symmetric fences from then on: each M would have to learn of it with the fence that is refused. A
/// change of a page's protection, which interrupts all CPUs of the process: processors that flush the
/// translations of others without an interrupt pass no barrier.
pub(super) fn fence() {
    let pass = || {
        // SAFETY: no memory is passed.
        unsafe { libc::syscall(libc::SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) == 0 }
    };
    // A scheduler that no `Builder` has made may be the first to ask for it.
    if !(pass() || register() && pass()) {
        Hosted::fatal(&Fatal::new(REFUSED));
    }
}

const REFUSED: &str = "the kernel refuses membarrier, on which the runtime relies since it was built: has a \
     sandbox been put on meanwhile? Put it on before, or build the runtime with \
     Builder::fences(Fences::Symmetric), or set G0_FENCES=symmetric in the environment";
