//! Stacks of one and two KiB, side by side, for programs with millions of goroutines.
//!
//! A page for each goroutine is what a guard costs at the least; ten million of them are 40 GB. Here four stacks of
//! 1 KiB share a page, with nothing between them: what is left of a goroutine is its record, its last frames and a
//! share of a page table, and ten million take 10.3 GB.
//!
//! ```text
//!   low                                                                                high
//!   │ guard page │ canary … frames, payload, header │ canary … header │ canary … header │ …
//!                └──────── lowest stack ────────────┴──────────────── its neighbours ────
//! ```
//!
//! A *region* (`region.rs`) is one mapping, of stacks of one class; each is twice as large as the one before. Its
//! pages are touched sixteen at a time, by one system call. Only the lowest stack has a guard beneath it. Frames that
//! leave any other one are in its neighbour's header before a canary is looked at. So it is `unsafe` to make such a
//! source, and all that can be checked before is checked (`checks.rs`).

mod checks;
mod region;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use g0_arch::sync::Mutex;

use crate::header::{CANARY, Kind, Parts};
use crate::list::{self, List};
use crate::slab::{page_size, registry};
use crate::{Class, Header, Stack, StackError, StackSource, paint};
use region::{BATCH, LARGEST, Region};

/// Packed stacks: side by side, of 1 KiB and more, with canary words and without guards; Linux.
///
/// A freed stack stays on the source's free list and is handed out again; no page of it is given back before, for its
/// neighbours lie there too. Dropping the source unmaps everything if all its stacks have come back. If some have not,
/// the memory of all is leaked: a stack is never taken from under its owner.
///
/// ```
/// use g0_stack::{Class, PackedSource, StackSource};
/// // SAFETY: no code runs on its stacks.
/// let source = unsafe { PackedSource::unchecked() };
/// let (one, two) = (source.alloc(Class::for_size(1024)?)?, source.alloc(Class::for_size(1024)?)?);
/// assert_eq!(two.bottom().addr() - one.bottom().addr(), 1024);
/// // SAFETY: no frame is on them.
/// unsafe {
///     source.free(one);
///     source.free(two);
/// }
/// # Ok::<(), g0_stack::StackError>(())
/// ```
///
/// # What a program must keep to
///
/// No frame may come to the bottom of a stack that is from here. What
/// [unguarded sources](StackSource#what-an-unguarded-source-asks-for) ask for in general is this here, with a scheduler
/// whose record and header take 256 bytes:
///
/// - *Deep work must be done elsewhere*: on another stack, by `grow::call`, which a program calls before it formats,
///   allocates, or calls a library; or in another goroutine, on a large stack. Waiting for a channel or a timer takes
///   up to 670 bytes, so that 60 are left of 1 KiB; waiting for a lock, `spawn` and `join` up to 770, which asks for 2
///   KiB. `grow::call` takes up to 600 bytes of the stack that it leaves. A function's frame has room for all that is
///   inlined into it: so let what waits and what grows be functions of their own, which are not inlined.
/// - *No panic may pass*: neither the unwinder nor the printing of a message has room there. So nothing there may
///   unwind at the end of a run either, which a scheduler must see to.
/// - *No function may be bound lazily* there: its first call takes 3.2 KiB. The program itself is checked; libraries
///   are not, whose calls of one another may be bound lazily still, nor those that are loaded later. Libraries must be
///   called elsewhere, or the program must be started with `LD_BIND_NOW=1`.
/// - *Signal handlers must run on an alternate stack*: with SA_ONSTACK, on threads that have one (those of Rust's std
///   do; [`AltStack`](crate::overflow::AltStack)). The kernel's frame alone takes 3 KiB. Handlers that are there when
///   the source is made are checked; none without that flag may be installed later. The C library's own two signals,
///   for `setuid` and `pthread_cancel` in programs with threads, have no such flag: neither may be called.
/// - *The code must be optimised.* Without optimisation a wait takes 6 KiB and more. A build with debug assertions is
///   refused.
pub struct PackedSource {
    id: usize,
    page: usize,
    shelves: [Mutex<Shelf>; Class::COUNT],
    /// Taken to grow, before a shelf's lock, and held around system calls.
    growth: Mutex<Growth>,
    /// Stacks that are out, for statistics.
    live: AtomicUsize,
}

