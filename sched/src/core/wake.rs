//! Waking an M for work that has been published (L11).

use g0_arch::sync::atomic::Ordering;

use super::Core;
use crate::m::M;
use crate::p::Proc;
use crate::platform::Platform;

impl Core {
    /// Wakes or starts one M, spinning, if a P is idle and no other M spins already.
    ///
    /// On g0 or a thread's own stack: it may start a thread. No lock held.
    pub(crate) fn wake<P: Platform>(&'static self) {
        // AcqRel: one waker at a time takes the role; see `wants_wake` for the pairing.
        if self.spinning.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return;
        }
        if let Some((m, new)) = self.pair::<P>() {
            self.launch::<P>(m, new, true);
        }
    }

    /// Finds an M for `p`, which the caller owns without being an M: who stands in line, or by
    /// turns, if Gs are queued, an idle or a new one. Without any the P is idle, and the result
    /// false.
    pub(crate) fn hand_off<P: Platform>(&'static self, p: &'static Proc) -> bool {
        // SAFETY: the P is the caller's; thieves do not reach `runnext`, so it goes to the ring.
        unsafe {
            if let Some(next) = p.runq.replace_next(None) {
                let _ = self.append(p, next);
            }
        }
        let runnable = !p.runq.is_empty() || self.queued.load(Ordering::Relaxed) != 0;
        let mut lists = self.lists.lock();
        // Those in line are in the middle of a goroutine and may go on with it for long: every
        // other time what is queued has its turn.
        lists.queues_turn = runnable && !lists.queues_turn;
        if !lists.queues_turn && self.in_line.load(Ordering::Relaxed) != 0 {
            let first = self.put_p(&mut lists, p);
            drop(lists);
            if let Some(first) = first {
                P::unpark(&first.parker);
            }
            return true;
        }
        match self.crew::<P>(lists, p, false) {
            Some((m, new)) => self.launch::<P>(m, new, false),
            None => {
                // The P is idle, and its timers have nobody else.
                self.rouse_sysmon::<P>();
                false
            }
        }
    }

    fn launch<P: Platform>(&'static self, m: &'static M, new: bool, spinning: bool) -> bool {
        self.rouse_sysmon::<P>();
        if !new {
            P::unpark(&m.parker);
        } else if P::start(m).is_err() {
            // Work goes on with the Ms there are.
            // SAFETY: the M was not started, so its fields are still ours.
            unsafe { m.spinning.set(false) };
            if spinning {
                self.spinning.fetch_sub(1, Ordering::AcqRel);
            }
            self.unhand::<P>(m);
            self.retire_m(m);
            return false;
        }
        true
    }
}
