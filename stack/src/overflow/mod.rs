//! What tells an overflow of a goroutine's stack from any other fault.
//!
//! A frame that grows over the bottom of a slab stack touches its guard page. The kernel sends
//! SIGSEGV, and the handler that [`install`] puts in place (on the thread's alternate stack, for
//! the goroutine's has no room) asks three things: does the address lie in a guard page of a slab,
//! is a live stack above it, and was the thread running on that stack? If so the *reporter* says
//! what happened, and the process aborts: nothing can be unwound there. Any other fault goes to
//! the handler that was there before, as if this one had never been: std's (which knows the guard
//! pages of its own threads), a C program's, or the default, which kills.
//!
//! So a wild pointer that happens to hit a guard page is not called an overflow, nor is an
//! overflow of a thread's own stack: of that, and of all else, a [fault reporter](set_fault_reporter) may
//! tell before it is passed on.
//!
//! # Signals and small stacks
//!
//! A signal is delivered on the stack of the code that it interrupts, unless its handler has SA_ONSTACK and the
//! thread an alternate stack. If its frame does not fit there, the kernel sends SIGSEGV in its place, with a code of
//! its own and no address; the signal itself is lost. Returning from that would be going on without it, and the
//! handlers of std and of many a program answer it by restoring the default, as for a fault that happens again: so
//! one lost signal would switch this handler off for the process, and a later overflow be a bare SIGSEGV.
//!
//! | what happens | what is done |
//! |---|---|
//! | a handler with SA_ONSTACK, on a stack that is nearly full | it runs on the thread's alternate stack: every thread that runs goroutines needs an [`AltStack`] |
//! | one without | [`add_onstack_flags`] adds the flag to those that are there |
//! | one that lacks it still, and a slab stack without room for the frame | the message, which names the signals whose handlers lack the flag; the process aborts |
//! | the same on a thread's own stack | the fault reporter may tell; the handler that was there before is asked, and if that gives up the process ends by SIGSEGV |
//! | SIGSEGV or SIGBUS is sent, and the handler that was there before gives up | the process ends by that signal; std's alone would swallow the first one |
//! | a handler fills the alternate stack | the message, if the handler's stack pointer has come to the end of it; else the kernel finds no room for SIGSEGV's own frame, and ends the process by it |
//! | any of it while SIGSEGV is blocked | the kernel ends the process by SIGSEGV: nothing can be told |
//!
//! In no row does the process go on without this handler.
//!
//! A frame larger than a page in code that does not probe its pages (C without
//! `-fstack-clash-protection`) may jump over the guard page unseen. Rust probes.
//!
//! ```
//! use g0_stack::overflow::{self, AltStack};
//! let _alternate = AltStack::ensure()?; // for each thread that runs goroutines
//! overflow::install()?; // once, though again does no harm
//! # Ok::<(), g0_stack::StackError>(())
//! ```

mod altstack;
mod chain;
mod fault;
mod message;
mod onstack;

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::OnceLock;

use crate::slab::{errno, registry, set_errno};
use crate::{Header, StackError, header};
pub use altstack::{AltStack, SignalStack};
pub use fault::{Fault, Origin};
pub use message::{Message, SignalFrame, ThisThread};
pub use onstack::{add_onstack_flags, handler_without_onstack};

/// An overflow, as the handler found it.
#[derive(Debug)]
pub struct Overflow<'a> {
    address: usize,
    stack: &'a Header,
    /// The code's own frames fit, but a signal's does not.
    signal_frame: Option<SignalFrame>,
    is_late: bool,
}

impl Overflow<'_> {
    /// Returns the address that was touched, in the guard page; for the [frame of a
    /// signal](Overflow::signal_frame) where the code's own frames end; the stack's bottom if it
    /// [is late](Self::is_late).
    pub fn address(&self) -> usize {
        self.address
    }

    /// Returns the stack that overflowed. Its header is whole, and so is what a [`Tag`](crate::Tag) says that
    /// lies beneath.
    pub fn stack(&self) -> &Header {
        self.stack
    }

    /// Returns the bytes of the stack.
    pub fn size(&self) -> usize {
        self.stack.size()
    }

    /// Returns what to say of it, if it was not the code that filled the stack: the frame of a signal, whose handler
    /// has no SA_ONSTACK, did not fit onto the rest. Its text goes on from "the stack is".
    pub fn signal_frame(&self) -> Option<SignalFrame> {
        self.signal_frame
    }

    /// Returns whether nothing faulted: the canary was found overwritten when the stack was given back, and what lies
    /// beneath the stack may have been damaged.
    pub fn is_late(&self) -> bool {
        self.is_late
    }
}

/// Tells the user of an overflow, and returns whether it has: otherwise this crate's own message follows, or, when it
/// [is late](Overflow::is_late), a panic. It must
/// believe nothing of what lies beneath the header but a [`Tag`](crate::Tag) of its own. The process aborts when
/// it returns.
pub type Reporter = fn(&Overflow<'_>) -> bool;

/// Tells the user of a fault that is no overflow of one of this crate's stacks, or that is none of its business;
/// returns whether it has. Then the handler that was there before is called, and if there is none the process aborts.
pub type FaultReporter = fn(&Fault) -> bool;

/// The reporter, or null. Core's atomic and not the facade's: static, and read in a handler.
static REPORTER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());
/// As [`REPORTER`], of all other faults.
static FAULT_REPORTER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Installs the handlers of SIGSEGV and SIGBUS, once for the process; later calls return what the first
/// did. A handler that is installed afterwards takes precedence, and finds this one as its own
/// predecessor.
///
/// # Errors
/// [`StackError::Signal`] if the kernel refuses.
pub fn install() -> Result<(), StackError> {
    static DONE: OnceLock<Result<(), StackError>> = OnceLock::new();
    *DONE.get_or_init(|| {
        chain::insert(libc::SIGSEGV, on_fault)?;
        chain::insert(libc::SIGBUS, on_fault)
    })
}

