//! What the scheduler needs of the machine it runs on.
//!
//! | trait | is about | a port must |
//! |---|---|---|
//! | [`Platform`] | the current M, threads, parking, the clock, the heavy fence | implement all of it |
//! | [`ForeignCode`] | `errno`, and threads of foreign code that call back | if it runs such code |
//! | [`Interrupts`] | handlers that wake goroutines | if it has any |
//! | [`Machines`] | CPUs, sysmon, threads that end, processes that fork | with more than one CPU |
//! | [`Reports`] | deadlocks, panics, traces | to have them reported |
//! | [`Unwinding`] | how shutdown ends what waits | if panics unwind |

pub(crate) mod default_parts;
pub(crate) mod fatal;
pub(crate) mod fences;
pub(crate) mod foreign_code;
pub(crate) mod interrupts;
pub(crate) mod machines;
mod parking;
pub(crate) mod reports;
mod start_error;
pub(crate) mod unwinding;

use g0_defer::Unwind;

use crate::objects::m::M;
use crate::parts::fatal::Fatal;
use crate::parts::parker::Parker;

use foreign_code::ForeignCode;
use interrupts::Interrupts;
use machines::Machines;
use reports::Reports;
use unwinding::Unwinding;

pub use start_error::StartError;

/// A machine, as a platform sees it: a thread, a core, or a model's thread.
///
/// Every function is associated, not a method: a program has one platform of a kind, and the
/// current-M slot is found without a pointer to it. Two schedulers may share one platform.
///
/// What the scheduler alone may call is `unsafe` to call, here and in the parts: a program that names the type of
/// its platform cannot give a thread another M, or start one.
///
/// ```compile_fail,E0133
/// use g0_sched::{Hosted, M, Platform};
///
/// static MINE: M = M::new();
///
/// Hosted::set_current(&MINE); // an M of no scheduler, on a thread of none
/// ```
///
/// ```compile_fail,E0133
/// # use g0_sched::{Hosted, M, Platform};
/// # static MINE: M = M::new();
/// let _ = Hosted::start(&MINE);
/// ```
///
/// "Inside" below means: the M executes the scheduler's own code and its `inside` mark is set (the claim
/// protocol, L18). No function of a platform may call back into the scheduler except
/// [`start`](Platform::start)'s new thread, which calls [`start_m`](crate::start_m).
///
/// What a platform may have beyond these functions is a trait for each concern, with a default for all of
/// it: [`ForeignCode`], [`Interrupts`], [`Machines`], [`Reports`] and [`Unwinding`], in
/// [`port`](crate::port). [`default_parts!`](crate::default_parts) writes those that a port leaves as they
/// are. The smallest port, for one core that waits on its feet:
///
/// ```
/// use core::ptr::null_mut;
/// use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering, compiler_fence};
///
/// use g0_defer::NoUnwind;
/// use g0_sched::{Fatal, M, Parker, Platform, StartError};
///
/// struct Board;
///
/// static CURRENT: AtomicPtr<M> = AtomicPtr::new(null_mut());
/// static CLOCK: AtomicU64 = AtomicU64::new(0);
///
/// // SAFETY: there is one core, whose slot is a static that is read anew each time; a token is the word of
/// // its parker, which no other core touches; between the core and itself a compiler fence is a full one.
/// unsafe impl Platform for Board {
///     type Unwind = NoUnwind;
///
///     fn current() -> *const M {
///         CURRENT.load(Ordering::Relaxed)
///     }
///
///     unsafe fn set_current(m: *const M) {
///         CURRENT.store(m.cast_mut(), Ordering::Relaxed);
///     }
///
///     unsafe fn start(_m: &'static M) -> Result<(), StartError> {
///         Err(StartError::NoCore)
///     }
///
///     unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
///         while parker.word.swap(0, Ordering::Relaxed) == 0 {
///             if deadline.is_some_and(|at| Self::now() >= at) {
///                 return false;
///             }
///         }
///         true
///     }
///
///     unsafe fn unpark(parker: &Parker) {
///         parker.word.store(1, Ordering::Relaxed);
///     }
///
///     fn now() -> u64 {
///         // A board reads its counter here.
///         CLOCK.fetch_add(100, Ordering::Relaxed)
///     }
///
///     fn heavy_fence() {
///         compiler_fence(Ordering::SeqCst);
///     }
///
///     fn fatal(_report: &Fatal) -> ! {
///         loop {}
///     }
/// }
///
/// g0_sched::default_parts!(Board);
///
/// // The functions that its goroutines call.
/// mod rt {
///     g0_sched::platform!(super::Board);
/// }
/// # fn main() {
/// #     assert_eq!(rt::procs(), 0, "no scheduler runs");
/// # }
/// ```
///
/// # Safety
///
/// `current` must return what the same thread or core last gave to `set_current` (null at first);
/// the compiler must not keep the slot across a context switch (read it in assembly or behind
/// `#[inline(never)]`). `park` and `unpark` must keep the token of [`Parker`]. `heavy_fence` must
/// pair with the light fence of every M: see [`Fences`](crate::Fences). [`Unwind`](Platform::Unwind) must
/// catch what is thrown in a goroutine, and say truly whether the thread panics. No function of the platform
/// may unwind, but for `throw_goexit`, nor call the scheduler: most of them run inside it.
///
/// Of the parts, which are safe to implement, all is vouched for here:
/// [`errno`](ForeignCode::errno) must return null or where the calling thread's `errno` lies;
/// [`registry`](ForeignCode::registry) always the same static; a platform that
/// [keeps](ForeignCode::keep) an M must tell when the thread ends. Where
/// [`UNWINDS`](Unwinding::UNWINDS) is true, [`throw_goexit`](Unwinding::throw_goexit) must not return.
/// [`in_interrupt`](Interrupts::in_interrupt) must return true in every handler that may interrupt an M and
/// runs code of the program, and only there. The thread that [`watch`](Machines::watch) starts must run
/// sysmon and nothing else.
pub unsafe trait Platform:
    ForeignCode + Interrupts + Machines + Reports + Unwinding + Sized + 'static
{
    /// How a panic travels on this platform; [`g0_defer::NoUnwind`] where it does not.
    ///
    /// A payload must be `Send`: the goroutine that panics runs on one thread, and the joiner that takes the
    /// payload on another.
    ///
    /// ```compile_fail,E0277
    /// # use g0_sched::{Fatal, M, Parker, Platform, StartError};
    /// struct Counted;
    ///
    /// impl g0_defer::Unwind for Counted {
    ///     type Payload = std::rc::Rc<str>; // with `std::sync::Arc` it compiles
    /// #   fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
    /// #       Ok(f())
    /// #   }
    /// #   fn resume(_: Self::Payload) -> ! {
    /// #       std::process::abort()
    /// #   }
    /// #   fn replace(newer: Self::Payload, _: Self::Payload) -> Self::Payload {
    /// #       newer
    /// #   }
    /// #   fn is_goexit(_: &Self::Payload) -> bool {
    /// #       false
    /// #   }
    /// #   fn panicking() -> bool {
    /// #       false
    /// #   }
    ///     // …
    /// }
    ///
    /// # struct Board;
    /// # g0_sched::default_parts!(Board);
    /// # // SAFETY: it is never run.
    /// unsafe impl Platform for Board {
    ///     type Unwind = Counted;
    /// #   fn current() -> *const M {
    /// #       std::ptr::null()
    /// #   }
    /// #   unsafe fn set_current(_: *const M) {}
    /// #   unsafe fn start(_: &'static M) -> Result<(), StartError> {
    /// #       Err(StartError::NoCore)
    /// #   }
    /// #   unsafe fn park(_: &Parker, _: Option<u64>) -> bool {
    /// #       true
    /// #   }
    /// #   unsafe fn unpark(_: &Parker) {}
    /// #   fn now() -> u64 {
    /// #       0
    /// #   }
    /// #   fn heavy_fence() {}
    /// #   fn fatal(_: &Fatal) -> ! {
    /// #       std::process::abort()
    /// #   }
    ///     // …
    /// }
    /// ```
    type Unwind: Unwind<Payload: Send>;

    /// Returns the M of this thread or core, or null. Any context; a few nanoseconds.
    fn current() -> *const M;

    /// Sets what [`current`](Platform::current) returns here. On g0, by the thread itself.
    ///
    /// # Safety
    ///
    /// By the scheduler only: `m` must be null or the M that the calling thread becomes, and the thread must
    /// run no goroutine.
    unsafe fn set_current(m: *const M);

    /// Starts a thread (or wakes a core) that calls [`start_m`](crate::start_m) with `m`.
    ///
    /// Called on g0, no lock held. An error leaves `m` unused: work goes on with the Ms there are.
    ///
    /// # Safety
    ///
    /// By the scheduler only, on a thread that [`WATCHED`](Machines::WATCHED) allows: `m` must be prepared
    /// and have no thread.
    unsafe fn start(m: &'static M) -> Result<(), StartError>;

    /// Blocks the calling thread until its `parker` has a token, takes it and returns true; or
    /// returns false when `deadline` (on the clock of [`now`](Platform::now)) has passed, or for
    /// no reason. Never uses the thread's own park token, which belongs to user code.
    ///
    /// # Safety
    ///
    /// By the scheduler only, on a thread or core that may block, no lock held: no other thread may wait on
    /// `parker` at the same time.
    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool;

    /// Gives `parker` its one token and wakes the thread that waits on it. Any thread, also with
    /// a signal handler interrupted. `parker` may be gone as soon as the token is visible.
    ///
    /// # Safety
    ///
    /// By the scheduler only: `parker` must be one that this platform parks on, or none has parked on yet.
    unsafe fn unpark(parker: &Parker);

    /// Returns the time of a clock in nanoseconds that never goes back. Any context.
    fn now() -> u64;

    /// Passes the dear side of the asymmetric fence (see [`Fences::Asymmetric`](crate::Fences::Asymmetric)).
    /// Not under a lock.
    fn heavy_fence();

    /// Reports that the scheduler, or its use, is broken beyond repair, and ends the program.
    /// Any context; must not unwind.
    fn fatal(report: &Fatal) -> !;
}

/// How a joined goroutine ended: its value, or what unwound it.
pub type Outcome<T, P> = Result<T, <<P as Platform>::Unwind as Unwind>::Payload>;
