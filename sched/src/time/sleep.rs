//! Sleeping.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::time::Duration;

use super::Instant;
use crate::core::wheel::Timer;
use crate::exec::enter::{Caller, enter, leave};
use crate::exec::park::{go_on, gopark_then};
use crate::exec::switch::{core_of, proc_of, this_m};
use crate::g::G;
use crate::m::M;
use crate::p::Proc;
use crate::platform::{Parker, Platform};
use crate::waiting::Waiting;

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
    unsafe { g.as_ref() }.waits_for(Waiting::Sleep, core_of(m).coarse());
    /// # Safety
    ///
    /// None is needed.
    unsafe fn always(_: *const ()) -> bool {
        true
    }
    let timer = Timer::new(at, g, always, ptr::null());
    let armed_on = Cell::new(ptr::null::<Proc>());
    let (timer, to) = (&raw const timer, armed_on.as_ptr());
    // SAFETY: the post-switch step runs on an M with a P; timer and cell lie on the parked stack,
    // which stays until the timer is out; the cell is written before the timer is armed.
    unsafe {
        let (m, cancelled) = gopark_then::<P, _>(m, g, move || {
            let p = proc_of(this_m::<P>());
            to.write(p);
            p.timers.arm(timer);
        });
        if !cancelled {
            leave(m);
            return go_on::<P>(g);
        }
        if (*armed_on.get()).timers.disarm(timer) {
            leave(m);
            return crate::shutdown::unwind::<P>(g);
        }
        // It has fired: the wake is on its way.
        leave(crate::shutdown::await_late::<P>(m, g));
    }
}
