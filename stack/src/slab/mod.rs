//! Stacks from the kernel, many to a mapping.
//!
//! Three steps lead to a stack, each paid for many at once: a *chunk* is mapped (`chunk.rs`), a
//! *batch* of its slots gets guard pages (`guard.rs`), and a *slot* becomes a stack when its
//! header is written, which is the first touch of its top page; eight slots go together. Until
//! then a slot costs address space and a mark in a page table.

pub(crate) mod chunk;
mod guard;
mod limit;
pub(crate) mod registry;
mod resident;
mod water;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use g0_arch::sync::Mutex;

use crate::header::{GUARDED, Kind, Parts};
use crate::list::{self, List};
use crate::{Class, Header, Stack, StackError, StackSource, Usage, idle};
use chunk::{Chunk, Geometry};
use guard::Guards;
pub(crate) use guard::{errno, set_errno};
use limit::Limit;
use resident::{Means, Resident};
pub(crate) use water::high_water;

/// Stacks made in one go. Each costs a page, so not many.
const TOGETHER: usize = 8;

/// Guarded stacks from `mmap`, for hosted programs; Linux.
///
/// A freed stack stays on the source's free list and is handed out again. Pages of stacks that
/// stay there go back to the kernel when [`release_idle`](SlabSource::release_idle) is called. A stack of a class that
/// is smaller than a page has a page.
///
/// Dropping the source unmaps everything if all its stacks have come back. If some have not
/// (in use, or in a [`Cache`](crate::Cache) that was not drained), the memory of all is leaked:
/// a stack is never taken from under its owner.
///
/// ```
/// use g0_stack::{Class, SlabSource, StackSource};
/// let source = SlabSource::new();
/// let stack = source.alloc(Class::for_size(64 << 10)?)?;
/// assert!(stack.guarded());
/// // SAFETY: no frame is on it.
/// unsafe { source.free(stack) };
/// # Ok::<(), g0_stack::StackError>(())
/// ```
pub struct SlabSource {
    id: usize,
    page: usize,
    shelves: [Mutex<Shelf>; Class::COUNT],
    /// Taken to grow, before a shelf's lock. It is held around system calls, unlike any other lock here:
    /// a thread that meets it needs what its holder is getting, and gives its processor up.
    growth: Mutex<Growth>,
    /// Of all stacks ever made.
    limit: Limit,
    resident: Resident,
}

/// What can be handed out of one class at once.
///
/// > **Invariant.** `made` counts stacks ever made; those that are not in `free` have an owner.
struct Shelf {
    free: List,
    /// Slots with guards in place, never used.
    ready: Option<Ready>,
    made: usize,
}

/// Slots `next..end` of a chunk, not empty.
#[derive(Clone, Copy)]
struct Ready {
    chunk: Chunk,
    next: usize,
    end: usize,
    guarded: bool,
}

/// What is mapped.
struct Growth {
    guards: Guards,
    chunks: Vec<(Chunk, &'static registry::Record)>,
    /// Of each class: the newest chunk and how many of its slots have become ready.
    newest: [Option<(Chunk, usize)>; Class::COUNT],
    /// Of each class: chunks mapped.
    mapped: [u32; Class::COUNT],
}

/// Settings of a [`SlabSource`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct SlabBuilder {
    guards: Guards,
    most: usize,
    means: Means,
}

impl SlabBuilder {
    /// Leaves the guard pages out.
    ///
    /// ```compile_fail,E0133
    /// let source = g0_stack::SlabSource::builder().without_guards().build();
    /// ```
    ///
    /// # Safety
    ///
    /// Nothing guards these stacks: see [what an unguarded source asks
    /// for](StackSource#what-an-unguarded-source-asks-for).
    pub unsafe fn without_guards(mut self) -> Self {
        self.guards = Guards::Off;
        self
    }

    /// Puts guard pages down by `mprotect` from the start, for tools that do not know light guards. (A
    /// kernel or an emulator that does not is noticed without this: the first guard is tried.)
    pub fn protected_guards(mut self) -> Self {
        self.guards = Guards::Protect;
        self
    }

    /// Sets how many bytes all stacks of the source may take together, guard pages apart: beyond that
    /// [`alloc`](StackSource::alloc) returns [`StackError::Limit`], until a stack is freed. Of a stack its whole
    /// [class](Class::size) counts, touched or not. Default: no limit.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// Asks the kernel by `mincore` alone what is in memory, or, `with_mincore` being false, not at all: for tests
    /// of what happens where it refuses.
    #[doc(hidden)]
    pub fn without_pagemap(mut self, with_mincore: bool) -> Self {
        self.means = if with_mincore { Means::Mincore } else { Means::None };
        self
    }

