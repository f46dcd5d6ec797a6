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
use super::rows::Row;
use super::samples::{self, Samples};
use super::unit::{Unit, figure};
use super::{Options, machine, measurements};
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
    for same in measurements(options) {
        report.step(&format!("compare: {}", same[0].entry), || {
            let samples = samples::take(same[0], &programs, options.runs);
            for row in same {
                lines.push(Line::of(row, &samples)?);
            }
            Ok(())
        });
    }
    println!("\n{}", machine::line());
    let head = ["before", "again", "noise %", "after", "%"];
    println!("{:<22} {}", "row", head.map(|word| format!("{word:>9}")).join(" "));
    lines.iter().for_each(|line| println!("{}", line.text()));
    report.step("compare: against", || {
        let worse: Vec<&str> =
            lines.iter().filter(|line| line.is_worse()).map(|line| line.row.name).collect();
        match worse.is_empty() {
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
    /// The range of the middle half of the samples of both equal programs.
    spread: f64,
}

impl Line {
    fn of(row: &'static Row, samples: &[Samples]) -> Result<Line, String> {
        let of = |name: &str| samples.iter().find(|s| s.peer == name).ok_or("there is no such row");
        let median = |name: &str| {
            let stats = of(name)?.stats(row.figure);
            stats.map(|stats| stats.median).ok_or(format!("{}: {name} gave no figure", row.name))
        };
        let equal = ["before", "again"].map(|name| of(name).map(|samples| samples.of(row.figure)));
        let [before, again] = equal;
        let mut equal: Vec<f64> = before?.chain(again?).collect();
        equal.sort_by(f64::total_cmp);
        let quarter = equal.len() / 4;
        let spread = equal[equal.len() - 1 - quarter] - equal[quarter];
        let (before, again) = (median("before")?, median("again")?);
        Ok(Line { row, before, again, after: median("after")?, spread })
    }

    fn mean(&self) -> f64 {
        (self.before + self.again) / 2.0
    }

    /// What equal programs differ by, as a part of their mean.
    fn noise(&self) -> f64 {
        let noise = (self.before - self.again).abs().max(self.spread);
        // `never` less `never` is no number, and no noise.
        if noise.is_nan() { 0.0 } else { noise / self.mean() }
    }

    /// How much more it is than before, as a part of that.
    fn change(&self) -> f64 {
        if self.after == self.mean() { 0.0 } else { self.after / self.mean() - 1.0 }
    }

    fn is_worse(&self) -> bool {
        let worse = if self.row.unit.grows() { -self.change() } else { self.change() };
        worse > self.noise()
    }

    fn text(&self) -> String {
        let verdict = if self.is_worse() { "worse" } else { "ok" };
        let per_cent = |part: f64| format!("{:.1}", 100.0 * part);
        let cells = [
            figure(self.before),
            figure(self.again),
            per_cent(self.noise()),
            figure(self.after),
            per_cent(self.change()),
        ];
        let cells = cells.map(|cell| format!("{cell:>9}")).join(" ");
        let unit: Unit = self.row.unit;
        format!("{:<22} {cells}  {verdict}, {}", self.row.name, unit.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::*;

    fn line(name: &str, before: &[f64], again: &[f64], after: &[f64]) -> Result<Line, String> {
        let row = ROWS.iter().find(|row| row.name == name).unwrap();
        let samples = |peer: &str, values: &[f64]| Samples {
            peer: peer.into(),
            runs: values.iter().map(|value| vec![*value]).collect(),
            error: None,
        };
        let all = [samples("before", before), samples("again", again), samples("after", after)];
        Line::of(row, &all)
    }

    #[test]
    fn what_equal_programs_differ_by_is_noise() {
        let line = line("yield", &[10.0; 5], &[11.0; 5], &[11.0; 5]).unwrap();
        assert!((line.noise() - 1.0 / 10.5).abs() < 1e-9 && !line.is_worse());
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
}
