//! Registers and machine words: what the g0 crates need of a processor, and no more.
//!
//! # Four functions
//!
//! A goroutine is a stack and the means to leave it and come back. The means are [`Arch`]:
//!
//! | | |
//! |---|---|
//! | [`init`](Arch::init) | makes a context that will begin with a given function on a given stack |
//! | [`switch`](Arch::switch) | leaves the running context, goes on with another, hands a word over |
//! | [`call_on`](Arch::call_on) | calls a function on another stack, and returns |
//! | [`escape`](Arch::escape) | ends such a call from anywhere above it |
//!
//! `switch` is what a scheduler does between goroutines. `call_on` is what it does within one:
//! the system stack of the thread for the scheduler's own slow paths, the same for foreign code
//! that expects a large stack, and, from foreign code, the goroutine's stack for a function that it
//! calls back. The three differ only in whose stack pointer is given. For the last, the call must
//! start below what is live on a stack that was left in the middle; that is what the *slot* of a
//! `call_on` is: the stack pointer, within its own frame, of the stack it left. `escape` takes a
//! slot too, and makes that `call_on` return; a callback that panics leaves the foreign
//! frames in between that way.
//!
//! ```text
//!     goroutine's stack               system stack
//!
//!     :  user's frames  :
//!     |  call_on  (1)   |--- f -----> :  foreign code   :
//!     +-----------------+ <- slot 1   |  call_on  (2)   |
//!     :  callback       : <--- f -----|  at slot 1      |
//!     :  user's code    :             +-----------------+ <- slot 2
//! ```
//!
//! ## Two contexts
//!
//! ```
//! use g0_arch::{Arch, Context, Native};
//!
//! struct Game { main: Context, player: Context }
//!
//! unsafe extern "C" fn player(mut ball: usize, data: *mut u8) -> ! {
//!     let game = data.cast::<Game>();
//!     loop {
//!         // SAFETY: `main` waits while the player has the ball.
//!         ball = unsafe { Native::switch(&raw mut (*game).player, (*game).main, ball + 1) };
//!     }
//! }
//!
//! let mut stack = vec![0_u8; 64 << 10];
//! let mut game = Game { main: Context::EMPTY, player: Context::EMPTY };
//! let g = &raw mut game;
//! // SAFETY: nothing else uses the stack, and the player, left in the middle of its loop,
//! // owns nothing.
//! unsafe {
//!     (*g).player = Native::init(stack.as_mut_ptr_range().end, player, g.cast());
//!     assert_eq!(Native::switch(&raw mut (*g).main, (*g).player, 1), 2);
//!     assert_eq!(Native::switch(&raw mut (*g).main, (*g).player, 10), 11);
//! }
//! ```
//!
//! ## A call on another stack, and out of it
//!
//! ```
//! use g0_arch::{Arch, Native};
//!
//! struct Ask { number: usize, slot: *mut u8 }
//!
//! unsafe extern "C" fn even_or_leave(arg: *mut u8) -> usize {
//!     let ask = arg.cast::<Ask>();
//!     // SAFETY: the slot is that of the call that runs this; no destructor waits here.
//!     unsafe {
//!         if (*ask).number % 2 == 1 {
//!             Native::escape(&raw mut (*ask).slot, 0)
//!         }
//!         (*ask).number
//!     }
//! }
//!
//! let mut stack = vec![0_u8; 64 << 10];
//! let top = stack.as_mut_ptr_range().end;
//! for (number, expected) in [(8, 8), (7, 0)] {
//!     let mut ask = Ask { number, slot: std::ptr::null_mut() };
//!     let a = &raw mut ask;
//!     // SAFETY: nothing else uses the stack, and the function gets what it reads.
//!     let got = unsafe { Native::call_on(top, even_or_leave, a.cast(), &raw mut (*a).slot) };
//!     assert_eq!(got, expected);
//! }
//! ```
//!
//! # Why so
//!
//! *The blocks are inline assembly, not functions.* A function must save every register that its
//! convention names. A block declares them clobbered, and the compiler saves those that hold
//! something.
//!
//! *A switch jumps, it does not return.* A processor predicts returns from its own record of calls,
//! which a switch of stacks makes wrong. Calls on another stack are paired with their returns, so
//! that the record stays right.
//!
//! *Control of the floating point unit is not switched.* Its modes are the thread's, and Rust code
//! may take them to be the defaults. A goroutine that sets a mode for a stretch of foreign
//! code puts it back before it suspends. `escape` sets the defaults, because the foreign frames it
//! drops cannot.
//!
//! *Unwinders and debuggers cross.* A backtrace taken on another stack goes on into the caller, for
//! `std::backtrace`, for gdb, and for chains of frame pointers. Panics do not cross: `f` is
//! `extern "C"` and every base catches.
//!
//! ## Rejected
//!
//! - *`setjmp` and `longjmp` for `escape`.* A second return of a function that the compiler does
//!   not know to return twice is undefined behaviour; Rust cannot say so of a function. Here a
//!   block has one end, reached in one of two ways.
//! - *Unwinding through the switch.* It would need a landing pad in an assembly block, and foreign
//!   frames without tables end it anyway.
//! - *Asymmetric coroutines (resume and suspend).* A scheduler goes from goroutine to goroutine; a
//!   trip through a resumer would double the switches. One is made of the other in ten lines.
//! - *Saving MXCSR at each call.* See `x86_64`: it more than doubles the cost.
//! - *A larger `Context`.* One word can be stored in a single instruction, after all that it
//!   leads to has been: so a record is either the old context or the new.
//!
//! # Invariants
//!
//! > **A1.** `*from` is written when the suspended context is complete, and before anything of the
//! > other is touched.
//! >
//! > **A2.** Nothing is live below a suspended context's pointer, nor below a slot.
//! >
//! > **A3.** At each entry (`entry`, `f`) the stack is aligned as the convention wants, whatever
//! > alignment was given.
//! >
//! > **A4.** An assembly block is left at its end only, with every register that it did not
//! > declare as it was.
//!
//! What the compiler cannot see: that a switch may come back *on another thread*. It may have computed
//! the address of a thread-local before and use it after. The code that lets a context change threads
//! must answer for that.
//!
//! # Backends
//!
//! `Native` is the assembly of the target: x86_64 and aarch64, hosted or bare metal. `Threads`
//! (feature `std`) makes every context a thread: slow, without `escape`, and there wherever std
//! is. A target without assembly gets only the second, and without `std` does not compile.
//!
//! # The rest
//!
//! [`sync`] is the one place from which the g0 crates take atomics, cells and locks, so that
//! `--cfg loom` puts a model in their place. [`magazine`] keeps free items, in a cache for each P and
//! a depot for all, for the crates that have such items. [`tools`] tells valgrind and the sanitizers about
//! stacks.
//!
//! # Features
//!
//! None are on by default; the crate needs neither an allocator nor std.
//!
//! - `std`: the `Threads` backend, and locks that give the thread up when they have waited long.
//! - `loom`: the dependency that `--cfg loom` needs. Without that cfg it does nothing.
//! - `shuttle`: the same for `--cfg g0_shuttle`.
//!
//! The two are optional, although no build without their cfgs uses them, because a lock file lists the
//! dependencies of every cfg: seventy packages for a user with nothing to model.
#![no_std]

