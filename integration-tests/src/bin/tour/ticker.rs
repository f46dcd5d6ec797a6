//! Progress: goroutines count, an ordinary thread prints a line each second.
//!
//! It is the step's watchdog too: what hangs is named, and the tour ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::env::grouped;

/// No step takes longer, on a machine however busy; the whole tour has two minutes.
const LIMIT: Duration = Duration::from_secs(100);

struct Stage {
    doing: &'static str,
    total: u64,
}

struct Shared {
    stage: Mutex<Stage>,
    done: AtomicU64,
    over: AtomicBool,
}

/// Prints how far a step has come, from its second second on.
pub struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A stage's counter; goroutines may use it.
#[derive(Clone)]
pub struct Count(Arc<Shared>);

impl Count {
    /// `n` more are done.
    pub fn add(&self, n: u64) {
        // Relaxed: a figure to look at.
        self.0.done.fetch_add(n, Ordering::Relaxed);
    }
}

impl Ticker {
    pub fn start(step: &'static str) -> Self {
        let shared = Arc::new(Shared {
            stage: Mutex::new(Stage { doing: "", total: 0 }),
            done: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let theirs = shared.clone();
        let thread = thread::spawn(move || tick(step, &theirs));
        Self { shared, thread: Some(thread) }
    }

    /// A stage begins: `doing` something `total` times.
    pub fn stage(&self, doing: &'static str, total: u64) -> Count {
        let mut stage = self.shared.stage.lock().expect("the ticker does not panic");
        *stage = Stage { doing, total };
        self.shared.done.store(0, Ordering::Relaxed);
        Count(self.shared.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            Thread::unpark(thread.thread());
            let _ = thread.join();
        }
    }
}

fn tick(step: &str, shared: &Shared) {
    let start = Instant::now();
    let mut next = Duration::from_secs(1);
    loop {
        // An unpark that came before the sleep ends it at once.
        while start.elapsed() < next {
            if shared.over.load(Ordering::Relaxed) {
                return;
            }
            thread::park_timeout(next.saturating_sub(start.elapsed()));
        }
        next += Duration::from_secs(1);
        let stage = shared.stage.lock().expect("steps do not panic here");
        let done = shared.done.load(Ordering::Relaxed);
        if stage.total != 0 {
            println!("    … {}: {} of {}", stage.doing, grouped(done), grouped(stage.total));
        }
        if start.elapsed() > LIMIT {
            println!("    FAILED: {step} hangs while {}", stage.doing);
            std::process::abort();
        }
    }
}
