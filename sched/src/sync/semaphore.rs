//! A number of permits.
//!
//! ```text
//!   word     | free permits | WAITERS |
//!
//!   acquire n    one compare-and-swap, unless WAITERS; else queue, and set WAITERS
//!   give back n  one addition; with WAITERS, under the queue's lock, give them to the first in the
//!                queue as long as there are as many as it asks for
//! ```
//!
//! > With WAITERS permits are taken only by being given to the first in the queue, under the
//! > queue's lock.
//!
//! So it is first in, first out: a waiter that asks for many at the head of the queue is not
//! overtaken by waiters behind it that ask for few. No wake is lost, for the reason given for the
//! mutex: WAITERS is set in a word that has too few permits, so the addition that brings enough
//! sees it.
//!
//! How many permits there are, free or held, is a number of its own: it grows by `release` only,
//! within the limit, and shrinks when a permit is forgotten. So giving back cannot fail.

use core::fmt;
use core::marker::PhantomData;
use core::ptr;
use core::time::Duration;

use g0_arch::sync::Mutex as SpinLock;
use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::lock::wait_in;
use super::queue::{Node, Queue, Taken};
use crate::exec::enter::{caller, enter, enter_anywhere};
use crate::exec::suspend::suspend_here;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::waiter::Woken;

/// A waiter is queued. Set and cleared under the queue's lock.
const WAITERS: usize = 1;
const PERMIT: usize = 2;

/// The permits would be more than the semaphore's limit; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SemaphoreError;

impl fmt::Display for SemaphoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits than the semaphore's limit allows")
    }
}

impl core::error::Error for SemaphoreError {}

/// A number of permits, for as many callers as may do something at the same time. Waiters are
/// served first in, first out. Needs no allocator and may lie in a static.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use g0_sched::{Runtime, Semaphore, go};
///
/// static TWO: Semaphore = Semaphore::new(2);
/// Runtime::builder().build().unwrap().run(|| {
///     let all: Vec<_> = (0..10)
///         .map(|_| {
///             go(|| {
///                 let _permit = TWO.acquire();
///                 // At most two of them are here.
///             })
///         })
///         .collect();
///     all.into_iter().for_each(|one| one.join().unwrap());
/// }).unwrap();
/// assert_eq!(TWO.available_permits(), 2);
/// # }
/// ```
pub struct Semaphore<P: Platform> {
    word: AtomicUsize,
    /// Permits that there are, free or held.
    total: AtomicUsize,
    limit: usize,
    queue: SpinLock<Queue>,
    _platform: PhantomData<fn() -> P>,
}

/// Permits of a [`Semaphore`]; dropping it gives them back. It may be dropped anywhere but in an
/// interrupt handler. One that is lost (`core::mem::forget`) keeps its permits for ever; see
/// [`forget`](Self::forget).
#[must_use = "the permits are given back at once if this is dropped"]
pub struct Permit<'a, P: Platform> {
    semaphore: &'a Semaphore<P>,
    permits: usize,
}

/// A waiter that withdraws from the queue: its time is up, or the end of the run unwinds it. For the
/// waiters behind it there may be enough.
struct Leaving<'a, P: Platform>(&'a Semaphore<P>);

impl<P: Platform> Drop for Leaving<'_, P> {
    #[cold]
    fn drop(&mut self) {
        self.0.serve();
    }
}

impl<P: Platform> Semaphore<P> {
    /// The most permits that a semaphore may have.
    pub const MAX_PERMITS: usize = usize::MAX / PERMIT;

    maybe_const! {
        /// Returns a semaphore with `permits` free permits and the limit
        /// [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// # Panics
        ///
        /// When `permits` is more than that.
        pub fn new(permits: usize) -> Self {
            Self::with_limit(permits, Self::MAX_PERMITS)
        }
    }

