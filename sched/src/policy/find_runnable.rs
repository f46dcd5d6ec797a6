//! What an M does next (L2, L9, L11).
//!
//! > **L2** An M that is reserved for a goroutine runs no other. On the pinned runtime those bound to the
//! > same M take turns with it, unless it has the thread for itself; as long as one of them has locked the
//! > thread, no other goroutine begins there.
//!
//! ```text
//!   has no P ──▶ wants one ──▶ (none is idle: Wait)
//!      │
//!   reserved ──▶ its own G, or gives the P away and sleeps until that G is ready
//!      │
//!   every 61st time, and every 10 ms: timers; then the P wait queue and the other queues by turns
//!      │
//!   runnext, local list, ring ──▶ global queue ──▶ timers ──▶ steal, searching ──▶ rest
//! ```
//!
//! The order of the queues is in [`queue_order`](super::queue_order); what a reserved M does in
//! [`reserved`](super::reserved); how an M searches and rests in [`search`](super::search) and
//! [`idle`](super::idle).

use core::ptr::NonNull;

use super::hand::Got;
use super::next::Next;
use crate::objects::g::G;
use crate::objects::inside::Stay;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

impl Core {
    /// Returns what the calling M does next, with a P or without. It must be on g0.
    pub(crate) fn next<P: Platform>(&'static self, stay: &mut Stay) -> Next {
        let m = stay.m();
        loop {
            match self.phase() {
                phase::OPEN => {}
                phase::HALTED => return Next::Stop,
                _ if self.must_look::<P>(m) => return Next::Conduct,
                _ => {}
            }
            let within = match stay.within() {
                Some(within) => within,
                None => match self.want_p::<P>(stay) {
                    Got::Proc(within) => within,
                    Got::Queued => {
                        // SAFETY: the calling thread's.
                        unsafe { m.spin.before_sleep.set(true) };
                        return Next::Wait;
                    }
                },
            };
            let p = within.p();
            if !self.is_wanted(p) {
                // The P retires, and the M asks for another.
                self.hand_off::<P>(stay.disown());
                continue;
            }
            // SAFETY: `dying` is the calling thread's.
            if unsafe { m.lock.dying.replace(false) } {
                // A goroutine has ended that had locked the thread: the thread ends with it, the P handed
                // off first (L9).
                // SAFETY: the calling thread's.
                if unsafe { m.migrating.get() || m.lock.wired.replace(false) } {
                    self.hand_off::<P>(stay.disown());
                    return Next::Stop;
                }
                // On the pinned runtime other goroutines may be bound here, and the thread goes on.
                // SAFETY: the calling thread's M, on g0.
                unsafe { P::on_locked_exit(m) };
            }
            let (fair, overdue) = (p.is_fair(), p.is_overdue());
            if fair || overdue {
                self.serve_timers::<P>(Some(within), p);
            }
            // SAFETY: `reserved` is the calling thread's.
            if let Some(g) = NonNull::new(unsafe { m.lock.reserved.get() }) {
                let decision = self.reserved_decision::<P>(within, g);
                match self.next_reserved::<P>(stay, g, decision) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            if (fair || overdue)
                && let Some(g) = self.chained_g::<P>(within)
            {
                return self.run::<P>(stay, g);
            }
            let within = if fair && p.begin_round() && self.slice_is_over::<P>(p) {
                if self.serve_p_wait_queue::<P>(stay) {
                    match self.rest_after_slice::<P>(stay) {
                        Some(wait) => return wait,
                        None => continue,
                    }
                }
                let Some(within) = stay.within() else { continue };
                within
            } else {
                within
            };
            if let Some(g) = self.queued_g(within, fair || overdue) {
                return self.run::<P>(stay, g);
            }
            if self.serve_timers::<P>(Some(within), within.p()) {
                continue;
            }
            if let Some(g) = self.search::<P>(within) {
                return self.run::<P>(stay, g);
            }
            if let Some(wait) = self.go_idle::<P>(stay) {
                return wait;
            }
        }
    }

    /// The calling M has given its P to one that waited: all that is queued has gone with it, but for what
    /// is bound to this M. Returns how it must wait; `None`: it wants a P again.
    fn rest_after_slice<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        // SAFETY: the local list is the calling thread's.
        if !stay.m().local.with(|local| unsafe { (*local).is_empty() }) {
            return None;
        }
        self.rest_without_p::<P>(stay)
    }

    /// Stops searching and runs `g`.
    fn run<P: Platform>(&'static self, stay: &Stay, g: NonNull<G>) -> Next {
        self.stop_searching::<P>(stay);
        Next::Run(g)
    }
}