/// What can be handed out of one class at once.
///
/// > **Invariant.** `made` counts stacks ever made; those that are not in `free` have an owner.
struct Shelf {
    free: List,
    /// Touched, never used.
    ready: Ready,
    made: usize,
}

/// The room for whole stacks from `next` on.
#[derive(Clone, Copy)]
struct Ready {
    next: *mut u8,
    stacks: usize,
}

// SAFETY: a description of memory, tied to no thread.
unsafe impl Send for Ready {}

/// What is mapped.
struct Growth {
    regions: Vec<(Region, &'static registry::Record)>,
    /// Of each class: the bytes of its newest region, and those of them that have not been touched.
    newest: [Newest; Class::COUNT],
}

#[derive(Clone, Copy)]
struct Newest {
    bytes: usize,
    untouched: (*mut u8, usize),
}

// SAFETY: a description of memory, tied to no thread.
unsafe impl Send for Newest {}

impl PackedSource {
    /// Returns a source, unless a check of the program finds a reason against packed stacks.
    ///
    /// ```compile_fail,E0133
    /// let source = g0_stack::PackedSource::new();
    /// ```
    ///
    /// # Errors
    ///
    /// [`StackError::Unoptimised`] in a build of this crate with debug assertions; [`StackError::LazyBinding`] if the
    /// program (or the library that this code is linked into) binds functions at their first call;
    /// [`StackError::SignalOnStack`] if a signal has a handler without SA_ONSTACK.
    ///
    /// # Safety
    ///
    /// The program must keep to [what such stacks ask for](Self#what-a-program-must-keep-to).
    pub unsafe fn new() -> Result<PackedSource, StackError> {
        checks::all()?;
        // SAFETY: as the caller ensures.
        Ok(unsafe { PackedSource::unchecked() })
    }

    /// Returns a source without a check of the program: for stacks on which no code runs, or code whose depth the
    /// program knows in every build.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new).
    pub unsafe fn unchecked() -> PackedSource {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let none = Ready { next: core::ptr::null_mut(), stacks: 0 };
        let newest = Newest { bytes: 0, untouched: (core::ptr::null_mut(), 0) };
        PackedSource {
            // Odd high bits keep it apart from the numbers of slabs. Relaxed: only that the numbers differ counts.
            id: NEXT.fetch_add(1, Ordering::Relaxed) | (0x7061 << (usize::BITS - 16)),
            page: page_size(),
            shelves: core::array::from_fn(|_| {
                Mutex::new(Shelf { free: List::new(), ready: none, made: 0 })
            }),
            growth: Mutex::new(Growth { regions: Vec::new(), newest: [newest; Class::COUNT] }),
            live: AtomicUsize::new(0),
        }
    }

    /// Returns how many of its stacks are out at this moment: in use, or in caches and depots. Any context.
    pub fn live(&self) -> usize {
        // Relaxed: for reports only.
        self.live.load(Ordering::Relaxed)
    }

    /// Returns how many bytes of address space its regions take, guard pages included. Takes a lock that is held around
    /// system calls.
    pub fn reserved(&self) -> usize {
        self.growth.lock().regions.iter().map(|(region, _)| region.bytes()).sum()
    }

