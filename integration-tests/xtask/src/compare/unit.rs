//! What figures are measured in, and how they are written.

/// The unit of a row's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Nanoseconds an operation.
    Ns,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Bytes.
    Bytes,
    /// How many there are: here more is better.
    Count,
    /// What part of the whole: more is better.
    Share,
    /// How many a second: more is better.
    Rate,
    /// How many times as much as another has.
    Times,
    /// Threads of the process.
    Threads,
}

impl Unit {
    /// As it stands in tables.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Ns => "ns",
            Unit::Us => "µs",
            Unit::Ms => "ms",
            Unit::Bytes => "bytes",
            Unit::Count => "count",
            Unit::Share => "share",
            Unit::Rate => "1/s",
            Unit::Times => "times",
            Unit::Threads => "threads",
        }
    }

    /// Nanoseconds in one of it; nothing where it is no time.
    pub fn nanoseconds(self) -> Option<f64> {
        match self {
            Unit::Ns => Some(1.0),
            Unit::Us => Some(1e3),
            Unit::Ms => Some(1e6),
            _ => None,
        }
    }

    /// Whether more is better; of all others less is.
    pub fn grows(self) -> bool {
        matches!(self, Unit::Count | Unit::Share | Unit::Rate)
    }

    /// Whether a figure reaches the target.
    pub fn reaches(self, figure: f64, target: f64) -> bool {
        if self.grows() { figure >= target } else { figure <= target }
    }

    /// Below 1 where `figure` is better than `other`, whichever direction that is.
    pub fn ratio(self, figure: f64, other: f64) -> f64 {
        if self.grows() { other / figure } else { figure / other }
    }
}

/// A figure with about three digits, thousands apart: `7.51`, `54.1`, `5,418`, `never`.
pub fn figure(value: f64) -> String {
    if value.is_infinite() {
        return "never".into();
    }
    let digits = match value.abs() {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = if value < 0.0 { "-".to_string() } else { String::new() };
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_about_three_digits() {
        let all = [0.5, 7.507, 9.999, 54.06, 99.96, 258.6, 5418.29, 1_000_000.0, f64::INFINITY];
        let shown: Vec<String> = all.into_iter().map(figure).collect();
        let expected =
            ["0.50", "7.51", "10.0", "54.1", "100", "259", "5,418", "1,000,000", "never"];
        assert_eq!(shown, expected);
        assert_eq!([-0.5, -120.0, -5418.0].map(figure), ["-0.50", "-120", "-5,418"]);
    }

    #[test]
    fn of_counts_shares_and_rates_more_is_better() {
        assert!(Unit::Count.reaches(2.0, 1.0) && !Unit::Count.reaches(1.0, 2.0));
        assert!(Unit::Ns.reaches(1.0, 2.0) && !Unit::Ns.reaches(2.0, 1.0));
        assert!(Unit::Count.ratio(2.0, 1.0) < 1.0 && Unit::Ms.ratio(1.0, 2.0) < 1.0);
        assert!(Unit::Share.reaches(0.9, 0.85) && !Unit::Rate.reaches(9.0, 10.0));
        assert_eq!(Unit::Us.ratio(60.0, f64::INFINITY), 0.0);
        assert!(Unit::Threads.reaches(5.0, 64.0) && !Unit::Times.reaches(9.0, 2.0));
    }
}
