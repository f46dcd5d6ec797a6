//! Running a closure on g0, without leaving the goroutine.

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

use g0_arch::tools::{self, Crossing};
use g0_arch::{Arch, Native};

use crate::objects::m::M;

struct Frame<F, R> {
    crossing: Crossing,
    /// Where the stack was left.
    slot: *mut u8,
    f: ManuallyDrop<F>,
    r: MaybeUninit<R>,
}

/// Runs `f` on g0, below whatever is live there. `f` is the scheduler's own code: it must not
/// unwind, park or call back.
///
/// # Safety
///
/// `m` must be the calling M, inside, or `f` must enter; the caller must be on a goroutine's stack.
#[inline(always)]
pub(crate) unsafe fn on_g0<F: FnOnce() -> R, R>(m: &'static M, f: F) -> R {
    // SAFETY: as the caller ensures.
    unsafe { on_g0_off(m, |_| f()) }
}

/// As [`on_g0`]. `f` is told where the stack was left: below that address nothing is live on it until `f` returns.
///
/// # Safety
///
/// As [`on_g0`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn on_g0_off<F: FnOnce(*mut u8) -> R, R>(m: &'static M, f: F) -> R {
    unsafe extern "C" fn base<F: FnOnce(*mut u8) -> R, R>(frame: *mut u8) -> usize {
        // SAFETY: `on_g0` passes its own frame, which it does not touch meanwhile.
        let frame = unsafe { &mut *frame.cast::<Frame<F, R>>() };
        // SAFETY: the closure is taken once; the crossing is noted as the first thing here, and as
        // the last.
        unsafe {
            frame.crossing.at_entry();
            let f = ManuallyDrop::take(&mut frame.f);
            frame.r.write(f(frame.slot));
            frame.crossing.before_return();
        }
        0
    }
    let crossing = crossing(m);
    let (slot, f) = (ptr::null_mut(), ManuallyDrop::new(f));
    let mut frame = Frame { crossing, slot, f, r: MaybeUninit::uninit() };
    let at = &raw mut frame;
    // SAFETY: nothing is live below g0_sp; `base` returns and does not unwind.
    unsafe {
        let sp = m.g0_sp.get();
        (*at).crossing.before_call();
        Native::call_on(sp, base::<F, R>, at.cast(), &raw mut (*at).slot);
        crossing.after_call();
        (*at).r.assume_init_read()
    }
}

/// Returns the way from the stack of the goroutine that `m` runs to g0, for memory checkers. Its
/// own thread only.
#[inline(always)]
pub(crate) fn crossing(m: &'static M) -> Crossing {
    if !tools::ON {
        return Crossing::UNTOLD;
    }
    match m.curg() {
        // SAFETY: the running goroutine's G is alive while it is in a call.
        Some(g) => Crossing::new(unsafe { g.as_ref().present_fiber() }, &m.fiber),
        None => Crossing::UNTOLD,
    }
}
