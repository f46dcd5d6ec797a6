//! `cargo xtask compare [NAME…]`: g0 and its peers, side by side in one run.
//!
//! Machines differ and are noisy: a figure is only comparable inside one run. So for each row every program that has it is
//! started in turns, one process a sample, the order rotated from run to run, and the medians are compared. The rows,
//! their loops and the programs' protocol stand in `integration-tests/peers/README.md`.
//!
//! A peer that is not there is `absent`, and g0 above its target is `short`; both are results, reported as they are.
//! That g0's own side cannot be measured is an error.

mod golang;
mod programs;
mod rows;
mod samples;
mod table;

use crate::report::Report;
use programs::Program;
use rows::{ROWS, Row};
use samples::Samples;
use table::Line;

/// What was asked for.
pub struct Options {
    names: Vec<String>,
    runs: usize,
    json: Option<String>,
    install: bool,
}

impl Options {
    /// All rows, five runs.
    pub fn all(install: bool) -> Options {
        Options { names: vec![], runs: 5, json: None, install }
    }

    /// Reads `[NAME…] [--runs N] [--json FILE]`.
    pub fn parse(args: &[String], install: bool) -> Result<Options, String> {
        let mut options = Options::all(install);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--json" => options.json = Some(value()?.clone()),
                "--runs" => options.runs = value()?.parse().map_err(|_| "--runs needs a number")?,
                name if ROWS.iter().any(|row| row.name == name) => options.names.push(arg.clone()),
                name => {
                    let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
                    return Err(format!("there is no row `{name}`; rows: {}", names.join(" ")));
                }
            }
        }
        if options.runs < 5 {
            return Err("fewer than five runs say nothing on a noisy machine".into());
        }
        Ok(options)
    }

    fn wants(&self, row: &Row) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == row.name)
    }
}

/// Measures and prints the rows.
pub fn run(report: &mut Report, options: &Options) {
    let mut programs = Vec::new();
    report.step("compare: g0", || {
        programs.push(Program::g0()?);
        Ok(())
    });
    report.step("compare: peers", || {
        for (name, program) in Program::peers(options.install) {
            match program {
                Ok(program) => programs.push(program),
                Err(reason) => println!("  {name} is absent: {reason}"),
            }
        }
        Ok(())
    });
    let mut lines = Vec::new();
    for row in ROWS.iter().filter(|row| options.wants(row)) {
        report.step(&format!("compare: {}", row.name), || {
            let samples = samples::take(row, &programs, options.runs);
            let compared = compare(row, &samples);
            lines.extend(compared);
            g0_of(&samples).map(|_| ())
        });
    }
    println!();
    table::print(&lines);
    if let Some(file) = &options.json {
        report.step("compare: json", || {
            std::fs::write(file, table::json(&lines)).map_err(|e| format!("{file}: {e}"))
        });
    }
}

fn g0_of(samples: &[Samples]) -> Result<&Samples, String> {
    let g0 = samples.iter().find(|s| s.peer == "g0").ok_or("g0 has no such row")?;
    match &g0.error {
        Some(error) => Err(format!("g0: {error}")),
        None => Ok(g0),
    }
}

/// A line for every peer that the row should have.
fn compare(row: &'static Row, samples: &[Samples]) -> Vec<Line> {
    let stats = |peer: &str| samples.iter().find(|s| s.peer == peer)?.stats();
    let g0 = stats("g0");
    let target = row.target(stats("floor").map(|s| s.median));
    let peers = row.peers.iter().map(|peer| (*peer, stats(peer)));
    let present = peers.clone().filter(|(peer, _)| *peer != "floor");
    let present = present.filter_map(|(peer, stats)| Some((peer, stats?.median)));
    let best = present.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(peer, _)| peer);
    peers
        .map(|(peer, stats)| {
            let target = if peer == "floor" { row.floor_target(stats) } else { target };
            Line { row: row.name, g0, peer, stats, best: best == Some(peer), target }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let args: Vec<String> = line.split_whitespace().map(String::from).collect();
        Options::parse(&args, false)
    }

    #[test]
    fn options_are_read_and_wrong_ones_refused() {
        let options = parse("yield --runs 7 --json out.json switch").unwrap();
        assert_eq!((options.names.len(), options.runs), (2, 7));
        assert_eq!(options.json.as_deref(), Some("out.json"));
        assert!(parse("--runs 4").is_err() && parse("--json").is_err() && parse("yeild").is_err());
    }

    fn samples(peer: &str, values: &[f64]) -> Samples {
        Samples { peer: peer.into(), values: values.to_vec(), error: None }
    }

    #[test]
    fn a_peer_without_samples_is_absent_and_the_best_of_the_others_is_marked() {
        let row = ROWS.iter().find(|row| row.name == "switch").unwrap();
        let lines = compare(row, &[samples("g0", &[3.0, 2.0, 9.0]), samples("boost", &[14.0])]);
        let verdicts: Vec<_> = lines.iter().map(|l| (l.peer, l.verdict(), l.best)).collect();
        assert_eq!(verdicts, [("corosensei", "absent", false), ("boost", "ok", true)]);
    }

    #[test]
    fn a_row_that_g0_cannot_run_is_an_error() {
        assert!(g0_of(&[samples("go", &[1.0])]).is_err());
        let failed = Samples { peer: "g0".into(), values: vec![1.0], error: Some("x".into()) };
        assert!(g0_of(&[failed]).is_err());
        assert!(g0_of(&[samples("g0", &[1.0])]).is_ok());
    }
}
