//! The message of a goroutine that overflows its stack, and of a thread that overflows its own.
//!
//! The first ends the process. The second is said before the fault is passed on: the handler that was there before
//! may say more (std's names the thread), or bring the program back (one that jumps); if there is none the process
//! aborts too.

use core::fmt::{self, Write};
use core::ptr::{self, NonNull};

use g0_stack::grow::first;
use g0_stack::overflow::{self, Fault, Message, Origin, Overflow, ThisThread};

use super::{current, system_stack};
use crate::objects::g::{BENEATH, G};
use crate::objects::m::M;
use crate::parts::ident::Label;

/// Installs handler and messages, once for the process. Without a handler an overflow is an
/// ordinary fault: a refusal is not an error.
pub(super) fn install() {
    // SAFETY: both read words and write a `Message`.
    unsafe {
        overflow::set_reporter(report);
        overflow::set_fault_reporter(report_fault);
    }
    let _ = overflow::install();
}

/// Says which goroutine it was, by its own stack or by a segment that it is on; false where the stack is none's.
fn report(overflow: &Overflow<'_>) -> bool {
    // SAFETY: the stack is that of the code which the signal has interrupted, and its records are whole.
    let own = unsafe { first(NonNull::from(overflow.stack())).as_ref() };
    if !own.is_tagged(&BENEATH) {
        return false;
    }
    // SAFETY: the tag says that a G lies there, and a G stays as long as its stack is the scheduler's.
    let g = unsafe { &*own.payload::<G>() };
    if overflow.is_late() {
        // SAFETY: it has ended, and is being given back: no other starts there meanwhile.
        let name = unsafe { g.ident.name() };
        late(overflow, &Name(Label { id: g.ident.id(), name, site: g.ident.site() }));
        return true;
    }
    let Some(name) = Name::of(g) else { return false };
    let (what, remedy) = if !ptr::eq(own, overflow.stack()) {
        ("a segment of its stack", "Let `grow::call` be told of more than it was")
    } else if own.guarded() {
        ("its stack", "Give the goroutines larger stacks (Builder::stack_size, Go::stack_size)")
    } else {
        (
            "its stack",
            "Stacks are packed here: this one is the lowest of its region, and its neighbours may have done that. Do \
             deep work elsewhere (grow::call, Go::stack_size)",
        )
    };
    let mut message = Message::new();
    let size = overflow.size();
    // Writing to a `Message` does not fail.
    let _ = if let Some(frame) = overflow.signal_frame() {
        writeln!(
            message,
            "stack overflow: the stack of {name}, of {size} bytes, is {frame}.\n  {remedy}, or give every handler \
             that flag (add_onstack_flags)."
        )
    } else {
        writeln!(
            message,
            "stack overflow: {name}, has filled {what} of {size} bytes\n  (address {:#x} lies in the guard page \
             beneath it).\n  {remedy}, or make the recursion shallower or its frames smaller.",
            overflow.address(),
        )
    };
    true
}

/// Says which goroutine it was that has ended, and whose canary is broken.
#[cold]
#[inline(never)]
fn late(overflow: &Overflow<'_>, name: &Name) {
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: {name}, has run over the end of its stack of {} bytes, and has ended\n  (its canary is \
         overwritten, and so may be what lies beneath it: another goroutine).\n  Do deep work elsewhere (grow::call, \
         Go::stack_size), or give the goroutines larger stacks.",
        overflow.size(),
    );
}

/// Says of a thread that runs goroutines that its system stack, or its stack for signals, is full.
fn report_fault(fault: &Fault) -> bool {
    // SAFETY: Ms are never freed while a thread has them.
    let Some(m) = (unsafe { current::get().as_ref() }) else { return false };
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = if fault.is_of_signal_stack() {
        writeln!(
            message,
            "stack overflow: a signal handler has filled the alternate signal stack, of {} bytes, of thread \
             {ThisThread},\n  which runs goroutines (address {:#x} lies beneath it){}.\n  Do less in the handler, or \
             give the thread a larger one (sigaltstack).",
            fault.signal_stack_size(),
            fault.address(),
            Running(m),
        )
    } else if let Some(stack) = system_stack::noted().filter(|stack| stack.is_full(fault)) {
        let size = stack.size();
        let what = match fault.origin() {
            Origin::SignalFrame => "has no room for the frame of a signal, which is lost",
            _ => "is full",
        };
        writeln!(
            message,
            "stack overflow: the system stack of thread {ThisThread}, of {size} bytes, {what}{}.\n  The scheduler and \
             foreign code run there (g0 of an M): make the recursion of what a goroutine calls in C shallower, or \
             its frames smaller.",
            Running(m),
        )
    } else {
        return false;
    };
    true
}

/// A goroutine, as a message names it.
struct Name(Label);

impl Name {
    fn of(g: &G) -> Option<Name> {
        g.ident.read(&g.status).map(|(_, label)| Name(label))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label { id, name, site } = &self.0;
        let space = if name.is_empty() { "" } else { " " };
        write!(f, "goroutine {id}{space}{name}, started at {site}")
    }
}

/// What an M is about, in a message.
struct Running(&'static M);

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: a G that an M runs stays as long as its stack is the scheduler's.
        let name = self.0.curg().and_then(|g| Name::of(unsafe { g.as_ref() }));
        match name {
            Some(name) if self.0.in_foreign_code() => {
                write!(f, ", in foreign code that {name}, has called")
            }
            Some(name) => write!(f, ", while it ran {name}"),
            None => Ok(()),
        }
    }
}
