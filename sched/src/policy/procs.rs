//! A change of the number of Ps, while everything runs.
//!
//! All Ps that there may ever be are given at the start ([`Config::procs`](crate::objects::shared::Config));
//! the first `procs` of them are in use. Nothing stops for a change: a P that is not wanted any more serves
//! until its M next comes to the scheduler, or until sysmon takes it from an M that is away, and *retires*
//! then: what is queued on it goes to the global queue, and its timers are looked after as those of an idle P
//! are. A P that is wanted again is idle first.
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

use super::hand::WakeM;
use crate::objects::inside::FreeP;
use crate::objects::m::ms_from;
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::parts::error::Error;
use crate::platform::Platform;

impl Core {
    /// Makes `procs` Ps the wanted ones; returns how many were. It may start threads: the caller must be on
    /// g0 or a thread's own stack.
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
        ms_from(sched.all_ms).for_each(|m| m.load.reset());
        drop(sched);
        for p in &self.config.procs[..procs] {
            let mut sched = self.sched.lock();
            // A P that has not come to retire yet just goes on.
            let wake = if sched.unretire(p) {
                self.ps.live.fetch_add(1, Ordering::Relaxed);
                // SAFETY: a retired P has no owner and is on no list.
                self.put_p(&mut sched, unsafe { FreeP::assume(p) })
            } else {
                WakeM::NONE
            };
            drop(sched);
            wake.unpark::<P>();
        }
        for p in self.config.procs {
            // The timers of all are looked at anew, and busy Ms come to the scheduler soon.
            p.request_fair_turn();
        }
        self.wake::<P>();
        Ok(before)
    }

    /// Retires the idle Ps that are not wanted.
    fn retire_idle(&self, sched: &mut SchedState) {
        let mut at = core::mem::replace(&mut sched.idle_ps, ptr::null());
        self.work.hunger.sub_idle(self.work.hunger.look().idle_ps());
        // SAFETY: Ps live as long as the scheduler; an idle P's link is under the lock.
        while let Some(p) = unsafe { at.as_ref() } {
            // SAFETY: as above.
            at = unsafe { p.links.idle.get() };
            // SAFETY: an idle P has no owner, and this one is on no list any more. No M waits while a P is
            // idle.
            self.put_p(sched, unsafe { FreeP::assume(p) }).expect_none();
        }
    }
}
