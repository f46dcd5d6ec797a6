//! Goroutines by the hundred thousand.

use std::time::Instant;

use g0_sched::{JoinHandle, Runtime, go, yield_now};

use crate::env::{Env, equal, grouped};

const GOROUTINES: u64 = 500_000;
/// So many are alive at a time.
const BATCH: u64 = 1000;
const YIELDERS: u64 = 200;
const YIELDS: u64 = 20_000;

/// What goroutine `i` computes; any change of an `i` changes the sum.
fn mix(i: u64) -> u64 {
    let x = (i ^ (i >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (x ^ (x >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d)
}

pub fn run(env: &Env) -> Result<(), String> {
    let n = env.at_most(GOROUTINES).next_multiple_of(BATCH);
    let count = env.stage("goroutines started and joined", n);
    let (sum, each) = env.run(Runtime::builder(), move || {
        let mut handles: Vec<JoinHandle<u64>> = Vec::with_capacity(BATCH as usize);
        let mut sum = 0_u64;
        let start = Instant::now();
        for first in (0..n).step_by(BATCH as usize) {
            handles.extend((first..first + BATCH).map(|i| go(move || mix(i))));
            for handle in handles.drain(..) {
                sum = sum.wrapping_add(handle.join().expect("it does not panic"));
            }
            count.add(BATCH);
        }
        (sum, start.elapsed().as_nanos() as f64 / n as f64)
    })?;
    env.figure("goroutines started, run and joined", grouped(n));
    env.figure("each", format!("{each:.0} ns"));

    let count = env.stage("yields", YIELDERS * YIELDS);
    let (yields, seconds) = env.run(Runtime::builder(), move || {
        let start = Instant::now();
        let handles: Vec<JoinHandle<u64>> = (0..YIELDERS)
            .map(|_| {
                let count = count.clone();
                go(move || {
                    let mut yields = 0;
                    while yields < YIELDS {
                        yield_now();
                        yields += 1;
                        if yields.is_multiple_of(1000) {
                            count.add(1000);
                        }
                    }
                    yields
                })
            })
            .collect();
        let yields: u64 = handles.into_iter().map(|h| h.join().expect("it does not panic")).sum();
        (yields, start.elapsed().as_secs_f64())
    })?;
    env.figure("yields, of 200 goroutines in turn", grouped(yields));
    env.figure("a second", grouped((yields as f64 / seconds) as u64));

    let wanted = (0..n).map(mix).fold(0, u64::wrapping_add);
    equal("the sum of what the goroutines computed", &env.result(sum), &wanted)?;
    equal("yields", &yields, &(YIELDERS * YIELDS))
}
