//! From one goroutine to the next.
//!
//! ```text
//!   G1's stack                                G2's stack
//!   park, yield, exit
//!     pick G2
//!     m.g := G2
//!     switch(&G1.context, G2.context, G1|tag) ─▶ resumed(G1|tag)
//!                                               post-switch step: publish G1, by its tag
//!                                               leave (m.inside := 0)
//!                                               back in what G2 was doing
//! ```
//!
//! G1 is published only by the other side, after its context has been saved: no M can run it before
//! ([`post_switch`](super::post_switch)). Through g0 it is the same with g0 in the place of G2.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;
use g0_arch::{Arch, Native};

use super::inside::Inside;
use super::post_switch::{Tag, resumed, tagged};
use super::schedule::{assign, schedule, schedule_after};
use crate::objects::g::G;
use crate::platform::Platform;

/// Leaves the running goroutine for `next`. Returns when an M switches back to it: that M's stay.
///
/// # Safety
///
/// `next` must be runnable, out of all queues, and may run on this M; `tag` must say what becomes of the
/// running goroutine.
#[inline(always)]
pub(super) unsafe fn switch_to<P: Platform>(inside: Inside, next: NonNull<G>, tag: Tag) -> Inside {
    leaves_own_stack(inside.goroutine());
    // SAFETY: `next` may run here; its context was saved before it was published (L15).
    unsafe {
        assign(&inside, next);
        let to = next.as_ref().take_context();
        let (_, g) = inside.into_parts();
        g.as_ref().present_fiber().before_switch(next.as_ref().present_fiber());
        let value = Native::switch(g.as_ref().context.as_ptr(), to, tagged(g, tag));
        Inside::assume(resumed::<P>(value), g)
    }
}

/// Leaves the running goroutine for the scheduler, which is entered by a new frame on g0 below whatever is
/// live there. Returns as [`switch_to`] does.
///
/// # Safety
///
/// `tag` must say what becomes of the running goroutine.
#[inline(always)]
pub(super) unsafe fn mcall<P: Platform>(inside: Inside, tag: Tag) -> Inside {
    // SAFETY: as the caller ensures.
    unsafe { mcall_to::<P>(inside, tag, on_g0::<P>) }
}

/// As [`mcall`]; the P goes to another M, if there is one, and the goroutine with it.
///
/// # Safety
///
/// As [`mcall`]; the goroutine must be neither bound nor locked.
pub(super) unsafe fn mcall_elsewhere<P: Platform>(inside: Inside, tag: Tag) -> Inside {
    // SAFETY: as the caller ensures.
    unsafe { mcall_to::<P>(inside, tag, on_g0_elsewhere::<P>) }
}

/// As [`mcall`]; what has not started is left to another M, if there is one with more room, and the goroutine
/// with it.
///
/// # Safety
///
/// As [`mcall`]; the goroutine must be neither bound nor locked.
pub(super) unsafe fn mcall_apart<P: Platform>(inside: Inside, tag: Tag) -> Inside {
    // SAFETY: as the caller ensures.
    unsafe { mcall_to::<P>(inside, tag, on_g0_apart::<P>) }
}

/// Leaves the running goroutine for `f` on g0.
///
/// # Safety
///
/// As [`mcall`].
#[inline(always)]
unsafe fn mcall_to<P: Platform>(
    inside: Inside,
    tag: Tag,
    f: unsafe extern "C" fn(usize, *mut u8) -> !,
) -> Inside {
    leaves_own_stack(inside.goroutine());
    let (m, g) = inside.into_parts();
    m.g.store(ptr::null_mut(), Ordering::Relaxed);
    // SAFETY: nothing is live below g0_sp (the contract of `call_on`'s slot).
    unsafe {
        let to = Native::init(m.g0_sp.get(), f, ptr::null_mut());
        g.as_ref().present_fiber().before_switch(&m.fiber);
        let value = Native::switch(g.as_ref().context.as_ptr(), to, tagged(g, tag));
        Inside::assume(resumed::<P>(value), g)
    }
}

unsafe extern "C" fn on_g0<P: Platform>(value: usize, _data: *mut u8) -> ! {
    // SAFETY: `value` is what `mcall` gave, out of its switch.
    unsafe { resumed::<P>(value) };
    schedule::<P>()
}

unsafe extern "C" fn on_g0_elsewhere<P: Platform>(value: usize, _data: *mut u8) -> ! {
    // SAFETY: `value` is what `mcall_elsewhere` gave, out of its switch.
    unsafe { resumed::<P>(value) };
    // The P goes with all that is queued.
    schedule_after::<P>(|core, stay| core.make_way::<P>(stay))
}

unsafe extern "C" fn on_g0_apart<P: Platform>(value: usize, _data: *mut u8) -> ! {
    // SAFETY: `value` is what `mcall_apart` gave, out of its switch.
    unsafe { resumed::<P>(value) };
    schedule_after::<P>(|core, stay| core.leave_to_another::<P>(stay))
}

/// In models: code that switches away from `g` stands on its stack. On g0, in foreign code, it does not.
#[inline(always)]
fn leaves_own_stack(_g: NonNull<G>) {
    #[cfg(all(loom, not(g0_shuttle)))]
    {
        let sp = g0_arch::stack_pointer().addr();
        // SAFETY: the running goroutine's present stack.
        let present = unsafe { &*_g.as_ref().present.get() };
        let (bottom, top) = (present.bottom().addr(), present.top().addr());
        assert!((bottom..top).contains(&sp), "L6: an M in foreign code schedules");
    }
}
