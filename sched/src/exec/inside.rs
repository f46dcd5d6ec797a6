//! The running goroutine's stay inside, as a value (L18).
//!
//! ```text
//!             enter, enter_in_place                     switch_to, mcall
//!   outside ───────────────────────▶ Inside ──────────────────────────────▶ (another goroutine)
//!      ▲                              │  ▲                                         │
//!      └────────────── leave ─────────┘  └──────────── the switch back ────────────┘
//! ```
//!
//! An [`Inside`] is not `Copy`. A switch consumes it and returns another, for the goroutine may go on on
//! another M: so what was read of the M before a switch cannot be used after it unnoticed. It is left by
//! name; one that is dropped instead ends the program, for user code must never run inside.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::m::M;

/// The running goroutine is inside, on an M that owns a P.
#[must_use = "a stay ends by `leave` or by a switch"]
pub(crate) struct Inside {
    within: &'static Within,
    g: NonNull<G>,
    /// Of this thread.
    _here: PhantomData<*mut ()>,
}

impl Deref for Inside {
    type Target = Within;

    #[inline(always)]
    fn deref(&self) -> &Within {
        self.within
    }
}

impl Inside {
    /// # Safety
    ///
    /// `g` must be the goroutine that runs on the calling thread, and `m` that thread's M; `m` must be inside
    /// and own a P, and no other value may stand for this stay.
    #[inline(always)]
    pub(crate) unsafe fn assume(m: &'static M, g: NonNull<G>) -> Self {
        // SAFETY: inside, with a P, as long as this value is not consumed; its borrows end before.
        Self { within: unsafe { Within::assume(m) }, g, _here: PhantomData }
    }

    /// Returns the running goroutine.
    #[inline(always)]
    pub(crate) fn goroutine(&self) -> NonNull<G> {
        self.g
    }

    /// Returns the same, for what lives as long as the goroutine's call.
    #[inline(always)]
    pub(crate) fn g(&self) -> &G {
        // SAFETY: the running goroutine is alive.
        unsafe { self.g.as_ref() }
    }

    /// Leaves, and returns the M and the goroutine: outside, what is read of the M may be old.
    #[inline(always)]
    pub(crate) fn leave(self) -> (&'static M, NonNull<G>) {
        let (m, g) = self.into_parts();
        m.claim.exit();
        (m, g)
    }

    /// Ends the value without leaving, and returns the M: the caller makes another for the same stay.
    #[inline(always)]
    pub(super) fn stay_on(self) -> &'static M {
        self.into_parts().0
    }

    /// Ends the value without leaving: the switch away from the goroutine does that.
    #[inline(always)]
    pub(super) fn into_parts(self) -> (&'static M, NonNull<G>) {
        let this = ManuallyDrop::new(self);
        (this.within.m(), this.g)
    }
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        dropped_inside()
    }
}

/// `extern "C"`: a panic here ends the program, whatever is being unwound.
#[cold]
#[inline(never)]
extern "C" fn dropped_inside() -> ! {
    panic!("g0: a stay inside the scheduler ended without leaving (L18)")
}

/// The caller of an operation.
pub(crate) enum Caller {
    /// A goroutine on its own stack, inside now.
    Goroutine(Inside),
    /// A thread that is no M.
    Thread,
}

impl Caller {
    /// Returns the calling M, for a wake to start from; `None` for a thread.
    #[inline(always)]
    pub(crate) fn within(&self) -> Option<&Within> {
        match self {
            Self::Goroutine(inside) => Some(inside),
            Self::Thread => None,
        }
    }

    /// Returns the calling goroutine; `None` for a thread.
    #[inline(always)]
    pub(crate) fn goroutine(&self) -> Option<NonNull<G>> {
        match self {
            Self::Goroutine(inside) => Some(inside.g),
            Self::Thread => None,
        }
    }

    /// Leaves, if the caller is a goroutine.
    #[inline(always)]
    pub(crate) fn leave(self) {
        if let Self::Goroutine(inside) = self {
            inside.leave();
        }
    }
}
