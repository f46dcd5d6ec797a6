#![no_std]
//! Stacks for goroutines, coroutines, fibers: where they come from, how they are kept, and how a program
//! learns that a stack was too small.
//!
//! # What it is for
//!
//! A scheduler that starts a goroutine in tens of nanoseconds cannot ask the kernel for its stack
//! each time, and one that runs a million of them cannot give each a mapping of its own: Linux
//! allows 65,530, and a guard page made by `mprotect` costs two. This crate makes stacks by the
//! slab, guards them without mappings, keeps the free ones where they are found again in a few
//! instructions, and says which stack overflowed when one does. Its ends also serve alone: a
//! kernel takes [`StaticSource`] and [`Depot`] without an allocator; an emulator takes
//! `SlabSource` without a scheduler.
//!
//! # A stack from end to end
//!
//! ```text
//!   SlabSource ─ alloc ─→ Depot ─ refill ─→ Cache ─ get ─→ Stack ─ (frames run on it)
//!   PackedSource               ←─ flush ──        ←─ put ──
//!   StaticSource
//!   HeapSource   ←─ trim ──
//!     a lock, the kernel    a lock for a       no lock, one
//!                           constant time      owner
//! ```
//!
//! A [`Stack`] is a word: the address of the [`Header`] at the top of its own memory. The header
//! knows the bottom and the size [`Class`], carries the links of the free lists, and an identity
//! word that is looked at whenever the stack goes on a list or comes off. Beneath the header the
//! scheduler keeps its own record of the goroutine, the *payload*: a parked goroutine's record,
//! its last frames and the stack's header are in one page, so it costs one page and no more. The
//! payload stays as it is while the stack is in caches and depots; [`Stack::first_use`] tells when
//! there is none yet.
//!
//! A [`Cache`] belongs to one processor. It has two [magazines](g0_arch::magazine) of 32: one that is
//! worked on, and one that goes to the [`Depot`] or came from it as a whole. So half a cache of slack
//! lies between two visits to the lock, the list that changes hands is linked before the lock is taken,
//! and the lock is held for a constant time. Nothing in caches and depots allocates.
//!
//! ```
//! use g0_stack::{Cache, Class, Depot, StaticSource};
//! # #[cfg(not(loom))]
//! // SAFETY: no code runs on its stacks.
//! static STACKS: StaticSource<16, 8192> = unsafe { StaticSource::new() };
//!
//! # fn main() -> Result<(), g0_stack::StackError> {
//! # #[cfg(not(loom))] {
//! let class = Class::for_size(8192)?;
//! let depot = Depot::new(class, &STACKS);
//! let mut cache = Cache::new(class); // one for each processor
//!
//! let mut stack = depot.alloc(&mut cache)?;
//! assert!(stack.first_use()); // the payload is still uninitialised
//! let record = stack.payload::<u64>();
//! // SAFETY: the payload lies within the stack, which is ours.
//! unsafe { record.write(7) };
//! // ... frames run from `record` downwards, for instance by `g0_arch::Arch::call_on` ...
//! // SAFETY: no frame is live on the stack.
//! unsafe { depot.free(&mut cache, stack) };
//!
//! let mut again = depot.alloc(&mut cache)?;
//! assert!(!again.first_use());
//! // SAFETY: it is the stack that was put back last, and its payload is as it was.
//! assert_eq!(unsafe { again.payload::<u64>().read() }, 7);
//! # // SAFETY: as above.
//! # unsafe { depot.free(&mut cache, again) };
//! # // SAFETY: as above.
//! # unsafe { depot.drain(&mut cache) };
//! # }
//! # Ok(()) }
//! ```
//!
//! # What catches an overflow
//!
//! | | `SlabSource` | `SlabSource` without guards | `HeapSource`, [`StaticSource`] |
//! |---|---|---|---|
//! | means | guard page | none | 4 canary words |
//! | frames that grow over the bottom | at once, by a fault; `overflow` names the stack | no | when the stack is put back or freed, or when asked ([`Header::canary_intact`]) |
//! | what lay beneath is damaged | never | yes | by then, yes |
//! | a frame that jumps over (larger than a page or than the words, not written there) | if the code probes its pages; Rust does, C with `-fstack-clash-protection` | no | no |
//! | a wild write there from elsewhere | faults, not called an overflow | no | called an overflow |
//! | costs | 0.4 µs once, no mapping; before Linux 6.13 two mappings | nothing | 4 words compared at each put |
//!
//! Where nothing catches one at once, safe code could write over what lies beneath: such a source is made by an
//! `unsafe` call, once, and [`StackSource`] says what the program promises by it. A [`Tag`] in the header says what
//! lies beneath it, for those that report an overflow.
//!
//! A `PackedSource`, whose stacks of 1 and 2 KiB lie side by side, is as the last column; beneath the lowest stack of a
//! region there is a guard page, which faults at once. What is overwritten there is another stack's header and payload.
//!
//! (`overflow`, `SlabSource` and `PackedSource` are there under feature `std` on Linux, `HeapSource` under
//! `alloc`.) [`Header::high_water`] tells how close a stack came: from untouched pages on a slab, from
//! paint on the two other kinds.
//!
//! # What memory a stack takes
//!
//! A slab stack is reserved whole and committed by touch, and what was touched stays until it is given back: of stacks
//! that lie in a depot by [`Depot::release_idle`], or a few at a time by [`Depot::age`] and [`Depot::release_some`]; of
//! one on which frames are suspended by [`StackSource::release_below`], which takes what lies below their stack
//! pointer. To keep them suspended meanwhile is the caller's to see to. [`StackSource::resident_below`] tells whether
//! it is worth it, by `PAGEMAP_SCAN` or `mincore`, if the kernel answers. `SlabBuilder::limit` bounds what all stacks
//! of a source reserve; [`StackSource::usage`] tells what they reserve and hold.
//!
//! # What was rejected
//!
//! - *The guard page inside the class's size.* Then the stride is a power of two, and the top
//!   pages of a thousand goroutines share a few sets of the translation cache; and a 4 KiB stack
//!   would be all guard.
//! - *Tops on page ends.* All parked goroutines' hottest lines fall into one set of the
//!   first-level cache. So tops are *coloured*: moved down by 0 to 23 cache lines.
//! - *An array of free stacks in the cache.* The links in the headers cost nothing, for the line is
//!   touched anyway, and need no memory for a bound that may change.
//! - *Guards for a whole chunk at once, or one at a time.* 4096 guards are 1.7 ms in the way of one
//!   spawn; one at a time costs a third more each. They go down 128 at a time.
//! - *Unmapping when a source is dropped, whatever is out.* A [`Stack`] gives its header to safe
//!   code; so a source that does not have all its stacks back leaks them.
//! - *Recovering from an overflow.* Frames are gone half-way through anything. The process aborts.
//!
//! # Invariants
//!
//! > A stack is in exactly one place: its source, one magazine of a depot or of a cache, or its
//! > owner's hands. The identity word says whether it is free, and contradiction is fatal.
//! >
//! > Memory of a stack stays mapped and in place as long as a [`Stack`] for it exists.
//! >
//! > A guard page is in place before its stack is handed out, and stays while the chunk does;
//! > giving pages back does not remove it. A kernel's word for it is not enough: each source tries
//! > its first one.
//! >
//! > Spin locks are held for a constant time, except one: growth of a slab, which only a caller meets
//! > that waits for what it makes.
//!
//! # Stacks that grow
//!
//! A stack here has one size for life. What grows is a task's *chain* of them: in [`grow`], a program says how much it
//! needs before deep work, which then runs in place or on a further stack, a segment. The record that links a segment
//! back is a payload; the link up is a word of the [`Header`]; caches and depots know nothing of it. It is there on
//! targets for which g0-arch has assembly. What it, large reserves and packed stacks cost, and which of them suits
//! which program, is said [there](grow#room-for-deep-work) too. Stacks that are copied to a larger place, or that grow
//! without being asked, are not there.
//!
//! # Features
//!
//! `default = []`: [`StaticSource`], [`Cache`], [`Depot`], [`grow`]; no allocator. `alloc`: `HeapSource`, and
//! sources in an `Arc`. `std`: `SlabSource`, `PackedSource` and `overflow`, on Linux.

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod cache;
mod class;
mod depot;
mod error;
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]
pub mod grow;
mod header;
#[cfg(feature = "alloc")]
mod heap;
mod high_water;
mod idle;
mod list;
#[cfg(all(feature = "std", target_os = "linux"))]
pub mod overflow;
#[cfg(all(feature = "std", target_os = "linux"))]
mod packed;
mod paint;
#[cfg(all(feature = "std", target_os = "linux"))]
mod slab;
mod source;
mod static_source;
mod tag;
mod usage;

pub use cache::Cache;
pub use class::Class;
pub use depot::Depot;
pub use error::StackError;
pub use header::Header;
#[cfg(feature = "alloc")]
pub use heap::HeapSource;
#[cfg(all(feature = "std", target_os = "linux"))]
pub use packed::PackedSource;
#[cfg(all(feature = "std", target_os = "linux"))]
pub use slab::{SlabBuilder, SlabSource};
pub use source::{Stack, StackSource};
pub use static_source::StaticSource;
pub use tag::Tag;
pub use usage::Usage;
