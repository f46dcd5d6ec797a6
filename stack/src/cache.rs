//! A processor's own free stacks.

use g0_arch::magazine;

use crate::list::{List, retired, revived};
use crate::{Class, Header, Stack};

/// Stacks of one class, last in first out, for one owner (a scheduler's P).
///
/// At most [`Cache::CAPACITY`] stacks, linked through their own headers: no allocation, no lock,
/// a few instructions each way. They lie in two [magazines](g0_arch::magazine), and what goes to the
/// depot and comes from it is a whole one.
///
/// The bytes of a stack stay as they are in a cache, the payload beneath the header included.
/// Dropping a cache that holds stacks loses them until their source is dropped: give them to a
/// [`Depot`](crate::Depot) first.
///
/// > **Invariant.** Both magazines hold free stacks of `class` only, at most `HALF` each.
pub struct Cache {
    class: Class,
    free: magazine::Cache<Header, { Cache::HALF as u32 }>,
}

impl Cache {
    /// Most stacks a cache holds.
    pub const CAPACITY: usize = 64;
    /// Stacks of a magazine, which is what moves between a cache and a depot.
    pub const HALF: usize = Cache::CAPACITY / 2;

    /// Returns an empty cache.
    pub const fn new(class: Class) -> Cache {
        Cache { class, free: magazine::Cache::new() }
    }

    /// Returns the class of the stacks in it.
    #[inline]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns how many stacks are in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.free.len() as usize
    }

    /// Returns whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Takes out and returns the stack that was put in last; none if the cache is empty.
    ///
    /// # Panics
    /// If the stack's header was overwritten while it lay here.
    #[inline]
    pub fn get(&mut self) -> Option<Stack> {
        // SAFETY: the cache gave it up.
        self.free.get().map(|header| unsafe { revived(header, "Cache::get") })
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
    /// No frame on the stack may be live, and nothing but the payload's owner may point into it.
    #[inline]
    pub unsafe fn put(&mut self, stack: Stack) -> Result<(), Stack> {
        // SAFETY: the caller ensures the same.
        unsafe { self.put_or(stack, &|_| wrong_class()) }
    }

    /// As [`put`](Self::put); a stack of another class goes to `other`.
    ///
    /// # Safety
    /// As [`put`](Self::put).
    #[inline]
    pub(crate) unsafe fn put_or(
        &mut self,
        stack: Stack,
        other: &impl Fn(Stack),
    ) -> Result<(), Stack> {
        if !self.free.make_room() {
            return Err(stack);
        }
        if stack.class() != self.class {
            other(stack);
            return Ok(());
        }
        // SAFETY: a stack is its owner's, and stays mapped while it is listed; there is room.
        unsafe { self.free.push(retired(stack, "Cache::put")) };
        Ok(())
    }

    /// Takes out and returns a whole magazine if there is one, the cold one first.
    pub(crate) fn take_half(&mut self) -> List {
        self.free.take_half()
    }

    /// Takes out and returns everything, in two lists.
    pub(crate) fn take_all(&mut self) -> [List; 2] {
        self.free.take_all()
    }

    /// Takes a list of at most a half in; the cache must be empty.
    pub(crate) fn fill(&mut self, magazine: List) {
        self.free.fill(magazine);
    }
}

#[cold]
#[inline(never)]
pub(crate) fn wrong_class() -> ! {
    panic!("g0-stack: Cache::put: a stack of another class");
}
