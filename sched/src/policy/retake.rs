//! Taking Ps from Ms that are away for long: sysmon's part of the claim protocol.
//!
//! A P is taken when work waits for it and its M has been in the same foreign call since the last
//! look, or in the same goroutine for a turn (*eviction*: the goroutine computes on,
//! without a P, until its next operation). All claims of a look share one heavy fence.
//!
//! A heavy fence lasts longer than a short call, or a short operation: an M that is in one after the other
//! is never caught outside, and takes its claim back each time. So after a turn it gives the P
//! away itself when it finds a claim ([`has_had_enough`](Core::has_had_enough)).
//!
//! A foreign thread that calls back again and again is in one call after the other, and in code of its own
//! between them. No goroutine of the scheduler computes there: after ten milliseconds its P is taken
//! there, in whichever call it is.
//!
//! Of a thread that rests after a callback (in code of its own, or in a call that is known to last) it is taken
//! at the first look, if anything waits anywhere; and unless another P is idle, after [`REST`] in any case, for
//! what is made ready looks for an idle one.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::objects::inside::FreeP;
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::claim::Raised;
use crate::parts::stat_atomic;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// Claims that share one heavy fence.
const BATCH: usize = 32;
/// How long a foreign thread may call back again and again, nanoseconds.
const CALLS: u64 = 10_000_000;
/// How long a thread that rests keeps the last P, nanoseconds.
const REST: u64 = 1_000_000;

#[derive(Clone, Copy)]
struct Suspect {
    m: &'static M,
    p: &'static Proc,
    raised: Raised,
    g: *mut crate::objects::g::G,
    /// The number of the foreign call that it is in; none if it is to be evicted.
    call: Option<u64>,
    /// Any other call will do.
    any: bool,
    tick: u32,
}

impl Core {
    /// Looks at all Ps once; returns whether one was taken. By sysmon, or by a timer tick on a stack of
    /// its own, on no M.
    pub(crate) fn retake<P: Platform>(&'static self) -> bool {
        let mut taken = false;
        let mut suspects: [Option<Suspect>; BATCH] = [None; BATCH];
        for procs in self.config.procs.chunks(BATCH) {
            let mut raised = false;
            let mut evictions = 0;
            for (p, suspect) in procs.iter().zip(&mut suspects) {
                *suspect = self.suspect::<P>(p, evictions);
                raised |= suspect.is_some();
                evictions += usize::from(suspect.is_some_and(|s| s.call.is_none()));
            }
            if raised {
                heavy_fence::<P>(self.config.symmetric);
                for suspect in suspects.iter_mut().filter_map(Option::take) {
                    taken |= self.take_from::<P>(suspect);
                }
                self.stats.heavy_fences.add_shared(u64::from(!self.config.symmetric));
            }
        }
        taken
    }

