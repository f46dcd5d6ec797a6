//! What one thing costs over another.

/// The difference of two measurements, and how far chance may have moved it.
pub struct Difference {
    value: f64,
    noise: f64,
}

impl Difference {
    /// What an operation costs over another, and what it costs: batches that take turns. The difference is the median of
    /// those of the pairs. The noise is half of the interval in which the true median lies with 95 % confidence, which
    /// the ranks tell whatever the distribution is.
    pub fn over(n: u64, with: impl Fn(u64), without: impl Fn(u64)) -> (Self, f64) {
        const PAIRS: usize = 15;
        let timed = |batch: &dyn Fn(u64)| {
            let start = std::time::Instant::now();
            batch(n);
            start.elapsed().as_nanos() as f64 / n as f64
        };
        with(n / 4);
        without(n / 4);
        let mut all = [(); PAIRS].map(|()| (timed(&with), timed(&without)));
        let mut differences = all.map(|(with, without)| with - without);
        differences.sort_by(f64::total_cmp);
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ranks = (0.98 * (PAIRS as f64).sqrt()).ceil() as usize;
        let (low, high) = (differences[PAIRS / 2 - ranks], differences[PAIRS / 2 + ranks]);
        let value = differences[PAIRS / 2];
        (Self { value, noise: (high - low) / 2.0 }, all[PAIRS / 2].0)
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // There is some, however little the clock shows of it.
        write!(f, "{:.3}±{:.3}", self.value, self.noise.max(0.001))
    }
}
