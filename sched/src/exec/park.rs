//! WaitReason, and being made ready.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use super::switch::{Tag, core_of, mcall, proc_of, switch_to};
use crate::objects::g::{G, Unlock};
use crate::objects::m::M;
use crate::parts::phase;
use crate::platform::Platform;

/// The next of the queues that this M reaches without a lock: `runnext`, then ring and local list
/// by turns.
///
/// # Safety
///
/// `m` is the caller's, inside, with a P.
#[inline(always)]
pub(crate) unsafe fn pick(m: &'static M) -> Option<NonNull<G>> {
    // SAFETY: the caller's promise.
    unsafe {
        let p = proc_of(m);
        if let Some(g) = p.runq.replace_next(None) {
            return Some(g);
        }
        let bound = m.inbox.is_touched() || m.local.with(|local| !(*local).is_empty());
        if bound {
            return pick_bound(m);
        }
        p.runq.pop()
    }
}

#[inline(never)]
unsafe fn pick_bound(m: &'static M) -> Option<NonNull<G>> {
    // SAFETY: the promise of `pick`.
    unsafe {
        let p = proc_of(m);
        if p.tick.load(Ordering::Relaxed) & 1 == 0
            && let Some(g) = p.runq.pop()
        {
            return Some(g);
        }
        m.local.with_mut(|local| (*local).pop(&m.inbox, false)).or_else(|| p.runq.pop())
    }
}

/// Parks the running goroutine. `unlock(arg, g)` runs once its context is saved and lets others
/// find it; when it returns false the goroutine is runnable at once. Returns the M it goes on on,
/// inside, and whether shutdown woke it: then whoever parked takes it out of its queue, or, if it
/// is in none any more, waits for the wake that is on its way with [`await_pending_wake`].
///
/// # Safety
///
/// `m` and `g` are the caller's, inside; somebody makes `g` ready exactly once after `unlock` has
/// returned true. If `unlock` releases a lock, it is a spin lock that the caller holds.
#[inline(always)]
pub(crate) unsafe fn gopark<P: Platform>(
    m: &'static M,
    g: NonNull<G>,
    unlock: Unlock,
    arg: *mut u8,
) -> (&'static M, bool) {
    // SAFETY: the caller's promises.
    unsafe {
        g.as_ref().unlock.set(Some(unlock));
        g.as_ref().unlock_arg.set(arg);
        proc_of(m).counts.parks.add(1);
        let slow = proc_of(m).count() || !m.lock.reserved.get().is_null();
        let m = if P::Unwind::panicking() {
            mcall_unwinding::<P>(m, g, Tag::Park)
        } else if !slow && let Some(next) = pick(m) {
            switch_to::<P>(m, g, next, Tag::Park)
        } else {
            mcall::<P>(m, g, Tag::Park)
        };
        (m, core_of(m).phase() != phase::OPEN && super::cancel::take_cancel(m, g))
    }
}

/// The end of a scheduling point, outside: a Goexit that something has swallowed is thrown again.
#[inline(always)]
pub(crate) fn go_on<P: Platform>(g: NonNull<G>) {
    #[cold]
    fn exiting<P: Platform>(g: NonNull<G>) {
        // SAFETY: the running goroutine's own field.
        if unsafe { g.as_ref().holding.get() } == 0 && !P::Unwind::panicking() {
            P::throw_goexit();
        }
    }
    // SAFETY: the running goroutine's own field.
    if unsafe { g.as_ref().exiting.get() } {
        exiting::<P>(g);
    }
}

/// While it unwinds, a goroutine keeps its thread for itself: the panic count is the thread's.
///
/// # Safety
///
/// As [`mcall`].
#[cold]
pub(super) unsafe fn mcall_unwinding<P: Platform>(
    m: &'static M,
    g: NonNull<G>,
    tag: Tag,
) -> &'static M {
    // SAFETY: the caller's promise; internal lock and unlock are paired here.
    unsafe {
        let before = m.lock.reserved.get();
        crate::policy::lockedm::lock_internal(m, g);
        m.lock.reserved.set(g.as_ptr());
        let m = mcall::<P>(m, g, tag);
        crate::policy::lockedm::unlock_internal::<P>(m, g);
        // Another goroutine of the safe runtime may hold a lock on this thread too.
        m.lock.reserved.set(if crate::policy::lockedm::is_locked(g) { g.as_ptr() } else { before });
        m
    }
}

/// As [`gopark`], with a closure that runs once the context is saved: it reads what it needs out of
/// itself before it lets others find the goroutine, for then the stack it was made on may run.
///
/// # Safety
///
/// As [`gopark`]; `publish` keeps to the rules of [`Unlock`].
#[inline(always)]
pub(crate) unsafe fn gopark_then<P: Platform, F: FnOnce()>(
    m: &'static M,
    g: NonNull<G>,
    publish: F,
) -> (&'static M, bool) {
    /// # Safety
    ///
    /// `arg` points to the closure, which nobody else calls or drops.
    unsafe fn run<F: FnOnce()>(arg: *mut u8, _g: NonNull<G>) -> bool {
        // SAFETY: the caller's promise. It is moved out first, as said above.
        unsafe { arg.cast::<F>().read()() };
        true
    }
    let mut publish = ManuallyDrop::new(publish);
    // SAFETY: the caller's promises.
    unsafe { gopark::<P>(m, g, run::<F>, (&raw mut publish).cast()) }
}
