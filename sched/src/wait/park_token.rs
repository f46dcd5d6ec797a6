//! Waiting for a token, and giving it.

use core::ptr::{self, NonNull};

use super::cancellable;
use super::cancellable::Waited;
use crate::exec::acquire::step_in;
use crate::exec::current::current_m;
use crate::exec::deadline::Deadline;
use crate::exec::inside::Inside;
use crate::exec::interrupt;
use crate::exec::obey::{obey, unwind};
use crate::exec::park::go_on;
use crate::exec::wake::ready_from;
use crate::objects::g::{G, scheduler_of};
use crate::parts::park_token::ParkToken;
use crate::parts::phase;
use crate::platform::Platform;

/// Parks the running goroutine until it has `token`, one of its own, and takes it. The goroutine is outside
/// on return, maybe on another M. The end of the run unwinds it out of the wait.
#[inline]
pub(crate) fn wait<P: Platform>(inside: Inside, token: &ParkToken) {
    let token = ptr::from_ref(token);
    // SAFETY: the token lies in a G, which is not freed while its goroutine waits; the giver that turns
    // PARKED into TOKEN wakes the goroutine, once.
    let waited = unsafe {
        cancellable::wait::<P>(inside, move || (*token).commit(), move || (*token).withdraw())
    };
    // SAFETY: the running goroutine's G is alive.
    resume::<P>(waited, unsafe { &*token });
}

/// As [`wait`], until `at` at most, nanoseconds: a timer gives the token too.
pub(crate) fn wait_until<P: Platform>(inside: Inside, token: &ParkToken, at: u64) {
    /// # Safety
    ///
    /// `token` must be that of a G.
    unsafe fn claim(token: *const ()) -> bool {
        // SAFETY: a timer is disarmed before its goroutine ends, so the G is alive.
        unsafe { &*token.cast::<ParkToken>() }.give()
    }
    let token = ptr::from_ref(token);
    let deadline = Deadline::new(at, inside.goroutine(), claim, token.cast());
    let armed = &raw const deadline;
    // SAFETY: as in `wait`. The timer lies on the parked stack, which is not used until the token is there,
    // and the timer is disarmed before its frame goes. A timer that fires at once finds no goroutine parked,
    // and leaves its token.
    let waited = unsafe {
        let publish = move || {
            Deadline::arm::<P>(armed);
            (*token).commit()
        };
        let waited = cancellable::wait::<P>(inside, publish, || {
            deadline.disarm();
            (*token).withdraw()
        });
        if let Waited::Woken(_) = waited {
            deadline.disarm();
        }
        waited
    };
    // SAFETY: the running goroutine's G is alive.
    resume::<P>(waited, unsafe { &*token });
}

/// The end of a wait: the goroutine has its token, or is unwound.
#[inline(always)]
fn resume<P: Platform>(waited: Waited, token: &ParkToken) {
    let inside = match waited {
        Waited::Woken(inside) => inside,
        Waited::Late(inside) | Waited::Cut(inside) => {
            let (_, g) = inside.leave();
            return unwind::<P>(g);
        }
    };
    token.take();
    let (m, g) = inside.leave();
    if m.core().phase() != phase::OPEN {
        // A goroutine that is woken again and again is not always found parked by the end of the
        // run.
        obey::<P>(g);
    }
    go_on::<P>(g);
}

/// Gives `token` of `g`, from anywhere: another goroutine or this one, the system stack, a thread that is no
/// M, an M of another scheduler, an interrupt handler. Outside.
///
/// # Safety
///
/// `g` must not be freed meanwhile: a counted handle keeps it, or it is the running goroutine.
#[inline]
pub(crate) unsafe fn give<P: Platform>(g: NonNull<G>, token: &ParkToken) {
    if P::in_interrupt() {
        // SAFETY: `g` is kept by a counted handle, or it runs.
        return unsafe { interrupt::give::<P>(g, token) };
    }
    if token.give() {
        // SAFETY: it is parked, and the swap makes this the one wake.
        unsafe { wake::<P>(g) };
    }
}

/// Wakes `g`, which waited for its token.
///
/// # Safety
///
/// The caller must have turned the token's PARKED into TOKEN, and keep `g`.
unsafe fn wake<P: Platform>(g: NonNull<G>) {
    // SAFETY: `g` is kept, parked and saved, and this is its one wake.
    unsafe {
        let core = scheduler_of(g);
        match current_m::<P>().and_then(|m| Some((m, m.running()?))) {
            Some((m, caller)) if ptr::eq(m.core(), core) => {
                let inside = step_in::<P>(m, caller);
                ready_from::<P>(Some(&inside), core, g);
                inside.leave();
            }
            // Also from an M of another scheduler: that may have halted, and never let this thread in.
            _ => ready_from::<P>(None, core, g),
        }
    }
}
