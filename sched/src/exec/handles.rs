//! Giving up a handle that may be the last of an ended goroutine.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::acquire::step_in;
use super::current::current_m;
use super::enter::not_in_interrupt;
use super::interrupt::free_from_irq;
use super::refs::{ZOMBIE, free, free_without_p};
use crate::objects::g::{G, scheduler_of};
use crate::platform::Platform;

/// Gives up a counted handle of `g`. Anywhere, interrupt handlers included.
///
/// # Safety
///
/// The handle must be the caller's, and not be used again.
pub(crate) unsafe fn unrefer<P: Platform>(g: NonNull<G>) {
    // SAFETY: the counted handle keeps the G.
    let refs = unsafe { &g.as_ref().refs };
    if refs.fetch_sub(1, Ordering::AcqRel) == ZOMBIE | 1 {
        refs.store(0, Ordering::Relaxed);
        // SAFETY: it has ended, and this was the last handle.
        unsafe {
            if P::in_interrupt() { free_from_irq::<P>(g) } else { free_from_anywhere::<P>(g) }
        }
    }
}

/// Frees a G that has ended, wherever its handle is given up but in an interrupt handler.
///
/// # Safety
///
/// As [`free`].
#[inline]
pub(crate) unsafe fn free_from_anywhere<P: Platform>(g: NonNull<G>) {
    not_in_interrupt::<P>();
    // SAFETY: the G has ended, and its handle is the caller's.
    unsafe {
        match current_m::<P>().and_then(|m| Some((m, m.running()?))) {
            Some((m, caller)) if ptr::eq(m.core(), scheduler_of(g)) => {
                let inside = step_in::<P>(m, caller);
                free(&inside, g);
                inside.leave();
            }
            _ => free_without_p(g),
        }
    }
}
