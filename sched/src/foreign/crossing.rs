//! The edges between a goroutine's code and foreign code: what the [bridge](super::bridge) does at each.
//!
//! | edge | the P |
//! |---|---|
//! | [`enter`](MHandle::enter) | stays, for the taking; [`release`](MHandle::release) gives it away at once |
//! | [`leave`](MHandle::leave), [`begin`](MHandle::begin) | is there, or the thread waits for one |
//! | [`end`](MHandle::end) | stays, unless the callback has left goroutines to run: then another M runs them at once |
//! | [`rests`](MHandle::rests), a foreign thread's [`depart`](MHandle::depart) | stays, unless an M waits for one |
//!
//! > **L6** An M in foreign code never schedules: without a P it blocks its thread until it is given one.
//!
//! > **L19** A callback's closure begins only when its M holds a P, whatever `procs` becomes meanwhile.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;
use g0_arch::sync::load_owned;

use super::bridge::MHandle;
use super::rest::{give_p_up, step_in};
use crate::exec::acquire::{acquire, hand_off};
use crate::exec::obey::obey;
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::light_fence::light_fence;
use crate::parts::phase;
use crate::platform::Platform;
use crate::policy::lockedm::{lock_callback, unlock_callback};

/// The part of a callback's word that is `errno`; beside it, in 20 bits, the locks that it covers.
const ERRNO: usize = if usize::BITS == 32 { 0xFFF } else { u32::MAX as usize };

impl MHandle {
    /// The goroutine goes to foreign code, and the bridge sets its word. There must be no scheduling point
    /// until [`leave`](Self::leave).
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, outside.
    #[inline(always)]
    pub unsafe fn enter(self) {
        // SAFETY: as the caller ensures.
        unsafe { self.m() }.foreign.calls.add(1);
    }

    /// The goroutine is back, and the bridge has cleared its word. On return the M owns a P. While the run ends, a
    /// goroutine of a runtime that is not pinned ends here, by Goexit, unless a payload is held.
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, after [`enter`](Self::enter).
    #[inline(always)]
    pub unsafe fn leave<P: Platform>(self) {
        // SAFETY: on the goroutine's stack, back from foreign code.
        unsafe { self.back::<P>(false) }
    }

    /// Returns when the M owns a P. `on_g0`: that is the present stack.
    ///
    /// # Safety
    ///
    /// Must be called on the M's thread, between foreign code and the goroutine's own.
    #[inline(always)]
    unsafe fn back<P: Platform>(self, on_g0: bool) {
        // SAFETY: as the caller ensures.
        let m = unsafe { self.m() };
        // SAFETY: `symmetric` is written before the M starts.
        light_fence(unsafe { m.symmetric.get() });
        if !m.claim.is_owned() {
            lost::<P>(m, on_g0);
        }
    }

    /// The call, which the bridge's word names, will last: gives the P to another M at once, and keeps none that
    /// is waited for when foreign code goes on after a callback. Returns the word for
    /// [`released`](Self::released).
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, right after [`enter`](Self::enter) and the word.
    pub unsafe fn release<P: Platform>(self) -> *mut u8 {
        // SAFETY: as the caller ensures.
        let m = unsafe { self.m() };
        // SAFETY: no write to either word is concurrent.
        let outer = unsafe {
            let outer = load_owned(&m.foreign.lasting);
            // Relaxed: the fences of the wait for a P order it; see `policy::want_p`.
            m.foreign.lasting.store(load_owned(&m.call), Ordering::Relaxed);
            outer
        };
        // SAFETY: this thread's M, in the foreign state: nothing else stands for the stay.
        let mut stay = unsafe { step_in(m) };
        if stay.within().is_some() {
            // g0 is free below g0_sp.
            hand_off::<P>(&mut stay, false);
        }
        stay.leave();
        outer
    }

    /// The call that has been [released](Self::release) is over, and the bridge has cleared its word.
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, before [`leave`](Self::leave); `outer` must be the result of
    /// that `release`.
    #[inline]
    pub unsafe fn released(self, outer: *mut u8) {
        // SAFETY: as the caller ensures.
        unsafe { self.m() }.foreign.lasting.store(outer, Ordering::Relaxed);
    }

