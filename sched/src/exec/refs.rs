//! The life of a G's memory beyond its goroutine: handles that keep it, and who frees it.

use core::ptr::NonNull;

use g0_arch::sync::atomic::{Ordering, fence};

use super::enter::{leave, reenter};
use super::switch::{core_of, proc_of};
use crate::objects::g::G;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// A mark in `refs`: the goroutine has ended, and its last handle frees it.
const ZOMBIE: u32 = 1 << 31;

/// Back to the P's free list; its handle has been given up, or is being.
///
/// # Safety
///
/// Inside, with a P; nobody uses `g` any more but the holders of counted handles.
#[inline(always)]
pub(crate) unsafe fn free(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_referred_to(g) {
            return;
        }
        g.as_ref().fiber.retire();
        let stack = g0_stack::Stack::from_raw(G::header(g));
        proc_of(m).free.with_mut(|free| core_of(m).depot.free(&mut *free, stack));
    }
}

/// Whether a counted handle keeps the ended goroutine `g`: then that will free it.
///
/// # Safety
///
/// `g` has ended.
unsafe fn is_referred_to(g: NonNull<G>) -> bool {
    // SAFETY: the caller's promise.
    let refs = unsafe { &g.as_ref().refs };
    // Acquire: what the holders did is over.
    if refs.load(Ordering::Acquire) == 0 {
        return false;
    }
    let referred = refs.fetch_or(ZOMBIE, Ordering::AcqRel) != 0;
    if !referred {
        // The last one went in between: the mark is not for whoever uses the G next.
        refs.store(0, Ordering::Relaxed);
    }
    referred
}

/// A counted handle more: a `Goroutine`, a waker.
///
/// # Safety
///
/// `g` is alive, or another counted handle keeps it.
pub(crate) unsafe fn refer<P: Platform>(g: NonNull<G>) {
    /// Far below the mark, and more than memory holds unless handles are leaked on purpose.
    const MOST: u32 = ZOMBIE / 2;
    // SAFETY: the caller's promise. Relaxed: as for any reference count.
    if unsafe { g.as_ref().refs.fetch_add(1, Ordering::Relaxed) } & !ZOMBIE >= MOST {
        fatal::<P>(Some(g), "too many handles and wakers of one goroutine: they are leaked");
    }
}

/// A counted handle has gone.
pub(crate) fn unrefer<P: Platform>(g: NonNull<G>) {
    // SAFETY: a counted handle keeps the G.
    let refs = unsafe { &g.as_ref().refs };
    if refs.fetch_sub(1, Ordering::AcqRel) == ZOMBIE | 1 {
        refs.store(0, Ordering::Relaxed);
        if P::in_interrupt() {
            // SAFETY: it has ended, and this was the last handle.
            unsafe { crate::exec::interrupt::free_from_irq::<P>(g) };
        } else {
            free_from_anywhere::<P>(g);
        }
    }
}

/// Frees a G that has ended, from wherever its handle is dropped.
#[inline]
pub(crate) fn free_from_anywhere<P: Platform>(g: NonNull<G>) {
    // SAFETY: Ms are never freed; the G has ended and its handle is the caller's.
    unsafe {
        let home = crate::objects::g::scheduler_of(g);
        match P::current().as_ref() {
            Some(m) if m.running().is_some() && core::ptr::eq(core_of(m), home) => {
                reenter::<P>(m);
                free(m, g);
                leave(m);
            }
            _ => free_without_p(home, g),
        }
    }
}

/// Frees a G on a thread that has no cache of its scheduler: into the depot.
///
/// What is freed may be the last that held the scheduler together, whose owner looks for that:
///
/// ```text
///   this thread                       the owner, all Ms having ended
///   external_refs += 1                       look whether a G is held
///   fence                             fence
///   free the G, use the depot         look at external_refs
///   external_refs -= 1
/// ```
///
/// The owner sees the G held, or the guest; or both are gone, and it is alone.
///
/// # Safety
///
/// As [`free`], but for the P.
#[cold]
#[inline(never)]
pub(crate) unsafe fn free_without_p(home: &'static Core, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_referred_to(g) {
            return;
        }
        // Relaxed: the fence orders it.
        home.end.external_refs.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        g.as_ref().fiber.retire();
        let mut cache = g0_stack::Cache::new(home.config.stack);
        home.depot.free(&mut cache, g0_stack::Stack::from_raw(G::header(g)));
        home.depot.drain(&mut cache);
        // Release: the depot is left before.
        home.end.external_refs.fetch_sub(1, Ordering::Release);
    }
}
