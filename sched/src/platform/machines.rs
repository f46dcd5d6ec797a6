//! The threads or cores that are Ms.

use super::start_error::StartError;
use crate::objects::m::M;
use crate::objects::shared::Core;

/// The threads or cores that are Ms, and how many CPUs there are for them. Provided: one CPU, and nothing
/// that watches.
pub trait Machines {
    /// Whether a thread runs [`sysmon`](crate::sysmon) all the time, which [`watch`](Self::watch) starts. Then
    /// that thread alone calls [`start`](crate::Platform::start): a new thread inherits signal mask, affinity,
    /// scheduling policy, floating-point modes and namespaces from the thread that starts it, and sysmon's has
    /// never run code of the program (the *template*, L10).
    const WATCHED: bool = false;

    /// Starts the thread that runs [`sysmon`](crate::sysmon) on `core`, where [`WATCHED`](Self::WATCHED) says
    /// that there is one: called by each [`run`](crate::Scheduler::run) when it has begun, on the thread that
    /// called that. The thread ends by itself after the run. An error is that of the run. Provided: no thread.
    ///
    /// # Safety
    ///
    /// By the scheduler only, once a run.
    unsafe fn watch(core: &'static Core) -> Result<(), StartError> {
        let _ = core;
        Err(StartError::NoThread)
    }

    /// Whether what belongs to the thread of an M, its thread-locals, may go after the M: a thread ends, or goes
    /// on with other things, when the scheduler has. Frames of a goroutine that was left behind may look there, so
    /// such a thread [never ends](crate::shutdown). False only where all that a core has stays for ever: there a
    /// goroutine keeps its core by frames on the system stack alone. Part of what a
    /// [`Platform`](crate::Platform) promises. Provided: true.
    const HAS_THREAD_LOCALS: bool = true;

    /// Returns how many CPUs may run this program now; with one, no M spins. Any context.
    fn cpus() -> usize {
        1
    }

    /// May find out anew what [`cpus`](Self::cpus) returns, and what else has changed around `core`. By sysmon, ten
    /// times a second or so while anything runs; no lock held. Provided: nothing.
    ///
    /// # Safety
    ///
    /// By sysmon only.
    unsafe fn look_around(core: &'static Core) {
        let _ = core;
    }

    /// Tells that the calling thread or core becomes `m`, which runs no goroutine yet. On its own stack, no lock held.
    /// Not for the threads of foreign code: see [`ForeignCode::keep`](super::foreign_code::ForeignCode::keep).
    /// Provided: nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only, on the thread that becomes `m`.
    unsafe fn on_start(m: &'static M) {
        let _ = m;
    }

    /// Tells that the calling thread or core is `m` no longer. As [`on_start`](Self::on_start), once for each such
    /// call but where the thread parks for good. Provided: nothing.
    ///
    /// # Safety
    ///
    /// As [`on_start`](Self::on_start).
    unsafe fn on_end(m: &'static M) {
        let _ = m;
    }

    /// Starts the threads that serve `core` and are no Ms, if any are wanted. By sysmon, whenever it is woken; no lock
    /// held. Provided: nothing.
    ///
    /// # Safety
    ///
    /// By sysmon only.
    unsafe fn start_services(core: &'static Core) {
        let _ = core;
    }

    /// Called by an M that looks for work in vain, before it parks, and while the end of a run waits for an M.
    /// No lock held. Provided: a hint to the CPU.
    ///
    /// # Safety
    ///
    /// By the scheduler only, on the thread of an M, or on the one that conducts the end of a run.
    unsafe fn relax() {
        core::hint::spin_loop();
    }

    /// Called where a runtime call is about to go wrong: on the system stack, by an M that has lost its
    /// P, by a thread that is no M before it wakes a goroutine, and before a run begins. A platform
    /// whose processes fork must end a child here, with a message: all threads but one are the parent's.
    /// Any context. Provided: nothing.
    fn check_process() {}

    /// Tells that a goroutine that had locked the thread of `m` has ended on the pinned runtime, where the
    /// thread goes on for the goroutines that are bound to it. On g0, inside, no lock held. Provided:
    /// nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only, on the thread of `m`.
    unsafe fn on_locked_exit(m: &'static M) {
        let _ = m;
    }
}
