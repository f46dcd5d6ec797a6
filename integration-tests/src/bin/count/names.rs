//! What another tree may publish under another name.
//!
//! When such a name changes, both names must stand here while trees on both sides of the change are compared: each behind
//! a feature of the package that `xtask/src/instructions/program.rs` writes, chosen by what the tree's sources have.

use g0_sched::{Fences, Runtime};

/// The kinds of runtime.
pub(crate) const RUNTIMES: [&str; 2] = ["migrating", "safe"];

/// Runs `main` on a runtime of this kind with one P and asymmetric fences, which valgrind passes on to the kernel: where
/// they are refused this fails and does not count the symmetric ones in their place.
pub(crate) fn on_one_p(runtime: &str, main: impl FnOnce() + Send) {
    let builder = Runtime::builder().procs(1).max_procs(1).fences(Fences::Asymmetric);
    let runtime = match runtime {
        // SAFETY: as below.
        #[cfg(not(feature = "before-build-pinned"))]
        "safe" => unsafe { builder.build_pinned() },
        #[cfg(feature = "before-build-pinned")]
        "safe" => builder.build(),
        // SAFETY: the rows keep no thread-local and no thread-bound value across a suspension point.
        _ => unsafe { builder.build_migrating() },
    };
    runtime.expect("a runtime").run(main).expect("the row ends");
}
