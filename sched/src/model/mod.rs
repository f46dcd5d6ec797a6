//! Checking code that uses goroutines, channels and locks of this crate with [loom]. Under
//! `--cfg loom` only.
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
//! fails, two threads access a `loom::cell::UnsafeCell` at once, or everybody waits for ever. The
//! bound is the first argument of [`check`]: most mistakes need two, each further one multiplies the
//! time by about ten. Threads are two to four, values few; loops are short.
//!
//! Not covered:
//!
//! - what is no operation of loom's or this crate's: a `std` mutex, a file, a plain atomic of `core`
//!   is no point at which threads may change places, and is not looked at;
//! - time: it stands still, unless the model has [a clock](clock) and moves it. Who waits until a
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
mod machines;
mod park;

use core::cell::Cell;
use core::ptr;

use g0_defer::NoUnwind;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::objects::m::M;
use crate::parts::parker::Parker;
use crate::platform::fatal::Fatal;
use crate::platform::{Platform, StartError};

pub use machines::{Shape, at_work, run, run_on, run_with, start};
#[doc(hidden)]
pub use park::{MACHINE, NOBODY, Owner, owner};

loom::thread_local! {
    static CURRENT: Cell<*const M> = Cell::new(ptr::null());
}

/// Whether somebody has waited in this schedule. Of the standard library: it is no part of a model.
static WAITED: AtomicBool = AtomicBool::new(false);

/// Loom's threads as a platform.
#[derive(Debug, Clone, Copy)]
pub struct Threads;

// SAFETY: the slot is loom's, found anew by each call; what loom's channels carry are tokens, taken
// once; where the fences matter schedulers of models use full ones.
unsafe impl Platform for Threads {
    type Unwind = NoUnwind;

    fn current() -> *const M {
        CURRENT.with(Cell::get)
    }

    fn set_current(m: *const M) {
        CURRENT.with(|slot| slot.set(m));
    }

    /// Threads start within [`run`] only.
    fn start(m: &'static M) -> Result<(), StartError> {
        machines::start::<Self>(m, || ())
    }

    fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        match owner(parker) {
            Owner::M(bell) => {
                waits();
                bell.wait();
                true
            }
            Owner::Machine | Owner::Waiter => park::park(parker, deadline),
            Owner::Nobody => panic!("a thread waits that the model does not have"),
        }
    }

    fn unpark(parker: &Parker) {
        match owner(parker) {
            Owner::M(bell) => bell.notify(),
            Owner::Nobody => {}
            owner => {
                park::unpark(ptr::from_ref(parker).addr(), matches!(owner, Owner::Waiter));
            }
        }
    }

    fn now() -> u64 {
        clock::now()
    }

    fn cpus() -> usize {
        clock::cpus()
    }

    /// Only asked for by a scheduler without fences.
    fn heavy_fence() {}

    fn fatal(report: &Fatal) -> ! {
        panic!("{report}")
    }
}

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

/// One schedule of `model`: what [`check`] calls, for a `loom::model::Builder` of one's own.
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
    WAITED.store(false, Relaxed);
    park::begin();
    clock::begin();
}

/// Whether somebody has waited in the present schedule, or in the last: a model in which nobody ever
/// does may show less than it seems.
pub fn waited() -> bool {
    WAITED.load(Relaxed)
}

fn waits() {
    WAITED.store(true, Relaxed);
}