    /// Returns the source. Nothing is mapped before the first stack.
    pub fn build(self) -> SlabSource {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        SlabSource {
            // Relaxed: only that the numbers differ counts.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            page: page_size(),
            shelves: core::array::from_fn(|_| {
                Mutex::new(Shelf { free: List::new(), ready: None, made: 0 })
            }),
            growth: Mutex::new(Growth {
                guards: self.guards,
                chunks: Vec::new(),
                newest: [None; Class::COUNT],
                mapped: [0; Class::COUNT],
            }),
            limit: Limit::new(self.most),
            resident: Resident::new(self.means),
        }
    }
}

impl SlabSource {
    /// Returns a source of guarded stacks.
    pub fn new() -> SlabSource {
        SlabSource::builder().build()
    }

    /// Returns settings to choose from.
    pub fn builder() -> SlabBuilder {
        SlabBuilder { guards: Guards::Untried, most: usize::MAX, means: Means::Pagemap }
    }

    /// Hands pages of stacks that have been free since before the last call back to the kernel;
    /// returns of how many stacks. To be called now and then. Takes the free lists for its length,
    /// so that stacks asked for meanwhile are new ones.
    pub fn release_idle(&self) -> usize {
        let mut released = 0;
        for shelf in &self.shelves {
            let list = shelf.lock().free.take();
            released += idle::sweep(&list, self);
            let mut shelf = shelf.lock();
            let newer = core::mem::replace(&mut shelf.free, list);
            // What was freed meanwhile: few.
            shelf.free.prepend(newer);
        }
        released
    }

    /// Makes slots of the class ready: guards for the next batch of the newest chunk, in a new
    /// chunk if need be.
    #[cold]
    fn grow(&self, class: Class) -> Result<(), StackError> {
        let shelf = &self.shelves[class.index()];
        let mut growth = self.growth.lock();
        {
            let shelf = shelf.lock();
            if shelf.ready.is_some() || !shelf.free.is_empty() {
                return Ok(()); // another thread was here while this one waited
            }
        }
        let (chunk, from) = match growth.newest[class.index()] {
            Some((chunk, used)) if used < chunk.stacks => (chunk, used),
            _ => (growth.new_chunk(class, self.page)?, 0),
        };
        let to = chunk.stacks.min(from + guard::BATCH);
        let end = from + growth.guards.install(&chunk, from, to)?;
        let guarded = growth.guards != Guards::Off;
        growth.newest[class.index()] = Some((chunk, end));
        shelf.lock().ready = Some(Ready { chunk, next: from, end, guarded });
        Ok(())
    }

    /// Makes stacks of the slots; returns the first, and lists the rest as free.
    ///
    /// Their pages are touched in a loop with nothing else in it: code that runs between two page
    /// faults runs as if for the first time, for the kernel leaves the processor's predictors
    /// cold, which is measured at 300 ns a stack.
    #[cold]
    fn make_all(&self, slots: Ready, class: Class) -> Stack {
        for i in slots.next..slots.end {
            let header = slots.chunk.start.wrapping_add(slots.chunk.geometry.header(i));
            // SAFETY: the slots were never used, and belong to the caller, which took them from `ready`.
            unsafe { header.write_volatile(0) };
        }
        let first = self.make(slots, class);
        let mut rest = List::new();
        // From the last to the first, so that they are handed out in their order.
        for next in (slots.next + 1..slots.end).rev() {
            list::push(&mut rest, self.make(Ready { next, ..slots }, class), "SlabSource::alloc");
        }
        self.shelves[class.index()].lock().free.prepend(rest);
        first
    }

    /// Writes the header of a slot.
    fn make(&self, slot: Ready, class: Class) -> Stack {
        let at = |offset| slot.chunk.start.wrapping_add(offset);
        let geometry = &slot.chunk.geometry;
        let parts = Parts {
            bottom: at(geometry.bottom(slot.next)),
            class,
            kind: Kind::Slab,
            flags: if slot.guarded { GUARDED } else { 0 },
            origin: self.id,
        };
        // SAFETY: the slot was never used, and belongs to the caller, which took it from `ready`; the
        // geometry keeps header and bottom within it.
        unsafe { Stack::from_raw(Header::write(at(geometry.header(slot.next)).cast(), parts)) }
    }
}

impl Growth {
    fn new_chunk(&mut self, class: Class, page: usize) -> Result<Chunk, StackError> {
        let geometry = Geometry::new(class, page);
        let chunk = Chunk::map(geometry, self.mapped[class.index()])?;
        self.chunks.push((chunk, registry::Record::register(&chunk)));
        self.mapped[class.index()] += 1;
        self.newest[class.index()] = Some((chunk, 0));
        Ok(chunk)
    }
}

