//! Waiting for a condition under a mutex.
//!
//! Between the release of the mutex and the place in the queue a notification may come. It is not
//! lost, because each leaves a mark, the count of notices, that a waiter compares with what it saw
//! while it still held the mutex:
//!
//! ```text
//!   waits, holding the mutex              notifies
//!   waiting += 1; seen := notices
//!   release the mutex           ─────▶    takes the mutex, makes the condition true
//!   lock the queue                        waiting is not 0
//!   notices = seen?  yes: queue, park     lock the queue
//!                    no: go on            notices += 1; pop; unlock; wake
//! ```
//!
//! A notifier that makes the condition true under the mutex comes after the waiter's release or
//! before its look at the condition. In the first case it sees that `waiting` is not 0, and the
//! queue's lock orders the rest: either the waiter is in the queue, or it finds the count changed.
//! So a waiter that is just coming may go on although the notice was for another; `std`'s may do so
//! for no reason at all, and a waiter must look at the condition again in any case. A notice without
//! a waiter costs a load.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use g0_arch::sync::Mutex as SpinLock;
use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::lock::wait_in;
use super::mutex::MutexGuard;
use super::mutex::raw::RawMutex;
use super::poison::{LockResult, PoisonError};
use super::queue::{Node, Queue, Taken};
use crate::exec::enter::{caller, enter, enter_anywhere};
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::waiter::Woken;

/// Whether a wait with a timeout ended because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether time was up, and no notification came before.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// A condition variable, as `std`'s, for [`Mutex`](super::mutex::Mutex). Needs no allocator.
///
/// It may be used with several mutexes, also at the same time: each waiter takes back the one that
/// it gave. Waits may end without a notification, so look at the condition again, or use
/// [`wait_while`](Self::wait_while). Waiters are notified first in, first out.
pub struct Condvar<P: Platform> {
    /// How many callers are in `wait`, also those that have yet to queue or to wake.
    waiting: AtomicUsize,
    /// Written under the queue's lock.
    notices: AtomicUsize,
    queue: SpinLock<Queue>,
    _platform: PhantomData<fn() -> P>,
}

/// A caller that is counted in `waiting`.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        // Relaxed: a notifier that reads too much takes the queue's lock for nothing.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A notice that a caller has been woken by, until it has the mutex again. The end of the run may end it before that:
/// then the notice goes to the next waiter, which may be no goroutine of the run.
struct Notice<'a, P: Platform>(Option<&'a Condvar<P>>);

impl<P: Platform> Drop for Notice<'_, P> {
    fn drop(&mut self) {
        if let Some(condvar) = self.0 {
            condvar.notify_one();
        }
    }
}

impl<P: Platform> Condvar<P> {
    maybe_const! {
        /// Returns a condition variable without waiters.
        pub fn new() -> Self {
            Self {
                waiting: AtomicUsize::new(0),
                notices: AtomicUsize::new(0),
                queue: SpinLock::new(Queue::new()),
                _platform: PhantomData,
            }
        }
    }

    /// Releases the mutex, waits for a notification and takes the mutex again. When the end of the
    /// run cuts the wait, the mutex remains released.
    ///
    /// # Errors
    ///
    /// When the mutex is poisoned by then; the error holds the guard.
    ///
    /// # Panics
    ///
    /// On the system stack; the mutex is released.
    pub fn wait<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, P>,
    ) -> LockResult<MutexGuard<'a, T, P>> {
        self.wait_until(guard, None).0
    }

    /// Waits while `condition` holds.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T, P>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T, P>> {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Self::wait), for `time` at most. The mutex is released and taken again even when
    /// `time` is zero; taking it may take longer.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, P>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T, P>, WaitTimeoutResult)> {
        let (guard, woken) = self.wait_until(guard, Some(Instant::<P>::after(time).as_nanos()));
        let timed_out = WaitTimeoutResult(woken == Woken::TimedOut);
        match guard {
            Ok(guard) => Ok((guard, timed_out)),
            Err(error) => Err(PoisonError::new((error.into_inner(), timed_out))),
        }
    }

    /// Waits while `condition` holds, for `time` at most. The result says whether it still held
    /// when time was up.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T, P>,
        time: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T, P>, WaitTimeoutResult)> {
        let deadline = Instant::<P>::after(time);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if Instant::now() >= deadline && deadline != Instant::END {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = match self.wait_until(guard, Some(deadline.as_nanos())).0 {
                Ok(guard) => guard,
                Err(error) => {
                    return Err(PoisonError::new((error.into_inner(), WaitTimeoutResult(false))));
                }
            };
        }
    }

    /// Wakes the first waiter, if there is one. May be called with the mutex held or without, and
    /// anywhere but in an interrupt handler.
    #[inline]
    pub fn notify_one(&self) {
        self.notify(|queue| {
            let mut one = Taken::none();
            if let Some(node) = queue.pop() {
                one.push(node);
            }
            one
        });
    }

    /// Wakes all waiters. As [`notify_one`](Self::notify_one) otherwise.
    #[inline]
    pub fn notify_all(&self) {
        self.notify(Queue::take);
    }

    /// Anywhere, the system stack included.
    #[inline]
    fn notify(&self, whom: impl FnOnce(&mut Queue) -> Taken) {
        // Relaxed: see the essay; the mutex orders it.
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let caller = enter_anywhere::<P>();
        let mut queue = self.queue.lock();
        // Relaxed: under the lock.
        let notices = self.notices.load(Ordering::Relaxed).wrapping_add(1);
        self.notices.store(notices, Ordering::Relaxed);
        let woken = whom(&mut queue);
        drop(queue);
        // SAFETY: out of the queue, and woken once.
        unsafe { woken.wake::<P>(caller.within()) };
        caller.leave();
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, P>,
        deadline: Option<u64>,
    ) -> (LockResult<MutexGuard<'a, T, P>>, Woken) {
        // On the system stack no wait is possible: this panics there, while the guard can still
        // release the mutex.
        let _ = caller::<P>();
        let mutex = guard.into_lock();
        let woken = self.sleep(&mutex.raw, deadline);
        let notice = Notice((woken == Woken::Ready).then_some(self));
        let locked = mutex.lock();
        core::mem::forget(notice);
        (locked, woken)
    }

    /// Releases the mutex and waits.
    fn sleep(&self, mutex: &RawMutex<P>, deadline: Option<u64>) -> Woken {
        // Relaxed: both come before the release of the mutex.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(&self.waiting);
        let seen = self.notices.load(Ordering::Relaxed);
        mutex.unlock();
        // The end of time never comes, so it needs no timer.
        let deadline = deadline.filter(|&at| at != u64::MAX);
        let late = deadline.is_some_and(|at| at <= P::now());
        let caller = enter::<P>();
        let mut queue = self.queue.lock();
        // Relaxed: under the lock.
        let notified = self.notices.load(Ordering::Relaxed) != seen;
        if notified || late {
            drop(queue);
            caller.leave();
            return if notified { Woken::Ready } else { Woken::TimedOut };
        }
        let waiter = Waiter::new(&caller, false, WaitReason::Condvar);
        let node = Node::new(&waiter, core::ptr::null_mut());
        // SAFETY: the node lives until the wait is over; `notify` pops and wakes it once.
        let woken = unsafe {
            queue.push(&raw const node);
            wait_in::<P, Queue>(caller, &waiter, &node, queue, &self.queue, |queue| queue, deadline)
        };
        drop(counted);
        woken
    }
}

impl<P: Platform> Default for Condvar<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for Condvar<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
