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
use std::vec::Vec;

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
pub fn dump(out: impl Write) -> io::Result<()> {
    match caller::<Hosted>() {
        Some((m, _)) => write(m.core(), out),
        None => Ok(()),
    }
}

/// Writes every goroutine of `core`, the oldest first.
pub(super) fn write(core: &'static Core, mut out: impl Write) -> io::Result<()> {
    let mut all: Vec<(NonNull<G>, GoroutineInfo)> = core.seen(futex::now()).collect();
    all.sort_unstable_by_key(|(_, seen)| seen.id);
    let mut walker = Walker::new();
    for (g, seen) in all {
        writeln!(out, "{seen}")?;
        if let GoroutineState::Waits(_) = seen.state {
            match Copy::of(g, seen.id) {
                Ok(copy) => walker.write(&copy, &mut out)?,
                Err(why) => writeln!(out, "    no backtrace: {why}")?,
            }
        }
    }
    Ok(())
}
