//! Pairs that hand one P back and forth between them, and what else wants it.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use g0_sched::{JoinHandle, channel, go, sleep, yield_now};

use super::parallel::compute;
use super::runtimes::on_one_p;
use super::timing::{middle, rates};

/// Two goroutines, of which one runs when the other has handed it something, and answers.
struct Pair {
    hops: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    both: [JoinHandle<()>; 2],
}

impl Pair {
    /// Each does `work` before each hop.
    fn start(work: fn()) -> Self {
        let (hops, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (to, there) = channel::<()>(0);
        let (back, from) = channel::<()>(0);
        let hop = {
            let hops = hops.clone();
            move || {
                work();
                hops.fetch_add(1, Ordering::Relaxed);
            }
        };
        let (until, first) = (over.clone(), hop.clone());
        let both = [
            go(move || {
                while !until.load(Ordering::Relaxed) {
                    first();
                    to.send(()).expect("the other waits");
                    from.recv().expect("the other answers");
                }
            }),
            go(move || {
                while there.recv().is_ok() {
                    hop();
                    back.send(()).expect("the first waits");
                }
            }),
        ];
        Self { hops, over, both }
    }

    /// A thread outside ends the pair after so long, though it may let nothing else run.
    fn ends_after(self, length: Duration) -> Self {
        let over = self.over.clone();
        std::thread::spawn(move || {
            std::thread::sleep(length);
            over.store(true, Ordering::Relaxed);
        });
        self
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.both.into_iter().for_each(|one| one.join().expect("it only hops"));
    }
}

/// A few tens of microseconds.
fn heavy() {
    let steps = (0..40_000).fold(1_u64, |x, _| black_box(x).wrapping_mul(0x5851_f42d_4c95_7f2d));
    black_box(steps);
}

/// How many times the share of the P that a pair with nothing to do between its hops has, a pair has that computes
/// between them: shares are hops beside the other pair, of those alone.
pub(crate) fn hog() -> f64 {
    const ALONE: Duration = Duration::from_millis(300);
    const LONGEST: Duration = Duration::from_secs(8);
    on_one_p(|| {
        let alone = |work| {
            let pair = Pair::start(work).ends_after(LONGEST);
            let [rate] = rates([&pair.hops], ALONE);
            pair.end();
            rate
        };
        let [heavy_alone, light_alone] = [alone(heavy), alone(|| ())];
        let hog = Pair::start(heavy).ends_after(LONGEST);
        let light = Pair::start(|| ()).ends_after(LONGEST);
        let [heavy_beside, light_beside] = rates([&hog.hops, &light.hops], Duration::from_secs(2));
        hog.end();
        light.end();
        (heavy_beside / heavy_alone) / (light_beside / light_alone)
    })
}

/// How long a yield of main takes beside a pair with two milliseconds to compute before each hop: the median, in
/// milliseconds. Main computes for three before each yield: until then one of the pair waits for the P, though the other
/// may have been computing without one.
pub(crate) fn beside() -> f64 {
    const MOST: usize = 100;
    const BUDGET: Duration = Duration::from_secs(2);
    on_one_p(|| {
        let pair = Pair::start(|| compute(Duration::from_millis(2)));
        let pair = pair.ends_after(Duration::from_secs(8));
        sleep(Duration::from_millis(20));
        let begin = Instant::now();
        let mut took = Vec::with_capacity(MOST);
        while took.len() < MOST && begin.elapsed() < BUDGET {
            compute(Duration::from_millis(3));
            let start = Instant::now();
            yield_now();
            took.push(start.elapsed().as_secs_f64() * 1e3);
        }
        pair.end();
        middle(took)
    })
}
