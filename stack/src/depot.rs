//! Magazines of no owner, and the source behind them.

use g0_arch::magazine;
use g0_arch::sync::Mutex;

use crate::list::{self, List, revived};
use crate::{Cache, Class, Header, Stack, StackError, StackSource, idle};

/// Stacks minted in one go when the depot is empty: enough to take the sources' locks
/// seldom, few enough that a processor that needs one stack does not touch pages for many.
const MINT: u32 = 8;

/// What many caches of one class share: [magazines](g0_arch::magazine) under a lock, and a source.
///
/// A magazine moves in and out as a whole, so the lock is held for a handful of instructions whatever
/// the number of stacks. As in the caches, payloads stay as they are.
///
/// > **Invariant.** Every stack in it is free, of `class`, from `source`, and in one magazine.
pub struct Depot<S: StackSource> {
    class: Class,
    magazines: Mutex<Shelves>,
    source: S,
}

/// The magazines of a depot, by how long they have lain there.
///
/// ```text
///   flush ─▶ hot ── age ─▶ aged ── release_some ─▶ cold
///             │             │                       │
///             └─────────────┴── refill, in this order
/// ```
struct Shelves {
    hot: magazine::Depot<Header>,
    /// Were hot at the last [`Depot::age`].
    aged: magazine::Depot<Header>,
    /// Have given their pages back.
    cold: magazine::Depot<Header>,
}

impl Shelves {
    const fn new() -> Self {
        Shelves {
            hot: magazine::Depot::new(),
            aged: magazine::Depot::new(),
            cold: magazine::Depot::new(),
        }
    }

    fn items(&self) -> usize {
        self.hot.items() + self.aged.items() + self.cold.items()
    }

    fn pop(&mut self) -> List {
        for shelf in [&mut self.hot, &mut self.aged, &mut self.cold] {
            let magazine = shelf.pop();
            if !magazine.is_empty() {
                return magazine;
            }
        }
        List::new()
    }
}

impl<S: StackSource> Depot<S> {
    g0_arch::const_unless_loom! {
        /// Returns a depot of stacks of one class. `const` except under loom.
        pub fn new(class: Class, source: S) -> Depot<S> {
            Depot { class, magazines: Mutex::new(Shelves::new()), source }
        }
    }

    /// Returns the class of its stacks.
    #[inline]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns the source behind it.
    #[inline]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Returns how many stacks are in its magazines at this moment.
    pub fn len(&self) -> usize {
        self.magazines.lock().items()
    }

    /// Returns whether there is none at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a stack from the cache, refilled if need be.
    ///
    /// # Errors
    /// As [`refill`](Depot::refill).
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
    /// As for [`Cache::put`], and the stack must have come from this depot, as those in the cache must.
    #[inline]
    pub unsafe fn free(&self, cache: &mut Cache, stack: Stack) {
        // SAFETY: the caller ensures the same.
        unsafe { self.free_or(cache, stack, |_| crate::cache::wrong_class()) }
    }

    /// As [`free`](Self::free); but a stack of another class than the cache's goes to `other`, for owners that have
    /// a depot for each of several classes.
    ///
    /// # Safety
    /// As [`free`](Self::free), of a stack of the cache's class; what `other` does is its own affair.
    #[inline]
    pub unsafe fn free_or(&self, cache: &mut Cache, stack: Stack, other: impl Fn(Stack)) {
        // SAFETY: the caller ensures the same.
        if let Err(stack) = unsafe { cache.put_or(stack, &other) } {
            // SAFETY: so has, by the same promise, all that the cache holds; and there is room afterwards.
            let put = unsafe {
                self.flush(cache);
                cache.put_or(stack, &other)
            };
            debug_assert!(put.is_ok());
        }
    }

