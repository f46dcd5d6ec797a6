//! Sleeping.

use core::ptr::{self, NonNull};
use core::time::Duration;

use super::Instant;
use crate::exec::deadline::Deadline;
use crate::exec::enter::{Caller, enter, leave};
use crate::exec::park::{go_on, gopark_then};
use crate::exec::switch::core_of;
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::parker::Parker;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// Sleeps for `length` at least. A goroutine parks, any other thread blocks. A length of zero returns at
/// once, without giving way; one beyond the end of time never ends. Allocates nothing.
///
/// # Panics
///
/// On the system stack.
pub fn sleep<P: Platform>(length: Duration) {
    if length.is_zero() {
        return;
    }
    nap::<P>(Instant::after(length));
}

/// Sleeps until `time`, or a little longer; not at all when it has passed. As [`sleep`] otherwise.
///
/// # Panics
///
/// On the system stack.
pub fn sleep_until<P: Platform>(time: Instant<P>) {
    if time > Instant::now() {
        nap::<P>(time);
    }
}

fn nap<P: Platform>(time: Instant<P>) {
    match enter::<P>() {
        // SAFETY: inside, with a P, on the goroutine's stack.
        Caller::Goroutine(m, g) => unsafe { park::<P>(m, g, time.as_nanos()) },
        Caller::Thread => {
            let parker = Parker::new();
            while Instant::<P>::now() < time {
                P::park(&parker, Some(time.as_nanos()));
            }
        }
    }
}

/// Whether the timer fires or shutdown ends the wait, the wheel's lock decides: whoever takes the
/// timer out.
///
/// # Safety
///
/// `m` and `g` are the caller's, inside.
unsafe fn park<P: Platform>(m: &'static M, g: NonNull<G>, at: u64) {
    // SAFETY: the running goroutine is alive.
    unsafe { g.as_ref() }.waits_for(WaitReason::Sleep, core_of(m).coarse());
    /// # Safety
    ///
    /// None is needed.
    unsafe fn always(_: *const ()) -> bool {
        true
    }
    let deadline = Deadline::new(at, g, always, ptr::null());
    let armed = &raw const deadline;
    // SAFETY: it lies on the parked stack, which stays until the timer is out.
    unsafe {
        let (m, cancelled) = gopark_then::<P, _>(m, g, move || Deadline::arm::<P>(armed));
        if !cancelled {
            leave(m);
            return go_on::<P>(g);
        }
        if deadline.disarm() {
            leave(m);
            return crate::exec::cancel::unwind::<P>(g);
        }
        // It has fired: the wake is on its way.
        leave(crate::wait::cancel::await_pending_wake::<P>(m, g));
    }
}
