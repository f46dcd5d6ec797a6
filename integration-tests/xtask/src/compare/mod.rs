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
mod stats;
mod table;
mod unit;

use crate::report::Report;
use programs::Program;
use rows::{Kind, ROWS, Row};
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
    let mut absent = Vec::new();
    report.step("compare: peers", || {
        for (name, program) in Program::peers(options.install) {
            match program {
                Ok(program) => programs.push(program),
                Err(reason) => {
                    println!("  {name} is absent: {reason}");
                    absent.push((name, reason));
                }
            }
        }
        Ok(())
    });
    let mut lines = Vec::new();
    for same in measurements(options) {
        let first = same[0];
        report.step(&format!("compare: {}", first.entry), || {
            let samples = samples::take(first, &samples::entries(first, &programs), options.runs);
            lines.extend(same.iter().flat_map(|row| compare(row, &samples, &absent)));
            same.iter().try_for_each(|row| g0_of(row.kind, &samples).map(|_| ()))
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

fn g0_of(kind: Kind, samples: &[Samples]) -> Result<&Samples, String> {
    let side = kind.side();
    let g0 = samples.iter().find(|s| s.peer == side).ok_or(format!("{side} has no such row"))?;
    match &g0.error {
        Some(error) => Err(format!("{side}: {error}")),
        None => Ok(g0),
    }
}

/// A line for every peer that the row should have; `absent` are programs that are not there, and why.
fn compare(row: &'static Row, samples: &[Samples], absent: &[(&str, String)]) -> Vec<Line> {
    let of = |peer: &str| {
        let side = if peer == "migrating" { Kind::Migrating.side() } else { peer };
        samples.iter().find(|s| s.peer == side)
    };
    let stats = |peer: &str| of(peer)?.stats(row.figure);
    let figure = |peer: &str| Some(stats(peer)?.figure());
    let peers = row.peers.iter().copied();
    let others = peers.clone().filter(|peer| !["floor", "migrating"].contains(peer));
    let present = others.filter_map(|peer| Some((peer, figure(peer)?)));
    let best = present.min_by(|a, b| row.unit.ratio(a.1, b.1).total_cmp(&1.0));
    let line = |peer| Line {
        row,
        g0: stats(row.kind.side()),
        peer,
        stats: stats(peer),
        failed: of(peer).is_some_and(|s| s.error.is_some()),
        why: why(peer, of(peer), absent),
        best: best.is_some_and(|(best, _)| best == peer),
        target: row.target(peer, figure),
    };
    peers.map(line).collect()
}

/// Why a peer has no figures, which is nothing where it has.
fn why(peer: &str, samples: Option<&Samples>, absent: &[(&str, String)]) -> String {
    let reason = match samples {
        Some(samples) => samples.error.clone(),
        None => {
            let program = programs::of_peer(peer);
            let reason = absent.iter().find(|(name, _)| *name == program);
            let reason = reason.map(|(name, reason)| format!("{name} is absent: {reason}"));
            reason.or(Some(format!("{program} has no such measurement")))
        }
    };
    // In a summary a reason is a line.
    reason.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::stats::Figure;
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
        let figure = |value: &f64| vec![Figure { value: *value, noise: 0.0 }];
        Samples { peer: peer.into(), runs: values.iter().map(figure).collect(), error: None }
    }

    fn named(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn a_peer_without_samples_is_absent_and_the_best_of_the_others_is_marked() {
        let all = [samples("g0", &[3.0, 2.0, 9.0]), samples("boost", &[14.0])];
        let lines = compare(named("switch"), &all, &[]);
        let verdicts: Vec<_> = lines.iter().map(|l| (l.peer, l.verdict(), l.best)).collect();
        assert_eq!(verdicts, [("corosensei", "absent", false), ("boost", "ok", true)]);
    }

    #[test]
    fn the_best_is_the_least_time_and_the_greatest_count() {
        let best = |name: &str, values: [(&str, f64); 3]| {
            let all: Vec<Samples> = values.iter().map(|(peer, v)| samples(peer, &[*v])).collect();
            compare(named(name), &all, &[]).iter().find(|line| line.best).map(|line| line.peer)
        };
        let times = [("go", 80.0), ("may", 40.0), ("tokio", 60.0)];
        assert_eq!(best("yield", times), Some("may"));
        let counts = [("corosensei", 3.0), ("may", 9.0), ("boost", 4.0)];
        assert_eq!(best("guarded", counts), Some("may"));
        assert_eq!(best("create-1m", [("go", 2.0), ("floor", 1.0), ("tokio", 3.0)]), Some("go"));
    }

    #[test]
    fn what_hangs_on_a_peer_is_held_to_its_figure_of_this_run() {
        let all = [samples("g0", &[90.0]), samples("go", &[80.0])];
        let lines = compare(named("ring"), &all, &[]);
        let go = lines.iter().find(|line| line.peer == "go").unwrap();
        assert_eq!((go.target, go.verdict()), (Some(80.0), "short"));
    }

    #[test]
    fn a_peer_that_is_there_and_gives_no_figure_has_failed() {
        let failed = Samples { peer: "go".into(), runs: vec![], error: Some("it\n  died".into()) };
        let lines = compare(named("callback"), &[samples("g0", &[5.0]), failed], &[]);
        assert_eq!((lines[0].verdict(), lines[0].why.as_str()), ("failed", "it died"));
    }

    #[test]
    fn a_missing_peer_says_why_and_one_that_is_there_says_nothing() {
        let absent = [("boost", "no\n  headers".to_string())];
        let all = [samples("g0", &[5.0]), samples("go", &[6.0])];
        let lines = compare(named("yield"), &all, &absent);
        let why = |peer| lines.iter().find(|line| line.peer == peer).unwrap().why.as_str();
        assert_eq!((why("go"), why("boost")), ("", "boost is absent: no headers"));
        assert_eq!(why("may"), "rust has no such measurement");
    }

    #[test]
    fn a_row_of_the_pinned_runtime_stands_beside_the_migrating_one() {
        let all = [samples("g0", &[8.0]), samples("pinned", &[9.0]), samples("go", &[80.0])];
        let pinned = compare(named("yield-pinned"), &all, &[]);
        let figures: Vec<_> =
            pinned.iter().map(|line| (line.peer, line.stats.unwrap().median, line.best)).collect();
        assert_eq!(figures, [("go", 80.0, true), ("migrating", 8.0, false)]);
        assert!(pinned.iter().all(|line| line.g0.unwrap().median == 9.0));
        let line = &compare(named("yield"), &all, &[])[0];
        assert_eq!((line.peer, line.g0.unwrap().median), ("go", 8.0));
    }

    #[test]
    fn a_row_that_g0_cannot_run_is_an_error() {
        let of = |samples: &[Samples]| g0_of(Kind::Migrating, samples).is_ok();
        assert!(!of(&[samples("go", &[1.0])]) && !of(&[samples("pinned", &[1.0])]));
        assert!(!of(&[Samples { error: Some("x".into()), ..samples("g0", &[1.0]) }]));
        assert!(of(&[samples("g0", &[1.0])]));
        assert!(g0_of(Kind::Pinned, &[samples("pinned", &[1.0])]).is_ok());
    }
}
