//! The lock behind [`RwLock`](super::RwLock): a word, and a queue.
//!
//! ```text
//!   word     | readers (30 bits) | WAITERS | WRITER |
//!
//!            0 ──── write: one compare-and-swap ──▶ WRITER
//!     readers n ─── read: one compare-and-swap ───▶ readers n + 1      unless WAITERS
//!
//!   a caller that finds it taken   queues, and sets WAITERS
//!   the last release, with WAITERS gives it to the first in the queue: to a writer,
//!                        or to all the readers that stand there before the next writer
//! ```
//!
//! > With WAITERS the lock is taken only by being given to the first in the queue, under the
//! > queue's lock.
//!
//! So it is first in, first out, between single writers and groups of readers. Readers that come
//! while a writer waits queue behind it: they cannot keep it out, however many they are. Writers
//! cannot keep readers out, since each is behind the waiters that came before it. The price: a lock
//! that is contended all the time passes from one holder to the next by wakes, without barging. It is
//! for what is read much and written seldom.
//!
//! No wake is lost for the reason given for the mutex: WAITERS is set, under the queue's lock, in a
//! word that says that the lock is taken (or given away this moment), so the release that frees it
//! sees WAITERS.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use g0_arch::sync::Mutex as SpinLock;
use g0_arch::sync::atomic::{AtomicU32, Ordering};

use crate::exec::enter::{caller, enter, enter_anywhere};
use crate::exec::suspend::suspend_here;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::sync::lock::wait_in;
use crate::sync::queue::{Node, Queue, Taken};
use crate::sync::spin::Spin;

const WRITER: u32 = 1;
/// A waiter is queued. Set and cleared under the queue's lock.
const WAITERS: u32 = 2;
const READER: u32 = 4;
/// From here on there are too many readers: guards are being forgotten.
const FULL: u32 = u32::MAX / 2;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// A lock without a value.
pub(super) struct RawRwLock<P: Platform> {
    word: AtomicU32,
    queue: SpinLock<Queue>,
    _platform: PhantomData<fn() -> P>,
}

/// A waiter that the end of the run unwinds: the waiters behind it may be next now.
struct Leaving<'a, P: Platform>(&'a RawRwLock<P>);

impl<P: Platform> Drop for Leaving<'_, P> {
    #[cold]
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

impl<P: Platform> RawRwLock<P> {
    maybe_const! {
        pub(super) fn new() -> Self {
            Self {
                word: AtomicU32::new(0),
                queue: SpinLock::new(Queue::new()),
                _platform: PhantomData,
            }
        }
    }

    /// Takes the lock. On the system stack, where no wait is possible, it panics instead of
    /// waiting.
    #[inline(always)]
    pub(super) fn lock(&self, kind: Kind) {
        suspend_here::<P>();
        if !self.try_lock(kind) {
            self.lock_slow(kind);
        }
    }