    /// Raises the claim on `p` if its M has been away for too long. So many `evictions` are to come already.
    fn suspect<P: Platform>(&'static self, p: &'static Proc, evictions: usize) -> Option<Suspect> {
        // Acquire: pairs with `own`.
        let m = NonNull::new(p.m.load(Ordering::Acquire))?;
        // SAFETY: Ms are never freed.
        let m: &'static M = unsafe { m.as_ref() };
        let g = m.g.load(Ordering::Relaxed);
        let foreign = !m.call.load(Ordering::Relaxed).is_null();
        let tick = p.tick.load(Ordering::Relaxed);
        if g.is_null() {
            return None; // in the scheduler
        }
        let now = P::now();
        // Relaxed: two sysmons would only disagree about how long it has been.
        let seen = p.watch.tick.swap(tick, Ordering::Relaxed);
        if seen != tick || now < p.watch.since.load(Ordering::Relaxed) {
            p.watch.since.store(now, Ordering::Relaxed);
        }
        // The same call as at the last look? Relaxed: sysmon takes an old call for the new one at
        // worst, and looks again.
        let calls = m.stays();
        let call =
            foreign && m.foreign.calls_seen.swap(calls, stat_atomic::Ordering::Relaxed) == calls;
        if !call {
            m.foreign.seen_since.store(now, stat_atomic::Ordering::Relaxed);
        }
        let rests = m.rests();
        // The same goroutine for long, in whatever it does: short calls count as computing.
        let stays = seen == tick;
        let length = now.saturating_sub(p.watch.since.load(Ordering::Relaxed));
        let long = stays && self.is_long(length);
        let calls_on = stays && foreign && m.is_extra() && length >= CALLS;
        let any = rests && !m.foreign.burst.goes_on() || calls_on;
        // One that rests has been away for long, whatever sysmon has seen of it.
        let call = call || any;
        let long =
            long && self.evict.count.load(Ordering::Relaxed) + evictions < self.max_evicted();
        if !call && !long {
            return None;
        }
        let demand = self.demand_for(p);
        if !(demand.for_retake() || rests && (demand.elsewhere() || self.rests_long(m, now))) {
            return None;
        }
        let raised = m.claim.raise()?;
        // The M may have changed Ps since the look above. What it has now is what `take` takes: to
        // change it again, it would have to move the claim.
        // SAFETY: Ps live as long as the scheduler.
        let now: &'static Proc = unsafe { m.p.load(Ordering::Relaxed).as_ref()? };
        if !core::ptr::eq(p, now) {
            m.claim.take(raised, || false);
            return None;
        }
        Some(Suspect { m, p, raised, g, call: call.then_some(calls), any, tick })
    }

    /// Returns whether `m`, which rests, has done so for long, and no other P is idle: a goroutine that is made
    /// ready must find one.
    fn rests_long(&self, m: &M, now: u64) -> bool {
        self.work.hunger.look().idle_ps() == 0
            && now.saturating_sub(m.foreign.seen_since.load(stat_atomic::Ordering::Relaxed)) >= REST
    }

    /// Takes the P of `s` unless its M has come back; returns whether it did.
    fn take_from<P: Platform>(&'static self, s: Suspect) -> bool {
        let evict = s.call.is_none();
        if evict {
            // Counted before the M can see that it has lost its P.
            self.evict.count.fetch_add(1, Ordering::Relaxed);
            s.m.evicted.store(true, Ordering::Relaxed);
        }
        let second_look = || {
            let same_call = || {
                !s.m.call.load(Ordering::Relaxed).is_null()
                    && (s.any || s.call == Some(s.m.stays()))
            };
            s.m.g.load(Ordering::Relaxed) == s.g
                && s.p.tick.load(Ordering::Relaxed) == s.tick
                && (evict || same_call())
        };
        if !s.m.claim.take(s.raised, second_look) {
            if evict && s.m.evicted.swap(false, Ordering::Relaxed) {
                self.evict.count.fetch_sub(1, Ordering::Relaxed);
            }
            return false;
        }
        s.m.foreign.burst.end();
        self.stats.retakes.add_shared(1);
        self.stats.evictions.add_shared(u64::from(evict));
        // The P is the caller's; `m.p` may be the M's next one already. Release: with what its last owner
        // did.
        s.p.m.store(core::ptr::null_mut(), Ordering::Release);
        // SAFETY: the claim has taken the P from its M, and no list has it.
        self.hand_off::<P>(unsafe { FreeP::assume(s.p) });
        true
    }

    /// Returns how many Ms may compute without a P at a time.
    fn max_evicted(&self) -> usize {
        match self.evict.max.load(stat_atomic::Ordering::Relaxed) {
            usize::MAX => self.procs(),
            most => most,
        }
    }

    /// Ends the eviction of `m`, which notices that its P was taken while it computed.
    pub(crate) fn unevict(&self, m: &'static M) {
        if m.evicted.load(Ordering::Relaxed) && m.evicted.swap(false, Ordering::Relaxed) {
            self.evict.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
