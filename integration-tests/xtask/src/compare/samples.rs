//! Samples: one process each, the programs in turns, and what they come to.

use super::programs::Program;
use super::rows::Row;
use super::unit::figure;
use crate::run::Cmd;

/// The samples of one peer in one measurement.
pub struct Samples {
    /// `g0`, a peer's name, or `floor`.
    pub peer: String,
    /// The figures of each run.
    pub runs: Vec<Vec<f64>>,
    /// Why there is nothing, or not enough, to compare.
    pub error: Option<String>,
}

/// The least, the middle and the greatest of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// The least.
    pub min: f64,
    /// The middle one, by which peers are compared.
    pub median: f64,
    /// The greatest.
    pub max: f64,
    /// How many there are.
    pub runs: usize,
}

impl Samples {
    /// What one of its figures comes to; nothing when a run failed, or where there is no such figure.
    pub fn stats(&self, figure: usize) -> Option<Stats> {
        let values: Option<Vec<f64>> =
            self.runs.iter().map(|run| run.get(figure).copied()).collect();
        let mut sorted = values.filter(|v| self.error.is_none() && !v.is_empty())?;
        sorted.sort_by(f64::total_cmp);
        let runs = sorted.len();
        let (low, high) = (sorted[(runs - 1) / 2], sorted[runs / 2]);
        let median = if low == high { low } else { (low + high) / 2.0 };
        Some(Stats { min: sorted[0], median, max: sorted[runs - 1], runs })
    }

    /// The samples of one of its figures.
    pub fn of(&self, figure: usize) -> impl Iterator<Item = f64> + '_ {
        self.runs.iter().filter_map(move |run| run.get(figure).copied())
    }

    /// It never comes to an end: one run of that says enough.
    fn never(&self) -> bool {
        self.runs.last().is_some_and(|run| run.iter().all(|figure| figure.is_infinite()))
    }
}

/// Who takes part in a measurement, under which name of its program.
fn entries<'a>(entry: &str, programs: &'a [Program]) -> Vec<(String, &'a Program, String)> {
    let mut entries = Vec::new();
    for program in programs {
        for name in &program.rows {
            if let Some(peer) = peer_of(entry, &program.name, name) {
                entries.push((peer, program, name.clone()));
            }
        }
    }
    entries
}

/// The peer that `name` of a program's list is in this measurement, if it belongs to it.
fn peer_of(entry: &str, program: &str, name: &str) -> Option<String> {
    match name.strip_prefix(entry)? {
        "" => Some(program.into()),
        "-floor" => Some("floor".into()),
        rest => rest.strip_prefix('/').map(String::from),
    }
}

/// Runs every program that has the row's measurement `runs` times, the order rotated each time.
pub fn take(row: &Row, programs: &[Program], runs: usize) -> Vec<Samples> {
    let entries = entries(row.entry, programs);
    let new = |peer: &String| Samples { peer: peer.clone(), runs: vec![], error: None };
    let mut all: Vec<Samples> = entries.iter().map(|(peer, ..)| new(peer)).collect();
    for run in 0..if row.once { 1 } else { runs } {
        let mut line = format!("  run {}:", run + 1);
        for turn in 0..entries.len() {
            let at = (turn + run) % entries.len();
            if all[at].error.is_some() || all[at].never() {
                continue;
            }
            let (peer, program, name) = &entries[at];
            match sample(program, name, row) {
                Ok(figures) => {
                    let shown: Vec<String> = figures.iter().map(|f| figure(*f)).collect();
                    line += &format!(" {peer} {}", shown.join("/"));
                    all[at].runs.push(figures);
                }
                Err(error) => {
                    line += &format!(" {peer} failed");
                    println!("  {peer}: {error}");
                    all[at].error = Some(error);
                }
            }
        }
        println!("{line}");
    }
    all
}

fn sample(program: &Program, name: &str, row: &Row) -> Result<Vec<f64>, String> {
    // The others know their processors by the row, Go is told.
    let cmd = Cmd::new(&program.path).args([name]).env("GOMAXPROCS", row.procs.to_string());
    let cmd = if row.pinned { cmd.on_one_cpu() } else { cmd };
    parse(&cmd.limit(60).stdout()?, name)
}

/// The one line `NAME FIGURE...`.
fn parse(out: &str, name: &str) -> Result<Vec<f64>, String> {
    let mut words = out.split_whitespace();
    let figures: Option<Vec<f64>> = match words.next() {
        Some(first) if first == name => words.map(number).collect(),
        _ => None,
    };
    let figures = figures.filter(|figures| !figures.is_empty());
    figures.ok_or_else(|| format!("expected `{name} FIGURE...`, got: {out}"))
}

/// A positive number, or `never`, which is beyond all numbers.
fn number(word: &str) -> Option<f64> {
    if word == "never" {
        return Some(f64::INFINITY);
    }
    word.parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_line_is_a_sample() {
        assert_eq!(parse("yield 8.25\n", "yield"), Ok(vec![8.25]));
        assert_eq!(parse("sleep-1ms 60 never\n", "sleep-1ms"), Ok(vec![60.0, f64::INFINITY]));
        for wrong in [
            "",
            "yield",
            "spawn 8",
            "yield 0",
            "yield -1",
            "yield NaN",
            "yield inf",
            "yield 8\nyield 9\n",
        ] {
            assert!(parse(wrong, "yield").is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_belong_to_their_row_only() {
        assert_eq!(peer_of("call", "g0", "call").as_deref(), Some("g0"));
        assert_eq!(peer_of("call", "g0", "call-floor").as_deref(), Some("floor"));
        assert_eq!(peer_of("channel", "rust", "channel/may-spsc").as_deref(), Some("may-spsc"));
        assert_eq!(peer_of("call", "g0", "callback"), None);
        assert_eq!(peer_of("yield", "rust", "parked/may"), None);
        assert_eq!(peer_of("mutex", "go", "mutex-contended"), None);
    }

    fn samples(runs: &[&[f64]]) -> Samples {
        Samples { peer: "x".into(), runs: runs.iter().map(|r| r.to_vec()).collect(), error: None }
    }

    #[test]
    fn the_median_is_the_middle_and_a_failed_run_spoils_the_rest() {
        let mut samples = samples(&[&[9.0], &[1.0], &[2.0], &[3.0]]);
        let stats = samples.stats(0).unwrap();
        assert_eq!((stats.min, stats.median, stats.max, stats.runs), (1.0, 2.5, 9.0, 4));
        assert_eq!(samples.stats(1), None);
        samples.error = Some("died".into());
        assert_eq!(samples.stats(0), None);
    }

    #[test]
    fn each_figure_has_its_own_median_and_never_is_one_run() {
        let two = samples(&[&[1.0, 8.0], &[3.0, 6.0], &[2.0, 7.0]]);
        assert_eq!(two.stats(0).map(|s| s.median), Some(2.0));
        assert_eq!(two.stats(1).map(|s| s.median), Some(7.0));
        let never = samples(&[&[f64::INFINITY, f64::INFINITY]]);
        assert!(never.never() && !two.never() && !samples(&[]).never());
        assert_eq!(never.stats(1).map(|s| s.median), Some(f64::INFINITY));
    }
}
