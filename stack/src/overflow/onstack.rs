//! Handlers that run on whatever stack they meet.
//!
//! A handler without SA_ONSTACK runs on the stack of the code that it interrupts. The kernel's frame alone takes
//! what [`AT_MINSIGSTKSZ`](libc::AT_MINSIGSTKSZ) says, 3.6 KB on a processor with AVX-512 and 11 KB with AMX, and the
//! handler's own frames come on top. A goroutine's stack may have no room for them: then the signal is lost, and
//! with it the process; on a stack without a guard page its neighbour is overwritten. So the flag is added to
//! handlers that are there, as Go does.
//!
//! > **Invariant.** Of an action nothing but this flag is changed, and an action that another thread installs in
//! > the meantime is put back.
//!
//! The kernel has no compare-and-swap for that: what [`add_onstack_flags`] replaces is looked at, and if it is not
//! what was read, it is put back in turn, with the flag. For these few hundred nanoseconds the older action is in
//! force again. It happens once for each handler that lacks the flag.
//!
//! *Rejected.* The C library's `sigaction`: it refuses the signals that it uses itself, and it may change the flags.
//! Interposing `sigaction`: a static library would have to be linked first, and a shared one be preloaded.

use core::mem;

/// An action as the kernel has it, on x86_64 and aarch64.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Action {
    handler: usize,
    flags: libc::c_ulong,
    restorer: usize,
    mask: u64,
}

const ONSTACK: libc::c_ulong = libc::SA_ONSTACK as libc::c_ulong;
/// Signals are numbered from 1 to this.
const LAST: libc::c_int = 64;

impl Action {
    /// Returns whether it is a handler, of the program's or the C library's, that runs on the interrupted stack.
    fn lacks_onstack(&self) -> bool {
        let is_handler = self.handler != libc::SIG_DFL && self.handler != libc::SIG_IGN;
        is_handler && self.flags & ONSTACK == 0
    }

    fn with_onstack(self) -> Action {
        Action { flags: self.flags | ONSTACK, ..self }
    }
}

/// Adds the flag SA_ONSTACK to every handler of the process that lacks it, the C library's own included, and returns
/// how many there were. All else of the action stays; what is ignored or has the default action is left alone.
///
/// Such a handler runs on the alternate stack of the thread that it interrupts from now on, or as before where that
/// has none: with the room that stack has, and it must not take addresses of its own variables for addresses of
/// the interrupted stack. [`AltStack`](super::AltStack) gives 64 KiB.
///
/// Any thread; about 8 µs. A handler that is installed later is not concerned: ask again. One that another thread
/// installs at the very moment may be out of force for a few hundred nanoseconds.
pub fn add_onstack_flags() -> usize {
    (1..=LAST).filter(|&signal| add(signal)).count()
}

/// Returns the lowest signal whose handler lacks the flag SA_ONSTACK, if there is one: it would run on whatever
/// stack it meets. Any thread, and in a signal handler; about 8 µs.
///
/// A program whose stacks have no room for that, and no guard pages, can refuse to start.
pub fn handler_without_onstack() -> Option<libc::c_int> {
    without_onstack().next()
}

/// Returns all of them.
pub(super) fn without_onstack() -> impl Iterator<Item = libc::c_int> {
    (1..=LAST).filter(|&signal| action(signal, None).is_some_and(|now| now.lacks_onstack()))
}

/// Adds the flag to the handler of one signal, and returns whether it lacked it.
fn add(signal: libc::c_int) -> bool {
    let Some(mut read) = action(signal, None).filter(Action::lacks_onstack) else { return false };
    let mut next = read.with_onstack();
    loop {
        match action(signal, Some(&next)) {
            Some(replaced) if replaced != read => {
                // Another thread has installed it after the look: that, then, instead of `next`.
                read = next;
                next = if replaced.lacks_onstack() { replaced.with_onstack() } else { replaced };
            }
            Some(_) => return true,
            None => return false,
        }
    }
}

/// Returns the action of `signal`, which becomes `new` if there is one; `None` if the kernel refuses.
fn action(signal: libc::c_int, new: Option<&Action>) -> Option<Action> {
    let new = new.map_or(core::ptr::null(), core::ptr::from_ref);
    let mut old = Action { handler: 0, flags: 0, restorer: 0, mask: 0 };
    let mask = mem::size_of::<u64>();
    // SAFETY: both are records as the kernel has them, or null; a handler that is written was there before, and
    // keeps to what a handler may do on whatever stack.
    let done = unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, &raw mut old, mask) };
    (done == 0).then_some(old)
}

#[cfg(test)]
mod tests {
    use super::{Action, ONSTACK};

    fn action(handler: usize, flags: libc::c_ulong) -> Action {
        Action { handler, flags, restorer: 7, mask: 9 }
    }

    #[test]
    fn only_handlers_lack_the_flag_and_nothing_else_changes() {
        assert!(!action(libc::SIG_DFL, 0).lacks_onstack());
        assert!(!action(libc::SIG_IGN, 0).lacks_onstack());
        assert!(!action(0x1000, ONSTACK).lacks_onstack());
        let handler = action(0x1000, 4);
        assert!(handler.lacks_onstack());
        assert!(handler.with_onstack() == action(0x1000, 4 | ONSTACK));
    }
}
