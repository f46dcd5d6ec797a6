//! What two Ps make of two things to compute.

use std::time::{Duration, Instant};

use g0_sched::go;

use super::runtimes::on;
use super::timing::middle;

/// Computes until so much time has passed.
pub(crate) fn compute(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

/// Main starts a goroutine, computes as long as that one does, and joins it: the median of how long all takes.
fn fork_join(length: Duration) -> Duration {
    const MOST: usize = 1000;
    const BUDGET: Duration = Duration::from_secs(1);
    on(2, || {
        let begin = Instant::now();
        let mut took = Vec::with_capacity(MOST);
        while took.len() < MOST && begin.elapsed() < BUDGET {
            let start = Instant::now();
            let other = go(move || compute(length));
            compute(length);
            other.join().expect("it only computes");
            took.push(start.elapsed().as_secs_f64());
        }
        Duration::from_secs_f64(middle(took))
    })
}

/// In milliseconds.
pub(crate) fn fork_join_9ms() -> f64 {
    fork_join(Duration::from_millis(9)).as_secs_f64() * 1e3
}

/// In microseconds.
pub(crate) fn fork_join_200us() -> f64 {
    fork_join(Duration::from_micros(200)).as_secs_f64() * 1e6
}
