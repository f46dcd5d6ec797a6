//! The message of a goroutine that overflows its stack.

use core::fmt::Write;

use g0_stack::overflow::{self, Message, Overflow};

use crate::objects::g::G;

/// Installs handler and message, once for the process. Without a handler an overflow is an
/// ordinary fault: a refusal is not an error.
pub(super) fn install() {
    overflow::set_reporter(report);
    let _ = overflow::install();
}

fn report(overflow: &Overflow<'_>) {
    // SAFETY: every stack of a hosted runtime's slab that is in use carries a G beneath its
    // header; what is read was written before the goroutine started. Other slabs are not
    // distinguished: their payload is at least a G long, and a null scheduler tells them apart.
    let (id, name, site) = unsafe {
        let g = &*overflow.stack().payload::<G>();
        (g.ident.id(), g.ident.name(), g.ident.site())
    };
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: goroutine {id}{}{name}, started at {site}, has filled its stack of {} \
         bytes\n  (address {:#x} lies in the guard page beneath it).\n  Give the goroutines larger \
         stacks (Builder::stack_size), or make the recursion shallower or its frames smaller.",
        if name.is_empty() { "" } else { " " },
        overflow.size(),
        overflow.address(),
    );
}
