//! The wake that is on its way to a goroutine that was cancelled.

use core::ptr::NonNull;

use crate::exec::park::gopark;
use crate::exec::switch::core_of;
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// Waits for the wake that is on its way to a goroutine which shutdown woke first. Inside, before
/// and after; returns the M it goes on on.
#[cold]
pub(crate) fn await_pending_wake<P: Platform>(m: &'static M, g: NonNull<G>) -> &'static M {
    /// # Safety
    ///
    /// Under the scheduler's lock.
    unsafe fn unless_late(_: *mut u8, g: NonNull<G>) -> bool {
        // SAFETY: `commit_closing` holds the lock.
        unsafe { !g.as_ref().wake_pending.replace(false) }
    }
    // SAFETY: the running goroutine is alive.
    unsafe { g.as_ref() }.waits_for(WaitReason::Shutdown, core_of(m).coarse());
    let mut m = m;
    loop {
        let cancelled;
        // SAFETY: the waker calls `Core::ready_closing` once; `unless_late` looks whether it has.
        (m, cancelled) = unsafe { gopark::<P>(m, g, unless_late, core::ptr::null_mut()) };
        if !cancelled {
            return m;
        }
    }
}
