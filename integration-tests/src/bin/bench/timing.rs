//! Batches that are timed, and what they come to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use g0_sched::sleep;

/// A warm-up, then the median of five batches: nanoseconds an operation.
pub(crate) fn median(n: u64, mut batch: impl FnMut(u64)) -> f64 {
    batch(n / 4);
    middle((0..5).map(|_| timed(n, &mut batch)).collect())
}

/// Nanoseconds an operation of one batch.
pub(crate) fn timed(n: u64, batch: &mut impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    batch(n);
    start.elapsed().as_nanos() as f64 / n as f64
}

/// The middle one.
pub(crate) fn middle(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The median and the 99th percentile.
pub(crate) fn median_and_p99(mut samples: Vec<f64>) -> [f64; 2] {
    samples.sort_by(f64::total_cmp);
    [samples[samples.len() / 2], samples[samples.len() * 99 / 100]]
}

/// How much each of `counters` grows in a second, while the calling goroutine sleeps.
pub(crate) fn rates<const N: usize>(counters: [&AtomicU64; N], window: Duration) -> [f64; N] {
    let read = || counters.map(|counter| counter.load(Ordering::Relaxed));
    let (start, before) = (Instant::now(), read());
    sleep(window);
    let (seconds, after) = (start.elapsed().as_secs_f64(), read());
    std::array::from_fn(|i| (after[i] - before[i]) as f64 / seconds)
}

/// What all threads of this process have computed so far, in the kernel too.
pub(crate) fn cpu_time() -> Duration {
    // SAFETY: all zero is a value of this type, and the call fills it in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    let micros = |time: libc::timeval| (time.tv_sec * 1_000_000 + time.tv_usec).unsigned_abs();
    Duration::from_micros(micros(usage.ru_utime) + micros(usage.ru_stime))
}

/// As [`median`]; the second figure is the processor time of an operation.
pub(crate) fn with_cpu_time(n: u64, mut batch: impl FnMut(u64)) -> [f64; 2] {
    let mut cpu = Vec::new();
    let wall = median(n, |n| {
        let before = cpu_time();
        batch(n);
        cpu.push((cpu_time() - before).as_nanos() as f64 / n as f64);
    });
    // The first is the warm-up's.
    [wall, middle(cpu.split_off(1))]
}

/// This row is for one CPU, and who starts it sees to that.
pub(crate) fn one_cpu() {
    let cpus = std::thread::available_parallelism().expect("a number of CPUs");
    assert_eq!(cpus.get(), 1, "to be started on one CPU: taskset -c 0 bench ROW");
}
