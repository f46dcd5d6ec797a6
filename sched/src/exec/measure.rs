//! How deep goroutines' stacks come, where the scheduler measures it.
//!
//! ```text
//!   first use of a stack     an end, on g0                     the next goroutine
//!   nothing was used         tell how much was used            is told of by itself
//!                            forget it, below what is live
//! ```
//!
//! A scheduler that does not measure pays nothing for it, not even a test: where it is measured every G has a flag for
//! good, beside that of a goroutine which may have segments, and an end looks at both at once. One that measures goes
//! the same ways for all else, so that each goroutine's stack bears what it bears elsewhere: the post-switch step of
//! what ran before it, too.

use core::ptr::NonNull;

use g0_stack::Class;
use g0_stack::grow::Segment;

use super::current::current_m;
use super::g0::{on_g0, on_g0_off};
use crate::objects::g::{G, scheduler_of};
use crate::objects::m::M;
use crate::objects::report::StackUse;
use crate::platform::Platform;

/// A stack, on which nothing lies but its new G, begins as if it had never been used: its source may have lent it as a
/// segment before, or to another scheduler.
///
/// # Safety
///
/// The stack of `g` must be the caller's.
#[cold]
#[inline(never)]
pub(super) unsafe fn begin<P: Platform>(g: NonNull<G>) {
    // SAFETY: the stack is the caller's, and nothing is live below the G.
    let forget = || unsafe { G::header(g).as_ref().reset_high_water(g.as_ptr().cast()) };
    match current_m::<P>() {
        // A goroutine starts another, inside: its stack may have little room.
        // SAFETY: the calling M, inside, on the stack of the goroutine that it runs.
        Some(m) if m.claim.is_inside() && m.running().is_some() => unsafe { on_g0(m, forget) },
        _ => forget(),
    }
}

/// As [`ended`], on the stack of `g`, which `m` runs.
///
/// # Safety
///
/// `m` must be the calling M, inside, and `g` its goroutine, which ends: on its own stack, if it is to go on.
#[cold]
#[inline(never)]
pub(super) unsafe fn end<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: as the caller ensures; nothing is live on the stack below where it was left. If it is a segment that was
    // left, which is fatal next, that address is not in the goroutine's own stack.
    unsafe { on_g0_off(m, |live| ended::<P>(g, live)) }
}

/// Tells how much of its own stack `g`, which ends, has used, and forgets it; on g0. Below `live` nothing is live.
///
/// # Safety
///
/// `g` must end, or be between callbacks, on its own stack; no code may run there meanwhile. No lock may be held.
pub(crate) unsafe fn ended<P: Platform>(g: NonNull<G>, live: *mut u8) {
    // SAFETY: the goroutine's own fields and stack, which nothing uses meanwhile.
    unsafe {
        let (this, header) = (g.as_ref(), G::header(g).as_ref());
        let told = StackUse {
            // It has been counted if it ends for the second time, having dropped its result.
            ends: !this.was_measured.replace(false),
            stack: header.high_water(),
            ..StackUse::of(g)
        };
        P::stack_used(&told);
        header.reset_high_water(live);
    }
}

/// Tells that `g`, which runs on this thread, has been given a segment of this class, above its present stack; on g0.
///
/// # Safety
///
/// `g` must be the running goroutine, and no lock may be held.
pub(super) unsafe fn given<P: Platform>(g: NonNull<G>, class: Class) {
    // SAFETY: the running goroutine's present stack, with its record if it is a segment.
    unsafe {
        let beneath = Segment::of(&*g.as_ref().present.get());
        let used = beneath.map_or(0, |segment| segment.as_ref().used());
        P::stack_used(&StackUse { segments: used + class.size(), ..StackUse::of(g) });
    }
}

impl StackUse {
    /// Returns one that tells nothing of `g` yet.
    ///
    /// # Safety
    ///
    /// `g` must be kept from being used again.
    unsafe fn of(g: NonNull<G>) -> Self {
        // SAFETY: as the caller ensures.
        unsafe {
            let (this, size) = (g.as_ref(), G::header(g).as_ref().size());
            let (site, name, core) = (this.ident.site(), this.ident.name(), scheduler_of(g));
            Self { site, name, ends: false, stack: None, size, segments: 0, core }
        }
    }
}
