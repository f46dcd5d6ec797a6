//! Where the segments of a scheduler's goroutines come from, and how many there are.
//!
//! ```text
//!   source ──▶ depot ──▶ a P's cache ──▶ goroutine, in use ──▶ goroutine, kept ──┐
//!     ▲                   ▲                      ▲                               │
//!     │ larger ones       │ park, end, trim      └── the next call over the edge ┤
//!     └───────────────────┴──────────────────────────────────────────────────────┘
//! ```

use g0_arch::sync::cell::UnsafeCell;
use g0_stack::{Cache, Class, Depot, Header, Stack, StackError, StackSource};

use crate::parts::count::Count;
use crate::parts::stat_atomic;

/// The class of a segment, if nothing else is said: 64 KiB, or 4 KiB where addresses have 32 bits or fewer.
pub(crate) const CLASS: Class =
    match Class::for_size(if usize::BITS == 64 { 64 << 10 } else { 4 << 10 }) {
        Ok(class) => class,
        Err(_) => Class::MIN,
    };

/// How many bytes a goroutine's segments may take, if nothing else is said: 64 MiB, or 1 MiB where addresses have 32
/// bits.
pub(crate) const LIMIT: usize = if usize::BITS == 64 { 64 << 20 } else { usize::MAX >> 12 };

/// How many segments a P keeps at most.
const LOCAL: usize = 2;

/// How many segments the depot keeps at most, when more were given back.
const SURPLUS: usize = 128;

/// A source, and how much of it is out.
pub(crate) struct Metered {
    /// None: no goroutine's stack grows.
    source: Option<&'static dyn StackSource>,
    /// Segments that there are, and their bytes.
    pub(crate) stacks: stat_atomic::AtomicUsize,
    pub(crate) bytes: stat_atomic::AtomicUsize,
}

// SAFETY: as the source that it forwards to.
unsafe impl StackSource for Metered {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        let stack = self.source.ok_or(StackError::OutOfMemory)?.alloc(class)?;
        // Relaxed, here and below: for reports.
        self.stacks.fetch_add(1, stat_atomic::Ordering::Relaxed);
        self.bytes.fetch_add(class.size(), stat_atomic::Ordering::Relaxed);
        Ok(stack)
    }

    unsafe fn free(&self, stack: Stack) {
        self.stacks.fetch_sub(1, stat_atomic::Ordering::Relaxed);
        self.bytes.fetch_sub(stack.class().size(), stat_atomic::Ordering::Relaxed);
        if let Some(source) = self.source {
            // SAFETY: the stack came from there, as the caller ensures.
            unsafe { source.free(stack) };
        }
    }

    unsafe fn release_pages(&self, header: &Header) {
        if let Some(source) = self.source {
            // SAFETY: the caller ensures the same.
            unsafe { source.release_pages(header) };
        }
    }
}

/// The segments of one scheduler. What goroutines have of them each P counts.
pub(crate) struct Segments {
    pub(crate) depot: Depot<Metered>,
    /// How many bytes a goroutine may have in segments. Set before the start.
    pub(crate) limit: usize,
    /// How many a P has at hand, at most: none where stacks are measured, so that each is asked for on g0. Set before
    /// the start.
    pub(crate) local: usize,
}

/// The segments of one P. Its owner's, but for the counts.
pub(crate) struct ProcSegments {
    pub(crate) free: UnsafeCell<Cache>,
    pub(crate) counts: SegmentCounts,
}

impl ProcSegments {
    maybe_const! {
        /// Returns those of a P that has none.
        pub(crate) fn new() -> Self {
            Self { free: UnsafeCell::new(Cache::new(Class::MIN)), counts: SegmentCounts::new() }
        }
    }
}

/// What a P's goroutines have been given of segments, and have given back. Only the sums over all Ps mean anything: a
/// goroutine may give back on another P than it has taken on.
pub(crate) struct SegmentCounts {
    pub(crate) taken: Count,
    pub(crate) taken_bytes: Count,
    pub(crate) given: Count,
    pub(crate) given_bytes: Count,
}

impl SegmentCounts {
    pub(crate) const fn new() -> Self {
        Self {
            taken: Count::new(),
            taken_bytes: Count::new(),
            given: Count::new(),
            given_bytes: Count::new(),
        }
    }

    /// Counts a segment of this class that a goroutine has been given. By the P's owner, as below.
    #[inline(always)]
    fn add_taken(&self, class: Class) {
        self.taken.add(1);
        self.taken_bytes.add(class.size() as u64);
    }

    /// Counts one that a goroutine has given back.
    #[inline(always)]
    fn add_given(&self, class: Class) {
        self.given.add(1);
        self.given_bytes.add(class.size() as u64);
    }
}

impl Segments {
    maybe_const! {
        /// Returns the segments of a scheduler that has none.
        pub(crate) fn none() -> Self {
            Self::from(None, CLASS, LIMIT)
        }
    }

    maybe_const! {
        /// Returns the segments of a scheduler: those of `source`.
        pub(crate) fn from(
            source: Option<&'static dyn StackSource>,
            class: Class,
            limit: usize,
        ) -> Self {
            let source = Metered {
                source,
                stacks: stat_atomic::AtomicUsize::new(0),
                bytes: stat_atomic::AtomicUsize::new(0),
            };
            Self { depot: Depot::new(class, source), limit, local: LOCAL }
        }
    }

    /// Returns whether there is a source.
    pub(crate) fn are_there(&self) -> bool {
        self.depot.source().source.is_some()
    }

