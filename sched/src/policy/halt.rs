//! A scheduler ends.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::G;
use crate::objects::m::ms_from;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::objects::waiter::some_are_left_behind;
use crate::parts::phase::{self, main_left};
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

impl Core {
    /// Halts the scheduler: every M at rest or in the P wait queue wakes and finds it halted.
    pub(crate) fn halt<P: Platform>(&self) {
        let mut sched = self.sched.lock();
        self.end.phase.store(phase::HALTED, Ordering::Release);
        self.stop_attending();
        let first = sched.all_ms;
        while let Some(_m) = sched.idle_ms.pop_front().or_else(|| sched.p_wait_queue.pop_front()) {}
        drop(sched);
        ms_from(first).for_each(|m| m.parker.unpark::<P>());
        self.sysmon.parker.unpark::<P>();
        self.end.done.unpark::<P>();
    }

    /// Main, which was `g`, has left its stack for the last time, having returned: begins the end, and tells the
    /// conductor. Of all goroutines that end from now on main alone is `g`.
    #[cold]
    pub(crate) fn end_after_main<P: Platform>(&self, g: NonNull<G>) {
        let (none, relaxed) = (ptr::null_mut(), Ordering::Relaxed);
        // Relaxed: the G's own M has written it, or another has seen main's end.
        if self.end.main_g.compare_exchange(g.as_ptr(), none, relaxed, relaxed).is_err() {
            return;
        }
        // SeqCst: see `extram`. The conductor sees main's result.
        self.end.phase.store(phase::CLOSING, Ordering::SeqCst);
        if !P::UNWINDS {
            // There is nothing to conduct.
            return self.halt_leaving::<P>();
        }
        self.end.done.unpark::<P>();
        // SAFETY: Ms are never freed.
        if let Some(m) = unsafe { self.end.conductor.load(Ordering::Acquire).as_ref() } {
            m.parker.unpark::<P>();
        }
    }

    /// Halts the scheduler, and counts what is left behind. By the conductor; where nothing unwinds, as main ends.
    pub(crate) fn halt_leaving<P: Platform>(&self) {
        let left_behind = self.goroutines();
        // SAFETY: the conductor's, and its alone from the end of main on until the scheduler has halted.
        unsafe {
            let mut conducting = self.end.conducting.get();
            conducting.left_behind = left_behind;
            self.end.conducting.set(conducting);
        }
        if left_behind != 0 {
            some_are_left_behind();
        }
        self.halt::<P>();
    }

    /// The calling M has come to rest, or its thread ends: ends a run whose main has left by Goexit, if its last
    /// goroutine has ended and the M that it ended on has not seen that main had left.
    ///
    /// ```text
    ///   the M of main                     the M of the last goroutine
    ///   main_left := EXITED               ended += 1
    ///   ended += 1                        main_left? (nothing orders it against the count)
    ///   lock; count; unlock               lock; come to rest; unlock
    ///                                     main_left?
    /// ```
    ///
    /// Of the two the M that has the lock second sees what the other did.
    pub(crate) fn check_for_end<P: Platform>(&'static self) {
        // Relaxed: the lock orders it.
        if self.end.main_left.load(Ordering::Relaxed) == main_left::EXITED {
            self.halt_after_last::<P>(None);
        }
    }

    /// After main has left by Goexit a goroutine has ended, on an M with the P `own`; or a callback has, or an M
    /// has come to rest: halts the scheduler if nothing is left that runs. Of several callers that find so, one
    /// does it.
    ///
    /// An M with a P may have counted its goroutine as ended, and find next that it must run once more, to drop
    /// its result. So while another M has a P the caller leaves it to that one, which looks again, at the
    /// latest when it comes to rest.
    #[cold]
    pub(crate) fn halt_after_last<P: Platform>(&'static self, own: Option<&Proc>) {
        loop {
            if self.has_extras() {
                // Pairs with the light fence of `extram::depart`.
                heavy_fence::<P>(self.config.symmetric);
            }
            let sched = self.sched.lock();
            // Under the lock: of two that end at the same time the second sees both counts.
            let left = self.goroutines() != 0 || self.another_m_works(own);
            drop(sched);
            if left {
                return;
            }
            // As where main returns: a thread that calls back now is refused, or seen.
            let (open, closing) = (phase::OPEN, phase::CLOSING);
            let (set, fetch) = (Ordering::SeqCst, Ordering::Relaxed);
            if self.end.phase.compare_exchange(open, closing, set, fetch).is_err() {
                return; // another caller ends the run, or has ended it
            }
            // Also where no thread had called back a moment ago: the first to do so may just have come.
            heavy_fence::<P>(self.config.symmetric);
            if self.foreign_callbacks() == 0 {
                return self.halt::<P>();
            }
            // Its thread is the last then, or it was refused, and has found the end in these hands: so once
            // more.
            self.end.phase.store(phase::OPEN, Ordering::SeqCst);
        }
    }

    /// Returns whether an M has a P but for `own`. Extra Ms, which may keep theirs between callbacks, do not
    /// count. The lock must be held.
    fn another_m_works(&self, own: Option<&Proc>) -> bool {
        self.config.procs.iter().any(|p| {
            // Acquire: pairs with the store of the M that took it.
            // SAFETY: Ms are never freed.
            let m = unsafe { p.m.load(Ordering::Acquire).as_ref() };
            !own.is_some_and(|own| ptr::eq(own, p)) && m.is_some_and(|m| !m.is_extra())
        })
    }
}
