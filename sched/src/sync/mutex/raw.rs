//! The mutual exclusion behind [`Mutex`](super::Mutex): a word, and a queue.
//!
//! ```text
//!   word     | passes (28 bits) | STARVING | WOKEN | WAITERS | LOCKED |
//!
//!            0 ──── lock: one compare-and-swap ────▶ LOCKED
//!              ◀─── unlock: one subtraction ────────
//!
//!   normal:    unlock with WAITERS, not WOKEN ────▶ sets WOKEN, wakes the first
//!              the woken one takes the lock, or is back at the head of the queue
//!   starving:  unlock ──▶ the first in the queue holds the lock before it wakes
//! ```
//!
//! # Two designs, and why this one
//!
//! *Two read-modify-writes*, as here: the unlocking side learns from the instruction that releases
//! the lock whether a waiter is queued. *A plain store and an asymmetric fence*: unlocking stores 0
//! and then looks for waiters, which saves a read-modify-write, half of the pair. But a store and a
//! later load of another word are not ordered by themselves:
//!
//! ```text
//!   unlocks                          parks
//!   locked := 0  (in its buffer)     waiters := 1
//!   load waiters: 0                  load locked: 1
//!   wakes no waiter                  sleeps for ever
//! ```
//!
//! so one of the two must pay for a fence. If it is the parking side, it needs the fence that makes
//! all running threads pass a barrier: from a quarter of a microsecond to ten, and as much for each
//! thread that is interrupted, at every park. A heavy fence never belongs in the path of an
//! operation: it would make the programs that contend, the only ones in which a mutex costs
//! anything, many times slower, for five nanoseconds in those that do not. A plain store *without* a
//! fence is the picture above: it loses wake-ups. There is no third way.
//!
//! # No wake is lost
//!
//! > **L21** A lock has one owner at a time, and no waiter stays beside a free one.
//!
//! A waiter sets WAITERS, under the queue's lock, only in a word that says LOCKED (or STARVING, see
//! below). That is one location, so its order is total: the release of that very hold comes later
//! and sees WAITERS.
//!
//! ```text
//!   parks                                 unlocks
//!   lock the queue
//!   LOCKED ─▶ LOCKED|WAITERS              word -= LOCKED: sees WAITERS
//!   push; switch away                     lock the queue … until the context is saved
//!   the post-switch step unlocks it       pop, unlock, wake
//! ```
//!
//! An unlock that sees WOKEN may go, because a waiter is awake on behalf of the queue. The waiter
//! that set WOKEN, or was woken with it, gives it back in the same step in which it takes the lock
//! (then its own unlock looks at WAITERS) or queues again (then the word said LOCKED, and that
//! holder's unlock does). Between the two it neither unwinds nor gives up: a deadline ends waits in
//! the queue only. A waiter that leaves the queue so, or at the end of the run, touches no bit: if
//! it was the last, the next unlock finds an empty queue and clears them.
//!
//! # Barging, and its bounds
//!
//! A woken waiter competes with goroutines that run, and these mostly win: the lock is passed on
//! without a switch, which is what makes contended locks quick. At most one waiter at a time is
//! awake on behalf of the queue. Two things bound how long it can lose:
//!
//! - *Starvation mode*, Go's: a waiter that wakes in vain after more than a millisecond sets
//!   STARVING. From then on an unlock hands the lock to the first in the queue, no other caller may
//!   take it, and the order is first in, first out; until the queue is empty or a waiter is served
//!   that has waited for less than that.
//! - *Passes*: goroutines that run may pass a waiter that is awake [`PASSES`] times; the next one
//!   gives way first. The waiter may be the next in the queue of the same P, or bound to the same
//!   thread: there a goroutine that only locks and unlocks would never let it run, and one that does
//!   not run cannot say that it starves.
//!
//! STARVING without LOCKED means that an unlock has released the lock and is on its way to the
//! queue's lock. Only that unlock, and holders of the queue's lock, change either bit; so a waiter
//! may queue then too.

use core::cell::Cell;
use core::marker::PhantomData;

use g0_arch::sync::Mutex as SpinLock;
use g0_arch::sync::atomic::{AtomicU32, Ordering};
use g0_defer::Unwind;

use crate::exec::enter::{caller, enter, enter_anywhere, enter_in_place};
use crate::exec::suspend::suspend_here;
use crate::exec::yields::yield_now;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::sync::lock::wait_in;
use crate::sync::queue::{Node, Queue};
use crate::sync::spin::Spin;
use crate::wait::waiter::Woken;

