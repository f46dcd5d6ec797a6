//! From one goroutine to the next (design: post-switch rules a to g).
//!
//! ```text
//!   G1's stack                                G2's stack
//!   gopark / yield / exit
//!     pick G2
//!     m.g := G2
//!     switch(&G1.context, G2.context, G1|tag) ─▶ resumed(G1|tag)
//!                                               post_switch: publish G1, by its tag
//!                                               exit (m.inside := 0)
//!                                               back in what G2 was doing
//! ```
//!
//! G1 is published only by the other side, after its context has been saved: nobody can run it
//! before. The step runs on a borrowed stack, so it neither allocates nor frees, drops nothing,
//! wakes no waker and runs no user code. Through g0 it is the same with g0 in the place of G2.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_arch::{Arch, Native, tools};

use crate::objects::g::{G, status};
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

/// What becomes of the G that was switched away from; in the low bits of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Tag {
    /// It is runnable, behind all others.
    Yield = 1,
    /// It waits; its unlock function publishes it.
    Park = 2,
    /// It has ended; its joiner and the free list decide.
    Exit = 3,
}

const TAGS: usize = 7;

/// The scheduler of `m`.
#[inline(always)]
pub(crate) fn core_of(m: &'static M) -> &'static Core {
    // SAFETY: set before the M was started; a core outlives its Ms.
    unsafe { &*m.core.get() }
}

/// The P of `m`.
///
/// # Safety
///
/// `m` is the caller's, inside, and owns a P.
#[inline(always)]
pub(crate) unsafe fn proc_of(m: &'static M) -> &'static Proc {
    debug_assert!(m.claim.is_inside(), "L18: an M outside touches a P");
    // SAFETY: the caller's promise.
    unsafe { &*m.p.load(Ordering::Relaxed) }
}

/// The M of this thread. Read anew after every switch.
#[inline(always)]
pub(crate) fn this_m<P: Platform>() -> &'static M {
    // SAFETY: called on an M only; Ms are never freed.
    unsafe { &*P::current() }
}

/// `m` begins to run `g`: the bookkeeping before the switch.
///
/// # Safety
///
/// `m` is the caller's, inside, and owns a P; `g` is runnable, out of all queues, and may run here.
#[inline(always)]
pub(crate) unsafe fn assign(m: &'static M, g: NonNull<G>) {
    m.g.store(g.as_ptr(), Ordering::Relaxed);
    // SAFETY: `g` is ours to run.
    unsafe {
        if !m.migrating.get() {
            // The safe runtime: from its first run on, a G stays on its M (L1).
            g.as_ref().bound.set(m);
        }
        checked!(
            g.as_ref().bound.get().is_null() || core::ptr::eq(g.as_ref().bound.get(), m),
            "L1: a bound goroutine on another M"
        );
        let reserved = m.lock.reserved.get();
        checked!(
            reserved.is_null()
                || reserved == g.as_ptr()
                || !(m.migrating.get() || m.lock.exclusive.get()),
            "L2: another goroutine on a reserved M"
        );
    }
}

/// Leaves `g`, which runs on `m`, for `next`; comes back when somebody switches to `g`, maybe on
/// another M. The caller is inside, and still is when this returns.
///
/// # Safety
///
/// As [`assign`] for `next`; `g` is the running goroutine, and `tag` says what becomes of it.
#[inline(always)]
pub(crate) unsafe fn switch_to<P: Platform>(
    m: &'static M,
    g: NonNull<G>,
    next: NonNull<G>,
    tag: Tag,
) -> &'static M {
    leaves_own_stack(g);
    // SAFETY: the caller's promises; `next`'s context was saved before it was published (L15).
    unsafe {
        assign(m, next);
        let to = next.as_ref().take_context();
        let (from, value) = (g.as_ref().context.as_ptr(), g.as_ptr().addr() | tag as usize);
        g.as_ref().fiber.before_switch(&next.as_ref().fiber);
        resumed::<P>(Native::switch(from, to, value))
    }
}

