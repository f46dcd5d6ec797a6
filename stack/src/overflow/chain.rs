//! The handler that was there before, and how a fault is passed on to it.

use core::cell::UnsafeCell;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::fault::{Fault, Origin};
use crate::StackError;
use crate::slab::errno;

/// A handler with SA_SIGINFO.
pub(super) type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// What was there for one signal before this crate's handler.
///
/// > **Invariant.** `action` is written before the handler is in place, by the one caller of
/// > `insert`, and never after; the handler only reads it.
struct Previous {
    action: UnsafeCell<MaybeUninit<libc::sigaction>>,
    /// The action asked to be used once (SA_RESETHAND), and was.
    spent: AtomicBool,
}

// SAFETY: see the invariant: nothing is written while it can be read.
unsafe impl Sync for Previous {}

impl Previous {
    const fn new() -> Previous {
        Previous { action: UnsafeCell::new(MaybeUninit::zeroed()), spent: AtomicBool::new(false) }
    }

    fn of(signal: libc::c_int) -> &'static Previous {
        static SEGV: Previous = Previous::new();
        static BUS: Previous = Previous::new();
        if signal == libc::SIGBUS { &BUS } else { &SEGV }
    }
}

/// Puts `handler` in front of what is there. Must be called once only for each signal.
pub(super) fn insert(signal: libc::c_int, handler: Handler) -> Result<(), StackError> {
    let previous = Previous::of(signal);
    let check = |result| if result == 0 { Ok(()) } else { Err(StackError::Signal(errno())) };
    loop {
        // The former action is noted *before* the new one is in place: a fault between the two would
        // find nothing to pass on to.
        // SAFETY: the handler is not in place, so nothing reads the cell, and insert runs once.
        let noted = unsafe { (*previous.action.get()).write(mem::zeroed()) };
        // SAFETY: only asks.
        check(unsafe { libc::sigaction(signal, ptr::null(), noted) })?;
        // SAFETY: zeros are a valid action.
        let (mut ours, mut replaced): (libc::sigaction, libc::sigaction) = unsafe { mem::zeroed() };
        ours.sa_sigaction = handler as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: the handler keeps to what a handler may do.
        check(unsafe { libc::sigaction(signal, &raw const ours, &raw mut replaced) })?;
        if replaced.sa_sigaction == noted.sa_sigaction {
            return Ok(());
        }
        // Another handler was put there between the two looks. Once more, on top of it.
        // SAFETY: puts back what was there.
        check(unsafe { libc::sigaction(signal, &raw const replaced, ptr::null_mut()) })?;
    }
}

/// Does with the signal what would have been done had this crate's handler not been there; or ends the process if
/// the user `knows` what it comes from, and nothing else would handle it.
///
/// A predecessor that gives up, as std's does, restores the default and returns, so that the fault ends the process
/// when it happens again. What was sent, and a frame that did not fit, does not happen again: the process would go
/// on, a signal lost and without this handler. So it is raised then.
///
/// # Safety
/// Must be called in that handler, with the kernel's arguments, of which `fault` was read.
pub(super) unsafe fn pass_on(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    fault: &Fault,
    knows: bool,
) {
    let previous = Previous::of(signal);
    // SAFETY: written before the handler was in place.
    let action = unsafe { (*previous.action.get()).assume_init_ref() };
    // Relaxed: it is about the one bit.
    let once = action.sa_flags & libc::SA_RESETHAND != 0;
    let spent = once && previous.spent.swap(true, Ordering::Relaxed);
    match action.sa_sigaction {
        libc::SIG_IGN if fault.origin() == Origin::Sent => {}
        libc::SIG_DFL | libc::SIG_IGN => fall_back(signal, fault, knows),
        _ if spent => fall_back(signal, fault, knows),
        // SAFETY: a handler that the program installed for this signal, called as the kernel
        // would have called it, with its mask in force.
        handler => unsafe {
            let mut mask = MaybeUninit::uninit();
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const action.sa_mask, mask.as_mut_ptr());
            if action.sa_flags & libc::SA_NODEFER != 0 {
                let mut this = MaybeUninit::uninit();
                libc::sigemptyset(this.as_mut_ptr());
                libc::sigaddset(this.as_mut_ptr(), signal);
                libc::pthread_sigmask(libc::SIG_UNBLOCK, this.as_ptr(), ptr::null_mut());
            }
            if action.sa_flags & libc::SA_SIGINFO != 0 {
                mem::transmute::<usize, Handler>(handler)(signal, info, context);
            } else {
                mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler)(signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, mask.as_ptr(), ptr::null_mut());
            if is_default(signal) {
                fall_back(signal, fault, knows);
            }
        },
    }
}

/// Restores the default, and lets the fault happen again: the process dies of it as it would have,
/// core dump and all. What does not happen again by itself is raised.
fn fall_back(signal: libc::c_int, fault: &Fault, knows: bool) {
    if knows {
        abort();
    }
    // SAFETY: both may be called in a handler; the raised signal waits until it returns.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        if !fault.repeats() {
            libc::raise(signal);
        }
    }
}

/// Returns whether the process ends by `signal` now.
fn is_default(signal: libc::c_int) -> bool {
    // SAFETY: zeros are a valid action, and the call only fills it.
    unsafe {
        let mut now: libc::sigaction = mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_DFL
    }
}

/// Ends the process. A handler for SIGABRT might want to unwind or to run on: it has no say.
pub(super) fn abort() -> ! {
    // SAFETY: both may be called in a handler.
    unsafe {
        libc::signal(libc::SIGABRT, libc::SIG_DFL);
        libc::abort()
    }
}
