//! Checking code that uses goroutines, channels and locks of this crate with [loom]. With the feature
//! `loom`, under `--cfg loom` only.
//!
//! Loom runs a *model*, a few threads, in every order in which they can meet, and with every value
//! that a memory access may return. What is here is all that the scheduler needs for it: a
//! [platform](Threads) of loom's threads. Code that is generic over its [`Platform`], or takes the
//! short forms from a module of its own, is then modelled as it is shipped:
//!
//! ```ignore
//! // In the program: what it takes from g0.
//! pub mod rt {
//!     #[cfg(not(loom))]
//!     pub use g0_sched::{Mutex, Semaphore, channel, go};
//!     #[cfg(loom)]
//!     g0_sched::platform!(g0_sched::model::Threads);
//! }
//!
//! // tests/model.rs, built with RUSTFLAGS="--cfg loom"
//! #[test]
//! fn one_at_a_time() {
//!     g0_sched::model::check(2, || {
//!         let pool = Arc::new(Pool::new(1));
//!         let other = pool.clone();
//!         let thread = loom::thread::spawn(move || other.with(|connection| connection.ping()));
//!         pool.with(|connection| connection.ping());
//!         thread.join().unwrap();
//!     });
//! }
//! ```
//!
//! The repository has such a project in `integration-tests/downstream`: a pool of connections and a
//! pipeline, their models, and two mistakes that the models find.
//!
//! # What a model says
//!
//! A model that passes has no schedule *with at most so many preemptions* in which an assertion
//! fails, two threads access a `loom::cell::UnsafeCell` at once, or all threads wait for ever. The
//! bound is the first argument of [`check`]: most mistakes need two, each further one multiplies the
//! time by about ten. Threads are two to four, values few; loops are short.
//!
//! Not covered:
//!
//! - what is no operation of loom's or this crate's: a `std` mutex, a file, a plain atomic of `core`
//!   is no point at which threads may change places, and is not looked at;
//! - time: it stands still, unless the model has [a clock](clock) and moves it. A thread that waits until a
//!   deadline in a model without a clock waits for ever;
//! - reordering of a load after a later store (*load buffering*), which loom does not explore;
//! - fairness, starvation, and anything that takes more steps than a schedule may have.
//!
//! Loom repeats a schedule step by step before it varies it, so the model must do the same each time:
//! no random numbers, no hash maps, no system clock. `select!` locks its channels in the order of their
//! addresses: those of one `select!` lie in one place (a struct, an array), not in an `Arc` each.
//!
//! # Threads or goroutines
//!
//! The callers in a model are loom's threads: to g0 they are threads that are no M, which block where
//! a goroutine would park. Channels and locks are the same code for both, so this is the model to
//! begin with: fast, and a failure unwinds. [`run`] takes a whole scheduler into the model, whose Ms are
//! threads and whose goroutines have stacks and are switched in assembly; it says more, of code that
//! spawns, parks or yields, and costs about ten times as much.
//!
//! [loom]: https://docs.rs/loom

pub mod clock;
#[doc(hidden)]
pub mod hooks;
mod label;
mod machines;
mod park;
mod parked;
mod threads;
mod ticks;

pub use machines::{Shape, at_work, run_leaving, run_on, start};
pub use park::waited;
#[doc(hidden)]
pub use park::{MACHINE, NOBODY, Owner, owner};
pub use threads::Threads;

/// Explores `model`, which is called once for each schedule, with at most `preemptions` of them: a
/// thread is preempted when another one goes on though this one could.
///
/// # Panics
///
/// In the first schedule that goes wrong, as the model does: `LOOM_LOG=trace` and `LOOM_LOCATION=1`
/// show its steps.
pub fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || schedule(&model));
}

/// Runs one schedule of `model`: what [`check`] calls, for a `loom::model::Builder` of one's own.
///
/// # Panics
///
/// As the model does, and when at its end a wait has been ended twice.
pub fn schedule(model: impl FnOnce()) {
    begin();
    model();
    park::end();
}

/// Forgets what a schedule has left that was not brought to its end. [`schedule`] does it.
pub fn begin() {
    park::begin();
    ticks::begin();
}

/// Runs `main` as a goroutine, and what it starts, on `procs` Ps and at most as many Ms, the calling
/// thread among them; returns when `main` has and all are gone. For models that spawn, park or yield.
/// The runtime is the migrating one.
///
/// No panic leaves a goroutine of a model, and no failed assertion: there the program is aborted,
/// after the report. So a model that is meant to fail is for threads, or for a process of its own.
///
/// # Panics
///
/// When a goroutine is left behind.
pub fn run(procs: usize, main: impl FnOnce() + Send) {
    run_with(procs, true, main);
}

/// As [`run`], without any fence where not `symmetric`: for models in which a full fence would hide a
/// missing release or acquire of the scheduler's own.
pub fn run_with(procs: usize, symmetric: bool, main: impl FnOnce() + Send) {
    run_on::<Threads>(Shape { symmetric, ..Shape::new(procs) }, main);
}
