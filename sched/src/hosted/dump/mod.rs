//! All goroutines, with the backtraces of those that wait.
//!
//! A parked goroutine may wake at any moment, and then its stack changes under a thread that reads it. So
//! the part of the stack that is in use is copied first, and the frames are looked for in the copy; if
//! the goroutine has not the same context before and after, the copy is thrown away.
//!
//! ```text
//!   status PARKED, number, context ──▶ copy ──▶ status PARKED, number, context: the same?
//! ```
//!
//! One that has run and come back to the same place in between is not told apart. Its copy may be a
//! mixture, and the backtrace wrong; but nothing is read outside the copy, and nothing done by it.

mod frames;
mod modules;
mod stack;

use core::ptr::NonNull;
use std::io::{self, Write};
use std::vec::{self, Vec};

use super::dump::frames::Walker;
use super::dump::stack::Copy;
use super::futex;
use super::tag::Hosted;
use crate::exec::enter::caller;
use crate::introspect::{GoroutineInfo, GoroutineState};
use crate::objects::g::G;
use crate::objects::shared::Core;

/// Writes every goroutine of the running one's runtime: what it does, where it was started, and the
/// backtrace of each that waits. Nothing on a thread that is no M. A
/// [`Watch`](crate::Watch) does the same from anywhere.
///
/// # Errors
///
/// Those of `out`.
///
/// # Panics
///
/// On the system stack.
pub fn dump(mut out: impl Write) -> io::Result<()> {
    let Some((m, _)) = caller::<Hosted>() else { return Ok(()) };
    let mut dump = Dump::of(m.core());
    let mut text = Vec::new();
    // SAFETY: the goroutine that asks keeps its scheduler.
    while unsafe { dump.next(&mut text) } {
        out.write_all(&text)?;
        text.clear();
    }
    Ok(())
}

/// The goroutines that are still to be written, the oldest first.
pub(super) struct Dump {
    rest: vec::IntoIter<(NonNull<G>, GoroutineInfo)>,
    walker: Walker,
}

impl Dump {
    /// Returns the dump of all goroutines of `core`, as they are now.
    pub(super) fn of(core: &'static Core) -> Self {
        let mut all: Vec<(NonNull<G>, GoroutineInfo)> = core.seen(futex::now()).collect();
        all.sort_unstable_by_key(|(_, seen)| seen.id);
        Self { rest: all.into_iter(), walker: Walker::new() }
    }

    /// Appends what there is to say of the next goroutine; returns false when there is none. Runs no code of
    /// the program.
    ///
    /// # Safety
    ///
    /// The scheduler must be alive.
    pub(super) unsafe fn next(&mut self, text: &mut Vec<u8>) -> bool {
        let Some((g, seen)) = self.rest.next() else { return false };
        // Writing to a vector does not fail.
        let _ = writeln!(text, "{seen}");
        if let GoroutineState::Waits(_) = seen.state {
            let _ = match Copy::of(g, seen.id) {
                Ok(copy) => self.walker.write(&copy, text),
                Err(why) => writeln!(text, "    no backtrace: {why}"),
            };
        }
        true
    }
}
