//! The central list, and the source behind it.

use core::ptr;

use g0_arch::sync::Mutex;

use crate::list::List;
use crate::{Cache, Class, Header, Stack, StackError, StackSource, idle};

/// Stacks minted in one go when the central list is empty: enough to take the sources' locks
/// seldom, few enough that a processor that needs one stack does not touch pages for many.
const MINT: u32 = 8;

/// What many caches of one class share: a list of batches under a lock, and a source.
///
/// A batch is a list that some cache gave; it is linked before the lock is taken, and moves in and
/// out as a whole, so the lock is held for a handful of instructions whatever the number of
/// stacks. As in the caches, payloads stay as they are.
///
/// > **Invariant.** Every stack in the list is free, of `class`, from `source`, and in one batch.
pub struct Pool<S: StackSource> {
    class: Class,
    central: Mutex<Central>,
    source: S,
}

/// Batches, linked by `next_batch` of their first stacks.
struct Central {
    head: *mut Header,
    stacks: usize,
}

// SAFETY: it owns the stacks that it links.
unsafe impl Send for Central {}

impl Central {
    #[cfg_attr(loom, allow(dead_code))]
    const EMPTY: Central = Central { head: ptr::null_mut(), stacks: 0 };

    fn push(&mut self, batch: List) {
        // SAFETY: `head` is null or the first stack of a batch that we own.
        let Some(first) = (unsafe { batch.head().as_ref() }) else { return };
        first.batch_len.set(batch.len());
        first.next_batch.set(self.head);
        self.head = batch.head();
        self.stacks += batch.len() as usize;
    }

    fn pop(&mut self) -> List {
        // SAFETY: as above.
        let Some(first) = (unsafe { self.head.as_ref() }) else { return List::EMPTY };
        let len = first.batch_len.get();
        // SAFETY: `push` took these parts from a list, and the batch leaves here.
        let batch = unsafe { List::from_parts(self.head, len) };
        self.head = first.next_batch.get();
        self.stacks -= len as usize;
        batch
    }

    fn take(&mut self) -> Central {
        core::mem::replace(self, Central::EMPTY)
    }
}

impl<S: StackSource> Pool<S> {
    /// A pool of stacks of one class. `const` except under loom.
    #[cfg(not(loom))]
    pub const fn new(class: Class, source: S) -> Pool<S> {
        Pool { class, central: Mutex::new(Central::EMPTY), source }
    }

    /// A pool of stacks of one class. `const` except under loom.
    #[cfg(loom)]
    pub fn new(class: Class, source: S) -> Pool<S> {
        Pool { class, central: Mutex::new(Central::EMPTY), source }
    }

    /// The class of its stacks.
    #[inline]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The source behind it.
    #[inline]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// How many stacks the central list holds at this moment.
    pub fn len(&self) -> usize {
        self.central.lock().stacks
    }

    /// Whether the central list is empty at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A stack from the cache, refilled if need be.
    ///
    /// # Errors
    /// As [`refill`](Pool::refill).
    #[inline]
    pub fn alloc(&self, cache: &mut Cache) -> Result<Stack, StackError> {
        match cache.get() {
            Some(stack) => Ok(stack),
            None => self.alloc_slow(cache),
        }
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, cache: &mut Cache) -> Result<Stack, StackError> {
        self.refill(cache)?;
        cache.get().ok_or(StackError::OutOfMemory)
    }

    /// Keeps the stack in the cache, which first gives a half away if it is full.
    ///
    /// # Safety
    /// As for [`Cache::put`], and the stack came from this pool.
    #[inline]
    pub unsafe fn free(&self, cache: &mut Cache, stack: Stack) {
        // SAFETY: the caller's promise is the same.
        if let Err(stack) = unsafe { cache.put(stack) } {
            self.flush(cache);
            // SAFETY: as above. There is room now.
            let put = unsafe { cache.put(stack) };
            debug_assert!(put.is_ok());
        }
    }

    /// Fills an empty cache with a batch (at most half a cache), or mints a few stacks; a cache
    /// that has stacks is left as it is.
    ///
    /// # Errors
    /// What the source said, if not even one stack could be had.
    #[cold]
    pub fn refill(&self, cache: &mut Cache) -> Result<(), StackError> {
        assert!(cache.class() == self.class, "g0-stack: Pool::refill: a cache of another class");
        if !cache.is_empty() {
            return Ok(());
        }
        let batch = self.central.lock().pop();
        if !batch.is_empty() {
            cache.fill(batch);
            return Ok(());
        }
        let mut minted = List::EMPTY;
        while minted.len() < MINT {
            match self.source.alloc(self.class) {
                Ok(stack) => minted.push(stack, "Pool::refill"),
                Err(error) if minted.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        cache.fill(minted);
        Ok(())
    }

    /// Takes a half of the cache, if it has a whole one.
    #[cold]
    pub fn flush(&self, cache: &mut Cache) {
        assert!(cache.class() == self.class, "g0-stack: Pool::flush: a cache of another class");
        let half = cache.take_half();
        if !half.is_empty() {
            self.central.lock().push(half);
        }
    }

    /// Takes everything the cache has: its owner goes away.
    #[cold]
    pub fn drain(&self, cache: &mut Cache) {
        assert!(cache.class() == self.class, "g0-stack: Pool::drain: a cache of another class");
        let [hot, cold] = cache.take_all();
        let mut central = self.central.lock();
        central.push(hot);
        central.push(cold);
    }

    /// Hands the pages of stacks that have been in the central list since before the last call
    /// back to the kernel, as [`StackSource::release_pages`] says; returns how many stacks.
    ///
    /// To be called now and then (a sysmon, every few seconds). Takes the whole list for its
    /// length, so a cache that is refilled meanwhile gets new stacks.
    pub fn release_idle(&self) -> usize {
        let mut idle = self.central.lock().take();
        let mut done = Central::EMPTY;
        let mut released = 0;
        loop {
            let batch = idle.pop();
            if batch.is_empty() {
                break;
            }
            released += idle::sweep(&batch, &self.source);
            done.push(batch);
        }
        // Turned round twice, the batches come back in their order.
        loop {
            let batch = done.pop();
            if batch.is_empty() {
                return released;
            }
            self.central.lock().push(batch);
        }
    }

    /// Gives all stacks of the central list back to the source; returns how many. Payloads die:
    /// `last` is called with each stack first, to drop what lies there.
    pub fn trim(&self, mut last: impl FnMut(&Header)) -> usize {
        let mut all = self.central.lock().take();
        let mut stacks = 0;
        loop {
            let mut batch = all.pop();
            if batch.is_empty() {
                return stacks;
            }
            while let Some(stack) = batch.pop("Pool::trim") {
                last(&stack);
                stacks += 1;
                // SAFETY: what is in a pool is free (the promise of `Cache::put`) and came from
                // its source (the promise of `Pool::free`, or minted here).
                unsafe { self.source.free(stack) };
            }
        }
    }
}

impl<S: StackSource> Drop for Pool<S> {
    fn drop(&mut self) {
        self.trim(|_| {});
    }
}
