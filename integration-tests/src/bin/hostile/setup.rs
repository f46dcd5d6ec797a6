//! The kinds of runtime, and what the programs share.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use g0_sched::{Builder, Error, Runtime, sleep};

/// What goroutines are to threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each has one to itself.
    Exclusive,
    /// Each stays on one, which it shares.
    Pinned,
    /// Each goes on on any.
    Migrating,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Exclusive, Kind::Pinned, Kind::Migrating];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Exclusive => "exclusive",
            Kind::Pinned => "pinned",
            Kind::Migrating => "migrating",
        }
    }
}

/// A kind, and a number of Ps.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub kind: Kind,
    pub procs: usize,
}

impl Setup {
    pub fn try_build(self, builder: Builder) -> Result<Runtime, Error> {
        let builder = builder.procs(self.procs);
        // SAFETY: the list of programs has each only on kinds whose promise it keeps.
        unsafe {
            match self.kind {
                Kind::Exclusive => builder.build(),
                Kind::Pinned => builder.build_pinned(),
                Kind::Migrating => builder.build_migrating(),
            }
        }
    }

    pub fn build(self, builder: Builder) -> Runtime {
        self.try_build(builder).expect("a runtime")
    }

    /// Runs `main` on a runtime with its defaults. All goroutines end, and main returns.
    pub fn run<R: Send>(self, main: impl FnOnce() -> R + Send) -> R {
        self.run_on(Runtime::builder(), main)
    }

    /// As [`run`](Self::run), on another runtime.
    pub fn run_on<R: Send>(self, builder: Builder, main: impl FnOnce() -> R + Send) -> R {
        let ended = self.build(builder).run_counted(main).expect("main returns");
        assert_eq!(ended.left_behind, 0, "goroutines left behind");
        ended.result.expect("main returns")
    }
}

/// Panics with `text`; the hook prints nothing.
pub fn quiet(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// What the panic said that left `f`, if one did.
pub fn caught<T>(f: impl FnOnce() -> T) -> Option<String> {
    catch_unwind(AssertUnwindSafe(f)).err().map(|payload| text(&*payload))
}

/// What a panic said.
pub fn text(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "not text".to_owned(),
    }
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Sleeps until `done`, within the time that a program has.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(40), "in vain: {what}");
        sleep(ms(1));
    }
}

/// The number that std gives this thread. Never inlined: a goroutine may be on another one afterwards.
#[inline(never)]
pub fn thread() -> std::thread::ThreadId {
    std::thread::current().id()
}

/// Whether this thread's name begins with that of a runtime. Never inlined, as [`thread`].
#[inline(never)]
pub fn is_of(runtime: &str) -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with(runtime))
}

/// Panics when it is dropped.
pub struct Bad(pub &'static str);

impl Drop for Bad {
    fn drop(&mut self) {
        quiet(self.0)
    }
}
