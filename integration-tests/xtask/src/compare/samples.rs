//! Samples: one process each, the programs in turns, and what they come to.

use super::programs::Program;
use super::rows::Row;
use super::stats::{Figure, Stats};
use crate::run::Cmd;

/// The samples of one peer in one measurement.
pub struct Samples {
    /// `g0`, a peer's name, or `floor`.
    pub peer: String,
    /// The figures of each run.
    pub runs: Vec<Vec<Figure>>,
    /// Why there is nothing, or not enough, to compare.
    pub error: Option<String>,
}

impl Samples {
    /// What one of its figures comes to; nothing when a run failed, or where there is no such figure.
    pub fn stats(&self, figure: usize) -> Option<Stats> {
        let figures: Option<Vec<Figure>> =
            self.runs.iter().map(|run| run.get(figure).copied()).collect();
        Stats::of(&figures.filter(|_| self.error.is_none())?)
    }

    /// The samples of one of its figures.
    pub fn of(&self, figure: usize) -> impl Iterator<Item = f64> + '_ {
        self.runs.iter().filter_map(move |run| run.get(figure)).map(|figure| figure.value)
    }

    /// It never comes to an end: one run of that says enough.
    fn never(&self) -> bool {
        self.runs.last().is_some_and(|run| run.iter().all(|figure| figure.value.is_infinite()))
    }
}

/// A program that takes part in a measurement.
pub struct Entry<'a> {
    /// What it is called there.
    pub peer: String,
    program: &'a Program,
    /// The name under which it lists the measurement.
    name: String,
}

/// Returns all that take part in a measurement, peers and every kind of runtime.
pub fn entries<'a>(row: &Row, programs: &'a [Program]) -> Vec<Entry<'a>> {
    let all = programs.iter().flat_map(|program| program.rows.iter().map(move |n| (program, n)));
    all.filter_map(|(program, name)| {
        let peer = peer_of(row.entry, &program.name, name)?;
        Some(Entry { peer, program, name: name.clone() })
    })
    .collect()
}

/// Returns those that have the measurement on the row's kind of runtime, under the names of their programs.
pub fn equals<'a>(row: &Row, programs: &'a [Program]) -> Vec<Entry<'a>> {
    let name = row.listed();
    let having = programs.iter().filter(|program| program.rows.contains(&name));
    having
        .map(|program| Entry { peer: program.name.clone(), program, name: name.clone() })
        .collect()
}

/// The peer that `name` of a program's list is in this measurement, if it belongs to it.
fn peer_of(entry: &str, program: &str, name: &str) -> Option<String> {
    match name.strip_prefix(entry)? {
        "" => Some(program.into()),
        "-floor" => Some("floor".into()),
        rest => rest.strip_prefix('/').map(String::from),
    }
}

/// Runs everything that takes part `runs` times, the order rotated each time.
pub fn take(row: &Row, entries: &[Entry<'_>], runs: usize) -> Vec<Samples> {
    let new = |entry: &Entry<'_>| Samples { peer: entry.peer.clone(), runs: vec![], error: None };
    let mut all: Vec<Samples> = entries.iter().map(new).collect();
    for run in 0..if row.once { 1 } else { runs } {
        let mut line = format!("  run {}:", run + 1);
        for turn in 0..entries.len() {
            let at = (turn + run) % entries.len();
            if all[at].error.is_some() || all[at].never() {
                continue;
            }
            let Entry { peer, program, name } = &entries[at];
            match sample(program, name, row) {
                Ok(figures) => {
                    let shown: Vec<String> = figures.iter().map(|f| f.text()).collect();
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

fn sample(program: &Program, name: &str, row: &Row) -> Result<Vec<Figure>, String> {
    // The others know their processors by the row, Go is told.
    let cmd = Cmd::new(&program.path).args([name]).env("GOMAXPROCS", row.procs.to_string());
    let cmd = if row.one_cpu { cmd.on_one_cpu() } else { cmd };
    parse(&cmd.limit(60).stdout()?, name)
}

/// The one line `NAME FIGURE...`.
fn parse(out: &str, name: &str) -> Result<Vec<Figure>, String> {
    let mut words = out.split_whitespace();
    let figures: Option<Vec<Figure>> = match words.next() {
        Some(first) if first == name => words.map(Figure::parse).collect(),
        _ => None,
    };
    let figures = figures.filter(|figures| !figures.is_empty());
    figures.ok_or_else(|| format!("expected `{name} FIGURE...`, got: {out}"))
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::*;

    fn plain(value: f64) -> Figure {
        Figure { value, noise: 0.0 }
    }

    #[test]
    fn only_the_one_line_is_a_sample() {
        assert_eq!(parse("yield 8.25\n", "yield"), Ok(vec![plain(8.25)]));
        let never = vec![plain(60.0), plain(f64::INFINITY)];
        assert_eq!(parse("sleep-1ms 60 never\n", "sleep-1ms"), Ok(never));
        let difference = Figure { value: -20.0, noise: 35.0 };
        assert_eq!(parse("yield/pinned -20±35", "yield/pinned"), Ok(vec![difference]));
        for wrong in ["", "yield", "spawn 8", "yield 0", "yield 8\nyield 9\n"] {
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

    #[test]
    fn a_kind_of_runtime_is_beside_the_other_or_alone() {
        let program = |name: &str, rows: &[&str]| Program {
            name: name.into(),
            path: "".into(),
            rows: rows.iter().map(|row| row.to_string()).collect(),
        };
        let row = |name| ROWS.iter().find(|row| row.name == name).unwrap();
        let list = ["yield", "yield/pinned", "yield-floor"];
        let programs = [program("g0", &list), program("go", &["yield"])];
        fn peers(entries: &[Entry<'_>]) -> Vec<String> {
            entries.iter().map(|entry| entry.peer.clone()).collect()
        }
        let all = ["g0", "pinned", "floor", "go"];
        assert_eq!(peers(&entries(row("yield"), &programs)), all);
        assert_eq!(peers(&entries(row("yield-pinned"), &programs)), all);
        assert_eq!(peers(&equals(row("yield"), &programs)), ["g0", "go"]);
        let pinned = equals(row("yield-pinned"), &programs);
        assert_eq!(pinned[0].name, "yield/pinned");
        assert_eq!(peers(&pinned), ["g0"]);
    }

    fn samples(runs: &[&[f64]]) -> Samples {
        let runs = runs.iter().map(|run| run.iter().copied().map(plain).collect()).collect();
        Samples { peer: "x".into(), runs, error: None }
    }

    #[test]
    fn a_failed_run_spoils_the_rest() {
        let mut samples = samples(&[&[9.0], &[1.0], &[2.0], &[3.0]]);
        assert_eq!(samples.stats(0).map(|stats| stats.median), Some(2.5));
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