/// Sets what tells the user of an overflow, instead of the message that this crate writes.
///
/// ```compile_fail,E0133
/// g0_stack::overflow::set_reporter(|_| true);
/// ```
///
/// # Safety
///
/// `reporter` is called in a signal handler, which may have interrupted anything: it must not allocate, lock,
/// unwind, or call what may. [`Message`] writes safely.
pub unsafe fn set_reporter(reporter: Reporter) {
    // Release, with the Acquire in `report`: what the caller prepared for the reporter is there.
    REPORTER.store(reporter as *mut (), Ordering::Release);
    header::ON_OVERRUN.store(overrun as fn(&Header) as *mut (), Ordering::Release);
}

/// The canary of `stack`, which is being given back, is broken. Aborts when the reporter has told of it; else the panic
/// does.
fn overrun(stack: &Header) {
    let late =
        Overflow { address: stack.bottom().addr(), stack, signal_frame: None, is_late: true };
    if reporter().is_some_and(|tell| tell(&late)) {
        chain::abort();
    }
}

/// Returns what [`set_reporter`] was given last.
fn reporter() -> Option<Reporter> {
    let reporter = REPORTER.load(Ordering::Acquire);
    // SAFETY: only `set_reporter` stores here, and it stores a `Reporter`.
    (!reporter.is_null()).then(|| unsafe { core::mem::transmute::<*mut (), Reporter>(reporter) })
}

/// Sets what may tell the user of a fault before it is passed on to the handler that was there before. It is asked
/// of each, also of those that a program repairs: it must be quick to say no.
///
/// ```compile_fail,E0133
/// g0_stack::overflow::set_fault_reporter(|_| true);
/// ```
///
/// # Safety
///
/// As [`set_reporter`]; and the thread may be any of the process.
pub unsafe fn set_fault_reporter(reporter: FaultReporter) {
    // Release, with the Acquire in `tell`: as above.
    FAULT_REPORTER.store(reporter as *mut (), Ordering::Release);
}

/// Handles the signal.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let errno = errno();
    // SAFETY: the kernel's arguments.
    let fault = unsafe { Fault::read(signal, info, context) };
    let knows = fault.origin() != Origin::Sent && tell(&fault);
    // SAFETY: called in the handler, with what the kernel gave.
    unsafe { chain::pass_on(signal, info, context, &fault, knows) };
    // The interrupted code goes on where the predecessor repaired the fault.
    set_errno(errno);
}

/// Tells the user of an overflow, and ends the process; of another fault returns whether the user has been told.
fn tell(fault: &Fault) -> bool {
    if let Some(overflow) = classify(fault) {
        report(&overflow);
    }
    let reporter = FAULT_REPORTER.load(Ordering::Acquire);
    let knows = !reporter.is_null() && {
        // SAFETY: only `set_fault_reporter` stores here, and it stores a `FaultReporter`.
        let reporter = unsafe { core::mem::transmute::<*mut (), FaultReporter>(reporter) };
        reporter(fault)
    };
    if fault.is_of_signal_stack() {
        // This handler's own frames lie over those that were interrupted: there is no way back.
        if !knows {
            message::signal_stack(fault);
        }
        chain::abort();
    }
    knows
}

/// Returns whether this fault is an overflow of a live slab stack.
fn classify(fault: &Fault) -> Option<Overflow<'static>> {
    let is_signal = fault.origin() == Origin::SignalFrame;
    let address = if is_signal { fault.sp()? } else { fault.address() };
    let slot = registry::find(address)?;
    if !slot.in_guard && !is_signal {
        return None;
    }
    // SAFETY: the slot's chunk is mapped, so its header's place can be read; it holds a header or,
    // if no stack was ever made there, zeros, which are valid for the type and fail the check.
    let stack = unsafe { slot.header.as_ref() };
    if !stack.check() {
        return None;
    }
    let (bottom, top) = (stack.bottom().addr(), stack.top().addr());
    let runs_on = fault.sp().is_none_or(|sp| (slot.low..=top).contains(&sp));
    let is_full = !is_signal || fault.frame_exceeds(bottom);
    let room = address.saturating_sub(bottom);
    let signal_frame = is_signal.then_some(SignalFrame { room });
    (runs_on && is_full).then_some(Overflow { address, stack, signal_frame, is_late: false })
}

/// Reports and aborts.
fn report(overflow: &Overflow<'_>) -> ! {
    static REPORTING: AtomicBool = AtomicBool::new(false);
    // Relaxed: it guards nothing but the turn.
    if REPORTING.swap(true, Ordering::Relaxed) {
        loop {
            // Another thread is writing its report and will abort the process.
            // SAFETY: only waits.
            unsafe { libc::pause() };
        }
    }
    if !reporter().is_some_and(|tell| tell(overflow)) {
        message::overflow(overflow);
    }
    chain::abort()
}