impl Default for SlabSource {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a slot has one owner: the call that took it from `ready` or from the free list, under the
// lock; chunks are unmapped only when every stack is back.
unsafe impl StackSource for SlabSource {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        loop {
            let slots = {
                let mut shelf = self.shelves[class.index()].lock();
                if let Some(header) = shelf.free.pop() {
                    // SAFETY: the list owned it.
                    let stack = unsafe { Stack::from_raw(header) };
                    stack.renew(class, "SlabSource::alloc");
                    return Ok(stack);
                }
                shelf.take_slots(class, &self.limit)?
            };
            match slots {
                // The page faults of the first touches are taken without the lock.
                Some(slots) => return Ok(self.make_all(slots, class)),
                None => self.grow(class)?,
            }
        }
    }

    unsafe fn free(&self, stack: Stack) {
        stack.comes_back(self.id, "SlabSource::free");
        let mut shelf = self.shelves[stack.class().index()].lock();
        list::push(&mut shelf.free, stack, "SlabSource::free");
    }

    unsafe fn release_pages(&self, header: &Header) {
        let bottom = header.bottom();
        let top_page = header.top().addr() & !(self.page - 1);
        let bytes = top_page - bottom.addr();
        if bytes > 0 {
            // Guards survive this. It cannot fail on memory of the source's own that is not locked; and
            // if it is locked, the owner of the program wants the pages to stay.
            // SAFETY: the stack is idle (as the caller ensures), so nothing there is of use.
            unsafe { libc::madvise(bottom.cast(), bytes, libc::MADV_DONTNEED) };
        }
    }

    fn releases_below(&self) -> bool {
        true
    }

    fn resident_below(&self, header: &Header, sp: *mut u8) -> Option<usize> {
        self.resident.bytes(header.bottom(), below(header, sp, self.page), self.page)
    }

    unsafe fn release_below(&self, header: &Header, sp: *mut u8) {
        let bytes = below(header, sp, self.page);
        if bytes > 0 {
            // As in `release_pages`.
            // SAFETY: nothing there is of use, as the caller ensures.
            unsafe { libc::madvise(header.bottom().cast(), bytes, libc::MADV_DONTNEED) };
        }
    }

    fn usage(&self) -> Usage {
        // Chunks stay as long as the source does.
        let chunks: Vec<Chunk> =
            self.growth.lock().chunks.iter().map(|&(chunk, _)| chunk).collect();
        let held = |chunk: &Chunk| self.resident.bytes(chunk.start, chunk.bytes(), self.page);
        Usage { reserved: self.limit.taken(), committed: chunks.iter().map(held).sum() }
    }
}

/// Bytes below a suspended stack pointer that may be in use all the same: what ABIs call the red zone.
const RED_ZONE: usize = 128;

/// Returns the bytes of the pages from the bottom on that lie wholly below `sp`; 0 if that is not in the stack.
fn below(header: &Header, sp: *mut u8, page: usize) -> usize {
    let (bottom, top) = (header.bottom().addr(), header.top().addr());
    if !(bottom..=top).contains(&sp.addr()) {
        return 0;
    }
    let end = sp.addr().saturating_sub(RED_ZONE) & !(page - 1);
    end.saturating_sub(bottom)
}

impl Shelf {
    /// Takes out and returns a few of the slots that are ready; `None` if none are.
    ///
    /// # Errors
    /// [`StackError::Limit`], if not even one more may be made: before slots are made ready for nothing.
    fn take_slots(&mut self, class: Class, limit: &Limit) -> Result<Option<Ready>, StackError> {
        let ready = self.ready.as_ref().map_or(0, |ready| ready.end - ready.next);
        let most = limit.take(class, ready.min(TOGETHER))?;
        let Some(ready) = self.ready.as_mut() else { return Ok(None) };
        let mut slots = *ready;
        slots.end = slots.next + most;
        ready.next = slots.end;
        if ready.next == ready.end {
            self.ready = None;
        }
        self.made += slots.end - slots.next;
        Ok(Some(slots))
    }
}

impl Drop for SlabSource {
    fn drop(&mut self) {
        let out = self.shelves.iter_mut().any(|shelf| {
            let shelf = shelf.get_mut();
            shelf.made != shelf.free.len() as usize
        });
        if out {
            return; // leaked: see the type's documentation
        }
        for (chunk, record) in self.growth.get_mut().chunks.drain(..) {
            record.forget();
            // SAFETY: every stack of the source is on its free list, and the source has no other user.
            unsafe { chunk.unmap() };
        }
    }
}

/// Returns the bytes of a page.
pub(crate) fn page_size() -> usize {
    // SAFETY: always answered; the fallback is what most machines have.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
