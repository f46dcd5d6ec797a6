//! One processor, and goroutines that sleep in C.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use g0_cgo::{call, call_blocking};
use g0_sched::{Runtime, go, yield_now};

use crate::env::{Env, ensure, equal, grouped};

const SLEEPERS: u64 = 20;
const NAP: Duration = Duration::from_millis(50);

/// What was seen of one way to call C.
struct GoroutineInfo {
    /// From the first start to the last end.
    wall: Duration,
    /// All naps together.
    slept: Duration,
    /// Turns of a goroutine that counts, while somebody slept.
    turns: u64,
    /// Naps that were taken.
    naps: u64,
}

/// A nap in C, for as long as C says it took.
fn nap() -> Duration {
    let start = Instant::now();
    // SAFETY: it touches no memory of ours.
    unsafe { libc::usleep(NAP.as_micros() as libc::c_uint) };
    start.elapsed()
}

fn sleepers(env: &Env, sleep: fn() -> Duration) -> Result<GoroutineInfo, String> {
    let count = env.stage("naps", SLEEPERS);
    env.run(Runtime::builder().procs(1), move || {
        let asleep = Arc::new(AtomicU64::new(SLEEPERS));
        let start = Instant::now();
        let handles: Vec<_> = (0..SLEEPERS)
            .map(|_| {
                let (asleep, count) = (asleep.clone(), count.clone());
                go(move || {
                    let slept = sleep();
                    asleep.fetch_sub(1, Ordering::Relaxed);
                    count.add(1);
                    slept
                })
            })
            .collect();
        let counter = go(move || {
            let mut turns = 0_u64;
            while asleep.load(Ordering::Relaxed) != 0 {
                yield_now();
                turns += 1;
            }
            turns
        });
        let naps: Vec<Duration> =
            handles.into_iter().map(|h| h.join().expect("it does not panic")).collect();
        let wall = start.elapsed();
        let turns = counter.join().expect("it does not panic");
        GoroutineInfo { wall, slept: naps.iter().sum(), turns, naps: naps.len() as u64 }
    })
}

pub fn run(env: &Env) -> Result<(), String> {
    let noticed = sleepers(env, || call(nap))?;
    let said = sleepers(env, || call_blocking(nap))?;
    env.figure("goroutines asleep in C, 50 ms each", SLEEPERS);
    for (way, seen) in [("call", &noticed), ("call_blocking", &said)] {
        env.figure(
            &format!("by {way}: all together, one after another"),
            format!("{:.0} ms, {:.0} ms", ms(seen.wall), ms(seen.slept)),
        );
        env.figure("turns of a goroutine that counts meanwhile", grouped(seen.turns));
    }
    for (way, seen) in [("call", &noticed), ("call_blocking", &said)] {
        equal(&format!("naps by {way}"), &env.result(seen.naps), &SLEEPERS)?;
        // Both times are of this machine as it is now, busy or not.
        ensure(seen.wall < seen.slept / 2, || {
            format!("by {way} the naps took {:?}; they did not overlap", seen.wall)
        })?;
        ensure(seen.turns > 0, || format!("by {way} nobody else ran"))?;
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
