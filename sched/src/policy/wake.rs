//! Waking an M for work that has been published (L11).

use core::sync::atomic::Ordering::Relaxed;

use g0_arch::sync::MutexGuard;
use g0_arch::sync::atomic::Ordering;

use super::hand::hand;
use super::sight::Sight;
use super::starting::Assigned;
use crate::objects::inside::FreeP;
use crate::objects::m::{M, MState};
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::parts::light_fence::light_fence;
use crate::parts::phase;
use crate::platform::Platform;

impl Core {
    /// Returns whether a P is idle and no M is searching: then the publisher of work must wake an M. The
    /// cheap half of [`Core::wake`]: no lock, no read-modify-write.
    ///
    /// ```text
    ///   publisher                        M that goes idle
    ///   work into a queue                idle Ps += 1, searching -= 1
    ///   light fence                      heavy fence
    ///   load the hunger                  look at all queues once more
    /// ```
    #[inline(always)]
    #[must_use = "when true, an M must be woken"]
    pub(crate) fn wants_wake(&self) -> bool {
        light_fence(self.config.symmetric);
        self.work.hunger.look().lacks_searcher()
    }

    /// Wakes or starts one M, searching, if a P is idle and no other M searches already.
    ///
    /// It may start a thread: the caller must be on g0 or a thread's own stack. The lock must not be held.
    pub(crate) fn wake<P: Platform>(&'static self) {
        // One waker at a time takes the role; see `wants_wake` for the pairing.
        if !self.work.hunger.search_alone() {
            return;
        }
        if let Some(assigned) = self.take_idle_pair::<P>() {
            self.launch::<P>(assigned);
        }
    }

    /// Takes an idle P and gives it to an M, idle or new, which searches. Returns `None` when no P is
    /// idle, or there is no M; the caller's place among the searching is given up then.
    fn take_idle_pair<P: Platform>(&'static self) -> Option<Assigned> {
        let mut sched = self.sched.lock();
        let Some(p) = self.take_p(&mut sched) else {
            // Under the lock: an M that rests after this sees that no M searches.
            self.work.hunger.sub_searching();
            return None;
        };
        self.assign_m::<P>(sched, p, true)
    }

    /// Gives `p` to an M, idle or new, as in [`take_idle_pair`](Self::take_idle_pair). Without any, `p` is
    /// idle.
    pub(super) fn assign_m<P: Platform>(
        &'static self,
        mut sched: MutexGuard<'_, SchedState>,
        p: FreeP,
        searching: bool,
    ) -> Option<Assigned> {
        if let Some(m) = sched.idle_ms.pop_front() {
            return Some(assign_idle(&mut sched, m, p, searching));
        }
        self.assign_new_m::<P>(sched, p, searching)
    }

    /// As [`assign_m`](Self::assign_m), to an M that has no thread yet.
    pub(super) fn assign_new_m<P: Platform>(
        &'static self,
        mut sched: MutexGuard<'_, SchedState>,
        p: FreeP,
        searching: bool,
    ) -> Option<Assigned> {
        let m = match sched.free_ms.pop_front() {
            Some(m) => {
                drop(sched);
                Some(m)
            }
            None => self.unused_m(sched),
        };
        let mut sched = self.sched.lock();
        let room = self.has_room_for_m();
        if let Some(m) = m.filter(|_| !room) {
            sched.set_state(m, MState::Free);
            sched.free_ms.push_front(m);
        }
        // Without the lock an M may have ended or come to rest, and have seen no idle P, for `p` is in hand.
        let m = if room { m.or_else(|| sched.free_ms.pop_front()) } else { None };
        let Some(m) = m else {
            if let Some(m) = sched.idle_ms.pop_front() {
                return Some(assign_idle(&mut sched, m, p, searching));
            }
            sched.out_of_ms = true;
            if searching {
                self.work.hunger.sub_searching();
            }
            let wake = self.put_p(&mut sched, p);
            drop(sched);
            wake.unpark::<P>();
            return None;
        };
        // SAFETY: the M has not been started; what is written before that is its own to read.
        unsafe {
            m.spin.searching.set(searching);
            m.links.has_own_thread.set(true);
        }
        hand(&mut sched, m, p).start_instead();
        // Under the lock, so that there are never more than may be.
        self.ms.live.fetch_add(1, Relaxed);
        drop(sched);
        Some(Assigned::New(m))
    }

    /// Returns whether an M searches. The caller must be an M that does not.
    pub(super) fn is_searched_by_another(&self) -> bool {
        self.work.hunger.look().searching() != 0
    }

    /// Returns whether one more M may be started.
    pub(super) fn has_room_for_m(&self) -> bool {
        self.own_ms() < self.ms.max
    }

    /// The thread of `m` has ended, which had no P: the M may be used again, and takes its own place if work
    /// waits.
    pub(crate) fn m_has_ended<P: Platform>(&'static self, m: &'static M) {
        self.retire_m(m);
        self.replace_m::<P>();
    }

    /// An M can be had again, of all there may be: it is woken or started if work waits.
    pub(super) fn replace_m<P: Platform>(&'static self) {
        if self.phase() != phase::HALTED && self.work_lacks_an_m::<P>() {
            self.wake::<P>();
        }
    }

    /// Tries again to start a thread, when none was to be had and work waits; or for the first time, when
    /// no M has looked at all queues since a P became idle. By sysmon.
    pub(crate) fn retry<P: Platform>(&'static self) {
        let unchecked = || {
            self.sysmon.unchecked.load(Ordering::Relaxed)
                && self.sysmon.unchecked.swap(false, Ordering::Relaxed)
        };
        if self.start_is_overdue::<P>() || unchecked() && self.work_lacks_an_m::<P>() {
            self.wake::<P>();
        }
    }

    /// No M looks at the queues any more, and a P is idle: wakes one if there is something to find. After a heavy
    /// fence; on g0.
    pub(super) fn wake_for_the_rest<P: Platform>(&'static self) {
        match self.survey::<P>() {
            Sight::Nothing => {}
            // Sysmon looks, if no M that naps finds it first. It is awake, for a P is busy.
            Sight::InHand | Sight::Alone => self.sysmon.unchecked.store(true, Ordering::Relaxed),
            Sight::Work => self.wake::<P>(),
        }
    }

    /// Returns whether work and a P wait for a thread that was refused.
    pub(crate) fn start_is_overdue<P: Platform>(&self) -> bool {
        self.ms.start_refused.load(Ordering::Relaxed) && self.work_lacks_an_m::<P>()
    }

    /// Returns whether work waits, and a P is idle.
    fn work_lacks_an_m<P: Platform>(&self) -> bool {
        // Relaxed: the watcher looks again and again.
        self.work.hunger.look().idle_ps() != 0 && self.glance::<P>() >= Sight::Alone
    }
}

/// Gives `p` to `m`, just taken from the idle list.
fn assign_idle(sched: &mut SchedState, m: &'static M, p: FreeP, searching: bool) -> Assigned {
    // SAFETY: the M waits for `nextp`; what is written before that is its own to read.
    unsafe { m.spin.searching.set(searching) };
    Assigned::Idle(hand(sched, m, p))
}
