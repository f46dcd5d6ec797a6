//! The deadline of a goroutine that parks: a timer, and the P on which it is armed.
//!
//! It lies on the parked stack. The post-switch step arms it, on the P of whatever M that is, and the
//! goroutine disarms it there when it runs again, before the frame goes.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::current::this_m;
use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::p::Proc;
use crate::objects::wheel::{Claim, Timer};
use crate::platform::Platform;

pub(crate) struct Deadline {
    timer: Timer<G>,
    on: Cell<*const Proc>,
}

impl Deadline {
    /// As [`Timer::new`].
    #[inline(always)]
    pub(crate) fn new(at: u64, g: NonNull<G>, claim: Claim, arg: *const ()) -> Self {
        Self { timer: Timer::new(at, g, claim, arg), on: Cell::new(ptr::null()) }
    }

    /// Arms it: from now on it may fire.
    ///
    /// # Safety
    ///
    /// Must be called in the post-switch step of its goroutine; `this` must live until it has been
    /// disarmed or has fired.
    #[inline(always)]
    pub(crate) unsafe fn arm<P: Platform>(this: *const Self) {
        // SAFETY: the step runs on an M with a P; the P is noted before the timer can fire.
        unsafe {
            let p = Within::assume(this_m::<P>()).p().proc();
            (*this).on.set(p);
            p.timers.arm(&raw const (*this).timer);
        }
    }

    /// Disarms it; returns false when it has fired.
    ///
    /// # Safety
    ///
    /// Must be called by its goroutine, inside, after the park in which it was armed.
    #[inline(always)]
    pub(crate) unsafe fn disarm(&self) -> bool {
        // SAFETY: armed before, so the P was noted; Ps live as long as their scheduler.
        unsafe { (*self.on.get()).timers.disarm(&raw const self.timer) }
    }
}
