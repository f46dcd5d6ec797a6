//! What the scheduler needs of the machine it runs on.

use core::fmt;
use core::panic::Location;

use g0_arch::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use g0_defer::Unwind;

use crate::home::Home;
use crate::m::M;
use crate::see::{Stuck, Trace};

/// A machine, as a platform sees it: a thread, a core, or a model's thread.
///
/// Every function is associated, not a method: a program has one platform of a kind, and the
/// current-M slot is found without a pointer to it. Two schedulers may share one platform.
///
/// "Inside" below means: the M executes the scheduler's own code and its `inside` mark is set
/// (see [`crate::core::claim`]). No function of a platform may call back into the scheduler
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
    fn outsiders(own: usize) -> bool {
        let _ = own;
        true
    }

    /// Reports that nothing can ever run again, and ends the program; see [`Deadlock`](crate::Deadlock).
    /// On g0 or by sysmon, no lock held; must not unwind. A platform that has nowhere to print a list
    /// of goroutines keeps to [`fatal`](Platform::fatal), as provided.
    fn deadlock(stuck: &Stuck) -> ! {
        Self::fatal(&stuck.fatal())
    }

    /// Prints the panics of a goroutine that nobody joins, oldest first, before the program ends by
    /// [`fatal`](Platform::fatal). On the goroutine's stack, outside; must not unwind. Provided: nothing.
    fn uncaught(_panics: &dyn fmt::Display) {}

    /// Prints a line about a scheduler that is traced. By sysmon, no lock held. Provided: nothing.
    fn trace(_line: &Trace) {}

    /// Whether a thread runs [`sysmon`](crate::sysmon) all the time. Then it is that thread that
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
    /// ([`bridge::adopt`](crate::bridge::adopt)): a static. Provided: nowhere, all such threads are refused. Any context.
    fn home() -> Option<&'static Home> {
        None
    }

    /// The calling thread has been given `m` until it ends, when
    /// [`bridge::thread_ends`](crate::bridge::thread_ends) is to be called. False: nobody will know when that is, or it
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
    /// [`unpark`](crate::generic::Goroutine::unpark)) and the drop of such a handle only put the
    /// goroutine into the inbox of an M, without a lock: into that of the M it is bound to, else
    /// of this core's, which must be an M of the goroutine's scheduler. The M runs it when it
    /// comes to a scheduling point or out of [`park`](Platform::park). All else is not for
    /// handlers. For platforms that do not unwind ([`UNWINDS`](Platform::UNWINDS)). Any context.
    fn in_interrupt() -> bool {
        false
    }

    /// A locked goroutine has ended and its thread or core cannot: it is tainted from now on.
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

/// How an M that enters the scheduler is ordered against one that takes its P away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fences {
    /// Asymmetric where the platform can, else symmetric.
    #[default]
    Auto,
    /// The entering side pays nothing but a compiler fence; the taking side calls
    /// [`Platform::heavy_fence`], which makes every running thread pass a full barrier.
    Asymmetric,
    /// Both sides execute a sequentially consistent fence.
    Symmetric,
}

/// Where one thread waits: at most one token is stored.
///
/// The two words belong to the platform; both are 0 at first.
#[derive(Debug)]
pub struct Parker {
    /// The token, or a futex word.
    pub word: AtomicU32,
    /// A thread handle, a core number: whatever the platform needs to find the waiter.
    pub handle: AtomicUsize,
}

impl Parker {
    maybe_const! {
        /// A parker without a token.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(0), handle: AtomicUsize::new(0) }
        }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

/// What went wrong for good, as data: the platform prints it and ends the program.
#[derive(Debug)]
pub struct Fatal {
    /// What happened, and what to do.
    pub reason: &'static str,
    /// The goroutine it happened to, 0 when there is none.
    pub goroutine: u64,
    /// The goroutine's name, empty when it has none.
    pub name: &'static str,
    /// Where the goroutine was started.
    pub site: Option<&'static Location<'static>>,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fatal error: {}", self.reason)?;
        if self.goroutine != 0 {
            write!(f, "\ngoroutine {}", self.goroutine)?;
            if !self.name.is_empty() {
                write!(f, " ({})", self.name)?;
            }
        }
        if let Some(site) = self.site {
            write!(f, ", started at {site}")?;
        }
        Ok(())
    }
}

/// The cheap side of the fence pair, paid by every operation that touches a P.
///
/// ```text
///   M (enter, publish)              retaker, or an M about to sleep
///   store inside / work             store claim RAISED / declare idle
///   light fence                     heavy fence
///   load claim / idle               load inside / work
/// ```
///
/// At least one of the two loads sees the other side's store.
#[cfg_attr(loom, track_caller)]
#[inline(always)]
pub(crate) fn light_fence(symmetric: bool) {
    if symmetric {
        fence(Ordering::SeqCst);
    } else {
        g0_arch::sync::atomic::compiler_fence(Ordering::SeqCst);
    }
}

/// The dear side of the fence pair; see [`light_fence`].
#[cfg_attr(loom, track_caller)]
pub(crate) fn heavy_fence<P: Platform>(symmetric: bool) {
    if symmetric {
        fence(Ordering::SeqCst);
    } else {
        P::heavy_fence();
    }
}
