//! What the scheduler needs of the machine it runs on.

pub(crate) mod fatal;
pub(crate) mod fences;

use core::fmt;

use g0_defer::Unwind;

use crate::objects::m::M;
use crate::objects::registry::Registry;
use crate::objects::report::{DeadlockReport, Trace};
use crate::parts::parker::Parker;
use crate::platform::fatal::Fatal;

/// A machine, as a platform sees it: a thread, a core, or a model's thread.
///
/// Every function is associated, not a method: a program has one platform of a kind, and the
/// current-M slot is found without a pointer to it. Two schedulers may share one platform.
///
/// "Inside" below means: the M executes the scheduler's own code and its `inside` mark is set
/// (see [`crate::parts::claim`]). No function of a platform may call back into the scheduler
/// except [`start`](Platform::start)'s new thread, which calls [`crate::start_m`].
///
/// # Safety
///
/// `current` returns what the same thread or core last gave to `set_current` (null at first);
/// the slot is never cached across a context switch by the compiler (read it in assembly or
/// behind `#[inline(never)]`). `park` and `unpark` keep the token of [`Parker`]. `heavy_fence`
/// pairs with the light fence of every M: see [`Fences`]. Where `UNWINDS` is true, `throw_goexit`
/// does not return.
pub unsafe trait Platform: 'static + Sized {
    /// How a panic travels on this platform; [`g0_defer::NoUnwind`] where it does not.
    type Unwind: Unwind;

    /// The M of this thread or core, or null. Any context; a few nanoseconds.
    fn current() -> *const M;

    /// Sets what [`current`](Platform::current) returns here. On g0, by the thread itself.
    fn set_current(m: *const M);

    /// Starts a thread (or wakes a core) that calls [`crate::start_m`] with `m`.
    ///
    /// Called on g0, no lock held. An error leaves `m` unused: work goes on with the Ms there are.
    fn start(m: &'static M) -> Result<(), StartError>;

    /// Blocks the calling thread until its `parker` has a token, takes it and returns true; or
    /// returns false when `deadline` (on the clock of [`now`](Platform::now)) has passed, or for
    /// no reason. Never uses the thread's own park token, which belongs to user code.
    fn park(parker: &Parker, deadline: Option<u64>) -> bool;

    /// Gives `parker` its one token and wakes the thread that waits on it. Any thread, also with
    /// a signal handler interrupted. `parker` may be gone as soon as the token is visible.
    fn unpark(parker: &Parker);

    /// A clock in nanoseconds that never goes back. Any context.
    fn now() -> u64;

    /// The expensive side of the asymmetric fence (see [`Fences::Asymmetric`]). Not under a lock.
    fn heavy_fence();

    /// Reports that the scheduler, or its use, is broken beyond repair, and ends the program.
    /// Any context; must not unwind.
    fn fatal(report: &Fatal) -> !;

    /// Whether somebody who is none of its Ms may wake goroutines of a scheduler without a handle or a
    /// waker, that is by a channel or a lock: a thread of the program's own, an M of another
    /// scheduler. `own` threads are the scheduler's. While there is anybody, no deadlock is reported.
    /// On g0 or by sysmon, no lock held. A kernel whose interrupt handlers use nothing but handles and
    /// wakers has none.
    fn external_wakers(own: usize) -> bool {
        let _ = own;
        true
    }

    /// Reports that nothing can ever run again, and ends the program; see [`Deadlock`](crate::Deadlock).
    /// On g0 or by sysmon, no lock held; must not unwind. A platform that has nowhere to print a list
    /// of goroutines keeps to [`fatal`](Platform::fatal), as provided.
    fn deadlock(stuck: &DeadlockReport) -> ! {
        Self::fatal(&stuck.fatal())
    }

    /// Prints the panics of a goroutine that nobody joins, oldest first, before the program ends by
    /// [`fatal`](Platform::fatal). On the goroutine's stack, outside; must not unwind. Provided: nothing.
    fn uncaught(_panics: &dyn fmt::Display) {}

    /// Prints a line about a scheduler that is traced. By sysmon, no lock held. Provided: nothing.
    fn trace(_line: &Trace) {}

    /// Whether a thread runs [`sysmon`](crate::api::sysmon) all the time. Then it is that thread that
    /// calls [`start`](Platform::start): a new thread inherits signal mask, affinity, scheduling
    /// policy, floating-point modes and namespaces from the thread that starts it, and that one has
    /// never run anybody's code (the *template*, L10). It is started when the run has begun: before, it
    /// could take the scheduler that has no goroutine yet for one whose goroutines all wait.
    const WATCHED: bool = false;

    /// How many CPUs may run this program now; one switches spinning off. Any context.
    fn cpus() -> usize {
        1
    }

    /// Called by sysmon ten times a second or so while anything runs: what [`cpus`](Platform::cpus)
    /// says may be found out anew. No lock held. Provided: nothing.
    fn look_around() {}

    /// Called where a runtime call is about to go wrong: on the system stack, by an M that has lost its
    /// P, by a thread that is no M before it wakes a goroutine, and before a run begins. A platform
    /// whose processes fork ends a child here, with a message: all threads but one are the parent's.
    /// Any context. Provided: nothing.
    fn check_process() {}

    /// Where a thread that is no M finds the scheduler that it calls into by a callback
    /// ([`bridge::adopt`](crate::foreign::bridge::adopt)): a static. Provided: nowhere, all such threads are refused. Any context.
    fn registry() -> Option<&'static Registry> {
        None
    }

    /// The calling thread has been given `m` until it ends, when
    /// [`bridge::thread_ends`](crate::foreign::extram::thread_ends) is to be called. False: nobody will know when that is, or it
    /// is ending already; then it has `m` for one callback. On the thread's own stack.
    fn keep(m: &'static M) -> bool {
        let _ = m;
        false
    }

    /// Called by an M that looks for work in vain, before it parks. On g0, no lock held.
    fn relax() {
        core::hint::spin_loop();
    }

    /// Where this thread's `errno` lies, or null: foreign code finds it unchanged after a callback,
    /// though others have run on its thread meanwhile. Once for each M's thread; of a foreign thread
    /// whenever it is given an M or gives it back.
    fn errno() -> *mut i32 {
        core::ptr::null_mut()
    }

    /// Whether [`throw_goexit`](Platform::throw_goexit) throws.
    const UNWINDS: bool = false;

    /// Unwinds the running goroutine by Goexit, where the platform can; else does nothing. Used
    /// by shutdown for what still waits. On the goroutine's stack, outside.
    fn throw_goexit() {}

    /// Whether the caller is an interrupt handler. Then a wake (a
    /// [`Waker`](core::task::Waker) of [`block_on`](crate::generic::block_on), or
    /// [`unpark`](crate::api::goroutine::Goroutine::unpark)) and the drop of such a handle only put the
    /// goroutine into the inbox of an M, without a lock: into that of the M it is bound to, else
    /// of this core's, which must be an M of the goroutine's scheduler. The M runs it when it
    /// comes to a scheduling point or out of [`park`](Platform::park). All else is not for
    /// handlers. For platforms that do not unwind ([`UNWINDS`](Platform::UNWINDS)). Any context.
    fn in_interrupt() -> bool {
        false
    }

    /// A locked goroutine has ended and its thread or core cannot: it is dying from now on.
    fn on_locked_exit(_m: &'static M) {}
}

/// Why a new M could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The system has no thread left for this process.
    NoThread,
    /// The platform has no further core.
    NoCore,
}

/// How a joined goroutine ended: its value, or what unwound it.
pub type Outcome<T, P> = Result<T, <<P as Platform>::Unwind as Unwind>::Payload>;
