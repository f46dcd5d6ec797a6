//! The kinds of runtime that rows are measured on, one a process.

use std::sync::OnceLock;

use g0_sched::{Builder, Runtime};

/// A kind of runtime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Every row is measured on it.
    Migrating,
    /// Those of `ON_PINNED_TOO` besides.
    Pinned,
}

static KIND: OnceLock<Kind> = OnceLock::new();

/// This process measures on this kind of runtime from here on. It is said once.
pub(crate) fn measure_on(kind: Kind) {
    KIND.set(kind).expect("said once");
}

/// Runs `main` on a runtime with one P.
pub(crate) fn on_one_p<R: Send>(main: impl FnOnce() -> R + Send) -> R {
    on(1, main)
}

/// Runs `main` on a runtime with one P whose goroutines have stacks of 1 KiB.
pub(crate) fn on_one_p_packed<R: Send>(main: impl FnOnce() -> R + Send) -> R {
    // SAFETY: the goroutines of the rows that ask for it add to a counter, wait, and end; this program installs no
    // signal handler, and the build looks at the rest.
    let builder = unsafe { Runtime::builder().procs(1).packed_stacks(1024) };
    run(builder, main)
}

/// Runs `main` on a runtime with this many Ps.
pub(crate) fn on<R: Send>(procs: usize, main: impl FnOnce() -> R + Send) -> R {
    run(Runtime::builder().procs(procs), main)
}

fn run<R: Send>(builder: Builder, main: impl FnOnce() -> R + Send) -> R {
    let runtime = match KIND.get().expect("main says which") {
        // SAFETY: the rows keep no thread-local and no thread-bound value across a suspension point.
        Kind::Migrating => unsafe { builder.build_migrating() },
        // SAFETY: nor do they wait while a thread-local is initialised or has a pointer into a frame.
        Kind::Pinned => unsafe { builder.build_pinned() },
    };
    runtime.expect("a runtime").run(main).expect("main returns")
}