    /// Takes the lock, if its holders allow that and no waiter is queued; returns whether it did.
    #[inline(always)]
    pub(super) fn try_lock(&self, kind: Kind) -> bool {
        let mut word = match kind {
            Kind::Read => self.word.load(Ordering::Relaxed),
            // A guess that is mostly right, and checked below.
            Kind::Write => 0,
        };
        while let Some(new) = taken(word, kind) {
            // Acquire: pairs with the releases. Relaxed: a failure is looked at again.
            match self.word.compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Goes the long way to the lock.
    #[cold]
    #[inline(never)]
    fn lock_slow(&self, kind: Kind) {
        // On the system stack no wait is possible: this panics there.
        let _ = caller::<P>();
        assert!(
            self.word.load(Ordering::Relaxed) < FULL,
            "g0: too many readers of a lock: are their guards forgotten?"
        );
        let mut spin = Spin::new();
        while self.word.load(Ordering::Relaxed) & WAITERS == 0 && spin.may::<P>() {
            spin.round();
            if self.try_lock(kind) {
                return;
            }
        }
        let caller = enter::<P>();
        let mut queue = self.queue.lock();
        if self.take_or_announce(kind) {
            drop(queue);
            return caller.leave();
        }
        // A writer's node has a slot; nothing goes through it.
        let (slot, reason) = match kind {
            Kind::Read => (ptr::null_mut(), WaitReason::Read),
            Kind::Write => (NonNull::dangling().as_ptr(), WaitReason::Write),
        };
        let waiter = Waiter::new(&caller, false, reason);
        let node = Node::new(&waiter, slot);
        let leaving = Leaving(self);
        // SAFETY: the node lives until the wait is over; `pass_on` pops and wakes it once.
        unsafe {
            queue.push(&raw const node);
            wait_in::<P, Queue>(caller, &waiter, &node, queue, &self.queue, |queue| queue, None);
        }
        // The waker has given this caller the lock.
        core::mem::forget(leaving);
    }

    /// With the queue locked: takes the lock and returns true, or sets WAITERS for the caller,
    /// which is about to queue.
    fn take_or_announce(&self, kind: Kind) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (new, take) = taken(word, kind).map_or((word | WAITERS, false), |new| (new, true));
            // Orderings as in `try_lock`; the queue is handed over by its own lock.
            match self.word.compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return take,
                Err(now) => word = now,
            }
        }
    }

    /// Releases the lock, which the caller holds for reading. Anywhere.
    #[inline(always)]
    pub(super) fn unlock_read(&self) {
        // Release: a writer that comes next writes after what was read.
        if self.word.fetch_sub(READER, Ordering::Release) == READER | WAITERS {
            self.pass_on();
        }
    }

    /// Releases the lock, which the caller holds for writing. Anywhere.
    #[inline(always)]
    pub(super) fn unlock_write(&self) {
        // Release: the next holder sees what was written.
        if self.word.fetch_sub(WRITER, Ordering::Release) != WRITER {
            self.pass_on();
        }
    }

    /// Goes on reading, where the caller was writing. Anywhere.
    pub(super) fn downgrade(&self) {
        // Release: the next reader sees what was written.
        if self.word.fetch_add(READER - WRITER, Ordering::Release) & WAITERS != 0 {
            self.pass_on();
        }
    }

    /// Gives the lock to the first in the queue, if it is free for them.
    #[cold]
    #[inline(never)]
    fn pass_on(&self) {
        let caller = enter_anywhere::<P>();
        let mut queue = self.queue.lock();
        let admitted = self.admit(&mut queue);
        drop(queue);
        // SAFETY: out of the queue, and woken once.
        unsafe { admitted.wake::<P>(caller.within()) };
        caller.leave();
    }

    /// With the queue locked: gives the lock to the waiters whose turn it is, and returns these, to
    /// be woken.
    fn admit(&self, queue: &mut Queue) -> Taken {
        let mut admitted = Taken::none();
        while let Some(first) = queue.peek() {
            // Relaxed: meanwhile the lock is only released, and the last release comes by here
            // after this one.
            let word = self.word.load(Ordering::Relaxed);
            let share = match first.slot.is_null() {
                _ if word & WRITER != 0 => break,
                true => READER,
                false if word >= READER => break,
                false => WRITER,
            };
            let node = ptr::from_ref(first);
            // SAFETY: it is in this queue, whose lock is held.
            unsafe {
                queue.remove(node);
                if !(*(*node).waiter()).claim(node.addr()) {
                    continue; // its run has left it behind
                }
            }
            // Acquire: sees what earlier holders did; waking the node hands that on.
            self.word.fetch_add(share, Ordering::Acquire);
            // SAFETY: popped, so it is there until it is woken.
            unsafe { (*node).served.set(true) };
            admitted.push(node);
        }
        if queue.is_empty() {
            // Relaxed: the bit belongs to the queue's lock.
            self.word.fetch_and(!WAITERS, Ordering::Relaxed);
        }
        admitted
    }
}

/// Returns the word with one more `kind`, if `word` allows it.
#[inline(always)]
fn taken(word: u32, kind: Kind) -> Option<u32> {
    match kind {
        Kind::Read => (word & (WRITER | WAITERS) == 0 && word < FULL).then(|| word + READER),
        Kind::Write => (word == 0).then_some(WRITER),
    }
}
