//! The message of a goroutine that overflows its stack.

use core::fmt::Write;
use core::ptr::{self, NonNull};

use g0_stack::grow::first;
use g0_stack::overflow::{self, Message, Overflow};

use crate::objects::g::{BENEATH, G};
use crate::parts::ident::Label;

/// Installs handler and message, once for the process. Without a handler an overflow is an
/// ordinary fault: a refusal is not an error.
pub(super) fn install() {
    // SAFETY: it reads words and writes a `Message`.
    unsafe { overflow::set_reporter(report) };
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
    let Some((_, Label { id, name, site })) = g.ident.read(&g.status) else { return false };
    let (what, remedy) = if ptr::eq(own, overflow.stack()) {
        ("its stack", "Give the goroutines larger stacks (Builder::stack_size)")
    } else {
        ("a segment of its stack", "Let `grow::call` be told of more than it was")
    };
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: goroutine {id}{}{name}, started at {site}, has filled {what} of {} \
         bytes\n  (address {:#x} lies in the guard page beneath it).\n  {remedy}, or make the \
         recursion shallower or its frames smaller.",
        if name.is_empty() { "" } else { " " },
        overflow.size(),
        overflow.address(),
    );
    true
}
