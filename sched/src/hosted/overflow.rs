//! The message of a goroutine that overflows its stack.

use core::fmt::Write;

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

/// Says which goroutine it was; false where the stack is none's.
fn report(overflow: &Overflow<'_>) -> bool {
    if !overflow.stack().is_tagged(&BENEATH) {
        return false;
    }
    // SAFETY: the tag says that a G lies there, and a G stays as long as its stack is the scheduler's.
    let g = unsafe { &*overflow.stack().payload::<G>() };
    if overflow.is_late() {
        // SAFETY: it has ended, and is being given back: no other starts there meanwhile.
        let name = unsafe { g.ident.name() };
        late(overflow, &Label { id: g.ident.id(), name, site: g.ident.site() });
        return true;
    }
    let Some((_, Label { id, name, site })) = g.ident.read(&g.status) else { return false };
    let mut message = Message::new();
    let remedy = if overflow.stack().guarded() {
        "Give the goroutines larger stacks (Builder::stack_size, Go::stack_size), or make the recursion shallower or its \
         frames smaller."
    } else {
        "Stacks are packed here: this one is the lowest of its region, and its neighbours may have done that. Do deep work \
         elsewhere (grow::call, Go::stack_size)."
    };
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: goroutine {id}{}{name}, started at {site}, has filled its stack of {} \
         bytes\n  (address {:#x} lies in the guard page beneath it).\n  {remedy}",
        if name.is_empty() { "" } else { " " },
        overflow.size(),
        overflow.address(),
    );
    true
}

/// Says which goroutine it was that has ended, and whose canary is broken.
#[cold]
#[inline(never)]
fn late(overflow: &Overflow<'_>, Label { id, name, site }: &Label) {
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: goroutine {id}{}{name}, started at {site}, has run over the end of its stack of {} bytes, \
         and has ended\n  (its canary is overwritten, and so may be what lies beneath it: another goroutine).\n  Do deep \
         work elsewhere (grow::call, Go::stack_size), or give the goroutines larger stacks.",
        if name.is_empty() { "" } else { " " },
        overflow.size(),
    );
}
