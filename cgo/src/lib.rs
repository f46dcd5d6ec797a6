//! Foreign (C) calls on the system stack, and callbacks that run, and park, on the goroutine's own.
//!
//! A goroutine's stack is small, C expects a large one; a goroutine may move on to something else
//! at any point where it waits, C cannot. So C never runs on a goroutine's stack. Every thread that
//! runs goroutines (an *M*) has a stack of its own, called *g0*, where the scheduler runs; a
//! [`call`](Bridge::call) runs a closure there, and a [`callback`](Bridge::callback) from C goes
//! back up to the goroutine, where it is ordinary goroutine code again.
//!
//! ```
//! # mod runtime { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sixty_lines/runtime.rs")); }
//! use runtime::{Sixty, go, run, yield_now};
//!
//! type C = g0_cgo::Bridge<Sixty>;
//!
//! /// In the place of a C library.
//! extern "C" fn sum(n: i32, of: extern "C" fn(i32) -> i32) -> i32 {
//!     (0..n).map(|i| of(i)).sum()
//! }
//!
//! extern "C" fn tenfold(i: i32) -> i32 {
//!     C::callback(-1, || {
//!         yield_now(); // C waits below, other goroutines run
//!         i * 10
//!     })
//! }
//!
//! run(|| {
//!     go(|| println!("while C waits"));
//!     assert_eq!(C::call(|| sum(4, tenfold)), 60);
//! });
//! ```
//!
//! [`export!`] writes such `extern "C"` functions. This crate knows no scheduler: it asks for one
//! by the trait [`Runtime`], eight functions, and the example `sixty_lines` is a whole one. With
//! the feature `sched` it comes with that of g0-sched, and with `std` as well the functions of
//! [`Bridge`] for the hosted scheduler are at the root: `g0_cgo::call(|| ..)`.
//!
//! # A call from one end to the other
//!
//! A goroutine calls `call(f)`. [`Runtime::here`] finds its *handle*: the M's word `g0.sp`, below
//! which g0 is free, and the M's word `call`, null in ordinary code. The call makes a record in its
//! own frame, on the goroutine's stack, says [`enter`](Runtime::enter), lets the word point to the
//! record, and changes to the stack at `g0.sp`. The assembly of `call_on` has left its frame on the
//! goroutine's stack and written the address below it into the record.
//!
//! Now the stack pointer is on g0, and the first frame there is the *base*. It runs `f` under the
//! unwinder's catch, because above it lies assembly that no unwinding may cross. `f` calls C. The M
//! is *outside*: from `enter` on the scheduler may take its P and let another M run goroutines. This
//! thread will not schedule before C returns (L6), for C's frames lie where the scheduler would.
//!
//! C calls back: an exported function, on g0, below C's frames. `callback(default, g)` finds the
//! same handle, and the record by its word. It clears the word, and [`begin`](Runtime::begin) binds
//! the goroutine to this M and waits for a P: the closure never runs without (L19). Then it changes
//! stacks again, the other way round: to the address in the record, below everything that the
//! goroutine has on its stack; and the place where `call_on` notes the address below *its* frame
//! is `g0.sp` itself. So with one instruction g0 is lowered under C's frames, and to the scheduler C's
//! frames look like any frames that it must not touch.
//!
//! ```text
//!      the goroutine's stack                 g0
//!
//!      : its frames         :                : the scheduler, long ago :
//!      +--------------------+                +-------------------------+<- g0.sp before, and after
//!      | call               |                | base of the call        |
//!      |   record: sp ------+--+             | f, C, C, C              |
//!      +--------------------+<-+             | callback                |
//!      | base of the        |                |   keeps g0.sp, the word |
//!      | callback           |                +-------------------------+<- g0.sp meanwhile
//!      | g, what it calls   |                : free: the scheduler may :
//!      :                    :                : run here, if g parks    :
//! ```
//!
//! The closure `g` is goroutine code like any other. It may park: the scheduler runs at `g0.sp`,
//! under C's frames, and comes back later. It may call C, which finds the word null and g0 free, and
//! so on to any depth. When it is done, the base looks at `g0.sp` once more. If another goroutine of
//! this M went to C meanwhile and is parked in a callback of its own, its C frames lie below
//! this goroutine's, which may not run before they are gone: [`settle`](Runtime::settle) lets that goroutine
//! go on. Frames on a g0 leave it last in, first out. Then the callback, on g0 again, puts back `g0.sp` and
//! the word, [`end`](Runtime::end) undoes `begin`, and C gets the value.
//!
//! C returns into `f`, `f` into the base, the base into the assembly, which puts the stack pointer
//! back to the goroutine's. The call clears the word and says [`leave`](Runtime::leave): the end of
//! the call is recorded first, then it is made sure that there is a P; for that the goroutine may
//! have to wait, and wake up on another M. So after `leave` nothing of the handle is used. The value
//! came back in a register, if it fits into one.
//!
//! # States
//!
//! ```text
//!                         enter                          end
//!       +-----------+ ----------------> +---------+ <---------------- +-----------+
//!       | Goroutine |                   | Foreign |                   | Goroutine |--+ nested:
//!       | no call   | <---------------- | in C    | ----------------> | callback  |  | enter
//!       +-----------+       leave       +---------+       begin       +-----------+--+ leave
//!         may park            |  L6: never schedules, no stack growth    may park, on this M
//!                             |  (L14), P may be taken                   with a P (L19)
//! ```
//!
//! # What may be done where
//!
//! | code in | runs on | holds a P | may park | `call` | `callback` | stack may grow |
//! |---|---|---|---|---|---|---|
//! | a goroutine | its stack | yes | yes | yes | fatal | yes |
//! | [`call_leaf`](Bridge::call_leaf) | its stack, or g0 if that is short | yes, or till taken | no | no | fatal | its stack; on g0 fatal |
//! | [`call`](Bridge::call), and C below | g0 | till it is taken | no; blocks the thread | panics | yes | fatal (L14) |
//! | [`call_blocking`](Bridge::call_blocking), and C below | g0 | no | no; blocks the thread | panics | yes | fatal (L14) |
//! | a [`callback`](Bridge::callback)'s closure | the goroutine's stack | yes | yes; C waits below | yes | fatal | yes |
//! | the scheduler's hooks | g0 | | no | panics | fatal | fatal (L14) |
//! | a thread that the runtime did not start | its stack | till it is taken, after its first callback | | just runs it | yes: see below | no: what asks for it runs in place |
//!
//! "Till it is taken" is a matter of whether another M wants the P. Where goroutines are bound
//! to their M at their first run (g0-sched's pinned runtime), only goroutines that have not started
//! profit from that: those bound to this M wait until C returns or calls back. There, too, two
//! goroutines of one M that wait for each other across `settle` wait for ever: the one whose C frames
//! lie above cannot leave its callback before the other. A runtime that *reserves* the M for a
//! goroutine in a callback, as Go does, has no such case.
//!
//! C that forks may call `exec` or `_exit` in the child, and nothing else: the other threads are the
//! parent's, and with them the goroutines. On g0-sched a callback there, or any call of the runtime, ends
//! the child with a message that says so.
//!
//! # Stacks that grow
//!
//! On g0-sched a goroutine's stack may grow by segments (`g0_sched::grow`), and this crate need not know on which of
//! them a call is made. The record and the frame of `call_on` are on the present one, and a callback's closure runs
//! below them, on the same one. It may go on to further segments as any goroutine code may. A panic leaves those one by
//! one and comes to the callback's base on the stack on which the callback began. So what is held, and what an escape
//! drops, is as without segments.
//!
//! In C nothing grows. g0 has the size of its thread's stack, which is what C expects, and no size is known of frames
//! that C has on it. To ask for growth there, in `call`'s own closure too, ends the program with a message that names
//! the goroutine (L14), even where there is room: ask before the call, or in a callback. Only `call_leaf` stays on the
//! goroutine's stack, and compares its `need` with what is left of the present one. So `grow::call(need, …)` around a
//! `call_leaf` that needs less runs it there in any case.
//!
//! # Panics
//!
//! No unwinding crosses a frame of C or a change of stacks. A panic in `f` is caught in the base on
//! g0, carried across, and goes on in the caller of `call`. A panic or a Goexit in a callback's
//! closure is caught in the base on the goroutine's stack and *held* in the call's record: C gets
//! the default and returns by itself, and then the panic goes on in the caller of `call`. See
//! [`callback`](Bridge::callback) for what happens to several.
//!
//! That is the safe form, for a library that has to be left the way it was entered. The other,
//! [`callback_unwind`](Bridge::callback_unwind), is Go's: the panic is caught and put into the
//! record in the same way, and the callback on g0 puts back `g0.sp`, the locks and `errno`; but then
//! C is not returned to. It leaves by the assembly's `escape`, which ends the `call_on` of the
//! innermost call from above, and the call finds the panic in its record. C's frames are gone
//! without having been asked, which is why it is `unsafe`.
//!
//! # Threads of C's own
//!
//! A thread that the runtime did not start may call back too, with no `call` above it. At its first callback
//! it is *adopted*: the runtime lends it an *extra M*, whose goroutine has an empty stack and looks as
//! if it had just called C, so that all that was said above holds; the thread's own stack is this M's g0.
//! It keeps that M until it ends (a destructor of the thread's gives it back) or, if the runtime is
//! told so, for the one callback. Bound, it takes no lock, makes no system call and allocates nothing. The
//! goroutine counts while a callback runs and at no other time. A panic that comes to its bottom is
//! fatal, for there is no call in which it could go on. Before a runtime runs and after its main
//! function has returned C gets the default, and [`try_callback`](Bridge::try_callback) says why. The module
//! `foreign` has the pictures; `Runtime::adopt`, `arrive` and `depart` are what a scheduler adds.
//!
//! # What was rejected
//!
//! 1. *C on the goroutine's stack.* It would have to be as large as C might need, for every
//!    goroutine that might ever call it. [`call_leaf`](Bridge::call_leaf) is what remains of that.
//! 2. *A stack for each call.* Taking one and giving it back costs more than the call, C's thread
//!    has its guard page and its limits on the stack that it knows, and a callback would gain
//!    nothing: it runs on the goroutine's stack as it is.
//! 3. *Escaping over C's frames whenever a closure panics*, as the only form. Frames of Rust
//!    may lie among them, in an `extern "C"` function of the user's, and their destructors would
//!    not run; so it cannot be a safe function. Holding the panic costs nothing until there is one.
//! 4. *A status of the goroutine, changed by compare-and-swap* on the way in and out. The M's word
//!    says the same, and only its own thread writes it.
//! 5. *A linked list of open calls.* The callback's frame on g0 keeps what the word was; see
//!    [`Call`].
//!
//! # Invariants
//!
//! > **L6** An M in foreign code never schedules. Held by the runtime: from `enter` and `end` to
//! > `leave` and `begin` it starts nothing at `g0.sp`.
//!
//! > **L7** An extra M has one thread at a time. Held by the runtime: from `adopt` on the handle is the
//! > thread's, until `depart` or the thread's end gives it back.
//!
//! > **L14** No stack grows under a scheduler's lock or in foreign state. On the goroutine's stack nothing
//! > is called between `enter` and the change of stacks but `release`, and nothing between the change back
//! > and `leave`. On g0 the runtime refuses it.
//!
//! > **L17** Nested calls and callbacks unwind last in, first out, panics included. The word `call` and
//! > `g0.sp` are put back by the frame that changed them, and `settle` orders goroutines of one M.
//!
//! > **L19** A callback's closure begins only when its M holds a P: between `begin` and `end`.
//!
//! # What it costs
//!
//! A call: the runtime's `here`, `enter` and `leave`, a few stores, one branch, and the change of
//! stacks. No allocation, no lock, no atomic read-modify-write. If `f` does nothing but
//! call a C function, the base ends in a jump to it, so that there is one `call` and one `ret`,
//! as in a plain call. `cargo run --release --example call_cost --features std` measures it beside a
//! plain indirect call.
//!
//! Of the goroutine's stack a callback takes, before the user's closure runs, at most 128 bytes if
//! it captures 64 or fewer, optimised; not optimised, at most 1024. The test `sched_budget` measures
//! it, from the end of the call's frame to the closure's stack pointer, and prints what C's stack
//! takes. It is so little because everything else is done on g0, which is large: the closure lies in
//! the callback's frame there, and the goroutine's stack gets the frame of `call_on`, that of the
//! base, and the closure's captures once.
//!
//! From C's call up to the moment at which a P is held there is no stack check, no allocation and no
//! point where the scheduler takes over: until `begin` has returned the code is on g0, whose size
//! no check knows; it is `here`, a few stores and `begin` itself, which allocates nothing and
//! schedules nothing (it takes the P back, or blocks the thread until one is handed over); and all of
//! it is inlined, or calls only what the runtime promises this of. An eviction looks for goroutines
//! that hold a P. `sched_budget` counts the allocations.
//!
//! # For programs written in C
//!
//! `include/g0.h` and the static library of the package `g0-c` (`c-library` in this folder) put the
//! hosted scheduler and this bridge in C's words: a program starts a runtime, spawns, joins, sends, calls
//! and is called back. Its goroutines and channels are handles (`Handle`), so what a program does wrong with
//! them is an error. Its tests also hold what C relies on in a call, each with a file of C.
//!
//! # Features
//!
//! - `std`: `Rust`, the unwinder of hosted programs; `Handle`, a value that travels through C's `void *`.
//! - `sched`: `Sched`, the runtime of g0-sched.
//!
//! Neither is a default; without them the crate needs neither std nor an allocator.
#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod bridge;
mod call;
mod callback;
mod error;
mod export;
mod foreign;
#[cfg(feature = "std")]
mod handle;
mod hold;
#[cfg(all(feature = "sched", feature = "std"))]
mod hosted;
#[cfg(feature = "sched")]
mod libcall;
mod record;
mod runtime;
#[cfg(feature = "sched")]
mod sched;
mod unwind;
mod word;

pub use bridge::Bridge;
pub use error::CallbackError;
#[cfg(feature = "std")]
pub use g0_defer::Rust;
pub use g0_defer::{NoUnwind, Unwind};
#[cfg(feature = "std")]
pub use handle::{BadHandle, Handle};
#[cfg(all(feature = "sched", feature = "std"))]
pub use hosted::{
    LibCall, call, call_blocking, call_leaf, callback, callback_unwind, current_libcall, libcall,
    try_callback,
};
#[cfg(feature = "sched")]
pub use libcall::{Answer, TooManyArguments};
pub use record::Call;
pub use runtime::{BadCall, CallerContext, MHandle, Runtime};
#[cfg(feature = "sched")]
pub use sched::Sched;

/// The forms for all platforms of g0-sched.
#[cfg(feature = "sched")]
pub mod generic {
    pub use crate::libcall::{LibCall, current_libcall};
}
