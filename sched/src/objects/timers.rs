//! A P's timers.

use core::ptr::NonNull;

use g0_arch::sync::Mutex;
use g0_arch::sync::atomic::{AtomicU64, Ordering};

use super::wheel::{Timer, Wheel};
use crate::parts::count::Count;

/// Goroutines that one look makes ready at most: other goroutines have their turn in between.
pub(crate) const BATCH: usize = 32;

/// The timers of one P.
#[derive(Debug)]
pub struct Timers<G> {
    /// When to look, nanoseconds; never later than the first deadline, but maybe earlier: a disarmed timer
    /// leaves it as it is, for most timers are disarmed. Written under the lock.
    due: AtomicU64,
    wheel: Mutex<Wheel<G>>,
    /// How many have made a goroutine ready. Written under the lock.
    fired: Count,
}

impl<G> Timers<G> {
    maybe_const! {
        /// None.
        pub fn new() -> Self {
            Self { due: AtomicU64::new(u64::MAX), wheel: Mutex::new(Wheel::new()), fired: Count::new() }
        }
    }

    /// Returns how many have fired so far. Any context.
    pub(crate) fn fired(&self) -> u64 {
        self.fired.get()
    }

    /// Returns when to look, nanoseconds. Any context.
    #[inline(always)]
    pub fn due(&self) -> u64 {
        // Relaxed: a thread that acts on it takes the lock.
        self.due.load(Ordering::Relaxed)
    }

    /// From now on `timer` may fire. Inside.
    ///
    /// # Safety
    ///
    /// Its goroutine must be parked, its context saved; the timer must stay where it is until it has fired
    /// or [`disarm`](Self::disarm) has returned.
    pub unsafe fn arm(&self, timer: *const Timer<G>) {
        let mut wheel = self.wheel.lock();
        // SAFETY: as the caller ensures; under the lock it has not fired.
        let at = unsafe {
            wheel.insert(timer);
            (*timer).at()
        };
        if at < self.due() {
            self.due.store(at, Ordering::Relaxed);
        }
    }

    /// Disarms `timer`: it does not fire any more, and no thread looks at it. Returns false when it has
    /// fired. Inside.
    ///
    /// # Safety
    ///
    /// `timer` must have been armed here, and live.
    pub unsafe fn disarm(&self, timer: *const Timer<G>) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { self.wheel.lock().remove(timer) }
    }

    /// Forgets the deadlines of disarmed timers: from now on [`due`](Self::due) is that of one that is armed. Inside,
    /// or on a thread of its own.
    pub(crate) fn refresh(&self) {
        let wheel = self.wheel.lock();
        // Release: as in `fire`, whose thread had the lock before.
        self.due.store(wheel.due(), Ordering::Release);
    }

    /// Takes out what is due at `now`: goroutines that are the caller's to wake. Returns true
    /// when there may be more.
    pub(crate) fn fire(&self, now: u64, out: &mut [Option<NonNull<G>>; BATCH]) -> bool {
        let mut n = 0;
        let mut wheel = self.wheel.lock();
        let more = wheel.fire(now, |g| {
            out[n] = Some(g);
            n += 1;
            n < BATCH
        });
        // Release: the look for a deadlock, which finds no deadline, finds that a thread watches (L12).
        self.due.store(if more { 0 } else { wheel.due() }, Ordering::Release);
        self.fired.add(n as u64);
        more
    }
}

impl<G> Default for Timers<G> {
    fn default() -> Self {
        Self::new()
    }
}
