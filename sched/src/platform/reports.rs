//! What the scheduler prints, and when it may say that nothing can run again.

use core::fmt;

use crate::objects::report::{DeadlockReport, StackUse, StallReport, Trace};

/// Reports. Provided: nothing is printed, and some thread may wake any goroutine at any time, so that
/// [`Deadlock::Auto`](crate::Deadlock::Auto) reports no deadlock.
pub trait Reports {
    /// Returns whether a thread that is none of a scheduler's Ms may wake its goroutines without a handle or
    /// a waker, that is by a channel or a lock: a thread of the program's own, an M of another scheduler.
    /// `own` threads are the scheduler's. While there is one, no deadlock is reported. On g0 or by sysmon, no
    /// lock held. A kernel whose interrupt handlers use nothing but handles and wakers has none.
    ///
    /// # Safety
    ///
    /// By the scheduler only, as all of these.
    unsafe fn external_wakers(own: usize) -> bool {
        let _ = own;
        true
    }

    /// Prints the goroutines of a scheduler none of which can ever run again; see
    /// [`Deadlock`](crate::Deadlock). When it returns the program ends by
    /// [`Platform::fatal`](crate::Platform::fatal), with [`DeadlockReport::fatal`]; it may also end the
    /// program itself. On g0 or by sysmon, no lock held; must not unwind. Provided: nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only.
    unsafe fn deadlock(report: &DeadlockReport) {
        let _ = report;
    }

    /// Prints goroutines that have waited for long, perhaps for ever: see
    /// [`Scheduler::report_stalls`](crate::Scheduler::report_stalls). The program goes on. By sysmon or by a timer
    /// tick, no lock held; must not unwind. Provided: nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only.
    unsafe fn stalled(report: &StallReport) {
        let _ = report;
    }

    /// Prints the panics of a goroutine that none will join, oldest first, before the program ends by
    /// [`Platform::fatal`](crate::Platform::fatal). On the goroutine's stack, outside; must not unwind.
    /// Provided: nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only.
    unsafe fn uncaught(panics: &dyn fmt::Display) {
        let _ = panics;
    }

    /// Takes note of how much stack a goroutine has used: at its end, and when it is given a segment. Of a scheduler
    /// that [measures](crate::Scheduler::measure_stacks), and of no other. On g0, no lock held; must not unwind, must
    /// call nothing of the scheduler, and should be short: the M has its P meanwhile. Provided: nothing.
    ///
    /// # Safety
    ///
    /// By the scheduler only.
    unsafe fn stack_used(used: &StackUse) {
        let _ = used;
    }

    /// Prints a line about a scheduler that is traced. By sysmon, no lock held. Provided: nothing.
    ///
    /// # Safety
    ///
    /// By sysmon only.
    unsafe fn trace(line: &Trace) {
        let _ = line;
    }
}
