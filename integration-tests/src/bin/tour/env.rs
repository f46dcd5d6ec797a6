//! What a step is given: runtimes, a place for figures and progress, checks, and the saboteur.

use std::cell::Cell;
use std::fmt::{Debug, Display};

use g0_sched::{Builder, RunError};

use crate::ticker::{Count, Ticker};

/// A value in which the saboteur can change something.
pub trait Corrupt {
    /// Makes it another value of its type.
    fn corrupt(&mut self);
}

impl Corrupt for u64 {
    fn corrupt(&mut self) {
        *self ^= 1;
    }
}

impl Corrupt for i64 {
    fn corrupt(&mut self) {
        *self ^= 1;
    }
}

impl Corrupt for i32 {
    fn corrupt(&mut self) {
        *self ^= 1;
    }
}

impl Corrupt for String {
    fn corrupt(&mut self) {
        self.clear();
    }
}

impl<T: Corrupt> Corrupt for Vec<T> {
    fn corrupt(&mut self) {
        let middle = self.len() / 2;
        self[middle].corrupt();
    }
}

/// The surroundings of one run of one step.
pub struct Env {
    /// Whether the next result is to be corrupted; only the first one is.
    sabotage: Cell<bool>,
    most: u64,
    full: bool,
    ticker: Ticker,
}

impl Env {
    pub fn new(step: &'static str, sabotage: bool, most: u64, full: bool) -> Self {
        Self { sabotage: Cell::new(sabotage), most, full, ticker: Ticker::start(step) }
    }

    /// `n`, or what the command line allows.
    pub fn at_most(&self, n: u64) -> u64 {
        n.min(self.most)
    }

    /// Whether steps are asked for all that they can show, however long it takes.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The step's result, on its way to the check: here the saboteur waits.
    pub fn result<T: Corrupt>(&self, mut value: T) -> T {
        if self.sabotage.replace(false) {
            value.corrupt();
        }
        value
    }

    /// Prints a figure.
    pub fn figure(&self, what: &str, value: impl Display) {
        println!("    {what:<52} {value}");
    }

    /// Begins a stage of the step that counts up to `total`.
    pub fn stage(&self, doing: &'static str, total: u64) -> Count {
        let count = self.ticker.count();
        count.stage(doing, total);
        count
    }

    /// Runs `main` as the first goroutine of a migrating runtime. A panic in it is an error, and so
    /// is a goroutine that is left behind.
    pub fn run<R: Send>(
        &self,
        builder: Builder,
        main: impl FnOnce() -> R + Send,
    ) -> Result<R, String> {
        // SAFETY: the tour's goroutines suspend only in our own code and in callbacks, which stay
        // on their thread until C has them back. Our code uses no thread-local: it does not print,
        // asks nothing of `std::thread`, builds no hash map and holds no lock across a suspension; C's thread-local
        // state (`locked`) is used by goroutines that are locked, or in one call at a time. The
        // allocator and the unwinder have thread-locals, and in them nothing suspends.
        let runtime = unsafe { builder.build_migrating() }.map_err(|e| e.to_string())?;
        let ended = runtime.run_counted(main).map_err(|error| match error {
            RunError::Panicked(payload) => {
                format!("the main goroutine panicked: {}", text(&*payload))
            }
            other => other.to_string(),
        })?;
        match ended.left_behind {
            0 => ended.result.ok_or_else(|| "the main goroutine ended without a result".into()),
            n => Err(format!("{n} goroutines were left behind when the runtime ended")),
        }
    }
}

/// What a panic said.
pub fn text(payload: &(dyn std::any::Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "(not text)",
    }
}

/// An error unless `got` is `wanted`.
pub fn equal<T: PartialEq + Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted {
        return Ok(());
    }
    let short = |value: &T| {
        let text = format!("{value:?}");
        match text.char_indices().nth(160) {
            Some((end, _)) => format!("{} …", &text[..end]),
            None => text,
        }
    };
    Err(format!("{what}: {} is not {}", short(got), short(wanted)))
}

/// An error unless `holds`.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// `n` with a comma after each thousand.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i != 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
