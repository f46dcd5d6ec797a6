//! Deferred calls, panic and Goexit, with the semantics of Go.
//!
//! A goroutine has to be able to say, at the place where it takes something, that the thing is
//! given back however the function ends: by returning, by a panic, or because the goroutine ends
//! itself with Goexit. There are two ways, for two shapes of code.
//!
//! **[`defer!`]** is for straight-line code. It is a guard: the block runs when the enclosing Rust
//! scope ends. There is no record and nothing to register; the compiler places the block at each
//! exit, as if one had written it there.
//!
//! **[`scope_with`]** (with std: `scope`) is for all else: calls deferred in a loop, calls that may
//! park, calls that may panic. Each has a record in a chain, last in first out. The scope catches
//! what unwinds its body, runs the chain outside of any unwinding, and goes on with what was in
//! flight.
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
//! A Goexit is an unwinding like the others with a payload of its own, [`Goexit`]. It cannot be
//! recovered: only a goroutine's base may end it. The newest unwinding decides, as in Go: a Goexit
//! in a deferred call ends the panic, a panic in a call that a Goexit runs is a panic.
//!
//! # Who unwinds
//!
//! [`Unwind`] says what a scope or a base needs of the unwinder: to catch and to go on. [`Throw`]
//! adds how one begins. `Rust` implements both with the standard library's panics; [`NoUnwind`]
//! implements the first, for kernels in which a panic ends the machine; a kernel with an unwinder
//! implements both for a type of its own.
//!
//! # Where a record lives
//!
//! Four records of four captured words lie in the scope's own frame, so a scope like most allocates
//! nothing. More of them, or larger ones, go to the allocator; without the feature `alloc` they are
//! refused, by an error that tells the remedy.
//!
//! > L16. A record is in exactly one place, and each deferred call runs exactly once.
//!
//! A record is empty and its memory free *before* its call runs. So a call that never returns (it
//! parks for ever, its goroutine is ended) holds no record, and a call that defers another finds
//! room.
//!
//! # Rejected
//!
//! - *One chain for a goroutine, records freed by frame address*, as Go has it: Rust's calls borrow
//!   from their frames, and only a scope can tell the borrow checker when the borrows end.
//! - *Running the chain in a `drop`*: then a panic in a deferred call aborts, and a park would
//!   happen while the thread's count of panics is raised.
//! - *A pair of payloads, newer and older, nested*: a loop that defers a hundred thousand panicking
//!   calls would end in a recursion as deep. The list is flat.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | (none) | `defer!`, scopes of up to four small calls, `NoUnwind` |
//! | `alloc` | scopes of any number of calls of any size |
//! | `std` | `Rust`, `scope`, `Panics`, `is_goexit` |
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod chain;
mod error;
mod goexit;
mod guard;
#[cfg(feature = "std")]
mod panics;
mod record;
#[cfg(feature = "std")]
mod rust;
mod scope;
mod store;
mod unwind;

pub use error::{DeferError, Refused};
pub use goexit::Goexit;
pub use guard::Deferred;
#[cfg(feature = "std")]
pub use panics::Panics;
#[cfg(feature = "std")]
pub use rust::{Payload, Rust, is_goexit, on_holding};
#[cfg(feature = "std")]
pub use scope::scope;
pub use scope::{Scope, scope_with};
pub use unwind::{NoUnwind, Throw, Unwind};
