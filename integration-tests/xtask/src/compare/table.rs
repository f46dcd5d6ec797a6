//! The result for people: a line for each row and peer.

use super::rows::Row;
use super::samples::Stats;
use super::unit::figure;

/// g0 beside one peer in one row.
pub struct Line {
    /// The row.
    pub row: &'static Row,
    /// g0's figures; none when its side failed.
    pub g0: Option<Stats>,
    /// The peer.
    pub peer: &'static str,
    /// The peer's figures; none when it is absent.
    pub stats: Option<Stats>,
    /// The peer is there and gave no figure.
    pub failed: bool,
    /// It is the best peer of its row.
    pub best: bool,
    /// What g0 has to reach.
    pub target: Option<f64>,
}

impl Line {
    /// Below 1 where g0 is better.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.row.unit.ratio(self.g0?.median, self.stats?.median))
    }

    /// `ok` where g0 reaches the target, `short` where it does not; `absent` without the peer, `failed` where the peer
    /// is there and gave no figure; `error` without g0.
    pub fn verdict(&self) -> &'static str {
        match (self.g0, self.stats, self.target) {
            (None, ..) => "error",
            _ if self.failed => "failed",
            (_, None, _) | (.., None) => "absent",
            (Some(g0), _, Some(target)) if self.row.unit.reaches(g0.median, target) => "ok",
            _ => "short",
        }
    }
}

fn cell(value: Option<f64>) -> String {
    value.map_or("-".into(), figure)
}

/// The lines, then what lies behind them.
pub fn print(lines: &[Line]) {
    println!("medians; * is the best peer of its row; a ratio below 1 is in g0's favour\n");
    println!(
        "{:<19} {:<5} {:>2} {:>10}  {:<12} {:>10} {:>7} {:>10}",
        "name", "unit", "Ps", "g0", "peer", "peer's", "ratio", "target"
    );
    for line in lines {
        let peer = format!("{}{}", line.peer, if line.best { "*" } else { "" });
        println!(
            "{:<19} {:<5} {:>2} {:>10}  {peer:<12} {:>10} {:>7} {:>10}  {}",
            line.row.name,
            line.row.unit.name(),
            line.row.procs,
            cell(line.g0.map(|s| s.median)),
            cell(line.stats.map(|s| s.median)),
            cell(line.ratio()),
            cell(line.target),
            line.verdict()
        );
    }
    println!(
        "\n{:<19} {:<12} {:>10} {:>10} {:>10}  runs",
        "name", "program", "min", "median", "max"
    );
    let mut last = "";
    for line in lines {
        let g0 = (line.row.name != last).then_some(("g0", line.g0));
        last = line.row.name;
        for (name, stats) in g0.into_iter().chain([(line.peer, line.stats)]) {
            let Some(s) = stats else { continue };
            println!(
                "{:<19} {name:<12} {:>10} {:>10} {:>10}  {}",
                line.row.name,
                figure(s.min),
                figure(s.median),
                figure(s.max),
                s.runs
            );
        }
    }
    println!();
    for verdict in ["ok", "short", "absent", "failed", "error"] {
        let count = lines.iter().filter(|line| line.verdict() == verdict).count();
        print!("{count} {verdict}  ");
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::*;

    fn line(row: &str, g0: Option<f64>, peer: Option<f64>, target: Option<f64>) -> Line {
        let stats = |v: f64| Stats { min: v, median: v, max: v, runs: 5 };
        Line {
            row: ROWS.iter().find(|r| r.name == row).unwrap(),
            g0: g0.map(stats),
            peer: "go",
            stats: peer.map(stats),
            failed: false,
            best: false,
            target,
        }
    }

    #[test]
    fn verdicts() {
        assert_eq!(line("yield", Some(10.0), Some(80.0), Some(10.0)).verdict(), "ok");
        assert_eq!(line("yield", Some(10.1), Some(80.0), Some(10.0)).verdict(), "short");
        assert_eq!(line("yield", Some(1.0), None, Some(10.0)).verdict(), "absent");
        assert_eq!(line("yield", None, Some(80.0), Some(10.0)).verdict(), "error");
        assert_eq!(line("yield", Some(1.0), Some(80.0), None).verdict(), "absent");
        let failed = Line { failed: true, ..line("yield", Some(1.0), None, Some(10.0)) };
        assert_eq!(failed.verdict(), "failed");
    }

    #[test]
    fn of_guarded_stacks_more_is_better() {
        let good = line("guarded", Some(1e6), Some(32_750.0), Some(1e6));
        assert_eq!(good.verdict(), "ok");
        assert!(good.ratio().is_some_and(|r| r < 1.0));
        assert_eq!(line("guarded", Some(9e5), Some(1.0), Some(1e6)).verdict(), "short");
    }

    #[test]
    fn a_peer_that_never_ends_is_beaten_by_any_figure() {
        let line = line("sleep-busy-p50", Some(9000.0), Some(f64::INFINITY), Some(11_000.0));
        assert_eq!((line.verdict(), line.ratio()), ("ok", Some(0.0)));
    }
}
