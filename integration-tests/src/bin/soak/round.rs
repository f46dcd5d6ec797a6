//! A round: a runtime, and works on it.

use std::fmt;
use std::ops::AddAssign;

use g0_sched::{Ended, Fences, Runtime};

use crate::crew::{Crew, Left};
use crate::random::Random;
use crate::watch;
use crate::work::{self, Work};

/// What rounds have come to.
#[derive(Default)]
pub struct Totals {
    values: u64,
    steps: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.values += more.values;
        self.steps += more.steps;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values in the books, {} operations", self.values, self.steps)
    }
}

/// Composes a round from its seed and runs it.
pub fn run(seed: u64, works: &[Work], sabotage: bool) -> Result<Totals, String> {
    let mut random = Random::new(seed);
    // The last bits: rounds that follow each other take their turns on the kinds of runtime.
    let (migrating, symmetric) = (random.one_in(2), random.one_in(2));
    let procs = random.between(1, 4);
    let works = work::choose(&mut random, works);
    let names: Vec<&str> = works.iter().map(|work| work.name).collect();
    let kind = if migrating { "migrating" } else { "pinned" };
    let fences = if symmetric { Fences::Symmetric } else { Fences::Auto };
    let about = format!("{kind} runtime, {fences:?} fences, {procs} Ps: {}", names.join(", "));
    watch::begin(seed, about.clone());
    let builder = Runtime::builder().procs(procs).fences(fences);
    // SAFETY: the crews keep no thread-local and no thread-bound value across a suspension point: they print
    // nothing, and hold no lock of `std`'s while they wait. None has a thread-local with an initialiser that waits.
    let runtime =
        unsafe { if migrating { builder.build_migrating() } else { builder.build_pinned() } };
    let ended: Ended<Left> = runtime
        .map_err(|error| format!("{about}: {error}"))?
        .run_counted(move || {
            let mut crew = Crew::new(random);
            works.iter().for_each(|work| (work.hire)(&mut crew));
            crew.dismiss()
        })
        .map_err(|error| format!("{about}: {error}"))?;
    let left = ended.result.ok_or_else(|| format!("{about}: main has no result"))?;
    if ended.left_behind != 0 {
        return Err(format!("{about}: {} goroutines were left behind", ended.left_behind));
    }
    let (values, steps) = left.check(sabotage).map_err(|error| format!("{about}: {error}"))?;
    watch::end();
    Ok(Totals { values, steps })
}
