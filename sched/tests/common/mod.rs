//! Every test runs on the safe and on the migrating runtime, in both fence modes, with one P and
//! with two, and each is bounded in time.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod child;
pub mod count;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use g0_sched::{Builder, Fences, Runtime, yield_now};

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

    /// With `procs` Ps, and else as the defaults say.
    pub fn with_procs(self, procs: usize) -> Runtime {
        self.build(Runtime::builder().procs(procs))
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

/// Runs `test`, which builds its runtime itself, for each kind, with one P and with two.
pub fn on_each_kind(test: impl Fn(Kind, usize) + Send + Sync + 'static) {
    let test = Arc::new(test);
    for kind in KINDS {
        for procs in [1, 2] {
            let test = test.clone();
            let name = std::thread::current().name().unwrap_or("a test").to_owned();
            let what = format!("{name}: {kind:?} with {procs} procs");
            // Shown when the test fails.
            println!("{what}");
            bounded(&what, move || test(kind, procs));
        }
    }
}

/// Runs `main` as the main goroutine of a runtime of each kind with one P and with `procs`; all
/// goroutines end in time.
pub fn on_every_runtime(procs: usize, main: impl Fn() + Send + Sync + 'static) {
    on_each_kind(move |kind, n| {
        let procs = if n == 1 { 1 } else { procs };
        let ended = kind.with_procs(procs).run_counted(&main).expect("main returns");
        assert_eq!(ended.left_behind, 0, "{kind:?}: goroutines left behind");
    });
}

/// As [`on_every_runtime`], with two Ps; and on a thread that runs no goroutine, without a runtime.
pub fn on_goroutines_and_threads(test: impl Fn() + Copy + Send + Sync + 'static) {
    on_every_runtime(2, test);
    bounded("a thread without a runtime", test);
}

/// The kernel's number of this thread.
pub fn tid() -> i32 {
    // SAFETY: it only asks.
    unsafe { libc::gettid() }
}

/// Yields until `done`, for as long as a test may take.
pub fn yield_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT / 2, "in vain: {what}");
        yield_now();
    }
}

/// What a panic said.
pub fn text(payload: &(dyn std::any::Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "not text",
    }
}

/// What the panic that leaves `f` says.
pub fn panic_text<T>(f: impl FnOnce() -> T) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("no panic came out"),
        Err(payload) => text(&*payload).to_owned(),
    }
}

/// Panics with `text`; the hook prints nothing.
pub fn quiet_panic(text: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(text))
}
