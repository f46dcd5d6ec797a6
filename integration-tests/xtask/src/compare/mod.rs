//! `cargo xtask compare [NAME…]`: g0 and its peers, side by side in one run.
//!
//! Machines differ and are noisy: a figure is only comparable inside one run. So for each row every program that has it is
//! started in turns, one process a sample, the order rotated from run to run, and the medians are compared. The rows,
//! their loops and the programs' protocol stand in `integration-tests/peers/README.md`.
//!
//! A peer that is not there is `absent`, and g0 above its target is `short`; both are results, reported as they are.
//! That g0's own side cannot be measured is an error.

mod against;
mod golang;
mod machine;
mod plot;
mod programs;
pub mod rows;
mod samples;
mod saved;
mod table;
mod unit;

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
    plot: Option<String>,
    from: Option<String>,
    against: Option<String>,
    install: bool,
}

impl Options {
    /// All rows, five runs.
    pub fn all(install: bool) -> Options {
        Options {
            names: vec![],
            runs: 5,
            json: None,
            plot: None,
            from: None,
            against: None,
            install,
        }
    }

    /// Reads `[NAME…] [--runs N] [--json FILE] [--plot FILE] [--from FILE] [--against COMMIT|FOLDER]`.
    pub fn parse(args: &[String], install: bool) -> Result<Options, String> {
        let mut options = Options::all(install);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--json" => options.json = Some(value()?.clone()),
                "--plot" => options.plot = Some(value()?.clone()),
                "--from" => options.from = Some(value()?.clone()),
                "--against" => options.against = Some(value()?.clone()),
                "--runs" => options.runs = value()?.parse().map_err(|_| "--runs needs a number")?,
                name if ROWS.iter().any(|row| row.is_called(name)) => {
                    options.names.push(arg.clone())
                }
                name => {
                    let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
                    return Err(format!("there is no row `{name}`; rows: {}", names.join(" ")));
                }
            }
        }
        let peers = [&options.json, &options.plot, &options.from];
        if options.against.is_some() && peers.iter().any(|file| file.is_some()) {
            return Err("--against measures g0 alone; nothing of that is saved or drawn".into());
        }
        if options.runs < 5 {
            return Err("fewer than five runs say nothing on a noisy machine".into());
        }
        Ok(options)
    }

    fn wants(&self, row: &Row) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| row.is_called(name))
    }
}

/// Measures, or reads what was measured before, prints the rows, and saves and draws them where that was asked for.
pub fn run(report: &mut Report, options: &Options) {
    if let Some(other) = &options.against {
        return against::run(report, options, other);
    }
    let mut result = (machine::line(), Vec::new());
    match &options.from {
        None => result.1 = measure(report, options),
        Some(file) => {
            let read = report.step("compare: read", || {
                let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
                result = saved::read(&text).map_err(|e| format!("{file}: {e}"))?;
                result.1.retain(|line| options.wants(line.row));
                Ok(())
            });
            if !read {
                return;
            }
        }
    }
    let (machine, lines) = result;
    println!("\n{machine}");
    table::print(&lines);
    let mut save = |name, file: &Option<String>, text: &dyn Fn() -> Result<String, String>| {
        let Some(file) = file else { return };
        report.step(name, || std::fs::write(file, text()?).map_err(|e| format!("{file}: {e}")));
    };
    save("compare: json", &options.json, &|| Ok(saved::write(&machine, &lines)));
    save("compare: plot", &options.plot, &|| plot::draw(&machine, &lines));
}

/// The lines of all rows that are wanted.
fn measure(report: &mut Report, options: &Options) -> Vec<Line> {
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
    for same in measurements(options) {
        let first = same[0];
        report.step(&format!("compare: {}", first.entry), || {
            let samples = samples::take(first, &programs, options.runs);
            lines.extend(same.iter().flat_map(|row| compare(row, &samples)));
            g0_of(&samples).map(|_| ())
        });
    }
    lines
}

