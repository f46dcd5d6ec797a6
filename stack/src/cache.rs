//! A processor's own free stacks.

use crate::list::List;
use crate::{Class, Stack};

/// Stacks of one class, last in first out, for one owner (a scheduler's P).
///
/// At most [`Cache::CAPACITY`] stacks, linked through their own headers: no allocation, no lock,
/// a few instructions each way. They lie in two halves: `put` and `get` work on the *hot* one; a
/// full hot half becomes the *cold* one as a whole, and what goes to the pool and comes from it is
/// a whole half. So an owner that swings around a boundary does not go to the pool each time, and
/// nobody walks a list to cut it in two.
///
/// The bytes of a stack stay as they are in a cache, the payload beneath the header included.
/// Dropping a cache that holds stacks loses them until their source is dropped: give them to a
/// [`Pool`](crate::Pool) first.
///
/// > **Invariant.** Both halves hold free stacks of `class` only, at most `HALF` each.
pub struct Cache {
    class: Class,
    hot: List,
    cold: List,
}

impl Cache {
    /// Most stacks a cache holds.
    pub const CAPACITY: usize = 64;
    /// Stacks of a half, which is what moves between a cache and a pool.
    pub const HALF: usize = Cache::CAPACITY / 2;

    /// An empty cache.
    pub const fn new(class: Class) -> Cache {
        Cache { class, hot: List::EMPTY, cold: List::EMPTY }
    }

    /// The class of the stacks in it.
    #[inline]
    pub fn class(&self) -> Class {
        self.class
    }

    /// How many stacks are in it.
    #[inline]
    pub fn len(&self) -> usize {
        (self.hot.len() + self.cold.len()) as usize
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.hot.is_empty() && self.cold.is_empty()
    }

    /// The stack that was put in last.
    ///
    /// # Panics
    /// If the stack's header was overwritten while it lay here.
    #[inline]
    pub fn get(&mut self) -> Option<Stack> {
        if self.hot.is_empty() {
            core::mem::swap(&mut self.hot, &mut self.cold);
        }
        self.hot.pop("Cache::get")
    }

    /// Keeps a stack that no frame is live on.
    ///
    /// # Errors
    /// Gives the stack back when the cache is full.
    ///
    /// # Panics
    /// If the stack's class is another, its header was overwritten, it is on a free list already,
    /// or its canary shows that it overflowed.
    ///
    /// # Safety
    /// No frame on the stack is live, and nothing but the payload's owner points into it.
    #[inline]
    pub unsafe fn put(&mut self, stack: Stack) -> Result<(), Stack> {
        if self.hot.len() as usize == Cache::HALF {
            if !self.cold.is_empty() {
                return Err(stack);
            }
            self.cold = self.hot.take();
        }
        if stack.class() != self.class {
            wrong_class();
        }
        self.hot.push(stack, "Cache::put");
        Ok(())
    }

    /// A whole half if there is one, the cold one first.
    pub(crate) fn take_half(&mut self) -> List {
        if !self.cold.is_empty() {
            self.cold.take()
        } else if self.hot.len() as usize == Cache::HALF {
            self.hot.take()
        } else {
            List::EMPTY
        }
    }

    /// Everything, in two lists.
    pub(crate) fn take_all(&mut self) -> [List; 2] {
        [self.hot.take(), self.cold.take()]
    }

    /// Takes a list of at most a half in; the cache is empty.
    pub(crate) fn fill(&mut self, list: List) {
        debug_assert!(self.is_empty() && list.len() as usize <= Cache::HALF);
        self.hot = list;
    }
}

#[cold]
#[inline(never)]
fn wrong_class() -> ! {
    panic!("g0-stack: Cache::put: a stack of another class");
}
