//! A P's local run queue: a ring with one producer and many consumers, and `runnext` (L15).
//!
//! ```text
//!        head                    tail
//!         ▼                       ▼
//!   ┌───┬───┬───┬───┬───┬───┬───┬───┐      the owner pushes at the tail (a plain store),
//!   │   │ g │ g │ g │ g │ g │ g │   │      the owner and thieves take at the head
//!   └───┴───┴───┴───┴───┴───┴───┴───┘      (a compare-and-swap each)
//!
//!   runnext: one slot more, the owner's alone; it runs before the ring. A thief gets it only
//!   with the whole P, taken or borrowed by the claim protocol.
//! ```
//!
//! After D. Vyukov's scheduler in Go (2012). `head` and `tail` count up for ever and wrap.
//!
//! > **L15** Each G leaves the ring exactly once.

use core::ptr::{self, NonNull};

use g0_arch::CachePadded;
use g0_arch::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Slots of a ring; small under loom, whose thieves and owners must meet at the wrap.
pub const RING: usize = if cfg!(loom) { 4 } else { 256 };
const MASK: u32 = RING as u32 - 1;

/// The ring of one P and its `runnext`.
#[derive(Debug)]
pub struct RunQueue<T> {
    // The thieves' word on a line of its own: their swaps do not disturb the owner's pushes.
    head: CachePadded<AtomicU32>,
    tail: AtomicU32,
    runnext: AtomicPtr<T>,
    slots: [AtomicPtr<T>; RING],
}

impl<T> RunQueue<T> {
    /// An empty queue.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicU32::new(0)),
            tail: AtomicU32::new(0),
            runnext: AtomicPtr::new(ptr::null_mut()),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; RING],
        }
    }

    /// An empty queue.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicU32::new(0)),
            tail: AtomicU32::new(0),
            runnext: AtomicPtr::new(ptr::null_mut()),
            slots: core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// Appends `g`; gives it back when the ring is full.
    ///
    /// # Safety
    ///
    /// The caller must own the P and be inside.
    #[inline(always)]
    pub unsafe fn push(&self, g: NonNull<T>) -> Result<(), NonNull<T>> {
        // Acquire: a slot is written again only after the taker of its last G has read it.
        let head = self.head.load(Ordering::Acquire);
        // Relaxed: only the owner writes it.
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) >= RING as u32 {
            return Err(g);
        }
        self.slots[(tail & MASK) as usize].store(g.as_ptr(), Ordering::Relaxed);
        // Release: a thief that sees the tail sees the slot, and the G's saved context.
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Takes the oldest.
    ///
    /// # Safety
    ///
    /// As [`push`](Self::push).
    #[inline(always)]
    pub unsafe fn pop(&self) -> Option<NonNull<T>> {
        let tail = self.tail.load(Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        while head != tail {
            let g = self.slots[(head & MASK) as usize].load(Ordering::Relaxed);
            // Release: the read of the slot is over before anyone sees the new head. Acquire is
            // not needed: what the slots hold, this thread itself has put there.
            match self.head.compare_exchange_weak(
                head,
                head.wrapping_add(1),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return NonNull::new(g),
                Err(now) => head = now,
            }
        }
        None
    }

    /// Puts `g` into `runnext` and returns what was there.
    ///
    /// # Safety
    ///
    /// As [`push`](Self::push).
    #[inline(always)]
    pub unsafe fn replace_next(&self, g: Option<NonNull<T>>) -> Option<NonNull<T>> {
        // Relaxed: plain moves to and from memory that is the owner's; atomic only so that
        // `has_next` may look from afar.
        let old = self.runnext.load(Ordering::Relaxed);
        self.runnext.store(g.map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::Relaxed);
        NonNull::new(old)
    }

    /// Returns whether `runnext` is set: exact for the owner, a hint for any other thread. Any context.
    #[inline(always)]
    pub fn has_next(&self) -> bool {
        !self.runnext.load(Ordering::Relaxed).is_null()
    }

    /// Returns how many are in the ring: exact for the owner, a hint for any other thread. Any context.
    #[inline(always)]
    pub fn len(&self) -> usize {
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Acquire);
        // A thief's view may be torn: a head read before, a tail read after many steps.
        (tail.wrapping_sub(head) as usize).min(RING)
    }

    /// Returns the count of what has left the ring, which wraps: a hint for a thread that watches from afar.
    /// Any context.
    pub fn head(&self) -> u32 {
        self.head.load(Ordering::Relaxed)
    }

    /// Returns whether the ring looks empty. Any context.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the older half of a full ring into `out`; returns how many: none when thieves were
    /// faster, so that there is room now.
    ///
    /// # Safety
    ///
    /// As [`push`](Self::push).
    #[cold]
    pub unsafe fn spill(&self, mut out: impl FnMut(NonNull<T>)) -> usize {
        const HALF: u32 = RING as u32 / 2;
        let head = self.head.load(Ordering::Relaxed);
        if self.tail.load(Ordering::Relaxed).wrapping_sub(head) < RING as u32 {
            return 0;
        }
        // One swap for all of them. Orderings as in `pop`.
        let next = head.wrapping_add(HALF);
        if self.head.compare_exchange(head, next, Ordering::Release, Ordering::Relaxed).is_err() {
            return 0;
        }
        for i in 0..HALF {
            // The owner alone writes slots, and the owner is here.
            let g = self.slots[(head.wrapping_add(i) & MASK) as usize].load(Ordering::Relaxed);
            if let Some(g) = NonNull::new(g) {
                out(g);
            }
        }
        HALF as usize
    }

    /// Moves half of `victim`'s ring into this one and returns one more to run.
    ///
    /// # Safety
    ///
    /// The caller must own this queue's P and be inside; this ring must be empty.
    pub unsafe fn steal(&self, victim: &Self) -> Option<NonNull<T>> {
        let tail = self.tail.load(Ordering::Relaxed);
        loop {
            let head = victim.head.load(Ordering::Acquire);
            // Acquire: pairs with the push's release, for the slots and the Gs in them.
            let end = victim.tail.load(Ordering::Acquire);
            let len = end.wrapping_sub(head);
            let n = len - len / 2;
            if n == 0 {
                return None;
            }
            if n > RING as u32 / 2 {
                continue; // head and tail do not belong together: look again
            }
            for i in 0..n {
                let g =
                    victim.slots[(head.wrapping_add(i) & MASK) as usize].load(Ordering::Relaxed);
                self.slots[(tail.wrapping_add(i) & MASK) as usize].store(g, Ordering::Relaxed);
            }
            // Release: the slots are read before the owner can see them free.
            if victim
                .head
                .compare_exchange(head, head.wrapping_add(n), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                let n = n - 1;
                let last =
                    self.slots[(tail.wrapping_add(n) & MASK) as usize].load(Ordering::Relaxed);
                // Release: as in `push`; these Gs may be stolen onward.
                self.tail.store(tail.wrapping_add(n), Ordering::Release);
                return NonNull::new(last);
            }
        }
    }
}

impl<T> Default for RunQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}
