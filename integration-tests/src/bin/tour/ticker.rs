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
    /// The next stage begins: `doing` something `total` times; 0 if that is not known.
    pub fn stage(&self, doing: &'static str, total: u64) {
        *self.0.stage.lock().expect("the ticker does not panic") = Stage { doing, total };
        self.0.done.store(0, Ordering::Relaxed);
    }

    /// `n` more are done.
    pub fn add(&self, n: u64) {
        // Relaxed: a figure to look at.
        self.0.done.fetch_add(n, Ordering::Relaxed);
    }

    /// `n` are done.
    pub fn set(&self, n: u64) {
        self.0.done.store(n, Ordering::Relaxed);
    }
}

impl Ticker {
    pub fn start(step: &'static str) -> Self {
        let shared = Arc::new(Shared {
            stage: Mutex::new(Stage { doing: "starting", total: 0 }),
            done: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let theirs = shared.clone();
        let thread = thread::spawn(move || tick(step, &theirs));
        Self { shared, thread: Some(thread) }
    }

    /// What the step counts with.
    pub fn count(&self) -> Count {
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
        match stage.total {
            0 if done == 0 => println!("    … {}", stage.doing),
            0 => println!("    … {}: {}", stage.doing, grouped(done)),
            total => println!("    … {}: {} of {}", stage.doing, grouped(done), grouped(total)),
        }
        if start.elapsed() > LIMIT {
            println!("    FAILED: {step} hangs while {}", stage.doing);
            std::process::abort();
        }
    }
}
