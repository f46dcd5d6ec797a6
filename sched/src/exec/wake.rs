//! Making ready whoever waits.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::g0::on_g0;
use super::switch::core_of;
use crate::objects::g::G;
use crate::objects::m::M;
use crate::objects::scope_state::{ScopeState, WAITING};
use crate::objects::shared::Core;
use crate::objects::waiter::Waiter;
use crate::platform::Platform;

/// Makes `g` ready from a goroutine or the post-switch step on `m`.
///
/// # Safety
///
/// As [`Core::ready`](crate::policy::ready); `m` is the caller's, inside, with a P.
#[inline(always)]
pub(crate) unsafe fn ready_here<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promises.
    if unsafe { core_of(m).ready::<P>(Some(m), g) } {
        wake_from::<P>(m);
    }
}

/// Wakes an M for work that was published on `m`; thread starting needs room, hence g0.
#[cold]
#[inline(never)]
pub(crate) fn wake_from<P: Platform>(m: &'static M) {
    let core = core_of(m);
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
    // SAFETY: Ms are never freed.
    match unsafe { P::current().as_ref() } {
        Some(m) if m.running().is_some() => {
            // SAFETY: on a goroutine's stack; `wake` needs no P.
            unsafe { on_g0(m, || core.wake::<P>()) };
        }
        _ => core.wake::<P>(),
    }
}

/// Makes `g` ready from anywhere: `m` is the caller's M, inside, or none.
///
/// # Safety
///
/// As [`Core::ready`](crate::policy::ready).
#[inline(always)]
pub(crate) unsafe fn ready_from<P: Platform>(
    m: Option<&'static M>,
    core: &'static Core,
    g: NonNull<G>,
) {
    // SAFETY: the caller's promises. An M of another scheduler is a stranger to this one.
    unsafe {
        match m {
            Some(m) if core::ptr::eq(core_of(m), core) => ready_here::<P>(m, g),
            // Shutdown waits for what its own Ms are about to do, but not for others: so those
            // look at the G's status, under the lock.
            _ => {
                // The run may end with this goroutine, and all of it be freed: not before we have
                // left. Relaxed: whoever looks comes after the wake.
                core.end.external_refs.fetch_add(1, Ordering::Relaxed);
                if core.ready_closing::<P>(g) {
                    wake_for::<P>(core);
                }
                // Release: whoever frees comes after our last access.
                core.end.external_refs.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

impl Waiter {
    /// Ends the wait. `m` is the caller's M, inside, or none.
    ///
    /// # Safety
    ///
    /// `waiter` waits, its claim is the caller's, and this is its one wake; it is gone when this
    /// returns.
    #[inline(always)]
    pub(crate) unsafe fn wake<P: Platform>(waiter: *const Waiter, m: Option<&'static M>) {
        // SAFETY: the waiter lives until it is woken, which the last access here does.
        unsafe {
            match NonNull::new((*waiter).g) {
                Some(g) => ready_from::<P>(m, &*(*waiter).core, g),
                None => P::unpark(&(*waiter).parker),
            }
        }
    }
}

impl ScopeState {
    /// A goroutine of the scope has ended: the last one wakes the owner.
    ///
    /// # Safety
    ///
    /// Inside, with a P; the goroutine has left its stack.
    pub(crate) unsafe fn done<P: Platform>(&self, m: &'static M) {
        // AcqRel: what the goroutine did is visible to the owner.
        if self.running.fetch_sub(1, Ordering::AcqRel) == WAITING | 1 {
            // SAFETY: the owner waits, so the scope stands until this wake.
            unsafe { Waiter::wake::<P>(self.waiter.get(), Some(m)) };
        }
    }
}