    /// Touches the next pages of the class, of a new region if need be, and puts them onto its shelf.
    #[cold]
    fn grow(&self, class: Class) -> Result<(), StackError> {
        let shelf = &self.shelves[class.index()];
        let mut growth = self.growth.lock();
        {
            let shelf = shelf.lock();
            if shelf.ready.stacks > 0 || !shelf.free.is_empty() {
                return Ok(()); // another thread was here while this one waited
            }
        }
        if growth.newest[class.index()].untouched.1 == 0 {
            let wanted = growth.newest[class.index()].bytes * 2;
            let region = Region::map(wanted, self.page)?;
            growth.newest[class.index()] =
                Newest { bytes: region.bytes(), untouched: region.stacks() };
            let record = registry::Record::register(&region.lowest(class));
            growth.regions.push((region, record));
        }
        let (from, bytes) = growth.newest[class.index()].untouched;
        let batch = bytes.min(BATCH);
        region::touch(from, batch);
        growth.newest[class.index()].untouched = (from.wrapping_add(batch), bytes - batch);
        shelf.lock().ready = Ready { next: from, stacks: batch / class.size() };
        Ok(())
    }

    /// Makes a stack that begins at `bottom`.
    fn make(&self, bottom: *mut u8, class: Class) -> Stack {
        let header = bottom.wrapping_add(class.size() - size_of::<Header>());
        let parts = Parts { bottom, class, kind: Kind::Packed, flags: CANARY, origin: self.id };
        // SAFETY: the place was never used, and belongs to the caller, which took it from `ready`: so many bytes of a
        // region, 64-aligned as its size is.
        unsafe {
            paint::plant_canary(bottom);
            Stack::from_raw(Header::write(header.cast(), parts))
        }
    }
}

// SAFETY: a place has one owner: the call that took it from `ready` or from the free list, under the lock; regions are
// unmapped only when every stack is back. The stacks are not guarded; the caller of `new` or `unchecked` has promised
// what that asks for.
unsafe impl StackSource for PackedSource {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        if class.size() > LARGEST {
            return Err(StackError::TooLarge { asked: class.size(), largest: LARGEST });
        }
        let stack = loop {
            let bottom = {
                let mut shelf = self.shelves[class.index()].lock();
                if let Some(header) = shelf.free.pop() {
                    // SAFETY: the list owned it.
                    let stack = unsafe { Stack::from_raw(header) };
                    stack.renew(class, "PackedSource::alloc");
                    break stack;
                }
                shelf.take_ready(class)
            };
            match bottom {
                Some(bottom) => break self.make(bottom, class),
                None => self.grow(class)?,
            }
        };
        self.live.fetch_add(1, Ordering::Relaxed);
        Ok(stack)
    }

    unsafe fn free(&self, stack: Stack) {
        stack.comes_back(self.id, "PackedSource::free");
        {
            let mut shelf = self.shelves[stack.class().index()].lock();
            list::push(&mut shelf.free, stack, "PackedSource::free");
        }
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shelf {
    /// Takes out and returns the place of one stack that is ready.
    fn take_ready(&mut self, class: Class) -> Option<*mut u8> {
        if self.ready.stacks == 0 {
            return None;
        }
        let bottom = self.ready.next;
        self.ready.next = bottom.wrapping_add(class.size());
        self.ready.stacks -= 1;
        self.made += 1;
        Some(bottom)
    }
}

impl Drop for PackedSource {
    fn drop(&mut self) {
        let out = self.shelves.iter_mut().any(|shelf| {
            let shelf = shelf.get_mut();
            shelf.made != shelf.free.len() as usize
        });
        if out {
            return; // leaked: see the type's documentation
        }
        for (region, record) in self.growth.get_mut().regions.drain(..) {
            record.forget();
            // SAFETY: every stack of the source is on its free list, and the source has no other user.
            unsafe { region.unmap() };
        }
    }
}

/// Returns the bytes between the lowest word above the canary that is not zero and the top: a region starts as zeros.
pub(crate) fn high_water(header: &Header) -> usize {
    let (from, top) = (header.bottom().wrapping_add(paint::CANARY_BYTES), header.top());
    paint::first_other(from, top, 0).map_or(0, |word| top.addr() - word)
}
