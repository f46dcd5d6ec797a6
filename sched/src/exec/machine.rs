//! An M's life: started, scheduling, ended.

use core::ptr;

use g0_arch::call_here;
use g0_arch::sync::atomic::Ordering;

use super::schedule::schedule;
use crate::objects::inside::Stay;
use crate::objects::m::M;
use crate::platform::Platform;

/// Runs `m` on the calling thread or core until the scheduler halts, or until a goroutine ends
/// that had locked the thread. For platforms: the last thing a started thread does.
///
/// # Safety
///
/// `m` must have come from the [`start`](Platform::start) of this very platform and be started once; the thread
/// must be no M yet of any scheduler on it, and have stack enough for the scheduler and for all foreign code.
pub unsafe fn start_m<P: Platform>(m: &'static M) {
    // SAFETY: the thread becomes this M, as the caller ensures.
    unsafe {
        P::on_start(m);
        P::set_current(m);
    }
    // Relaxed: a reader has seen this M end before, by the count of those alive.
    m.core().ms.has_started.store(true, Ordering::Relaxed);
    // SAFETY: on the thread's own stack.
    unsafe { m.fiber.adopt() };
    // SAFETY: `base` is this thread's; `run` leaves by `escape` through it.
    unsafe { call_here(run::<P>, core::ptr::from_ref(m).cast_mut().cast(), m.base.as_ptr()) };
    // SAFETY: it is no M any more, and runs no goroutine.
    unsafe {
        P::set_current(core::ptr::null());
        P::on_end(m);
    }
    let core = m.core();
    // SAFETY: this thread is no M any more.
    unsafe { core.forward::<P>(m) };
    // Another thread may be this M next, and the end of the run is for this one to conduct, if it began the run.
    if ptr::eq(core.end.conductor.load(Ordering::Relaxed), m) {
        // Relaxed: the lock under which the M is given on orders it.
        core.end.conductor.store(ptr::null_mut(), Ordering::Relaxed);
    }
    // The run may end with this M. An owner that sees the M retired sees the count.
    core.end.as_guest(|| {
        core.m_has_ended::<P>(m);
        core.check_for_end::<P>();
        core.check_for_deadlock::<P>();
        core.end.done.unpark::<P>();
    });
}

unsafe extern "C" fn run<P: Platform>(m: *mut u8) -> usize {
    // SAFETY: `start_m` passes its M.
    let m: &'static M = unsafe { &*m.cast::<M>() };
    // SAFETY: the M is this thread's; g0 begins below the frame of `start_m`.
    unsafe {
        m.g0_sp.set(m.base.get());
        m.set_errno(P::errno());
    }
    m.claim.enter(true);
    if !m.nextp.load(Ordering::Relaxed).is_null() {
        // SAFETY: inside since the line above.
        m.core().woken::<P>(&mut unsafe { Stay::assume(m) });
    }
    schedule::<P>()
}
