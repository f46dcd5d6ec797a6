//! Stacks that grow by segments, where the program says so.
//!
//! # What it is for
//!
//! Most tasks need little stack most of the time, and a few need much for a while: a parser in a deeply nested
//! document, a compressor with its tables, a formatter of numbers. Stacks for the deepest of them, times a million, are
//! not to be had on a small machine. Here a task starts on a small stack and *says* before deep work how much it
//! needs: [`call`] runs the work in place if that much is left, and else on a *segment*, a stack of its own from
//! a [source](Here::source), from which it comes back. It needs no compiler's help, no allocator, no std, no virtual
//! memory. What it does not do: nothing grows that does not ask. A frame that runs over the bottom of a stack or of a
//! segment is an overflow as ever.
//!
//! # A chain of stacks
//!
//! ```text
//!    own stack (a payload           first segment                 second segment, kept
//!    of its owner beneath)
//!   ┌────────────────────┐ above   ┌─────────────────────┐ above  ┌─────────────────────┐ above
//!   │ Header             │────────▶│ Header     SEGMENT  │───────▶│ Header     SEGMENT  │──────▶ null
//!   ├────────────────────┤         ├─────────────────────┤        ├─────────────────────┤
//!   │ the task's record  │◀────────│ Segment: old        │◀───────│ Segment: old        │
//!   ├────────────────────┤   old   │   sp used args free │   old  │   sp used args free │
//!   │ frames             │         ├─────────────────────┤        ├─────────────────────┤
//!   │ call(need, f)      │         │ base: catch         │        │                     │
//!   ├────────────────────┤◀─ sp    │ f                   │        │  nothing is live    │
//!   │ less than need     │         │ ...  ◀ stack pointer│        │                     │
//!   └────────────────────┘ bottom  └─────────────────────┘ bottom └─────────────────────┘ bottom
//!                                   ▲ Here::present
//! ```
//!
//! The stacks of a task are linked both ways. Up, by a word of the header; down, by the [`Segment`] beneath the header
//! of each but the first, as the header's [tag](SEGMENT) says. One word that the system keeps, [`Here::present`],
//! says on which of them the task runs; those above are *kept*. So a call over the boundary, when one is kept, sets
//! this word, calls, and sets it back: no link changes, nothing is allocated, no lock is taken. And code that drops
//! frames by a jump has only this word to restore.
//!
//! # A call from end to end
//!
//! [`call::<H, R>(need, f)`](call) compares the stack pointer, less `need` and the [reserve](Here::RESERVE), with
//! [`Here::bottom`]. If they fit, `f` is called, in a frame of its own; no record is written. (In Go's runtime of 2010,
//! whose design this is, such a call wrote a record with `free = false`. What that said, that there is nothing to give
//! back, is said here by the absence of a record.)
//!
//! If they do not, the segment above the present stack is looked at. One with room is taken. Otherwise it goes back to
//! the [source](Here::source), with all above it, and another one is had from there, within the [limit](Here::limit)
//! for the segments of a task. That happens in [`Here::apart`]: in place here, on the system stack under a scheduler,
//! whose source may take locks.
//!
//! Then `f` runs at the base of the segment, under [`Here::catch`]. What it returns, or what is caught, lies in the
//! caller's frame when the segment is left; a payload is thrown on from there, so that every frame beneath unwinds as
//! if there were one stack. Backtraces and debuggers go on through the base by themselves: see
//! [`Arch::call_on`](g0_arch::Arch::call_on).
//!
//! # A segment's life
//!
//! ```text
//!             new (apart), give_kept                call
//!   source ──────────────────────────▶ kept ─────────────────────▶ in use
//!     ▲                                 │  ▲                         │ │
//!     │  trim, too small, take_kept     │  │  f returns, panics;     │ │
//!     │◀────────────────────────────────┘  │  the present stack      │ │
//!     │                                    │  is set again (a jump)  │ │
//!     │                                    └─────────────────────────┘ │
//!     └────────────────────────────────────────────────────────────────┘
//!                        unwindstack (from the system's stack)
//! ```
//!
//! A task that waits should not keep what it does not use: a scheduler calls [`take_kept`] when it parks, and puts
//! the stacks into its processor's [`Cache`](crate::Cache), so that a million tasks share as many segments as there
//! are calls at a time. When a task ends it must be on its own stack with nothing kept: [`is_first`].
//!
//! # What a kernel supplies
//!
//! [`Here`]: the present stack, and setting it. Besides, the source: an associated type and not a function that
//! makes segments, for then a kernel names its [`StaticSource`](crate::StaticSource) and is done, and a scheduler
//! names a type that looks into its caches first. Unwinding is two functions with defaults and a type, which is
//! [`Infallible`](core::convert::Infallible) where nothing unwinds: this crate knows no unwinder.
//!
//! ```
//! # #[cfg(not(loom))] {
//! use core::convert::Infallible;
//! use core::ptr::{NonNull, null_mut};
//! use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
//! use g0_arch::{Arch, Native};
//! use g0_stack::grow::{self, Here};
//! use g0_stack::{Class, Header, StackSource, StaticSource};
//!
//! // SAFETY: what runs on them asks for what it needs.
//! static STACKS: StaticSource<4, 65536> = unsafe { StaticSource::new() };
//! static PRESENT: AtomicPtr<Header> = AtomicPtr::new(null_mut());
//!
//! enum Kernel {} // with one core, and one task
//!
//! // SAFETY: the word is set while the task runs; nothing unwinds.
//! unsafe impl Here for Kernel {
//!     type Payload = Infallible;
//!     type Source = &'static StaticSource<4, 65536>;
//!
//!     fn present() -> Option<NonNull<Header>> {
//!         NonNull::new(PRESENT.load(Relaxed))
//!     }
//!     unsafe fn set_present(stack: NonNull<Header>) {
//!         PRESENT.store(stack.as_ptr(), Relaxed);
//!     }
//!     fn source() -> Self::Source {
//!         &STACKS
//!     }
//! }
//!
//! fn depth(n: usize) -> usize {
//!     let frame = core::hint::black_box([1_u8; 1024]);
//!     if n == 0 { 0 } else { frame[0] as usize + grow::call::<Kernel, _>(8192, || depth(n - 1)) }
//! }
//!
//! unsafe extern "C" fn task(_: *mut u8) -> usize {
//!     depth(40)
//! }
//!
//! let own = (&STACKS).alloc(Class::for_size(65536)?)?;
//! PRESENT.store((&raw const *own).cast_mut(), Relaxed);
//! let mut slot = null_mut();
//! // SAFETY: the stack is the task's own.
//! assert_eq!(unsafe { Native::call_on(own.top(), task, null_mut(), &raw mut slot) }, 40);
//! # }
//! # Ok::<(), g0_stack::StackError>(())
//! ```
//!
//! # Errors, and what is fatal
//!
//! [`try_call`] returns why there is no segment: none is made of 0 bytes, beyond the largest class, beyond the
//! limit, or by a source that has none. `call` panics with that, by [`Here::refused`]; so a recursion without end
//! becomes a panic at the limit, which unwinds all the segments, and they are given back. That panic, and all that its
//! hook prints, runs on one segment more. Growth where no task is, for instance on a system stack, under a scheduler's
//! lock or in an interrupt handler, is [fatal](Here::fatal): a mistake that would otherwise show up one time in
//! thousands.
//!
//! # What was rejected
//!
//! - *Unlinking a segment when it is left.* It is two stores on the way up and two on the way down, and a jump over
//!   it would lose it.
//! - *Giving it back when it is left.* A loop around a call over the boundary then pays for a segment each time, the
//!   "hot split" for which Go gave segments up.
//! - *Unwinding through the base.* See [`g0_arch`]: it needs an unwinder's tables in assembly, and a personality.
//! - *A closure inlined where it fits.* Its locals would be in the frame of the caller, whether it runs there or not.
//!
//! # Invariants
//!
//! > The link up of a stack and `old` of the segment above agree. The present stack is one of its task's chain;
//! > nothing is live on those above it.
//! >
//! > All segments of a task, kept ones included, take no more than the limit: those that are kept were in use, above
//! > the same stacks, before.
//! >
//! > On every stack on which a `call` was satisfied, [`Here::RESERVE`] bytes more than it asked for are left when it
//! > begins: for the next call over the boundary and for what an unwinder needs.
//! >
//! > A free stack has no link up. One that is freed with a segment above is fatal.
//!
#![doc = include_str!("../../GROWING.md")]

mod call;
mod here;
mod kept;
mod new;
mod room;
mod segment;
mod unwindstack;
mod walk;

pub use call::{call, try_call};
pub use here::Here;
pub use kept::{Kept, give_kept, has_kept, is_first, take_kept, trim};
pub use room::{most, remaining};
pub use segment::{SEGMENT, Segment};
pub use unwindstack::unwindstack;
pub use walk::{Piece, Pieces, first, pieces, segment_of};
