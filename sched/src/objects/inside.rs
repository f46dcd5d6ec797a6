//! Being inside, and owning a P, as values (L18).
//!
//! | value | says |
//! |---|---|
//! | [`Stay`] | the calling M is inside, with a P or without: on g0, and on the way in |
//! | [`&Within`](Within) | the calling M is inside and owns a P, for as long as the borrow |
//! | [`&OwnedP`](OwnedP) | the P's plain data is the borrower's: its M is within, or the P is in hand |
//! | [`FreeP`] | a P *in hand*: no M owns it, and the holder must give it to one or put it back |
//!
//! A running goroutine's stay is `exec::inside::Inside`: a switch and leaving consume it.
//!
//! ```text
//!             own                 Stay::disown                put_p, hand
//!   FreeP ──────────▶ (the M's) ───────────────▶ FreeP ─────────────────▶ idle, or another M's
//! ```
//!
//! The values are made by `unsafe` calls in few places: by entering, by resuming, and by the retaker that
//! has taken a P. What follows from them needs no further promise.

use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;

use g0_arch::sync::atomic::Ordering;

use super::m::M;
use super::p::Proc;
use super::shared::Core;

/// What holds of the calling thread alone: neither `Send` nor `Sync`.
type OfThisThread = PhantomData<*mut ()>;

/// A P whose plain data is the borrower's.
#[repr(transparent)]
pub(crate) struct OwnedP(Proc, OfThisThread);

impl Deref for OwnedP {
    type Target = Proc;

    #[inline(always)]
    fn deref(&self) -> &Proc {
        &self.0
    }
}

impl OwnedP {
    /// # Safety
    ///
    /// The caller must be the P's owner, inside, or hold the P in hand, for as long as the result is used.
    #[inline(always)]
    pub(crate) unsafe fn assume<'p>(p: *const Proc) -> &'p Self {
        // SAFETY: transparent, and Ps live as long as their scheduler.
        unsafe { &*p.cast() }
    }

    /// Returns the P, which stays where it is when it changes hands.
    #[inline(always)]
    pub(crate) fn proc(&self) -> &'static Proc {
        // SAFETY: Ps live as long as their scheduler.
        unsafe { &*ptr::from_ref(&self.0) }
    }
}

/// A P in hand: no M owns it.
#[must_use = "a P in hand must be given to an M or put back"]
pub(crate) struct FreeP(&'static Proc);

impl Deref for FreeP {
    type Target = OwnedP;

    #[inline(always)]
    fn deref(&self) -> &OwnedP {
        // SAFETY: no M owns it, and this value is the only one of its kind.
        unsafe { OwnedP::assume(self.0) }
    }
}

impl FreeP {
    /// # Safety
    ///
    /// No M may own `p`, it must be in no list, and the result must be the only value of this type for it.
    #[inline(always)]
    pub(crate) unsafe fn assume(p: &'static Proc) -> Self {
        Self(p)
    }

    /// Returns the P, which the caller must give to an M or put on a list.
    #[inline(always)]
    pub(crate) fn into_proc(self) -> &'static Proc {
        self.0
    }
}

/// The calling M, which is inside and owns a P for as long as the borrow.
#[repr(transparent)]
pub(crate) struct Within(M, OfThisThread);

impl Deref for Within {
    type Target = M;

    #[inline(always)]
    fn deref(&self) -> &M {
        &self.0
    }
}

impl Within {
    /// # Safety
    ///
    /// `m` must be the calling thread's, inside, and own a P, for as long as the result is used.
    #[inline(always)]
    pub(crate) unsafe fn assume<'i>(m: &'static M) -> &'i Self {
        // SAFETY: transparent.
        unsafe { &*ptr::from_ref(m).cast() }
    }

    /// Returns its P.
    #[inline(always)]
    pub(crate) fn p(&self) -> &OwnedP {
        debug_assert!(self.0.claim.is_inside(), "L18: an M outside touches a P");
        // SAFETY: inside, with a P, which is taken from no M inside (L18). Relaxed: the M's own word.
        unsafe { OwnedP::assume(self.0.p.load(Ordering::Relaxed)) }
    }

    /// Returns its scheduler.
    #[inline(always)]
    pub(crate) fn core(&self) -> &'static Core {
        self.0.core()
    }

    /// Returns the M, which stays when it leaves.
    #[inline(always)]
    pub(crate) fn m(&self) -> &'static M {
        // SAFETY: Ms are never freed.
        unsafe { &*ptr::from_ref(&self.0) }
    }
}

/// The calling M's stay inside, with a P or without.
pub(crate) struct Stay {
    m: &'static M,
    _here: OfThisThread,
}

impl Stay {
    /// # Safety
    ///
    /// `m` must be the calling thread's and inside, for as long as the result is used, and the result the
    /// only value that stands for that stay.
    #[inline(always)]
    pub(crate) unsafe fn assume(m: &'static M) -> Self {
        Self { m, _here: PhantomData }
    }

    /// Returns the M.
    #[inline(always)]
    pub(crate) fn m(&self) -> &'static M {
        self.m
    }

    /// Returns its scheduler.
    #[inline(always)]
    pub(crate) fn core(&self) -> &'static Core {
        self.m.core()
    }

    /// Returns the same with a P, if the M owns one; takes a claim back that was raised, but where it stays raised all
    /// the time.
    #[inline(always)]
    pub(crate) fn within(&self) -> Option<&Within> {
        #[cold]
        fn reclaim(m: &M) -> bool {
            if m.core().is_turn_empty() { m.claim.holds_raised() } else { m.claim.holds() }
        }
        let has_p = self.m.claim.is_owned() || reclaim(self.m);
        // SAFETY: inside, by this value, and the M owns a P; to lose it takes `&mut self`.
        has_p.then(|| unsafe { Within::assume(self.m) })
    }

    /// As [`within`](Self::within), but leaves a claim raised that asks the M to look up.
    #[inline(always)]
    pub(crate) fn within_raised(&self) -> Option<&Within> {
        // SAFETY: as above.
        self.m.claim.holds_raised().then(|| unsafe { Within::assume(self.m) })
    }

    /// Leaves: what the M did to its P is visible to a retaker.
    pub(crate) fn leave(self) {
        self.m.claim.exit();
    }

    /// Gives up the P that the M owns, and returns it in hand.
    pub(crate) fn disown(&mut self) -> FreeP {
        self.m.claim.give();
        // SAFETY: the P that `m.p` names was the M's until now, and lives as long as the scheduler.
        let p: &'static Proc = unsafe { &*self.m.p.swap(ptr::null_mut(), Ordering::Relaxed) };
        // Release: with what the M did to the P.
        p.m.store(ptr::null_mut(), Ordering::Release);
        // SAFETY: no M owns it now.
        unsafe { FreeP::assume(p) }
    }
}