    /// Returns the goroutine whose foreign code runs here.
    ///
    /// # Safety
    ///
    /// Must be called on the M's thread, in a call or a callback.
    #[inline(always)]
    pub(super) unsafe fn g(self) -> NonNull<G> {
        // SAFETY: as the caller ensures; foreign code is always in a goroutine's call, or in what passes for
        // one.
        unsafe {
            let g = self.m().curg();
            debug_assert!(g.is_some(), "L6: foreign code without a goroutine");
            g.unwrap_unchecked()
        }
    }

    /// Foreign code calls back: locks the goroutine to the thread, and waits until the M owns a P.
    /// Returns the word for [`end`](Self::end).
    ///
    /// # Safety
    ///
    /// Must be called on g0, in foreign code.
    #[inline(always)]
    pub unsafe fn begin<P: Platform>(self) -> usize {
        // SAFETY: the goroutine that has made this call.
        unsafe {
            let covered = lock_callback(self.m(), self.g());
            let errno = self.m().errno.get().read() as u32 as usize & ERRNO;
            self.back::<P>(true);
            errno | covered << ERRNO.count_ones()
        }
    }

    /// The callback returns: foreign code again. What it has made ready, and else waits where only this M's P
    /// runs it, another M runs at once.
    ///
    /// # Safety
    ///
    /// Must be called on g0, after [`begin`](Self::begin); `word` must be the result of that.
    #[inline(always)]
    pub unsafe fn end<P: Platform>(self, word: usize) {
        // SAFETY: the goroutine has come back to the thread that it is locked to.
        unsafe {
            let m = self.m();
            unlock_callback::<P>(m, self.g(), word >> ERRNO.count_ones());
            m.foreign.callbacks.add(1);
            // The P that it has, or had until it was evicted: a hint.
            let p = m.p.load(Ordering::Relaxed);
            debug_assert!(!p.is_null(), "L19: a callback's closure has run without a P");
            if m.core().has_left_work(&*p) {
                pass_work_on::<P>(m);
            }
            m.errno.get().write((word & ERRNO) as i32);
        }
    }

    /// Foreign code goes on after a callback, in `call`, which the bridge's word names again. If that is known to
    /// last the thread rests: it keeps no P that is waited for.
    ///
    /// # Safety
    ///
    /// Must be called on g0, after [`end`](Self::end).
    #[inline(always)]
    pub unsafe fn rests<P: Platform>(self, call: *mut u8) {
        // SAFETY: as the caller ensures; this thread alone writes the word.
        unsafe {
            if ptr::eq(call, load_owned(&self.m().foreign.lasting)) {
                rest::<P>(self.m());
            }
        }
    }
}

/// The P has been taken, or a claim on it is raised: takes it back, or waits for another.
#[cold]
#[inline(never)]
fn lost<P: Platform>(m: &'static M, on_g0: bool) {
    // SAFETY: this thread's M, between two states: nothing else stands for the stay.
    let mut stay = unsafe { step_in(m) };
    // SAFETY: the calling thread's.
    unsafe { m.foreign.burst.is_over(P::now) };
    if !m.claim.is_owned() {
        acquire::<P>(&mut stay, on_g0);
    }
    stay.leave();
    // On the pinned runtime a call is no operation that may wait: programs hold guards of `std` across it.
    // SAFETY: written before the M starts.
    let migrates = unsafe { m.migrating.get() };
    if !on_g0
        && migrates
        && m.core().phase() != phase::OPEN
        && let Some(g) = m.running()
    {
        obey::<P>(g);
    }
}

/// A callback has left goroutines in the queues of the P: another M runs them. On g0.
#[cold]
#[inline(never)]
fn pass_work_on<P: Platform>(m: &'static M) {
    // SAFETY: this thread's M, between two states: nothing else stands for the stay.
    let mut stay = unsafe { step_in(m) };
    m.core().pass_work_on::<P>(&mut stay);
    stay.leave();
}

/// Foreign code goes on in a call that is known to last. On g0.
#[cold]
#[inline(never)]
fn rest<P: Platform>(m: &'static M) {
    // The bridge's word has been set before. Pairs with the heavy fence of an M that waits for a P.
    // SAFETY: `symmetric` is written before the M starts.
    light_fence(unsafe { m.symmetric.get() });
    if m.core().seeks_p() {
        give_p_up::<P>(m);
    }
}