    maybe_const! {
        /// Returns a semaphore with `permits` free permits; there are never more than `limit`, free
        /// or held.
        ///
        /// # Panics
        ///
        /// When `permits` is more than `limit`, or that more than
        /// [`MAX_PERMITS`](Self::MAX_PERMITS).
        pub fn with_limit(permits: usize, limit: usize) -> Self {
            assert!(limit <= Self::MAX_PERMITS, "g0: a semaphore's limit is too high");
            assert!(permits <= limit, "g0: a semaphore with more permits than its limit");
            Self {
                word: AtomicUsize::new(permits * PERMIT),
                total: AtomicUsize::new(permits),
                limit,
                queue: SpinLock::new(Queue::new()),
                _platform: PhantomData,
            }
        }
    }

    /// Takes a permit, waiting for it.
    ///
    /// # Panics
    ///
    /// On the system stack, when it would have to wait; when the limit is zero.
    #[inline]
    pub fn acquire(&self) -> Permit<'_, P> {
        self.acquire_many(1)
    }

    /// Takes `permits` at once, waiting until there are as many.
    ///
    /// # Panics
    ///
    /// On the system stack, when it would have to wait; when the semaphore's limit is lower.
    #[inline]
    pub fn acquire_many(&self, permits: usize) -> Permit<'_, P> {
        suspend_here::<P>();
        if !self.take(permits) {
            self.wait(permits, None);
        }
        Permit { semaphore: self, permits }
    }

    /// Takes a permit, if one is free and no waiter is queued; else returns `None`. May be called
    /// on the system stack too.
    #[inline]
    pub fn try_acquire(&self) -> Option<Permit<'_, P>> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` at once, if as many are free and no waiter is queued; else returns `None`.
    /// May be called on the system stack too.
    #[inline]
    pub fn try_acquire_many(&self, permits: usize) -> Option<Permit<'_, P>> {
        self.take(permits).then(|| Permit { semaphore: self, permits })
    }

    /// Takes a permit, waiting for it for `time` at most (with zero: not at all); returns `None`
    /// when time is up.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, time: Duration) -> Option<Permit<'_, P>> {
        self.acquire_many_timeout(1, time)
    }

    /// Takes `permits` at once, waiting for them for `time` at most; returns `None` when time is
    /// up.
    ///
    /// # Panics
    ///
    /// As [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_timeout(&self, permits: usize, time: Duration) -> Option<Permit<'_, P>> {
        suspend_here::<P>();
        if !self.take(permits) && !self.wait(permits, Some(Instant::<P>::after(time).as_nanos())) {
            return None;
        }
        Some(Permit { semaphore: self, permits })
    }

    /// Returns how many permits are free now.
    pub fn available_permits(&self) -> usize {
        self.word.load(Ordering::Relaxed) / PERMIT
    }

    /// Adds `permits` new permits. May be called anywhere but in an interrupt handler.
    ///
    /// # Errors
    ///
    /// When there would be more than the limit, free or held; nothing changes then.
    pub fn release(&self, permits: usize) -> Result<(), SemaphoreError> {
        let mut total = self.total.load(Ordering::Relaxed);
        loop {
            let sum = total.checked_add(permits).filter(|&sum| sum <= self.limit);
            let sum = sum.ok_or(SemaphoreError)?;
            // Relaxed: a number and nothing else.
            let relaxed = Ordering::Relaxed;
            match self.total.compare_exchange_weak(total, sum, relaxed, relaxed) {
                Ok(_) => break,
                Err(now) => total = now,
            }
        }
        self.give(permits);
        Ok(())
    }

    /// Takes permits if there are enough and no waiter is queued; returns whether it did.
    #[inline(always)]
    fn take(&self, permits: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        if permits == 0 {
            return true;
        }
        while word & WAITERS == 0 && word / PERMIT >= permits {
            let new = word - permits * PERMIT;
            // Acquire: pairs with `give`. Relaxed: a failure is looked at again.
            match self.word.compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Gives permits back that are part of the total.
    #[inline]
    fn give(&self, permits: usize) {
        // Release: the caller that takes them comes after what was done with them.
        if self.word.fetch_add(permits * PERMIT, Ordering::Release) & WAITERS != 0 {
            self.serve();
        }
    }

    /// Waits for permits; returns false when `deadline` passes first.
    #[cold]
    #[inline(never)]
    fn wait(&self, permits: usize, deadline: Option<u64>) -> bool {
        // On the system stack no wait is possible: this panics there.
        let _ = caller::<P>();
        assert!(permits <= self.limit, "g0: more permits than the semaphore's limit");
        // The end of time never comes, so it needs no timer.
        let deadline = deadline.filter(|&at| at != u64::MAX);
        if deadline.is_some_and(|at| at <= P::now()) {
            return false;
        }
        let caller = enter::<P>();
        let mut queue = self.queue.lock();
        if self.take_or_announce(permits) {
            drop(queue);
            caller.leave();
            return true;
        }
        let waiter = Waiter::new(&caller, false, WaitReason::Semaphore);
        let node = Node::new(&waiter, ptr::from_ref(&permits).cast_mut().cast());
        let leaving = Leaving(self);
        // SAFETY: the node and the number live until the wait is over; `serve` takes the node out,
        // claims it and wakes it once.
        let woken = unsafe {
            queue.push(&raw const node);
            wait_in::<P, Queue>(caller, &waiter, &node, queue, &self.queue, |queue| queue, deadline)
        };
        if woken == Woken::Ready {
            core::mem::forget(leaving);
        }
        woken == Woken::Ready
    }

    /// With the queue locked: takes permits and returns true, or sets WAITERS for the caller, which
    /// is about to queue.
    fn take_or_announce(&self, permits: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let enough = word & WAITERS == 0 && word / PERMIT >= permits;
            let new = if enough { word - permits * PERMIT } else { word | WAITERS };
            // Orderings as in `take`; the queue is handed over by its own lock.
            match self.word.compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return enough,
                Err(now) => word = now,
            }
        }
    }

    /// Gives permits to the first in the queue, as long as there are enough. Anywhere.
    #[cold]
    #[inline(never)]
    fn serve(&self) {
        let caller = enter_anywhere::<P>();
        let mut queue = self.queue.lock();
        let mut served = Taken::none();
        while let Some(first) = queue.peek() {
            // SAFETY: a waiter keeps its number for as long as its node is queued.
            let permits = unsafe { first.slot.cast::<usize>().read() };
            // Relaxed: meanwhile permits are only added, and each addition comes by here after this
            // one.
            if self.word.load(Ordering::Relaxed) / PERMIT < permits {
                break;
            }
            let node = ptr::from_ref(first);
            // SAFETY: the node is in this queue, whose lock is held: the waiter takes that lock
            // before its stack goes on, unless it is woken; and the side that wins the claim wakes
            // it.
            unsafe {
                queue.remove(node);
                if !(*(*node).waiter()).claim(node.addr()) {
                    continue; // Its time was up.
                }
                (*node).served.set(true);
            }
            // Acquire: sees what was done before they were given back; waking the node hands that
            // on.
            self.word.fetch_sub(permits * PERMIT, Ordering::Acquire);
            served.push(node);
        }
        if queue.is_empty() {
            // Relaxed: the bit belongs to the queue's lock.
            self.word.fetch_and(!WAITERS, Ordering::Relaxed);
        }
        drop(queue);
        // SAFETY: out of the queue, claimed, and woken once.
        unsafe { served.wake::<P>(caller.within()) };
        caller.leave();
    }
}

impl<P: Platform> Permit<'_, P> {
    /// Returns how many permits these are.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Drops the permits without giving them back: there are fewer from now on, and
    /// [`release`](Semaphore::release) may make as many new ones.
    pub fn forget(self) {
        // Relaxed: a number and nothing else.
        self.semaphore.total.fetch_sub(self.permits, Ordering::Relaxed);
        core::mem::forget(self);
    }
}

impl<P: Platform> Drop for Permit<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.give(self.permits);
    }
}

impl<P: Platform> fmt::Debug for Semaphore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<P: Platform> fmt::Debug for Permit<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("permits", &self.permits).finish_non_exhaustive()
    }
}
