//! The threads or cores that are Ms.

use crate::objects::m::M;

/// The threads or cores that are Ms, and how many CPUs there are for them. Provided: one CPU, and nothing
/// that watches.
pub trait Machines {
    /// Whether a thread runs [`sysmon`](crate::sysmon) all the time. Then that thread alone calls
    /// [`start`](crate::Platform::start): a new thread inherits signal mask, affinity, scheduling policy,
    /// floating-point modes and namespaces from the thread that starts it, and sysmon's has never run code
    /// of the program (the *template*, L10). It must be started when the run has begun: before, it could
    /// take the scheduler that has no goroutine yet for one whose goroutines all wait.
    const WATCHED: bool = false;

    /// Returns how many CPUs may run this program now; with one, no M spins. Any context.
    fn cpus() -> usize {
        1
    }

    /// May find out anew what [`cpus`](Self::cpus) returns. By sysmon, ten times a second or so while
    /// anything runs; no lock held. Provided: nothing.
    fn look_around() {}

    /// Called by an M that looks for work in vain, before it parks. On g0, no lock held. Provided: a hint
    /// to the CPU.
    fn relax() {
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
    fn on_locked_exit(m: &'static M) {
        let _ = m;
    }
}
