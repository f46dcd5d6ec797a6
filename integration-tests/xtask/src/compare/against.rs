//! `cargo xtask compare --against`: g0 of this tree beside g0 of another one, and beside what chance does.
//!
//! The other tree's program takes part twice, so that each row has two measurements between which nothing has changed.
//! What these differ by, and the middle half of their samples, is the row's *noise*. This tree's median is worse only if
//! it lies beyond theirs by more than that.
//!
//! ```text
//!   row      before     again   noise %     after         %
//!   yield      8.91      8.97       1.4      8.93      -0.1  ok
//! ```

use super::programs::Program;
use super::rows::{Kind, Row};
use super::samples::{self, Samples};
use super::stats::{middle_half, sorted};
use super::unit::{Unit, figure};
use super::{Options, machine};
use crate::other_tree;
use crate::report::Report;

/// Builds both programs, measures, and judges each row.
pub fn run(report: &mut Report, options: &Options, other: &str) {
    let mut programs = Vec::new();
    let build = || {
        programs = Program::trees(&other_tree::folder(other)?)?;
        Ok(())
    };
    if !report.step("compare: both trees", build) {
        return;
    }
    let mut lines = Vec::new();
    for same in options.measurements() {
        for kind in [Kind::Migrating, Kind::Pinned] {
            let rows: Vec<&'static Row> =
                same.iter().copied().filter(|row| row.kind == kind).collect();
            let Some(first) = rows.first() else { continue };
            let entries = samples::equals(first, &programs);
            if !entries.iter().any(|entry| entry.peer == "before") {
                println!("  {} is new: the other tree does not measure it", first.listed());
                continue;
            }
            report.step(&format!("compare: {}", first.listed()), || {
                let samples = samples::take(first, &entries, options.runs);
                for row in rows {
                    lines.push(Line::of(row, &samples)?);
                }
                Ok(())
            });
        }
    }
    println!("\n{}", machine::line());
    let head = ["before", "again", "noise %", "after", "%"];
    println!("{:<24} {}", "row", head.map(|word| format!("{word:>9}")).join(" "));
    lines.iter().for_each(|line| println!("{}", line.text()));
    report.step("compare: against", || {
        let worse: Vec<&str> =
            lines.iter().filter(|line| line.is_worse()).map(|line| line.row.name).collect();
        match worse.is_empty() {
            _ if lines.is_empty() => Err("the trees have no measurement in common".into()),
            true => Ok(()),
            false => Err(format!("worse beyond the noise: {}", worse.join(" "))),
        }
    });
}

/// One row.
struct Line {
    row: &'static Row,
    before: f64,
    again: f64,
    after: f64,
    /// What equal programs differ by.
    noise: f64,
}

impl Line {
    fn of(row: &'static Row, samples: &[Samples]) -> Result<Line, String> {
        let of = |name: &str| samples.iter().find(|s| s.peer == name).ok_or("there is no such row");
        let stats = |name: &str| {
            of(name)?.stats(row.figure).ok_or(format!("{}: {name} gave no figure", row.name))
        };
        let equal = ["before", "again"].map(|name| of(name).map(|samples| samples.of(row.figure)));
        let [before, again] = equal;
        let spread = middle_half(&sorted(before?.chain(again?)));
        let [before, again, after] = [stats("before")?, stats("again")?, stats("after")?];
        let noise = [before.median - again.median, spread, before.noise, after.noise];
        // `never` less `never` is no number, and no noise.
        let noise = noise.into_iter().map(f64::abs).filter(|noise| !noise.is_nan());
        let noise = noise.fold(0.0, f64::max);
        let [before, again, after] = [before, again, after].map(|stats| stats.median);
        Ok(Line { row, before, again, after, noise })
    }

    fn mean(&self) -> f64 {
        (self.before + self.again) / 2.0
    }

    /// How much more it is than before.
    fn change(&self) -> f64 {
        if self.after == self.mean() { 0.0 } else { self.after - self.mean() }
    }

    fn is_worse(&self) -> bool {
        let worse = if self.row.unit.grows() { -self.change() } else { self.change() };
        worse > self.noise
    }

    fn text(&self) -> String {
        let verdict = if self.is_worse() { "worse" } else { "ok" };
        // Of a difference around nothing there are no hundredths.
        let per_cent = |part: f64| match part / self.mean() {
            _ if part == 0.0 => "0.0".into(),
            part if part.abs() < 100.0 && self.mean() > 0.0 => format!("{:.1}", 100.0 * part),
            _ => "-".into(),
        };
        let cells = [
            figure(self.before),
            figure(self.again),
            per_cent(self.noise),
            figure(self.after),
            per_cent(self.change()),
        ];
        let cells = cells.map(|cell| format!("{cell:>9}")).join(" ");
        let unit: Unit = self.row.unit;
        format!("{:<24} {cells}  {verdict}, {}", self.row.name, unit.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::super::stats::Figure;
    use super::*;

    fn line(name: &str, before: &[f64], again: &[f64], after: &[f64]) -> Result<Line, String> {
        let row = ROWS.iter().find(|row| row.name == name).unwrap();
        let samples = |peer: &str, values: &[f64]| Samples {
            peer: peer.into(),
            runs: values.iter().map(|value| vec![Figure { value: *value, noise: 0.0 }]).collect(),
            error: None,
        };
        let all = [samples("before", before), samples("again", again), samples("after", after)];
        Line::of(row, &all)
    }

    #[test]
    fn what_equal_programs_differ_by_is_noise() {
        let line = line("yield", &[10.0; 5], &[11.0; 5], &[11.0; 5]).unwrap();
        assert!((line.noise - 1.0).abs() < 1e-9 && !line.is_worse());
        assert!(line.text().contains(" 9.5 "), "{}", line.text());
    }

    #[test]
    fn a_row_that_is_dearer_than_chance_makes_it_is_worse() {
        let equal = [10.0, 10.1, 10.0, 9.9, 10.0];
        assert!(line("yield", &equal, &equal, &[10.5; 5]).unwrap().is_worse());
        assert!(!line("yield", &equal, &equal, &[9.0; 5]).unwrap().is_worse());
        assert!(!line("yield", &equal, &equal, &equal).unwrap().is_worse());
    }

    #[test]
    fn a_single_outlier_is_no_noise() {
        let with = [10.0, 10.0, 90.0, 10.0, 10.0];
        assert!(line("yield", &with, &[10.0; 5], &[11.0; 5]).unwrap().is_worse());
    }

    #[test]
    fn of_what_should_be_much_less_is_worse() {
        assert!(line("guarded", &[9.0; 5], &[9.0; 5], &[8.0; 5]).unwrap().is_worse());
        assert!(!line("guarded", &[9.0; 5], &[9.0; 5], &[10.0; 5]).unwrap().is_worse());
    }

    #[test]
    fn what_never_ends_on_both_sides_is_no_worse_and_a_program_without_figures_is_an_error() {
        let never = [f64::INFINITY];
        assert!(!line("sleep-busy-p50", &never, &never, &never).unwrap().is_worse());
        assert!(line("yield", &[1.0; 5], &[1.0; 5], &[]).is_err());
    }

    #[test]
    fn a_difference_around_nothing_is_worse_only_beyond_the_noise() {
        let of = |after: &[f64]| line("foreign-thread", &[-40.0; 5], &[10.0; 5], after).unwrap();
        assert!(!of(&[30.0; 5]).is_worse() && of(&[90.0; 5]).is_worse());
        assert!(of(&[90.0; 5]).text().contains(" - "));
    }
}
