//! The scheduler's loop on g0.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_arch::{Arch, Context, Native, stack_pointer, tools};

use super::conduct::{look_at_rest, look_here};
use super::current::this_m;
use crate::objects::g::G;
use crate::objects::inside::{Stay, Within};
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;
use crate::platform::fatal::fatal;
use crate::policy::lockedm::lock_at_start;
use crate::policy::next::Next;

/// Runs goroutines, for ever. Must be called on g0, with the calling M inside.
#[cfg_attr(g0_tsan, inline(never))]
pub(crate) fn schedule<P: Platform>() -> ! {
    let m = this_m::<P>();
    if m.in_foreign_code() {
        fatal::<P>(m.curg(), "schedule: in foreign code (L6)");
    }
    // SAFETY: the caller's stay, which it has left to this loop.
    let mut stay = unsafe { Stay::assume(m) };
    loop {
        match stay.core().next::<P>(&mut stay) {
            // SAFETY: `next` says so: the M has a P, and `g` is out of all queues and may run here.
            Next::Run(g) => unsafe { execute(stay, g) },
            Next::Wait => stay = wait::<P>(stay, None),
            Next::WaitUntil(deadline) => stay = wait::<P>(stay, Some(deadline)),
            Next::Conduct => look_here::<P>(&stay),
            Next::Stop => end::<P>(stay),
        }
    }
}

/// As [`schedule`]; first rests, if the policy says so.
pub(super) fn schedule_after<P: Platform>(
    rest: impl FnOnce(&'static Core, &mut Stay) -> Option<Next>,
) -> ! {
    let m = this_m::<P>();
    // SAFETY: the caller's stay, which it has left to this loop, and which `schedule` takes over.
    let mut stay = unsafe { Stay::assume(m) };
    match rest(stay.core(), &mut stay) {
        Some(Next::WaitUntil(deadline)) => _ = wait::<P>(stay, Some(deadline)),
        Some(_) => _ = wait::<P>(stay, None),
        None => {}
    }
    schedule::<P>()
}

/// `m` begins to run `g`: the bookkeeping before the switch.
///
/// # Safety
///
/// `g` must be runnable, out of all queues, and may run on this M.
#[inline(always)]
pub(super) unsafe fn assign(within: &Within, g: NonNull<G>) {
    // Release: what looks at this M from outside goes on to the G.
    within.g.store(g.as_ptr(), Ordering::Release);
    // SAFETY: `g` is out of all queues, so no other thread touches its fields.
    unsafe {
        if !within.migrating.get() {
            // The pinned runtime: from its first run on, a G keeps to its M (L1).
            g.as_ref().bound.set(within.m());
        }
        checked!(
            g.as_ref().bound.get().is_null() || core::ptr::eq(g.as_ref().bound.get(), within.m()),
            "L1: a bound goroutine on another M"
        );
        let reserved = within.lock.reserved.get();
        checked!(
            reserved.is_null()
                || reserved == g.as_ptr()
                || !(within.migrating.get() || within.is_extra()),
            "L2: another goroutine on a reserved M"
        );
    }
}

/// Frames that are on g0 when it is left for a goroutine: [`schedule`], and what has called it. Only
/// the thread sanitizer is told of them.
const FRAMES: usize = 2;

/// Runs `g`; this frame of g0 is never seen again.
///
/// # Safety
///
/// As [`assign`]; the M must own a P.
#[cfg_attr(g0_tsan, inline(always))]
unsafe fn execute(stay: Stay, g: NonNull<G>) -> ! {
    // SAFETY: the M owns a P, and `g` may run here; a saved context is valid until it is switched to.
    unsafe {
        let within = Within::assume(stay.m());
        assign(within, g);
        lock_at_start(within.m(), g);
        within.p().count();
        if within.core().phase() != phase::OPEN {
            // Every goroutine looks up from now on, at each operation that may end it.
            within.claim.ask();
        }
        let mut abandoned = Context::EMPTY;
        let (from, to) = (&raw mut abandoned, g.as_ref().take_context());
        within.fiber.abandon(FRAMES, stack_pointer(), within.g0_sp.get());
        within.fiber.before_switch(g.as_ref().present_fiber());
        Native::switch(from, to, 0);
    }
    unreachable!("an abandoned frame of g0 was resumed")
}

/// Waits as the policy has told the M to: until it has a P, or the scheduler has halted. Does not return if the
/// thread ends meanwhile.
fn wait<P: Platform>(mut stay: Stay, mut deadline: Option<u64>) -> Stay {
    let (m, core) = (stay.m(), stay.core());
    loop {
        if !m.nextp.load(Ordering::Relaxed).is_null() {
            core.woken::<P>(&mut stay);
            return stay;
        }
        // Acquire: pairs with `halt`.
        if core.end.phase.load(Ordering::Acquire) == phase::HALTED {
            return stay;
        }
        // SAFETY: the flag is this thread's own.
        if unsafe { m.spin.before_sleep.replace(false) } {
            core.spin_for_p::<P>(&stay);
            continue;
        }
        if core.conducts::<P>(m) {
            match look_at_rest::<P>(&stay, deadline) {
                Some(until) => _ = m.parker.park::<P>(Some(until)),
                // SAFETY: the calling M's thread.
                None => unsafe { P::relax() },
            }
        } else {
            m.parker.park::<P>(deadline);
        }
        if m.nextp.load(Ordering::Relaxed).is_null() {
            deadline = match core.spurious_wakeup::<P>(&mut stay) {
                None => return stay,
                Some(Next::WaitUntil(deadline)) => Some(deadline),
                Some(Next::Stop) => end::<P>(stay),
                Some(Next::Wait | Next::Run(_) | Next::Conduct) => None,
            };
        }
    }
}

/// Ends this M's thread: back into `start_m`. If the thread must not end (L23), it parks for good instead.
fn end<P: Platform>(mut stay: Stay) -> ! {
    let (m, core) = (stay.m(), stay.core());
    if stay.within().is_some() {
        // A goroutine that has computed beyond the end of the run may still want the P.
        core.release_p::<P>(stay.disown());
    }
    stay.leave();
    if !core.may_end::<P>(m) {
        core.keep::<P>(m);
        park_for_good::<P>(m);
    }
    // SAFETY: `base` is the frame of `start_m`'s call, at the bottom of this g0; what lies above
    // it is the scheduler's own and has nothing to drop.
    unsafe {
        tools::drop_frames(stack_pointer(), m.base.get());
        Native::escape(m.base.as_ptr(), 0)
    }
}

/// Parks the calling thread, that of `m`, for ever. In a model until that is over, for its threads must end.
#[cold]
fn park_for_good<P: Platform>(m: &'static M) {
    loop {
        #[cfg(loom)]
        if m.core().end.model_over.load(Ordering::Acquire) {
            return;
        }
        m.parker.park::<P>(None);
    }
}
