//! Threads: of C's own that call in after a rest, and of the runtime's own that are left when they are not needed.

use std::ffi::{c_int, c_long, c_uint};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use g0_sched::{go, sleep};

use super::bridge::c_sleep;
use super::runtimes::on;
use super::timing::middle;

unsafe extern "C" {
    safe fn c_now() -> i64;
    fn c_rest_and_call(threads: c_int, calls: c_long, rest: c_uint, late: *mut i64);
}

g0_cgo::export! {
    #[unsafe(no_mangle)]
    fn bench_entered(sent: i64) -> i64 = -1 {
        c_now() - sent
    }
}

/// How long a callback takes to be entered, of threads of C's own that rest for a millisecond between two: the median,
/// in microseconds.
pub(crate) fn foreign_rested() -> f64 {
    const THREADS: usize = 32;
    const CALLS: usize = 300;
    on(2, || {
        let mut late = vec![-1_i64; THREADS * CALLS];
        let room = late.as_mut_ptr();
        // SAFETY: its threads call `bench_entered`, so often; there is room for what each call returns.
        g0_cgo::call_blocking(|| unsafe {
            c_rest_and_call(THREADS as c_int, CALLS as c_long, 1000, room);
        });
        // After some seconds the threads stop calling.
        let late = late.into_iter().filter(|late| *late >= 0);
        middle(late.map(|late| late as f64 / 1e3).collect())
    })
}

/// Threads of this process.
fn threads() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.expect("a line Threads").trim().parse().expect("a number")
}

/// How many threads the process has half a minute after three thousand calls were in C at once, or as soon as it has no
/// more than it needs.
pub(crate) fn left() -> f64 {
    const CALLS: usize = 3000;
    const CALL: c_uint = 500_000;
    const FEW: usize = 16;
    const LATER: Duration = Duration::from_secs(30);
    on(2, || {
        let called = Arc::new(AtomicUsize::new(0));
        let caller = |_| {
            let called = called.clone();
            go(move || {
                g0_cgo::call_blocking(|| c_sleep(CALL));
                called.fetch_add(1, Ordering::Relaxed);
            })
        };
        let callers: Vec<_> = (0..CALLS).map(caller).collect();
        callers.into_iter().for_each(|caller| caller.join().expect("it only calls"));
        assert_eq!(called.load(Ordering::Relaxed), CALLS);
        let begin = Instant::now();
        while begin.elapsed() < LATER && threads() > FEW {
            sleep(Duration::from_millis(250));
        }
        threads() as f64
    })
}
