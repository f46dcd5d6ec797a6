//! Deferred calls, panic, recover and Goexit, with the semantics of Go.
//!
//! A goroutine has to be able to say, at the place where it takes something, that the thing is
//! given back however the function ends: by returning, by a panic, or because the goroutine ends
//! itself with Goexit. There are two ways, for two shapes of code.
//!
//! **[`defer!`]** is for straight-line code. It is a guard: the block runs when the enclosing Rust
//! scope ends. There is no record and nothing to register; the compiler places the block at each
//! exit, as if it had been written there.
//!
//! **[`scope_in`]** (without caches [`scope_with`], with std `scope`) is for all else: calls deferred in
//! a loop, calls that may park, calls that may panic. Each has a record in a chain, last in first out.
//! The scope catches what unwinds its body, runs the chain outside of any unwinding, and goes on with
//! what was in flight.
//!
//! ```
//! use core::cell::RefCell;
//! use g0_defer::{NoUnwind, defer, scope_with};
//!
//! let log = RefCell::new(Vec::new());
//! let say = |what| log.borrow_mut().push(what);
//!
//! scope_with::<NoUnwind, _>(|s| {
//!     defer! { say("the body's guard") }
//!     for name in ["third", "second", "first"] {
//!         s.defer(move || say(name));
//!     }
//!     say("the body");
//! });
//! assert_eq!(*log.borrow(), ["the body", "the body's guard", "first", "second", "third"]);
//! ```
//!
//! # A scope, from begin to end
//!
//! ```text
//!              body returns                      chain empty, nothing in flight
//!   BODY ─────────────────────────▶ DRAINING ───────────────────────────────────▶ value
//!    │   (1) defer: a record         │  ▲  ▲
//!    │                      next call│  │  │ returns; (3) recover: nothing in flight
//!    │ (2) panic,                    ▼  │  │
//!    │     Goexit                  ( call ) ┘
//!    │                               │    (4) panic, Goexit: it replaces what is in flight
//!    ▼                  next call    ▼
//!   HOLDING ◀────────────────────── HOLDING
//!    │                                           chain empty, something in flight
//!    └──────────────────────────────────────────────────────────────────────────▶ resume: the scope outside
//! ```
//!
//! (1) [`Scope::defer`], from the body and from deferred calls. (2) [`Unwind::catch`]. (3)
//! [`Recover::recover`]. (4) [`Unwind::replace`].
//!
//! # A panic meets another
//!
//! With Rust's unwinder a panic that leaves a `drop` while another panic unwinds aborts the
//! process. Go runs the remaining deferred calls, and the newer panic replaces the older one.
//! Scopes do as Go does, without a trick: when a deferred call runs, nothing is unwinding any more,
//! because the scope has caught it.
//!
//! ```text
//!   scope                         catch ┌ body ──── panic A ─┐
//!                                       └────────────────────┘ in flight: A
//!     newest deferred call        catch ┌ returns ┐            in flight: A
//!     the next                    catch ┌ panic B ┐            in flight: B, which remembers A
//!     the next                    catch ┌ Goexit  ┐            in flight: Goexit, which remembers A, B
//!     chain empty: resume ──────────────────────────────────▶  to the scope or base outside
//! ```
//!
//! A Goexit is an unwinding like any other, with a payload of its own, [`Goexit`]. It cannot be
//! recovered: only a goroutine's base may end it. The newest unwinding decides, as in Go: a Goexit
//! in a deferred call ends the panic, a panic in a call that a Goexit runs is a panic.
//!
//! # Recover
//!
//! In Go `recover` is a function, and a rule of many words says when it does something: called by a
//! deferred function itself, not by what that calls, while a panic runs it. Here the rule is a type.
//! [`recovering_in`] opens a scope whose deferred calls may ask for a [`Recover`], and it alone can end
//! the panic. It cannot be made, kept, or taken into another scope by accident; handing it to a helper
//! is possible, and visible. So `recover` outside a deferred call is no error at run time: it does not
//! compile. The payload that it returns remembers the panics which it replaced; a Goexit among them goes
//! on, as does one in flight.
//!
//! A body that was unwound has no value, so `recovering_in` gives an `Option`; where Go's deferred
//! function sets a named result, here it sets a `Cell`.
//!
//! # What unwinds
//!
//! [`Unwind`] says what a scope or a base needs of the unwinder: to catch and to go on. [`Throw`]
//! adds how one begins.
//!
//! | | catches, throws by | a throw costs | for |
//! |---|---|---|---|
//! | `Rust` | Rust's panics | 1.4 µs and more for each frame | programs with std; every destructor runs |
//! | [`Own`] | a jump to the innermost catch | some 30 ns | `panic = "abort"`, kernels; destructors between do not run, so the promise of [`Forgets`] is asked for |
//! | [`NoUnwind`] | nothing | | kernels in which a panic ends the machine |
//!
//! A kernel with an unwinder implements both traits for a type of its own. The same tests run for all.
//!
//! *Stacks that grow by segments* (`g0_stack::grow`) have a base on each, which no unwinding passes: what comes there
//! is caught, and thrown on beneath, if the system names an unwinder for that. `Own` asks for none. Each catch notes
//! the stack that its frame is on ([`Catches::stack`]), and a throw from another one makes it the goroutine's present
//! stack ([`Catches::leave_for`]) before it jumps, over several segments at once. They are kept for the goroutine's
//! next call, and the frames on them are gone as those between are on one stack.
//!
//! # Where a record lives
//!
//! ```text
//!   scope's frame     4 of four words          no lock, no call
//!   P's cache         32 of each class         no lock; `Local` says whose
//!   depot             magazines of 16          a lock for a few instructions, on the system stack
//!   allocator         what is missing, and what is larger than 28 words
//! ```
//!
//! Caches pay where calls are deferred in loops or capture more than four words. Their classes are one,
//! two and four cache lines, headers included. A P takes and gives within its own 32; then half of them, a
//! [magazine](g0_arch::magazine), go to the depot that all Ps share, or come from there. It was linked
//! before: the time under the lock does not depend on how many they are. [`Local`] is what a scheduler
//! implements; its two ways are told apart by type, so that what runs without a lock cannot reach one.
//! Without an allocator the depot is given static [`Memory`], and a scope that finds none left refuses the
//! call with an error that tells the remedy.
//!
//! > **L16** A record of a deferred call is in exactly one place, and each deferred call runs exactly once.
//!
//! A record is empty and back in the cache *before* its call runs. So a call that never returns (it
//! parks for ever, its goroutine is ended) holds no record, and a call that defers another finds
//! the record that it came out of. A record that is freed twice, or that comes to a cache or out of one with
//! a panic in it, ends the program: [`Local::fatal`].
//!
//! # Rejected
//!
//! - *One chain for a goroutine, records freed by frame address*, as Go has it: Rust's calls borrow
//!   from their frames, and only a scope can tell the borrow checker when the borrows end.
//! - *Running the chain in a `drop`*: then a panic in a deferred call aborts, and a park would
//!   happen while the thread's count of panics is raised.
//! - *A pair of payloads, newer and older, nested*: a loop that defers a hundred thousand panicking
//!   calls would end in a recursion as deep. The lists are flat.
//! - *A catch around each call*: one around all of them is left and entered again only when something
//!   unwinds.
//! - *An array of pointers as the cache*, as Go has it: its half has to be linked into a list before it goes
//!   and counted out of one when it comes. Two magazines change places instead.
//! - *A safe throw without an unwinder*: it would skip the destructor of a scope of threads that borrow from
//!   the frame, and they would write into what comes after it.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | (none) | `defer!`, scopes, caches over static memory, `Own`, `NoUnwind` |
//! | `alloc` | scopes of any number of calls of any size |
//! | `std` | `Rust`, `scope`, `recovering`, `Panics`, `is_goexit` |
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod block;
mod cache;
mod chain;
mod class;
mod depot;
#[cfg(loom)]
#[doc(hidden)]
pub mod doors;
mod drain;
mod error;
mod goexit;
mod guard;
mod harm;
mod local;
#[cfg(not(loom))]
mod memory;
// Where g0-arch has assembly.
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]
mod own;
#[cfg(feature = "std")]
mod panics;
mod record;
mod recover;
#[cfg(any(
    feature = "std",
    all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows))
))]
mod report;
#[cfg(feature = "std")]
mod rust;
mod scope;
mod store;
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]
mod thrown;
mod unwind;

pub use cache::Cache;
pub use depot::Depot;
pub use error::{DeferError, Refused};
pub use goexit::Goexit;
pub use guard::Deferred;
pub use local::{Local, Uncached};
#[cfg(not(loom))]
pub use memory::Memory;
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]
pub use own::{Catch, Catches, Forgets, Own};
#[cfg(feature = "std")]
pub use panics::{Panics, Payload};
#[cfg(feature = "std")]
pub use recover::recovering;
pub use recover::{Recover, Recovering, recovering_in, recovering_with};
#[cfg(feature = "std")]
pub use rust::{Rust, is_goexit, on_holding};
#[cfg(feature = "std")]
pub use scope::scope;
pub use scope::{Scope, scope_in, scope_with};
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]
pub use thrown::Thrown;
pub use unwind::{NoUnwind, Throw, Unwind};
