//! How long a parked goroutine takes to wake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use g0_sched::{Sender, channel, go, sleep};

use super::runtimes::on;
use super::time::beside_loops;
use super::timing::{median_and_p99, middle};

/// Between two wakes.
const PAUSE: Duration = Duration::from_millis(1);
/// Wakes at most.
const MOST: usize = 1000;

/// Sends the time at which it wakes the one that waits.
type Waker = fn(&Sender<Instant>, &AtomicUsize, Duration);

/// The median and the 99th percentile.
fn measure(waker: Waker, budget: Duration) -> [f64; 2] {
    median_and_p99(ages(waker, budget))
}

/// A goroutine waits for the times that `waker` sends it: how old they are then, in microseconds.
fn ages(waker: Waker, budget: Duration) -> Vec<f64> {
    let (times, sent) = channel::<Instant>(1);
    let noted = Arc::new(AtomicUsize::new(0));
    let notes = noted.clone();
    let waiter = go(move || {
        let mut late = Vec::with_capacity(MOST);
        for time in &sent {
            late.push(time.elapsed().as_secs_f64() * 1e6);
            notes.store(late.len(), Ordering::Release);
        }
        late
    });
    waker(&times, &noted, budget);
    drop(times);
    let late = waiter.join().expect("it only notes");
    assert_eq!(late.len(), noted.load(Ordering::Acquire));
    assert!(!late.is_empty(), "nobody was woken");
    late
}

/// Wakes, and computes for `busy` before it sleeps again.
fn wakes(times: &Sender<Instant>, noted: &AtomicUsize, budget: Duration, busy: Duration) {
    let (begin, mut sent) = (Instant::now(), 0);
    while sent < MOST && begin.elapsed() < budget {
        sleep(PAUSE);
        if noted.load(Ordering::Acquire) == sent {
            let now = Instant::now();
            times.send(now).expect("somebody waits");
            sent += 1;
            while now.elapsed() < busy {}
        }
    }
}

pub(crate) fn wake() -> [f64; 2] {
    let by_goroutine: Waker = |times, noted, budget| wakes(times, noted, budget, Duration::ZERO);
    on(2, move || measure(by_goroutine, Duration::from_millis(800)))
}

pub(crate) fn wake_on() -> [f64; 2] {
    const BUSY: Duration = Duration::from_micros(200);
    let by_goroutine: Waker = |times, noted, budget| wakes(times, noted, budget, BUSY);
    on(2, move || measure(by_goroutine, Duration::from_millis(800)))
}

pub(crate) fn wake_computing() -> f64 {
    const BUSY: Duration = Duration::from_millis(5);
    let by_goroutine: Waker = |times, noted, budget| wakes(times, noted, budget, BUSY);
    on(2, move || middle(ages(by_goroutine, Duration::from_secs(1))))
}

/// A thread that is none of the runtime's wakes; the goroutine that started it parks meanwhile.
fn by_thread(times: &Sender<Instant>, noted: &AtomicUsize, budget: Duration) {
    let (over, ends) = channel::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (begin, mut sent) = (Instant::now(), 0);
            while sent < MOST && begin.elapsed() < budget {
                std::thread::sleep(PAUSE);
                if noted.load(Ordering::Acquire) == sent {
                    times.send(Instant::now()).expect("somebody waits");
                    sent += 1;
                }
            }
            drop(over);
        });
        let _ = ends.recv();
    });
}

pub(crate) fn thread() -> [f64; 2] {
    on(2, || measure(by_thread, Duration::from_millis(1600)))
}

pub(crate) fn busy() -> [f64; 2] {
    beside_loops(|| measure(by_thread, Duration::from_millis(2500)))
}
