//! Making ready what waits, and waking an M for it.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::current::current_m;
use super::g0::on_g0;
use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::m::M;
use crate::objects::scope_state::{ScopeState, WAITING};
use crate::objects::shared::Core;
use crate::objects::waiter::Waiter;
use crate::platform::Platform;

/// Makes `g`, which is of the calling M's scheduler, ready.
///
/// # Safety
///
/// As [`Core::ready`](crate::Core).
#[inline(always)]
unsafe fn ready_here<P: Platform>(within: &Within, g: NonNull<G>) {
    // SAFETY: `g` is parked and saved, and this is its one wake, as the caller ensures.
    if unsafe { within.core().ready::<P>(Some(within), g) } {
        wake_from::<P>(within.m());
    }
}

/// Wakes an M for work that was published on `m`, which must be the calling M. That runs on g0, for
/// to start a thread takes room.
#[cold]
#[inline(never)]
pub(crate) fn wake_from<P: Platform>(m: &'static M) {
    let core = m.core();
    if m.running().is_none() {
        core.wake::<P>();
    } else {
        // SAFETY: inside, on a goroutine's stack.
        unsafe { on_g0(m, || core.wake::<P>()) };
    }
}

/// Wakes an M of `core` from anywhere.
#[cold]
pub(crate) fn wake_for<P: Platform>(core: &'static Core) {
    match current_m::<P>() {
        Some(m) if m.running().is_some() => {
            // SAFETY: on a goroutine's stack; `wake` needs no P.
            unsafe { on_g0(m, || core.wake::<P>()) };
        }
        _ => core.wake::<P>(),
    }
}

/// Makes `g` of `core` ready from anywhere: `within` must be the calling M, or none.
///
/// All that is woken comes through here, and here the two schedulers are compared: a goroutine runs on no M of
/// another one (L1).
///
/// # Safety
///
/// As [`Core::ready`](crate::Core); `core` must be the scheduler of `g`.
#[inline(always)]
pub(crate) unsafe fn ready_from<P: Platform>(
    within: Option<&Within>,
    core: &'static Core,
    g: NonNull<G>,
) {
    match within {
        // SAFETY: `g` is parked and saved, and this is its one wake, as the caller ensures; the M
        // is of its scheduler.
        Some(within) if ptr::eq(within.core(), core) => unsafe { ready_here::<P>(within, g) },
        // An M of another scheduler is a stranger to this one. The end of the run waits for what its own Ms
        // are about to do, but for no stranger: a stranger looks at the G's status, under the lock.
        _ => {
            // The run may end with this goroutine. The owner that looks at the count comes after the wake.
            core.end.as_guest(|| {
                // SAFETY: `g` is parked and saved, and this is its one wake, as the caller ensures.
                if unsafe { core.ready_closing::<P>(g) } {
                    wake_for::<P>(core);
                }
            });
        }
    }
}

impl Waiter {
    /// Ends the wait. `within` must be the calling M, or none.
    ///
    /// # Safety
    ///
    /// `waiter` must wait, its claim must be the caller's, and this must be its one wake; it must not be used
    /// afterwards.
    #[inline(always)]
    pub(crate) unsafe fn wake<P: Platform>(waiter: *const Waiter, within: Option<&Within>) {
        // SAFETY: the waiter lives until it is woken, which the last access here does.
        unsafe {
            match NonNull::new((*waiter).g) {
                Some(g) => ready_from::<P>(within, &*(*waiter).core, g),
                None => (*waiter).parker.unpark::<P>(),
            }
        }
    }
}

impl ScopeState {
    /// A goroutine of the scope has ended, and has left its stack: the last one wakes the owner.
    pub(crate) fn done<P: Platform>(&self, within: &Within) {
        // AcqRel: what the goroutine did is visible to the owner.
        if self.running.fetch_sub(1, Ordering::AcqRel) == WAITING | 1 {
            // SAFETY: the owner waits, so the scope stands until this wake, which is the one.
            unsafe { Waiter::wake::<P>(self.waiter(), Some(within)) };
        }
    }
}
