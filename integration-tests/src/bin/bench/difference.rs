//! What one thing costs over another.

use super::timing::{middle, timed};

/// The difference of two measurements, and how far chance may have moved it.
pub(crate) struct Difference {
    value: f64,
    noise: f64,
}

impl Difference {
    /// The median of differences of measurements that were made in pairs. The noise is half of the interval in which the
    /// true median lies with 95 % confidence, which the ranks tell whatever the distribution is.
    pub(crate) fn of(mut pairs: Vec<f64>) -> Self {
        pairs.sort_by(f64::total_cmp);
        let (n, last) = (pairs.len(), pairs.len() - 1);
        let ranks = (0.98 * (n as f64).sqrt()).ceil() as usize;
        let (low, high) = ((n / 2).saturating_sub(ranks), (n / 2 + ranks).min(last));
        Self { value: pairs[n / 2], noise: (pairs[high] - pairs[low]) / 2.0 }
    }

    /// What an operation costs over another, and what it costs: batches that take turns.
    pub(crate) fn over(
        n: u64,
        mut with: impl FnMut(u64),
        mut without: impl FnMut(u64),
    ) -> (Self, f64) {
        const PAIRS: usize = 15;
        with(n / 4);
        without(n / 4);
        let pairs = (0..PAIRS).map(|_| [timed(n, &mut with), timed(n, &mut without)]);
        let pairs: Vec<[f64; 2]> = pairs.collect();
        let differences = pairs.iter().map(|[with, without]| with - without).collect();
        (Self::of(differences), middle(pairs.iter().map(|[with, _]| *with).collect()))
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // There is some, however little the clock shows of it.
        write!(f, "{:.3}±{:.3}", self.value, self.noise.max(0.001))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_the_median_of_the_pairs_and_its_noise_what_ranks_tell() {
        let shown = |pairs: Vec<f64>| Difference::of(pairs).to_string();
        assert_eq!(shown((0..=100).rev().map(f64::from).collect()), "50.000±10.000");
        // One that is far off moves neither.
        assert_eq!(shown((1..=100).map(f64::from).chain([-1e9]).collect()), "50.000±10.000");
        assert_eq!(shown(vec![-3.0]), "-3.000±0.001");
    }
}