/// The rows that are wanted, together those that come from one measurement.
fn measurements(options: &Options) -> Vec<Vec<&'static Row>> {
    let mut wanted: Vec<&'static Row> = ROWS.iter().filter(|row| options.wants(row)).collect();
    let mut all = Vec::new();
    while let Some(first) = wanted.first().copied() {
        all.push(wanted.extract_if(.., |row| row.entry == first.entry).collect());
    }
    all
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
    let of = |peer: &str| samples.iter().find(|s| s.peer == peer);
    let stats = |peer: &str| of(peer)?.stats(row.figure);
    let median = |peer: &str| Some(stats(peer)?.median);
    let peers = row.peers.iter().copied();
    let present = peers.clone().filter(|peer| *peer != "floor");
    let present = present.filter_map(|peer| Some((peer, median(peer)?)));
    let best = present.min_by(|a, b| row.unit.ratio(a.1, b.1).total_cmp(&1.0));
    let line = |peer| Line {
        row,
        g0: stats("g0"),
        peer,
        stats: stats(peer),
        failed: of(peer).is_some_and(|s| s.error.is_some()),
        best: best.is_some_and(|(best, _)| best == peer),
        target: row.target(peer, median),
    };
    peers.map(line).collect()
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
        let options = parse("yield --runs 7 --json out.json switch --plot a.svg").unwrap();
        assert_eq!((options.names.len(), options.runs), (2, 7));
        assert_eq!(options.json.as_deref(), Some("out.json"));
        assert_eq!((options.plot.as_deref(), options.from), (Some("a.svg"), None));
        assert!(parse("--runs 4").is_err() && parse("--json").is_err() && parse("yeild").is_err());
        assert_eq!(parse("--against HEAD").unwrap().against.as_deref(), Some("HEAD"));
        assert!(parse("--against HEAD --json a").is_err() && parse("--against").is_err());
        let sleep = parse("sleep").unwrap();
        assert_eq!(ROWS.iter().filter(|row| sleep.wants(row)).count(), 10);
    }

    fn samples(peer: &str, values: &[f64]) -> Samples {
        let runs = values.iter().map(|value| vec![*value]).collect();
        Samples { peer: peer.into(), runs, error: None }
    }

    #[test]
    fn a_peer_without_samples_is_absent_and_the_best_of_the_others_is_marked() {
        let row = ROWS.iter().find(|row| row.name == "switch").unwrap();
        let lines = compare(row, &[samples("g0", &[3.0, 2.0, 9.0]), samples("boost", &[14.0])]);
        let verdicts: Vec<_> = lines.iter().map(|l| (l.peer, l.verdict(), l.best)).collect();
        assert_eq!(verdicts, [("corosensei", "absent", false), ("boost", "ok", true)]);
    }

    #[test]
    fn the_best_is_the_least_time_and_the_greatest_count() {
        let best = |name: &str, values: [(&str, f64); 3]| {
            let row = ROWS.iter().find(|row| row.name == name).unwrap();
            let all: Vec<Samples> = values.iter().map(|(peer, v)| samples(peer, &[*v])).collect();
            compare(row, &all).iter().find(|line| line.best).map(|line| line.peer)
        };
        let times = [("go", 80.0), ("may", 40.0), ("tokio", 60.0)];
        assert_eq!(best("yield", times), Some("may"));
        let counts = [("corosensei", 3.0), ("may", 9.0), ("boost", 4.0)];
        assert_eq!(best("guarded", counts), Some("may"));
        assert_eq!(best("create-1m", [("go", 2.0), ("floor", 1.0), ("tokio", 3.0)]), Some("go"));
    }

    #[test]
    fn what_hangs_on_a_peer_is_held_to_its_figure_of_this_run() {
        let row = ROWS.iter().find(|row| row.name == "ring").unwrap();
        let lines = compare(row, &[samples("g0", &[90.0]), samples("go", &[80.0])]);
        let go = lines.iter().find(|line| line.peer == "go").unwrap();
        assert_eq!((go.target, go.verdict()), (Some(80.0), "short"));
    }

    #[test]
    fn a_peer_that_is_there_and_gives_no_figure_has_failed() {
        let row = ROWS.iter().find(|row| row.name == "callback").unwrap();
        let failed = Samples { peer: "go".into(), runs: vec![], error: Some("x".into()) };
        let lines = compare(row, &[samples("g0", &[5.0]), failed]);
        assert_eq!(lines[0].verdict(), "failed");
    }

    #[test]
    fn a_row_that_g0_cannot_run_is_an_error() {
        assert!(g0_of(&[samples("go", &[1.0])]).is_err());
        let failed = Samples { peer: "g0".into(), runs: vec![vec![1.0]], error: Some("x".into()) };
        assert!(g0_of(&[failed]).is_err());
        assert!(g0_of(&[samples("g0", &[1.0])]).is_ok());
    }
}
