//! Every test runs on the safe and on the migrating runtime, and in both fence modes.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use g0_sched::{Builder, Fences, Runtime};

/// No test takes longer, on a machine however busy.
const LIMIT: Duration = Duration::from_secs(60);

/// A kind of runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub migrating: bool,
    pub fences: Fences,
}

pub const KINDS: [Kind; 4] = [
    Kind { migrating: false, fences: Fences::Auto },
    Kind { migrating: false, fences: Fences::Symmetric },
    Kind { migrating: true, fences: Fences::Auto },
    Kind { migrating: true, fences: Fences::Symmetric },
];

impl Kind {
    pub fn build(self, builder: Builder) -> Runtime {
        let builder = builder.fences(self.fences);
        if self.migrating {
            // SAFETY: the tests keep no thread-local and no thread-bound value across a
            // suspension point.
            unsafe { builder.build_migrating() }.expect("a runtime")
        } else {
            builder.build().expect("a runtime")
        }
    }
}

/// Runs `f` in time, or ends the test program with a message.
pub fn bounded<R: Send + 'static>(what: &str, f: impl FnOnce() -> R + Send + 'static) -> R {
    let (tx, rx) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let r = f();
        let _ = tx.send(());
        r
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = rx.recv_timeout(LIMIT) {
        eprintln!("{what}: not done after {LIMIT:?}");
        std::process::abort();
    }
    match thread.join() {
        Ok(r) => r,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Runs `main` as the main goroutine of a runtime of each kind with `procs` Ps and with one.
pub fn on_every_runtime(procs: usize, main: impl Fn() + Send + Sync + 'static) {
    let main = Arc::new(main);
    for kind in KINDS {
        for procs in [1, procs] {
            let main = main.clone();
            bounded(&format!("{kind:?} with {procs} procs"), move || {
                let runtime = kind.build(Runtime::builder().procs(procs));
                let ended = runtime.run_counted(|| main()).expect("main returns");
                assert_eq!(ended.left_behind, 0, "{kind:?}: goroutines left behind");
            });
        }
    }
}