    /// Fills an empty cache with a magazine (at most half a cache), or mints a few stacks; a cache
    /// that has stacks is left as it is.
    ///
    /// # Errors
    /// What the source said, if not even one stack could be had.
    #[cold]
    pub fn refill(&self, cache: &mut Cache) -> Result<(), StackError> {
        assert!(cache.class() == self.class, "g0-stack: Depot::refill: a cache of another class");
        if !cache.is_empty() {
            return Ok(());
        }
        let magazine = self.magazines.lock().pop();
        if !magazine.is_empty() {
            cache.fill(magazine);
            return Ok(());
        }
        let mut minted = List::new();
        while minted.len() < MINT {
            match self.source.alloc(self.class) {
                Ok(stack) => list::push(&mut minted, stack, "Depot::refill"),
                Err(error) if minted.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        cache.fill(minted);
        Ok(())
    }

    /// Takes a half of the cache, if it has a whole one.
    ///
    /// # Safety
    /// As [`drain`](Depot::drain).
    #[cold]
    pub unsafe fn flush(&self, cache: &mut Cache) {
        assert!(cache.class() == self.class, "g0-stack: Depot::flush: a cache of another class");
        let half = cache.take_half();
        if !half.is_empty() {
            self.magazines.lock().hot.push(half);
        }
    }

    /// Takes everything the cache has: its owner goes away.
    ///
    /// # Safety
    /// The stacks in the cache must have come from this depot, to whose source they will go.
    #[cold]
    pub unsafe fn drain(&self, cache: &mut Cache) {
        assert!(cache.class() == self.class, "g0-stack: Depot::drain: a cache of another class");
        let [hot, cold] = cache.take_all();
        let mut magazines = self.magazines.lock();
        magazines.hot.push(hot);
        magazines.hot.push(cold);
    }

    /// Hands the pages of stacks that have been here since before the last call
    /// back to the kernel, as [`StackSource::release_pages`] says; returns how many stacks.
    ///
    /// To be called now and then (a sysmon, every few seconds). Takes everything out for its
    /// length, so a cache that is refilled meanwhile gets new stacks.
    pub fn release_idle(&self) -> usize {
        let mut idle = self.magazines.lock().hot.take();
        let mut done = magazine::Depot::new();
        let mut released = 0;
        loop {
            let magazine = idle.pop();
            if magazine.is_empty() {
                break;
            }
            released += idle::sweep(&magazine, &self.source);
            done.push(magazine);
        }
        // Turned round twice, the magazines come back in their order.
        loop {
            let magazine = done.pop();
            if magazine.is_empty() {
                return released;
            }
            self.magazines.lock().hot.push(magazine);
        }
    }

    /// Begins a round of [`release_some`](Depot::release_some), unless one is under way: what lies here now is given
    /// back by it, if it lies here still. Returns whether anything does.
    pub fn age(&self) -> bool {
        let mut magazines = self.magazines.lock();
        if magazines.aged.items() == 0 {
            magazines.aged = magazines.hot.take();
        }
        magazines.aged.items() != 0
    }

    /// As [`release_idle`](Depot::release_idle), a magazine at a time: of what lay here when the round began
    /// ([`age`](Depot::age)) hands the pages of up to half a cache of stacks back. Returns false when the round is
    /// over. What it works on is out of reach for its length, and for no longer.
    pub fn release_some(&self) -> bool {
        let magazine = self.magazines.lock().aged.pop();
        if magazine.is_empty() {
            return false;
        }
        idle::release(&magazine, &self.source);
        self.magazines.lock().cold.push(magazine);
        true
    }

    /// Gives all stacks of its magazines back to the source; returns how many. Payloads die:
    /// `last` is called with each stack first, to drop what lies there.
    pub fn trim(&self, mut last: impl FnMut(&Header)) -> usize {
        let mut all = core::mem::replace(&mut *self.magazines.lock(), Shelves::new());
        let stacks = all.items();
        loop {
            let mut magazine = all.pop();
            if magazine.is_empty() {
                return stacks;
            }
            while let Some(header) = magazine.pop() {
                // SAFETY: the list gave it up. What is in a depot is free (the promise of `Cache::put`)
                // and came from its source (the promise of `Depot::free` and `Depot::drain`, or minted here).
                unsafe {
                    let stack = revived(header, "Depot::trim");
                    last(&stack);
                    self.source.free(stack);
                }
            }
        }
    }
}

impl<S: StackSource> Drop for Depot<S> {
    fn drop(&mut self) {
        self.trim(|_| {});
    }
}