const LOCKED: u32 = 1;
/// A waiter is queued. Set and cleared under the queue's lock.
const WAITERS: u32 = 2;
/// A waiter is awake on behalf of the queue: it was woken, or it spins.
const WOKEN: u32 = 4;
/// The lock is handed from one waiter to the next. Set under the queue's lock.
const STARVING: u32 = 8;
/// Counts the callers that took the lock past the woken waiter; 0 while no waiter is woken.
const PASS: u32 = 16;
/// WOKEN, and the passes that are counted with it.
const AWAKE: u32 = !(LOCKED | WAITERS | STARVING);

/// How often a woken waiter is passed before a goroutine gives way to it.
const PASSES: u32 = 256;
/// A waiter that has waited for longer starves, nanoseconds.
const PATIENCE: u64 = 1_000_000;

/// A lock without a value.
pub(crate) struct RawMutex<P: Platform> {
    word: AtomicU32,
    queue: SpinLock<Queue>,
    _platform: PhantomData<fn() -> P>,
}

impl<P: Platform> RawMutex<P> {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                word: AtomicU32::new(0),
                queue: SpinLock::new(Queue::new()),
                _platform: PhantomData,
            }
        }
    }

    /// Takes the lock. On the system stack, where no wait is possible, it panics if the lock is
    /// held.
    #[inline(always)]
    pub(crate) fn lock(&self) {
        suspend_here::<P>();
        // Acquire: pairs with `unlock`. Relaxed: a failure is looked at again.
        let free = self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        if free.is_err() {
            self.lock_slow(None);
        }
    }

    /// Takes the lock unless `deadline` passes first; returns whether it did.
    #[inline]
    pub(crate) fn lock_until(&self, deadline: u64) -> bool {
        suspend_here::<P>();
        // Orderings as in `lock`.
        let free = self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        // The end of time never comes, so it needs no timer.
        free.is_ok() || self.lock_slow((deadline != u64::MAX).then_some(deadline))
    }

    /// Takes the lock if it is free; returns whether it did.
    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        // Orderings as in `lock`.
        match self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => true,
            Err(word) => self.take(word, false).is_ok(),
        }
    }

    /// Releases the lock, which the caller holds. Anywhere.
    #[inline(always)]
    pub(crate) fn unlock(&self) {
        // Release: the next holder sees what was done under the lock.
        if self.word.fetch_sub(LOCKED, Ordering::Release) != LOCKED {
            self.pass_on();
        }
    }

    /// Takes the lock if `word`, just read, says that it may be taken; else returns what the word
    /// is now. `awake`: the caller owns WOKEN, and gives it back.
    #[inline]
    fn take(&self, mut word: u32, awake: bool) -> Result<(), u32> {
        while word & (LOCKED | STARVING) == 0 {
            let new = if awake || word & WOKEN == 0 {
                word & !AWAKE | LOCKED
            } else {
                word.checked_add(PASS).unwrap_or(word) | LOCKED
            };
            // Orderings as in `lock`.
            match self.word.compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
        Err(word)
    }

    /// The long way to the lock; returns false when `deadline` passes first.
    #[cold]
    #[inline(never)]
    fn lock_slow(&self, deadline: Option<u64>) -> bool {
        // On the system stack no wait is possible: this panics there, now, while the caller has
        // neither WOKEN nor a place in the queue.
        let _ = caller::<P>();
        let mut spin = Spin::new();
        let mut since = None;
        // Whether the caller has waited, owns WOKEN, and has waited for too long.
        let (mut waited, mut awake, mut starving) = (false, false, false);
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & WOKEN != 0 && !awake && word >= PASSES * PASS {
                self.give_way(word);
            }
            let Err(word) = self.take(word, awake) else { return true };
            if word & STARVING == 0 && spin.may::<P>() {
                // So that no waiter is woken meanwhile.
                if word & (WAITERS | WOKEN) == WAITERS {
                    // Relaxed: the word is all there is to see.
                    let (relaxed, new) = (Ordering::Relaxed, word | WOKEN);
                    awake |= self.word.compare_exchange(word, new, relaxed, relaxed).is_ok();
                }
                spin.round();
                continue;
            }

            let now = P::now();
            let begin = *since.get_or_insert(now);
            if !awake && deadline.is_some_and(|deadline| deadline <= now) {
                return false;
            }
            // With WOKEN in hand nothing may unwind it: it queues, and hands that on.
            let caller = if awake { enter_in_place::<P>() } else { enter::<P>() };
            let mut queue = self.queue.lock();
            if !self.announce(awake, starving) {
                drop(queue);
                caller.leave();
                continue;
            }
            let handed = Cell::new(false);
            let waiter = Waiter::new(&caller, false, WaitReason::Mutex);
            let node = Node::new(&waiter, handed.as_ptr().cast());
            // SAFETY: the node lives until the wait is over; `pass_on` pops and wakes it once.
            let woken = unsafe {
                // A waiter that has waited before is not sent to the end.
                if waited {
                    queue.push_front(&raw const node)
                } else {
                    queue.push(&raw const node)
                }
                wait_in::<P, Queue>(caller, &waiter, &node, queue, &self.queue, |q| q, deadline)
            };
            if let Woken::TimedOut = woken {
                return false;
            }
            starving = P::now().saturating_sub(begin) > PATIENCE;
            if handed.get() {
                if !starving {
                    // Relaxed: while the lock is held the bit decides nothing but its release,
                    // which is this caller's.
                    self.word.fetch_and(!STARVING, Ordering::Relaxed);
                }
                return true;
            }
            (waited, awake) = (true, true);
            spin = Spin::new();
        }
    }

    /// With the queue locked: sets WAITERS for the caller, which is about to queue; returns false
    /// when the lock is free instead.
    fn announce(&self, awake: bool, starving: bool) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & (LOCKED | STARVING) != 0 {
            // WOKEN, which the caller owned until now, is given back: the holder's unlock sees
            // WAITERS instead.
            let mut new = if awake { word & !AWAKE } else { word };
            new |= WAITERS;
            if starving && word & LOCKED != 0 {
                new |= STARVING;
            }
            // Relaxed: the queue is handed over by its own lock.
            let relaxed = Ordering::Relaxed;
            match self.word.compare_exchange_weak(word, new, relaxed, relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// The woken waiter has been passed too often.
    #[cold]
    fn give_way(&self, word: u32) {
        let (relaxed, new) = (Ordering::Relaxed, word & (PASS - 1));
        // Relaxed: a count. Failure: the word has changed meanwhile.
        let _ = self.word.compare_exchange(word, new, relaxed, relaxed);
        // A goroutine that unwinds keeps its thread for itself.
        if !P::Unwind::panicking() {
            yield_now::<P>();
        }
    }

    /// Wakes the first in the queue, or hands it the lock; unless an awake waiter or a holder will
    /// do so.
    #[cold]
    #[inline(never)]
    fn pass_on(&self) {
        let word = self.word.load(Ordering::Relaxed);
        // The waiter that is awake, or the new holder, will come by here.
        if word & STARVING == 0 && (word & (LOCKED | WOKEN) != 0 || word & WAITERS == 0) {
            return;
        }
        let caller = enter_anywhere::<P>();
        let mut queue = self.queue.lock();
        let next = self.next(&mut queue);
        drop(queue);
        if let Some(node) = next {
            // SAFETY: popped just now; it waits until this, its one wake.
            unsafe { Node::wake::<P>(node, caller.within()) };
        }
        caller.leave();
    }

    /// With the queue locked: returns the waiter that is to be woken.
    fn next(&self, queue: &mut Queue) -> Option<*const Node> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & (LOCKED | STARVING) == STARVING {
                return self.hand_over(queue);
            }
            // Held again, or a waiter is awake, or none is queued.
            if word & (LOCKED | WOKEN | WAITERS) != WAITERS {
                return None;
            }
            // Relaxed: the woken waiter acquires the word when it takes the lock.
            let (relaxed, new) = (Ordering::Relaxed, word | WOKEN);
            match self.word.compare_exchange_weak(word, new, relaxed, relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        let node = queue.pop();
        let mut over = 0;
        if queue.is_empty() {
            over |= WAITERS;
        }
        match node {
            // SAFETY: popped, so it is there until it is woken.
            Some(node) => unsafe { (*node).served.set(true) },
            // For all of them the time was up.
            None => over |= AWAKE,
        }
        if over != 0 {
            self.word.fetch_and(!over, Ordering::Relaxed);
        }
        node
    }

    /// With the queue locked, in starvation mode, the lock free: hands it to the first, which is to
    /// be woken.
    fn hand_over(&self, queue: &mut Queue) -> Option<*const Node> {
        let node = queue.pop();
        if let Some(node) = node {
            // SAFETY: popped, so it is there until it is woken, and so is what its slot points to.
            unsafe {
                (*node).slot.cast::<bool>().write(true);
                (*node).served.set(true);
            }
            // Acquire: sees what was done under the lock, which another thread than the caller may
            // have released. Waking the node hands that on.
            self.word.fetch_or(LOCKED, Ordering::Acquire);
        }
        if queue.is_empty() {
            // Relaxed: both bits belong to the queue's lock. The lock itself has been handed over by
            // now; if there was no waiter to hand it to, it is free.
            self.word.fetch_and(!(WAITERS | STARVING), Ordering::Relaxed);
        }
        node
    }
}
