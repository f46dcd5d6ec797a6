//! WaitReason for a token, and giving it.

use core::ptr::{self, NonNull};

use super::cancel::await_pending_wake;
use crate::exec::cancel::{obey, unwind};
use crate::exec::deadline::Deadline;
use crate::exec::enter::{leave, reenter};
use crate::exec::park::{go_on, gopark};
use crate::exec::switch::core_of;
use crate::exec::wake::ready_from;
use crate::objects::g::{G, scheduler_of};
use crate::objects::m::M;
use crate::parts::park_token::ParkToken;
use crate::parts::phase;
use crate::platform::Platform;

/// The running goroutine `g` parks until it has its `token`, and takes it. Inside before, outside
/// after; it may be on another M then. Shutdown unwinds out of it.
#[inline]
pub(crate) fn wait<P: Platform>(m: &'static M, g: NonNull<G>, token: &ParkToken) {
    /// # Safety
    ///
    /// As [`crate::objects::g::Unlock`]; `arg` is the token.
    unsafe fn commit(arg: *mut u8, _g: NonNull<G>) -> bool {
        // SAFETY: the token lies in a G, which stays.
        unsafe { &*arg.cast::<ParkToken>() }.commit()
    }
    let arg = ptr::from_ref(token).cast_mut().cast();
    // SAFETY: whoever turns PARKED into TOKEN wakes us, once.
    let (m, cancelled) = unsafe { gopark::<P>(m, g, commit, arg) };
    resume::<P>(m, g, token, cancelled);
}

/// As [`wait`], until `at` at most, nanoseconds: a timer gives the token too.
pub(crate) fn wait_until<P: Platform>(m: &'static M, g: NonNull<G>, token: &ParkToken, at: u64) {
    struct Armed<'a> {
        token: &'a ParkToken,
        deadline: Deadline,
    }
    /// # Safety
    ///
    /// As [`crate::objects::g::Unlock`]; `arg` is the timer and what belongs to it.
    unsafe fn commit<P: Platform>(arg: *mut u8, _g: NonNull<G>) -> bool {
        // SAFETY: they lie on the parked stack, which stays until the token is there, and the
        // timer until it is disarmed. A timer that fires at once finds nobody parked, and
        // leaves its token.
        unsafe {
            let armed = arg.cast::<Armed<'_>>();
            let token = (*armed).token;
            Deadline::arm::<P>(&raw const (*armed).deadline);
            token.commit()
        }
    }
    /// # Safety
    ///
    /// `token` is that of a G.
    unsafe fn claim(token: *const ()) -> bool {
        // SAFETY: the caller's promise; Gs stay.
        unsafe { &*token.cast::<ParkToken>() }.give()
    }
    let deadline = Deadline::new(at, g, claim, ptr::from_ref(token).cast());
    let mut armed = Armed { token, deadline };
    let armed = &raw mut armed;
    // SAFETY: as in `wait`; the timer is out before its frame goes.
    let (m, cancelled) = unsafe {
        let (m, cancelled) = gopark::<P>(m, g, commit::<P>, armed.cast());
        (*armed).deadline.disarm();
        (m, cancelled)
    };
    resume::<P>(m, g, token, cancelled);
}

/// The end of a wait. Inside before, outside after.
#[inline(always)]
fn resume<P: Platform>(m: &'static M, g: NonNull<G>, token: &ParkToken, cancelled: bool) {
    if cancelled {
        let m = if token.withdraw() { m } else { await_pending_wake::<P>(m, g) };
        leave(m);
        return unwind::<P>(g);
    }
    token.take();
    leave(m);
    if core_of(m).phase() != phase::OPEN {
        // Whoever is woken again and again is not always found parked by shutdown.
        obey::<P>(m, g);
    }
    go_on::<P>(g);
}

/// Gives `token` of `g`, from wherever: another goroutine or this one, the system stack, a thread
/// that is no M, an M of another scheduler, an interrupt handler. Outside.
///
/// # Safety
///
/// `g` is not freed meanwhile: a counted handle keeps it, or it is the running goroutine.
#[inline]
pub(crate) unsafe fn give<P: Platform>(g: NonNull<G>, token: &ParkToken) {
    if P::in_interrupt() {
        // SAFETY: the caller's promise.
        return unsafe { crate::exec::interrupt::give::<P>(g, token) };
    }
    if token.give() {
        // SAFETY: it is parked, and the swap makes us the one to wake it.
        unsafe { wake::<P>(g) };
    }
}

/// Wakes `g`, which waited for its token.
///
/// # Safety
///
/// The caller has turned the token's PARKED into TOKEN, and keeps `g`.
unsafe fn wake<P: Platform>(g: NonNull<G>) {
    // SAFETY: Ms are never freed; the caller's promises.
    unsafe {
        let home = scheduler_of(g);
        match P::current().as_ref() {
            Some(m) if m.running().is_some() && core::ptr::eq(core_of(m), home) => {
                reenter::<P>(m);
                ready_from::<P>(Some(m), home, g);
                leave(m);
            }
            // Also from an M of another scheduler: it may have halted, and never let us in.
            _ => ready_from::<P>(None, home, g),
        }
    }
}