/// Leaves `g` for the scheduler, which is entered by a new frame on g0 below whatever is live
/// there; comes back as [`switch_to`] does.
///
/// # Safety
///
/// As [`switch_to`], without `next`.
#[inline(always)]
pub(crate) unsafe fn mcall<P: Platform>(m: &'static M, g: NonNull<G>, tag: Tag) -> &'static M {
    leaves_own_stack(g);
    m.g.store(core::ptr::null_mut(), Ordering::Relaxed);
    // SAFETY: nothing is live below g0_sp (the contract of `call_on`'s slot).
    unsafe {
        let to = Native::init(m.g0_sp.get(), on_g0::<P>, core::ptr::null_mut());
        let (from, value) = (g.as_ref().context.as_ptr(), g.as_ptr().addr() | tag as usize);
        g.as_ref().fiber.before_switch(&m.fiber);
        resumed::<P>(Native::switch(from, to, value))
    }
}

unsafe extern "C" fn on_g0<P: Platform>(value: usize, _data: *mut u8) -> ! {
    // SAFETY: `value` is what `mcall` gave; we are inside, on g0.
    unsafe { resumed::<P>(value) };
    super::machine::schedule::<P>()
}

/// In models: whoever switches away from `g` stands on its stack. On g0, in foreign code, he does not.
#[inline(always)]
fn leaves_own_stack(_g: NonNull<G>) {
    #[cfg(all(loom, not(g0_shuttle)))]
    {
        let (sp, top) = (g0_arch::stack_pointer().addr(), _g.as_ptr().addr());
        // SAFETY: the running goroutine lies in its stack.
        let bottom = unsafe { G::header(_g).as_ref().bottom() }.addr();
        assert!((bottom..top).contains(&sp), "L6: an M in foreign code schedules");
    }
}

/// The arriving side of a switch: publishes the G that was left.
///
/// # Safety
///
/// `value` came out of a switch, and this is the first thing done with it.
#[inline(always)]
pub(crate) unsafe fn resumed<P: Platform>(value: usize) -> &'static M {
    let m = this_m::<P>();
    let left = NonNull::new(core::ptr::with_exposed_provenance_mut::<G>(value & !TAGS));
    // SAFETY: the caller's promise.
    unsafe { arrived(m, left) };
    if let Some(g) = left {
        // SAFETY: the value is a G's address with a tag; its context is saved.
        unsafe {
            match value & TAGS {
                t if t == Tag::Yield as usize => requeue(m, g),
                t if t == Tag::Park as usize => commit::<P>(m, g),
                _ => super::exit::post_exit::<P>(m, g),
            }
        }
    }
    m
}

/// Tells memory checkers that the stack has changed, from that of `left`, or from g0. Whoever runs on
/// an M now owns what the former one worked on there, by no means but the order of their switches.
///
/// # Safety
///
/// As [`resumed`].
#[inline(always)]
unsafe fn arrived(m: &'static M, left: Option<NonNull<G>>) {
    if !tools::ON {
        return;
    }
    // SAFETY: the one that runs here and the one that was left; `m` is the caller's.
    unsafe {
        match left {
            Some(g) => g.as_ref().fiber.left(),
            None => m.fiber.left(),
        }
        match m.curg() {
            Some(g) => g.as_ref().fiber.after_switch(),
            None => m.fiber.after_switch(),
        }
    }
}

/// A goroutine that yielded goes behind all others.
///
/// # Safety
///
/// As [`resumed`].
#[inline(always)]
unsafe fn requeue(m: &'static M, g: NonNull<G>) {
    // SAFETY: inside, with a P; the G has left its stack on this M.
    unsafe {
        if g.as_ref().bound.get().is_null() {
            // No wake: one came into the ring, and one has just left a queue.
            let _ = core_of(m).append(proc_of(m), g);
        } else {
            m.local.with_mut(|local| (*local).push_back(g));
        }
    }
}

/// A goroutine that parks: its unlock function lets others find it, or says no.
///
/// # Safety
///
/// As [`resumed`].
#[inline(always)]
unsafe fn commit<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the park has set both words; after the call the G may be anywhere.
    unsafe {
        if core_of(m).phase() != phase::OPEN {
            return super::cancel::commit_closing::<P>(m, g);
        }
        g.as_ref().status.store(status::PARKED, Ordering::Relaxed);
        let parked = match g.as_ref().unlock.get() {
            Some(unlock) => unlock(g.as_ref().unlock_arg.get(), g),
            None => true,
        };
        if !parked {
            super::wake::ready_here::<P>(m, g);
        }
    }
}
