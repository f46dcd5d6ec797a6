//! How many Ps there are, while everything runs.
//!
//! All Ps that there may ever be are given at the start ([`Config::procs`](crate::objects::config::Config)); the first
//! `procs` of them are in use. Nothing stops for a change: a P that is not wanted any more serves
//! until its M next comes to the scheduler, or until sysmon takes it from an M that is away, and
//! *retires* then: what is queued on it goes to the global queue, and its timers are looked after as
//! those of an idle P are. A P that is wanted again is idle first.
//!
//! ```text
//!              put_p, wanted                    put_p, not wanted
//!      IDLE ◀───────────────── in use by an M ─────────────────▶ RETIRED
//!       │ ▲                        ▲                                │
//!       │ └──── set_procs(more) ───┼────────────────────────────────┘
//!       └──────── take_p ──────────┘        (IDLE ── set_procs(fewer) ──▶ RETIRED)
//! ```
//!
//! > **L19** A goroutine runs, and so does a callback's closure, only while its M holds a P: a P in
//! > use is whole until its M gives it up, wanted or not.

use core::ptr;

use g0_arch::sync::atomic::Ordering;

use crate::objects::p::Proc;
use crate::objects::sched_state::SchedState;
use crate::objects::shared::Core;
use crate::parts::error::Error;
use crate::platform::Platform;

impl Core {
    /// How many Ps are wanted.
    pub(crate) fn procs(&self) -> usize {
        self.ps.wanted.load(Ordering::Relaxed)
    }

    /// Whether `p` is one of them.
    #[inline(always)]
    pub(super) fn is_wanted(&self, p: &'static Proc) -> bool {
        // By its place among the given ones.
        let first = self.config.procs.as_ptr_range().start;
        // SAFETY: both are in the slice of the configuration.
        let place = unsafe { ptr::from_ref(p).offset_from(first) };
        place.unsigned_abs() < self.procs()
    }

    /// Before it starts: how many Ps are wanted at first, of those that there are.
    #[cfg(feature = "std")]
    pub(crate) fn begin_with(&self, procs: usize) {
        self.ps.wanted.store(procs, Ordering::Relaxed);
    }

    /// From now on `procs` Ps are wanted; returns how many were. On g0 or a thread's own stack: it may
    /// start threads.
    ///
    /// # Errors
    ///
    /// [`Error::Procs`] for none, or for more than there are.
    pub(crate) fn set_procs<P: Platform>(&'static self, procs: usize) -> Result<usize, Error> {
        if procs == 0 || procs > self.config.procs.len() {
            return Err(Error::Procs);
        }
        let mut sched = self.sched.lock();
        let before = self.ps.wanted.swap(procs, Ordering::Relaxed);
        self.retire_idle(&mut sched);
        drop(sched);
        for p in &self.config.procs[..procs] {
            let mut sched = self.sched.lock();
            // One that has not come to retire yet just goes on.
            let first = if sched.unretire(p) {
                self.ps.live.fetch_add(1, Ordering::Relaxed);
                self.put_p(&mut sched, p)
            } else {
                None
            };
            drop(sched);
            if let Some(first) = first {
                P::unpark(&first.parker);
            }
        }
        for p in self.config.procs {
            // The timers of all are looked at anew, and busy Ms come to the scheduler soon.
            p.request_fair_turn();
        }
        self.wake::<P>();
        Ok(before)
    }

    /// `p`, which nobody owns, is not wanted: what is queued there goes to the global queue.
    pub(super) fn retire(&self, sched: &mut SchedState, p: &'static Proc) {
        // SAFETY: nobody owns the P, so it is the caller's; the global queue is under the lock.
        unsafe {
            while let Some(g) = p.runq.replace_next(None).or_else(|| p.runq.pop()) {
                sched.global.push_back(g);
            }
        }
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
        // SAFETY: under the lock.
        unsafe { p.links.retired.set(true) };
        self.ps.live.fetch_sub(1, Ordering::Relaxed);
    }
}
