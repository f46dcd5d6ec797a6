//! Goroutines that tick beside some that are in C most of the time, themselves or by a thread that they offload to.

use std::ffi::c_uint;
use std::time::{Duration, Instant};

use g0_sched::{go, offload, sleep};

use super::bridge::c_sleep;
use super::runtimes::on;
use super::timing::{median_and_p99, middle};

const TICKERS: usize = 200;
const TICK: Duration = Duration::from_millis(5);
const CALLERS: usize = 8;
const CALL: c_uint = 50_000;
const LENGTH: Duration = Duration::from_millis(1500);

/// How late the ticks of a ticker come, the median, in microseconds: of all tickers the median, and the 99th percentile.
/// One that is not let run until the end has that as its only tick.
pub(crate) fn beside_c() -> [f64; 2] {
    ticks_beside(|| g0_cgo::call_blocking(|| c_sleep(CALL)))
}

/// As [`beside_c`], beside goroutines that offload the same calls.
pub(crate) fn beside_offload() -> [f64; 2] {
    ticks_beside(|| offload(|| c_sleep(CALL)))
}

fn ticks_beside(call: fn()) -> [f64; 2] {
    on(2, move || {
        let begin = Instant::now();
        let ticker = |_| {
            go(move || {
                let mut late = Vec::new();
                while begin.elapsed() < LENGTH {
                    let start = Instant::now();
                    sleep(TICK);
                    let over =
                        start.elapsed().checked_sub(TICK).expect("a sleep does not end early");
                    late.push(over.as_secs_f64() * 1e6);
                }
                // It was not let run before the end.
                if late.is_empty() {
                    late.push(begin.elapsed().as_secs_f64() * 1e6);
                }
                middle(late)
            })
        };
        let caller = |_| {
            go(move || {
                while begin.elapsed() < LENGTH {
                    call();
                }
            })
        };
        let callers: Vec<_> = (0..CALLERS).map(caller).collect();
        let tickers: Vec<_> = (0..TICKERS).map(ticker).collect();
        let late = tickers.into_iter().map(|ticker| ticker.join().expect("it only sleeps"));
        let figures = median_and_p99(late.collect());
        callers.into_iter().for_each(|caller| caller.join().expect("it only calls"));
        figures
    })
}
