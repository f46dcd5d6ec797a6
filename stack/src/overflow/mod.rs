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
//! overflow of a thread's own stack.
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
mod message;

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::OnceLock;

use crate::slab::{errno, registry, set_errno};
use crate::{Header, StackError, header};
pub use altstack::{AltStack, SignalStack};
pub use message::Message;

/// An overflow, as the handler found it.
#[derive(Debug)]
pub struct Overflow<'a> {
    address: usize,
    stack: &'a Header,
    is_late: bool,
}

impl Overflow<'_> {
    /// Returns the address that was touched, in the guard page; the stack's bottom if it [is late](Self::is_late).
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

/// The reporter, or null. Core's atomic and not the facade's: static, and read in a handler.
static REPORTER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

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
    let late = Overflow { address: stack.bottom().addr(), stack, is_late: true };
    if reporter().is_some_and(|tell| tell(&late)) {
        abort();
    }
}

/// Returns what [`set_reporter`] was given last.
fn reporter() -> Option<Reporter> {
    let reporter = REPORTER.load(Ordering::Acquire);
    // SAFETY: only `set_reporter` stores here, and it stores a `Reporter`.
    (!reporter.is_null()).then(|| unsafe { core::mem::transmute::<*mut (), Reporter>(reporter) })
}

/// Handles the signal.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel gives a valid record to an SA_SIGINFO handler.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // Codes of 0 and below are sent by a process, and have no address.
    if code > 0
        && let Some(overflow) = classify(address, stack_pointer(context))
    {
        report(&overflow);
    }
    let errno = errno();
    // SAFETY: called in the handler, with what the kernel gave.
    unsafe { chain::pass_on(signal, info, context) };
    // The interrupted code goes on where the predecessor repaired the fault.
    set_errno(errno);
}

/// Returns whether this fault is an overflow of a live slab stack.
fn classify(address: usize, sp: Option<usize>) -> Option<Overflow<'static>> {
    let slot = registry::find(address)?;
    if !slot.in_guard {
        return None;
    }
    // SAFETY: the slot's chunk is mapped, so its header's place can be read; it holds a header or,
    // if no stack was ever made there, zeros, which are valid for the type and fail the check.
    let stack = unsafe { slot.header.as_ref() };
    let running_on = sp.is_none_or(|sp| (slot.low..=stack.top().addr()).contains(&sp));
    (stack.check() && running_on).then_some(Overflow { address, stack, is_late: false })
}

/// Returns the stack pointer at the fault, where this crate knows how to find it.
fn stack_pointer(context: *mut libc::c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    cfg_if::cfg_if! {
        if #[cfg(target_arch = "x86_64")] {
            // SAFETY: the third argument of an SA_SIGINFO handler is this record.
            let sp = unsafe { (*context).uc_mcontext.gregs[libc::REG_RSP as usize] };
            usize::try_from(sp).ok()
        } else if #[cfg(target_arch = "aarch64")] {
            // SAFETY: the third argument of an SA_SIGINFO handler is this record.
            let sp = unsafe { (*context).uc_mcontext.sp };
            usize::try_from(sp).ok()
        } else {
            let _ = context;
            None
        }
    }
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
    abort()
}

/// Ends the process.
fn abort() -> ! {
    // A handler for SIGABRT might want to unwind or to run on: it has no say.
    // SAFETY: both may be called in a handler.
    unsafe {
        libc::signal(libc::SIGABRT, libc::SIG_DFL);
        libc::abort()
    }
}
