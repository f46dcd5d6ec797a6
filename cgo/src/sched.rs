//! The bridge of g0-sched: what [`Runtime`] asks for, by the scheduler's own handles.

use core::marker::PhantomData;

use g0_arch::tools::Crossing;
use g0_sched::Platform;
use g0_sched::bridge::{self, Refused};

use crate::{BadCall, Call, CallbackError, CallerContext, MHandle, Runtime};

/// The runtime of the scheduler on platform `P`.
#[derive(Debug)]
pub struct Sched<P>(PhantomData<P>);

/// # Safety
///
/// `m` must be of the calling thread.
#[inline(always)]
unsafe fn to_bridge(m: bridge::MHandle) -> MHandle {
    // SAFETY: as the caller ensures.
    unsafe {
        MHandle {
            g0_sp: m.g0_sp(),
            call: m.call().cast(),
            #[cfg(loom)]
            shown: m.call_shown(),
            limit: m.limit(),
            token: m.token(),
        }
    }
}

#[inline(always)]
fn to_sched(handle: MHandle) -> bridge::MHandle {
    // SAFETY: every handle of this runtime is made by `to_bridge`.
    unsafe { bridge::MHandle::from_token(handle.token) }
}

// SAFETY: the scheduler keeps to the states that its module `bridge` draws; on the pinned runtime
// other goroutines of the M may use g0 below the C frames of a parked callback, and `settle` waits
// for them.
unsafe impl<P: Platform> Runtime for Sched<P> {
    type Unwind = P::Unwind;

    #[inline(always)]
    fn here() -> CallerContext {
        // SAFETY: the handles are fresh, and of this thread.
        unsafe {
            match bridge::here::<P>() {
                bridge::CallerContext::Goroutine(m) => CallerContext::Goroutine(to_bridge(m)),
                bridge::CallerContext::Foreign(m) => CallerContext::Foreign(to_bridge(m)),
                bridge::CallerContext::Adopted(m) => CallerContext::Adopted(to_bridge(m)),
                bridge::CallerContext::SystemStack => CallerContext::SystemStack,
                bridge::CallerContext::Outside => CallerContext::Outside,
            }
        }
    }

    #[inline(always)]
    unsafe fn enter(handle: MHandle) {
        // SAFETY: the caller ensures the same; so below.
        unsafe { to_sched(handle).enter() }
    }

    #[inline(always)]
    unsafe fn leave(handle: MHandle) {
        // SAFETY: as above.
        unsafe { to_sched(handle).leave::<P>() }
    }

    #[inline(always)]
    unsafe fn release(handle: MHandle) -> *mut Call {
        // SAFETY: as above.
        unsafe { to_sched(handle).release::<P>().cast() }
    }

    #[inline(always)]
    unsafe fn released(handle: MHandle, outer: *mut Call) {
        // SAFETY: as above.
        unsafe { to_sched(handle).released(outer.cast()) }
    }

    #[inline(always)]
    fn look_up() {
        bridge::look_up::<P>();
    }

    #[inline(always)]
    unsafe fn begin(handle: MHandle) -> usize {
        // SAFETY: as above.
        unsafe { to_sched(handle).begin::<P>() }
    }

    #[inline(always)]
    unsafe fn end(handle: MHandle, word: usize) {
        // SAFETY: as above.
        unsafe { to_sched(handle).end::<P>(word) }
    }

    #[inline(always)]
    unsafe fn rests(handle: MHandle, call: *mut Call) {
        // SAFETY: as above.
        unsafe { to_sched(handle).rests::<P>(call.cast()) }
    }

    #[inline(always)]
    unsafe fn bar(handle: MHandle) {
        // SAFETY: as above.
        unsafe { to_sched(handle).bar() }
    }

    #[inline(always)]
    unsafe fn unbar(handle: MHandle) {
        // SAFETY: as above.
        unsafe { to_sched(handle).unbar() }
    }

    unsafe fn settle(handle: MHandle, bottom: *mut u8) {
        // SAFETY: as above.
        unsafe { to_sched(handle).settle::<P>(bottom) }
    }

    #[inline(always)]
    unsafe fn crossing(handle: MHandle) -> Crossing {
        // SAFETY: as above.
        unsafe { to_sched(handle).crossing() }
    }

    #[cold]
    unsafe fn adopt() -> Result<MHandle, CallbackError> {
        // SAFETY: the thread has no M, as the caller ensures.
        match unsafe { bridge::adopt::<P>() } {
            // SAFETY: the root is the bridge's own, and this thread's as long as the handle.
            Ok(m) => unsafe {
                m.root().cast::<Call>().write(Call::root(m.top()));
                Ok(to_bridge(m))
            },
            Err(Refused::NoMachine) => Err(CallbackError::NoMachine),
            Err(_) => Err(CallbackError::NoRuntime),
        }
    }

    #[inline(always)]
    unsafe fn arrive(handle: MHandle) -> Result<MHandle, CallbackError> {
        // SAFETY: the caller ensures the same; so below.
        if unsafe { to_sched(handle).arrive() } {
            return Ok(handle);
        }
        // It has ended; another one may run.
        // SAFETY: as above; it has no M then.
        unsafe {
            to_sched(handle).part::<P>();
            Self::adopt()
        }
    }

    unsafe fn was_ended(handle: MHandle) -> bool {
        // SAFETY: as above.
        unsafe { to_sched(handle).was_ended() }
    }

    #[inline(always)]
    unsafe fn depart(handle: MHandle) {
        // SAFETY: as above.
        unsafe { to_sched(handle).depart::<P>() }
    }

    fn fatal(bad: BadCall) -> ! {
        bridge::bad_call::<P>(bad.text())
    }
}
