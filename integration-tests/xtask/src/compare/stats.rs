//! A figure that a program printed, and what those of several runs come to.
//!
//! A figure that is the difference of two measurements says how far chance alone may have moved it, its *noise*, and may
//! come out at nothing or below. What lies within its noise is not told from nothing: it is at most the noise, or, where
//! it is even further below, at most as much above. That stands in its place wherever figures are compared.

use super::unit::{Unit, figure};

/// One figure of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// By how much chance may have moved it; 0 where it is no difference.
    pub noise: f64,
}

impl Figure {
    /// Reads a positive number, `never`, which is beyond all numbers, or a difference and its noise: `-3.5±20`.
    pub fn parse(word: &str) -> Option<Figure> {
        let number = |word: &str| word.parse::<f64>().ok().filter(|value| value.is_finite());
        if word == "never" {
            return Some(Figure { value: f64::INFINITY, noise: 0.0 });
        }
        let figure = match word.split_once('±') {
            Some((value, noise)) => Figure { value: number(value)?, noise: number(noise)? },
            None => Figure { value: number(word)?, noise: 0.0 },
        };
        let [positive, difference] = [figure.value > 0.0, figure.noise > 0.0];
        (if word.contains('±') { difference } else { positive }).then_some(figure)
    }

    /// As it stands in the line of a run.
    pub fn text(self) -> String {
        match self.noise {
            0.0 => figure(self.value),
            noise => format!("{}±{}", figure(self.value), figure(noise)),
        }
    }
}

/// The least, the middle and the greatest of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// The least.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The greatest.
    pub max: f64,
    /// How many there are.
    pub runs: usize,
    /// By how much chance may have moved the median; 0 where it is no difference.
    pub noise: f64,
}

impl Stats {
    /// Returns what the figures of some runs come to, or `None` where there are none.
    ///
    /// A difference's noise is what the runs say of themselves, the middle one, and no less than half of the range of the
    /// middle half of what they found.
    pub fn of(figures: &[Figure]) -> Option<Stats> {
        let values = sorted(figures.iter().map(|figure| figure.value));
        let noises = sorted(figures.iter().map(|figure| figure.noise));
        let runs = values.len();
        let (min, max) = (*values.first()?, *values.last()?);
        let noise = match middle(&noises) {
            0.0 => 0.0,
            own => own.max(middle_half(&values) / 2.0),
        };
        Some(Stats { min, median: middle(&values), max, runs, noise })
    }

    /// Whether it is a difference that chance may have made.
    pub fn is_noise(&self) -> bool {
        self.noise > 0.0 && self.median <= self.noise
    }

    /// Returns the figure by which it is compared, which is positive.
    pub fn figure(&self) -> f64 {
        if self.is_noise() { self.noise.max(-self.median) } else { self.median }
    }

    /// As it stands in the table.
    pub fn text(&self, unit: Unit) -> String {
        match self.is_noise() {
            true => format!("<= {} {} (noise)", figure(self.figure()), unit.name()),
            false => figure(self.median),
        }
    }
}

/// From the least to the greatest.
pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The range of the middle half of some sorted values, of which there is one.
pub fn middle_half(sorted: &[f64]) -> f64 {
    let quarter = sorted.len() / 4;
    sorted[sorted.len() - 1 - quarter] - sorted[quarter]
}

/// The middle of some sorted values, of which there is one.
fn middle(sorted: &[f64]) -> f64 {
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    if low == high { low } else { (low + high) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: f64) -> Figure {
        Figure { value, noise: 0.0 }
    }

    fn stats(differences: &[(f64, f64)]) -> Stats {
        let figure = |&(value, noise): &(f64, f64)| Figure { value, noise };
        Stats::of(&differences.iter().map(figure).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_difference_may_be_negative_and_nothing_else_may() {
        assert_eq!(Figure::parse("8.25"), Some(plain(8.25)));
        assert_eq!(Figure::parse("never"), Some(plain(f64::INFINITY)));
        assert_eq!(Figure::parse("-3.5±20"), Some(Figure { value: -3.5, noise: 20.0 }));
        assert_eq!(Figure::parse("0±0.1").map(Figure::text).as_deref(), Some("0.00±0.10"));
        let wrong = ["0", "-1", "NaN", "inf", "3±0", "3±-1", "3±inf", "±2", "3±", "never±1", ""];
        for wrong in wrong {
            assert_eq!(Figure::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        let stats = Stats::of(&[9.0, 1.0, 2.0, 3.0].map(plain)).unwrap();
        assert_eq!((stats.min, stats.median, stats.max, stats.runs), (1.0, 2.5, 9.0, 4));
        assert!(stats.noise == 0.0 && !stats.is_noise() && stats.figure() == 2.5);
        assert_eq!(Stats::of(&[]), None);
        let never = Stats::of(&[plain(f64::INFINITY); 2]).unwrap();
        assert_eq!((never.median, never.noise), (f64::INFINITY, 0.0));
    }

    #[test]
    fn what_lies_within_its_noise_is_at_most_that() {
        let found = stats(&[(-120.0, 40.0), (30.0, 50.0), (10.0, 45.0)]);
        assert!(found.is_noise() && found.figure() == 75.0);
        assert_eq!(found.text(Unit::Ns), "<= 75.0 ns (noise)");
        // As far below nothing as no noise explains: what moved it may move others as far up.
        let below = stats(&[(-400.0, 30.0); 5]);
        assert_eq!((below.is_noise(), below.figure()), (true, 400.0));
    }

    #[test]
    fn a_difference_beyond_its_noise_is_a_figure_as_others() {
        let found = stats(&[(600.0, 40.0), (610.0, 40.0), (590.0, 40.0)]);
        assert_eq!((found.is_noise(), found.figure(), found.noise), (false, 600.0, 40.0));
        assert_eq!(found.text(Unit::Ns), "600");
    }

    #[test]
    fn what_the_runs_differ_by_is_noise_though_each_knows_of_none() {
        let found = stats(&[(-90.0, 1.0), (-80.0, 1.0), (50.0, 1.0), (70.0, 1.0), (90.0, 1.0)]);
        assert_eq!((found.noise, found.is_noise()), (75.0, true));
    }
}
