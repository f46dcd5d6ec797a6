//! A scheduler ends.

use core::ptr;

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::ms_from;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::phase;
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

    /// The calling M has come to rest, or its thread ends: ends a run whose main has left by Goexit, if its last
    /// goroutine has ended and the M that it ended on has not seen that main had left.
    ///
    /// ```text
    ///   the M of main                     the M of the last goroutine
    ///   main_gone := true                 ended += 1
    ///   ended += 1                        main_gone? (nothing orders it against the count)
    ///   lock; count; unlock               lock; come to rest; unlock
    ///                                     main_gone?
    /// ```
    ///
    /// Of the two the M that has the lock second sees what the other did.
    pub(crate) fn check_for_end<P: Platform>(&'static self) {
        // Relaxed: the lock orders it.
        if self.end.main_gone.load(Ordering::Relaxed) {
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
            // As in `close`: a thread that calls back now is refused, or seen.
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
