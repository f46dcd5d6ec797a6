//! Samples: one process each, the programs in turns, and what they come to.

use super::programs::Program;
use super::rows::Row;
use crate::run::Cmd;

/// The samples of one peer in one row.
pub struct Samples {
    /// `g0`, a peer's name, or `floor`.
    pub peer: String,
    /// Nanoseconds an operation.
    pub values: Vec<f64>,
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
    /// What the samples come to; nothing when one of them failed.
    pub fn stats(&self) -> Option<Stats> {
        if self.error.is_some() || self.values.is_empty() {
            return None;
        }
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let runs = sorted.len();
        let median = (sorted[(runs - 1) / 2] + sorted[runs / 2]) / 2.0;
        Some(Stats { min: sorted[0], median, max: sorted[runs - 1], runs })
    }
}

/// Who takes part in a row, under which name of its program.
fn entries<'a>(row: &Row, programs: &'a [Program]) -> Vec<(String, &'a Program, String)> {
    let mut entries = Vec::new();
    for program in programs {
        for name in &program.rows {
            if let Some(peer) = peer_of(row.name, &program.name, name) {
                entries.push((peer, program, name.clone()));
            }
        }
    }
    entries
}

/// The peer that the entry `name` of a program is in this row, if it belongs to it.
fn peer_of(row: &str, program: &str, name: &str) -> Option<String> {
    match name.strip_prefix(row)? {
        "" => Some(program.into()),
        "-floor" => Some("floor".into()),
        rest => rest.strip_prefix('/').map(String::from),
    }
}

/// Runs every program that has the row `runs` times, the order rotated each time.
pub fn take(row: &Row, programs: &[Program], runs: usize) -> Vec<Samples> {
    let entries = entries(row, programs);
    let new = |peer: &String| Samples { peer: peer.clone(), values: vec![], error: None };
    let mut all: Vec<Samples> = entries.iter().map(|(peer, ..)| new(peer)).collect();
    for run in 0..runs {
        let mut line = format!("  run {}:", run + 1);
        for turn in 0..entries.len() {
            let at = (turn + run) % entries.len();
            if all[at].error.is_some() {
                continue;
            }
            let (peer, program, name) = &entries[at];
            match sample(program, name) {
                Ok(value) => {
                    line += &format!(" {peer} {value:.2}");
                    all[at].values.push(value);
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

fn sample(program: &Program, name: &str) -> Result<f64, String> {
    // One processor each: the others are built so, Go is told.
    let out = Cmd::new(&program.path).args([name]).env("GOMAXPROCS", "1").limit(180).stdout()?;
    parse(&out, name)
}

/// The one line `NAME <ns>`.
fn parse(out: &str, name: &str) -> Result<f64, String> {
    let words: Vec<&str> = out.split_whitespace().collect();
    let value = match words[..] {
        [first, value] if first == name => value.parse::<f64>().ok(),
        _ => None,
    };
    let value = value.filter(|v| v.is_finite() && *v > 0.0);
    value.ok_or_else(|| format!("expected `{name} <ns>`, got: {out}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_line_is_a_sample() {
        assert_eq!(parse("yield 8.25\n", "yield"), Ok(8.25));
        for wrong in
            ["", "yield", "spawn 8", "yield 0", "yield -1", "yield NaN", "yield 8\nyield 9\n"]
        {
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
    }

    #[test]
    fn the_median_is_the_middle_and_a_failed_run_spoils_the_rest() {
        let mut samples =
            Samples { peer: "x".into(), values: vec![9.0, 1.0, 2.0, 3.0], error: None };
        let stats = samples.stats().unwrap();
        assert_eq!((stats.min, stats.median, stats.max, stats.runs), (1.0, 2.5, 9.0, 4));
        samples.error = Some("died".into());
        assert_eq!(samples.stats(), None);
    }
}
