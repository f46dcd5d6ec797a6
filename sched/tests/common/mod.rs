//! Every test runs on each kind of runtime, in both fence modes, with one P and with two, and each is
//! bounded in time.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod child;
pub mod count;
pub mod late;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use g0_sched::{Builder, Error, Fences, Mobility, Runtime, yield_now};

pub use Threads::{Exclusive, Migrating, Pinned};

/// No test takes longer, on a machine however busy.
const LIMIT: Duration = Duration::from_secs(60);

/// What goroutines are to threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// Each has one to itself.
    Exclusive,
    /// Each stays on one, which it shares.
    Pinned,
    /// Each goes on on any.
    Migrating,
}

impl Threads {
    pub const ALL: [Self; 3] = [Exclusive, Pinned, Migrating];

    pub fn mobility(self) -> Mobility {
        // SAFETY: the tests keep no thread-local and no thread-bound value across a suspension point, and
        // suspend in no initialiser.
        unsafe {
            match self {
                Exclusive => Mobility::EXCLUSIVE,
                Pinned => Mobility::pinned(),
                Migrating => Mobility::migrating(),
            }
        }
    }

    pub fn try_build(self, builder: Builder) -> Result<Runtime, Error> {
        // SAFETY: as in `mobility`.
        unsafe {
            match self {
                Exclusive => builder.build(),
                Pinned => builder.build_pinned(),
                Migrating => builder.build_migrating(),
            }
        }
    }

    pub fn build(self, builder: Builder) -> Runtime {
        self.try_build(builder).expect("a runtime")
    }
}

/// A kind of runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub threads: Threads,
    pub fences: Fences,
}

pub const KINDS: [Kind; 5] = [
    Kind { threads: Exclusive, fences: Fences::Auto },
    Kind { threads: Pinned, fences: Fences::Auto },
    Kind { threads: Pinned, fences: Fences::Symmetric },
    Kind { threads: Migrating, fences: Fences::Auto },
    Kind { threads: Migrating, fences: Fences::Symmetric },
];

/// Schedulers that show what there is to see: each kind with one P and with two, and both fence modes.
pub const SCHEDULERS: [(Threads, bool, usize); 6] = [
    (Exclusive, false, 1),
    (Exclusive, false, 2),
    (Pinned, true, 1),
    (Pinned, false, 2),
    (Migrating, false, 1),
    (Migrating, true, 2),
];

impl Kind {
    pub fn build(self, builder: Builder) -> Runtime {
        self.threads.build(builder.fences(self.fences))
    }

    /// Returns how many goroutines are enough: `many`, or on the exclusive runtime as many as are threads at
    /// most.
    pub fn at_most(self, many: usize) -> usize {
        if self.threads == Exclusive { many.min(100) } else { many }
    }

    /// Returns whether goroutines share threads, and stay on theirs.
    pub fn is_pinned(self) -> bool {
        self.threads == Pinned
    }

    /// Returns whether goroutines go on on any thread.
    pub fn migrates(self) -> bool {
        self.threads == Migrating
    }

    /// With `procs` Ps, and else as the defaults say.
    pub fn with_procs(self, procs: usize) -> Runtime {
        self.build(Runtime::builder().procs(procs))
    }

    /// As [`with_procs`](Self::with_procs), for an end that leaves none behind: on a busy machine a thread may get no
    /// CPU for longer than the default grace.
    pub fn with_procs_and_time(self, procs: usize) -> Runtime {
        self.build(Runtime::builder().procs(procs).grace(LIMIT / 2))
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

/// Returns whether operations suspend that need not (`G0_SUSPEND=often`): then no order of turns can be told,
/// and a test of one has nothing to see.
pub fn suspends_often() -> bool {
    let often = std::env::var_os("G0_SUSPEND").is_some_and(|word| word == "often");
    if often {
        println!("no order is kept where operations suspend that need not");
    }
    often
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