#[cfg(any(feature = "std", loom))]
extern crate std;

#[cfg(all(loom, not(feature = "loom")))]
compile_error!("--cfg loom needs the feature `loom` of the crates that are modelled");
#[cfg(all(g0_shuttle, not(feature = "shuttle")))]
compile_error!("--cfg g0_shuttle needs the feature `shuttle` of g0-arch");

mod api;
// Without them the error above is the only one.
#[cfg(not(any(all(loom, not(feature = "loom")), all(g0_shuttle, not(feature = "shuttle")))))]
pub mod magazine;
#[cfg(not(any(all(loom, not(feature = "loom")), all(g0_shuttle, not(feature = "shuttle")))))]
pub mod sync;
#[cfg(feature = "std")]
mod threads;
pub mod tools;

pub use api::{Arch, Call, Context, Entry};
pub use crossbeam_utils::CachePadded;
#[cfg(feature = "std")]
pub use threads::{ThreadContext, Threads};

cfg_if::cfg_if! {
    if #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))] {
        mod native;
        mod suspended;
        pub use native::{Native, call_here, stack_pointer};
        pub use suspended::Suspended;
    } else if #[cfg(feature = "std")] {
        mod portable;
        pub use portable::{call_here, stack_pointer};
    } else {
        compile_error!("g0-arch has no assembly for this target; the feature `std` has threads");
    }
}