    /// Returns a segment of this class: of the usual one the P's own, else the source's. System calls, so on g0.
    ///
    /// # Errors
    ///
    /// What the source says.
    ///
    /// # Safety
    ///
    /// The P must be the caller's.
    pub(crate) unsafe fn take(&self, p: &ProcSegments, class: Class) -> Result<Stack, StackError> {
        let stack = if class == self.depot.class() {
            // SAFETY: as the caller ensures.
            if let Some(stack) = unsafe { self.take_at_hand(p) } {
                return Ok(stack);
            }
            // SAFETY: the P's own cache.
            p.free.with_mut(|cache| self.fetch(unsafe { &mut *cache }))?
        } else {
            let source = self.depot.source();
            // SAFETY: as the caller ensures.
            source.alloc(class).or_else(|error| match unsafe { self.release(p) } {
                0 => Err(error),
                // What was free of the usual class may have been in the way.
                _ => source.alloc(class),
            })?
        };
        p.counts.add_taken(class);
        Ok(stack)
    }

    /// Takes a segment back. One that is not of the usual class goes to the source: system calls, so on g0.
    ///
    /// # Safety
    ///
    /// It must have come from [`take`](Self::take) of this scheduler, no frame may be live on it, and the P must be the
    /// caller's.
    pub(crate) unsafe fn put(&self, p: &ProcSegments, stack: Stack) {
        // SAFETY: as the caller ensures; what the depot gets came from it, or from its source.
        unsafe {
            let Err(stack) = self.put_at_hand(p, stack) else { return };
            let class = stack.class();
            p.counts.add_given(class);
            if class == self.depot.class() {
                let mut alone = Cache::new(class);
                self.depot.free(&mut alone, stack);
                self.depot.drain(&mut alone);
            } else {
                let source = self.depot.source();
                source.release_pages(&stack);
                source.free(stack);
            }
        }
    }

    /// Returns a segment of the usual class, if the P has one.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take); on any stack.
    #[inline(always)]
    pub(crate) unsafe fn take_at_hand(&self, p: &ProcSegments) -> Option<Stack> {
        // SAFETY: the P's own cache.
        let stack = p.free.with_mut(|cache| unsafe { (*cache).get() })?;
        p.counts.add_taken(self.depot.class());
        Some(stack)
    }

    /// As [`put`](Self::put), on any stack.
    ///
    /// # Errors
    ///
    /// The segment, if it is not of the usual class, or the P has as many as it keeps.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub(crate) unsafe fn put_at_hand(&self, p: &ProcSegments, stack: Stack) -> Result<(), Stack> {
        let class = self.depot.class();
        // SAFETY: the P's own cache; what it has came from the depot, or from its source.
        p.free.with_mut(|cache| unsafe {
            if stack.class() != class || (*cache).len() >= self.local {
                return Err(stack);
            }
            self.depot.free(&mut *cache, stack);
            Ok(())
        })?;
        p.counts.add_given(class);
        Ok(())
    }

    /// Returns a segment of the usual class where the P has none.
    fn fetch(&self, cache: &mut Cache) -> Result<Stack, StackError> {
        // One, and not several: of a small source nothing is to lie where no goroutine comes by.
        if self.depot.is_empty() {
            return self.depot.source().alloc(self.depot.class());
        }
        let stack = self.depot.alloc(cache);
        if self.local == 0 {
            // SAFETY: what the cache has came from the depot.
            unsafe { self.depot.drain(cache) };
        }
        stack
    }

    /// After [`put`](Self::put): if the depot has many, they go back to the source, and their pages to the system, so
    /// that a recursion that went deep once does not hold memory for ever. System calls, so on g0.
    ///
    /// # Safety
    ///
    /// The P must be the caller's.
    pub(crate) unsafe fn release_surplus(&self, p: &ProcSegments) {
        // A cache that is not full has not given any away lately.
        // SAFETY: the P's own cache.
        let is_full = p.free.with_mut(|cache| unsafe { (*cache).len() } >= self.local);
        if is_full && self.depot.len() > SURPLUS {
            // SAFETY: as the caller ensures.
            unsafe { self.release(p) };
        }
    }

    /// Gives what the P and the depot have to the source, and the pages to the system; returns how many.
    ///
    /// # Safety
    ///
    /// The P must be the caller's.
    #[cold]
    unsafe fn release(&self, p: &ProcSegments) -> usize {
        let source = self.depot.source();
        // SAFETY: the P's own cache, and stacks of this depot, on which no frame is live.
        unsafe {
            p.free.with_mut(|cache| self.depot.drain(&mut *cache));
            self.depot.trim(|stack| source.release_pages(stack))
        }
    }

    /// As [`put`](Self::put), by a thread without a P, when the scheduler has ended.
    ///
    /// # Safety
    ///
    /// As there.
    #[cfg(any(feature = "std", loom))]
    pub(crate) unsafe fn put_without_p(&self, stack: Stack) {
        // SAFETY: as the caller ensures.
        unsafe { self.depot.source().free(stack) };
    }

    /// Gives all that the P has to the depot.
    ///
    /// # Safety
    ///
    /// The P must be the caller's, and have been prepared by this scheduler.
    #[cfg(any(feature = "std", loom))]
    pub(crate) unsafe fn drain(&self, p: &ProcSegments) {
        // SAFETY: as the caller ensures.
        unsafe { p.free.with_mut(|cache| self.depot.drain(&mut *cache)) };
    }
}
