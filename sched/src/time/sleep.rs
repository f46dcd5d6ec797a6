//! Sleeping.

use core::ptr;
use core::time::Duration;

use super::instant::Instant;
use crate::exec::deadline::Deadline;
use crate::exec::enter::enter;
use crate::exec::inside::{Caller, Inside};
use crate::exec::obey::unwind;
use crate::exec::park::go_on;
use crate::exec::suspend::suspend_here;
use crate::parts::parker::Parker;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::wait::cancellable::{self, Waited};

/// Sleeps for `length` at least. A goroutine parks, any other thread blocks. A length of zero returns at
/// once, unless the goroutine's turn is over; one beyond the end of time never ends. Allocates nothing.
///
/// # Panics
///
/// On the system stack.
pub fn sleep<P: Platform>(length: Duration) {
    if length.is_zero() {
        return suspend_here::<P>();
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
    } else {
        suspend_here::<P>();
    }
}

fn nap<P: Platform>(time: Instant<P>) {
    match enter::<P>() {
        Caller::Goroutine(inside) => park_until::<P>(inside, time.as_nanos()),
        Caller::Thread => {
            let parker = Parker::new();
            while Instant::<P>::now() < time {
                parker.park::<P>(Some(time.as_nanos()));
            }
        }
    }
}

/// The timer and the end of the run may race to end the wait: the side that takes the timer out, under the
/// wheel's lock, wins.
fn park_until<P: Platform>(inside: Inside, at: u64) {
    /// # Safety
    ///
    /// The caller need not ensure anything.
    unsafe fn always(_: *const ()) -> bool {
        true
    }
    inside.g().waits_for(WaitReason::Sleep, inside.core().coarse());
    let deadline = Deadline::new(at, inside.goroutine(), always, ptr::null());
    let armed = &raw const deadline;
    // SAFETY: the timer lies on the parked stack, which is not used until the timer is out; it makes the
    // goroutine ready once.
    let waited = unsafe {
        let publish = move || {
            Deadline::arm::<P>(armed);
            true
        };
        cancellable::wait::<P>(inside, publish, || deadline.disarm())
    };
    match waited {
        Waited::Woken(inside) => {
            let (_, g) = inside.leave();
            go_on::<P>(g);
        }
        Waited::Late(inside) => {
            inside.leave();
        }
        Waited::Cut(inside) => {
            let (_, g) = inside.leave();
            unwind::<P>(g);
        }
    }
}
