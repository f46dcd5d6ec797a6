//! Who does what, and the watchdog that tells when a round does not end.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where one of a crew is.
pub struct Desk {
    work: &'static str,
    kind: &'static str,
    doing: AtomicPtr<&'static str>,
    steps: AtomicU64,
    over: AtomicBool,
}

impl Desk {
    pub fn new(work: &'static str, kind: &'static str) -> Self {
        Self {
            work,
            kind,
            doing: AtomicPtr::new(std::ptr::from_ref(&"to start").cast_mut()),
            steps: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// The next operation: `&"what it is"`.
    pub fn at(&self, what: &'static &'static str) {
        // Relaxed: read when nothing moves any more.
        self.doing.store(std::ptr::from_ref(what).cast_mut(), Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Its work is done: how many operations.
    pub fn done(&self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.steps()
    }

    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn what(&self) -> &'static str {
        // SAFETY: only `&'static &'static str`s are stored.
        unsafe { *self.doing.load(Ordering::Relaxed) }
    }
}

/// The round that runs.
struct Round {
    seed: u64,
    about: String,
    start: Instant,
    desks: Vec<Arc<Desk>>,
}

static ROUND: Mutex<Option<Round>> = Mutex::new(None);

fn with_round<R>(f: impl FnOnce(&mut Option<Round>) -> R) -> R {
    f(&mut ROUND.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A round begins.
pub fn begin(seed: u64, about: String) {
    with_round(|round| {
        *round = Some(Round { seed, about, start: Instant::now(), desks: Vec::new() });
    });
}

/// Somebody takes part in it.
pub fn add(desk: Arc<Desk>) {
    with_round(|round| round.as_mut().expect("a round").desks.push(desk));
}

/// It has ended.
pub fn end() {
    with_round(|round| *round = None);
}

/// How to compose a round again.
pub fn again(seed: u64) -> String {
    format!("again: soak --seed {seed} --rounds 1")
}

/// From now on a panic, and a round that takes longer than `limit`, end the program
/// with a report; or (`hold`) keep it as it is.
pub fn start(limit: Duration, hold: bool) {
    std::panic::set_hook(Box::new(move |panic| fail(&format!("{panic}"), hold)));
    let watch = move || {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            if with_round(|round| round.as_ref().is_some_and(|r| r.start.elapsed() > limit)) {
                fail(&format!("a round has not ended after {} s", limit.as_secs()), hold);
            }
        }
    };
    std::thread::Builder::new().name("watch".into()).spawn(watch).expect("a thread");
}

/// Says what has happened and who does what, and ends the program.
fn fail(what: &str, hold: bool) -> ! {
    let mut text = format!("FAILED: {what}\n");
    with_round(|round| {
        let Some(round) = round else { return };
        let _ = writeln!(text, "in the round: {}", round.about);
        let mut over = 0;
        for desk in &round.desks {
            if desk.over.load(Ordering::Relaxed) {
                over += 1;
            } else {
                let (work, kind, steps) = (desk.work, desk.kind, desk.steps());
                let _ = writeln!(text, "  {work}, {kind}, step {steps}: {}", desk.what());
            }
        }
        let _ = writeln!(text, "  {over} others have done their work\n{}", again(round.seed));
    });
    eprint!("{text}");
    if hold {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    std::process::abort()
}
