//! A thread goes back to foreign code with a P: what it leaves behind, and whether it keeps the P (L11).
//!
//! | it goes back | what runs meanwhile that only its P can run | the P |
//! |---|---|---|
//! | after a callback that has made goroutines ready | another M, at once | hers who runs them; kept, while another is idle |
//! | to rest: to code of the thread's own, or to a call that lasts | | kept, unless it is [sought](super::want_p) |
//! | else | what sysmon finds | kept |
//!
//! *A loop of callbacks that make a goroutine ready each*: the next callback meets that goroutine, it may
//! be, and C comes back sooner than a thread wakes. So of a [`Burst`](crate::parts::burst::Burst) nothing is
//! passed on, and sysmon looks closely: it takes the P if C lasts after all, and the burst is over.
//!
//! *Goroutines that are bound to this M* wait until C comes back: no other M may run them (L1).

use g0_arch::sync::atomic::Ordering;

use crate::objects::inside::Stay;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::platform::Platform;

impl Core {
    /// Returns whether goroutines wait where the M that owns `p` alone runs them, or an M waits for a P, which
    /// may have been woken for a goroutine of its own.
    #[inline(always)]
    pub(crate) fn has_left_work(&self, p: &Proc) -> bool {
        p.runq.has_next() || !p.runq.is_empty() || self.has_p_waiters()
    }

    /// The calling M goes back to foreign code, after a callback that has left goroutines in the queues of its
    /// P: another M runs them, now.
    ///
    /// It may start a thread: the caller must be on g0.
    pub(crate) fn pass_work_on<P: Platform>(&'static self, stay: &mut Stay) {
        let m = stay.m();
        // What the goroutine is asked it is asked still.
        let asked = self.is_asked(m);
        let within = if asked { stay.within_raised() } else { stay.within() };
        let Some(within) = within else { return };
        // SAFETY: the calling thread's.
        unsafe {
            let was = m.foreign.burst.goes_on();
            if m.foreign.burst.begins(P::now) {
                if !was {
                    // It has looked less and less closely, it may be.
                    self.sysmon.parker.unpark::<P>();
                }
                return;
            }
        }
        let p = within.p();
        if self.work.hunger.look().idle_ps() != 0 {
            // The M of that P takes them.
            let _ = self.expose_next(p);
            if self.wants_wake() {
                self.wake::<P>();
            }
            // Another may have been faster.
            if self.work.hunger.look().idle_ps() != 0 || self.work.hunger.look().searching() != 0 {
                return;
            }
        }
        if self.has_left_work(p.proc()) {
            self.hand_off::<P>(stay.disown());
        }
    }

    /// Returns whether Ps are to be given up by threads that rest.
    #[inline(always)]
    pub(crate) fn seeks_p(&self) -> bool {
        // Relaxed: the caller has passed the fence; see `want_p`.
        self.foreign.sought.load(Ordering::Relaxed) != 0
    }

    /// The calling M, which rests, gives its P up, for one is [sought](Self::seeks_p).
    ///
    /// It may start a thread: the caller must be on g0 or a thread's own stack.
    pub(crate) fn rest_without_its_p<P: Platform>(&'static self, stay: &mut Stay) {
        if stay.within().is_none() {
            return;
        }
        self.leave_p::<P>(stay);
        let sought = self.foreign.sought.load(Ordering::Relaxed);
        // A swap that fails has met a P that is sought anew, or another thread that counts.
        let _ = self.foreign.sought.compare_exchange(
            sought,
            sought.saturating_sub(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Returns whether sysmon must not look less often: a thread that may go back to sleep at any time has
    /// left goroutines behind, or the last P.
    pub(crate) fn needs_close_look(&self) -> bool {
        let idle = self.work.hunger.look().idle_ps() != 0;
        self.config.procs.iter().any(|p| {
            // SAFETY: Ms are never freed. Acquire: pairs with `own`.
            let m = unsafe { p.m.load(Ordering::Acquire).as_ref() };
            m.is_some_and(|m| m.foreign.burst.goes_on() || !idle && m.rests())
        })
    }
}
