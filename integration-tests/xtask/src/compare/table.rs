//! The result for people: a line for each row and peer.

use super::rows::Row;
use super::stats::Stats;
use super::unit::figure;
use std::collections::BTreeSet;

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
    /// Why the peer has no figures; empty where it has.
    pub why: String,
    /// It is the best peer of its row.
    pub best: bool,
    /// What g0 has to reach.
    pub target: Option<f64>,
}

impl Line {
    /// Below 1 where g0 is better; nothing where one of the two is noise.
    pub fn ratio(&self) -> Option<f64> {
        let (g0, peer) = (self.g0?, self.stats?);
        let noise = g0.is_noise() || peer.is_noise();
        (!noise).then(|| self.row.unit.ratio(g0.median, peer.median))
    }

    /// `ok` where g0 reaches the target, `short` where it does not; `absent` without the peer, `failed` where the peer
    /// is there and gave no figure; `error` without g0. A difference that is noise reaches every target.
    pub fn verdict(&self) -> &'static str {
        let reaches =
            |g0: Stats, target| g0.is_noise() || self.row.unit.reaches(g0.figure(), target);
        match (self.g0, self.stats, self.target) {
            (None, ..) => "error",
            _ if self.failed => "failed",
            (_, None, _) | (.., None) => "absent",
            (Some(g0), _, Some(target)) if reaches(g0, target) => "ok",
            _ => "short",
        }
    }
}

/// The lines, what lies behind them, and which peers are missing.
pub fn print(lines: &[Line]) {
    println!("medians; * is the best peer of its row; a ratio below 1 is in g0's favour;");
    println!("(noise): a difference that chance may have made\n");
    println!("{}", columns(&medians(lines), 4));
    println!("{}", columns(&spreads(lines), 2));
    for verdict in ["ok", "short", "absent", "failed", "error"] {
        let count = lines.iter().filter(|line| line.verdict() == verdict).count();
        print!("{count} {verdict}  ");
    }
    println!();
    missing(lines).iter().for_each(|line| println!("{line}"));
}

fn medians(lines: &[Line]) -> Vec<Vec<String>> {
    let head = ["name", "unit", "Ps", "peer", "g0", "peer's", "ratio", "target", ""];
    let row = |line: &Line| {
        let unit = line.row.unit;
        let text = |stats: Option<Stats>| stats.map_or("-".into(), |stats| stats.text(unit));
        let number = |value: Option<f64>| value.map_or("-".into(), figure);
        vec![
            line.row.name.into(),
            unit.name().into(),
            line.row.procs.to_string(),
            format!("{}{}", line.peer, if line.best { "*" } else { "" }),
            text(line.g0),
            text(line.stats),
            number(line.ratio()),
            number(line.target),
            line.verdict().into(),
        ]
    };
    [head.map(String::from).to_vec()].into_iter().chain(lines.iter().map(row)).collect()
}

fn spreads(lines: &[Line]) -> Vec<Vec<String>> {
    let head = ["name", "program", "min", "median", "max", "runs", "noise"];
    let mut all = vec![head.map(String::from).to_vec()];
    let mut last = "";
    for line in lines {
        let g0 = (line.row.name != last).then_some(("g0", line.g0));
        last = line.row.name;
        for (name, stats) in g0.into_iter().chain([(line.peer, line.stats)]) {
            let Some(s) = stats else { continue };
            let mut cells = vec![line.row.name.into(), name.into()];
            cells.extend([s.min, s.median, s.max].map(figure));
            cells.push(s.runs.to_string());
            cells.push(if s.noise > 0.0 { figure(s.noise) } else { String::new() });
            all.push(cells);
        }
    }
    all
}

/// Cells under each other, the first columns and the last one from the left.
fn columns(rows: &[Vec<String>], left: usize) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| {
            if i < left || i + 1 == count {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Why peers have no figures: each reason once, with the peers and rows that it holds for.
fn missing(lines: &[Line]) -> Vec<String> {
    let without: Vec<&Line> = lines.iter().filter(|line| line.stats.is_none()).collect();
    let mut reasons: Vec<&str> = Vec::new();
    for line in &without {
        if !reasons.contains(&line.why.as_str()) {
            reasons.push(&line.why);
        }
    }
    let told = |why: &&str| {
        let of = || without.iter().filter(|line| line.why == *why);
        let peers: BTreeSet<&str> = of().map(|line| line.peer).collect();
        let rows: BTreeSet<&str> = of().map(|line| line.row.name).collect();
        let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
        let rows = if rows.len() > 3 { format!("{} rows", rows.len()) } else { list(rows) };
        format!("no figures of {} in {rows}: {why}", list(peers))
    };
    reasons.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::*;

    fn line(row: &str, g0: Option<f64>, peer: Option<f64>, target: Option<f64>) -> Line {
        let stats = |v: f64| Stats { min: v, median: v, max: v, runs: 5, noise: 0.0 };
        Line {
            row: ROWS.iter().find(|r| r.name == row).unwrap(),
            g0: g0.map(stats),
            peer: "go",
            stats: peer.map(stats),
            failed: false,
            why: if peer.is_some() { String::new() } else { "not here".into() },
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

    #[test]
    fn a_difference_that_is_noise_is_ok_and_has_no_ratio() {
        let noise = Stats { min: -9.0, median: -2.0, max: 5.0, runs: 5, noise: 2000.0 };
        let line = Line { g0: Some(noise), ..line("foreign-thread", None, Some(3e3), Some(1e3)) };
        assert_eq!((line.verdict(), line.ratio()), ("ok", None));
        assert!(medians(&[line])[1].contains(&"<= 2,000 ns (noise)".into()));
    }

    #[test]
    fn the_summary_says_once_why_a_peer_is_missing() {
        let boost = |row| Line { peer: "boost", ..line(row, Some(1.0), None, None) };
        let lines = [
            boost("yield"),
            boost("spawn-join"),
            boost("ring"),
            boost("mutex"),
            line("yield", Some(1.0), Some(2.0), None),
            Line { why: "it died".into(), ..line("lock", Some(1.0), None, None) },
        ];
        let told = ["no figures of boost in 4 rows: not here", "no figures of go in lock: it died"];
        assert_eq!(missing(&lines), told);
        assert!(missing(&lines[4..5]).is_empty());
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [["a", "1", "x"], ["long", "1,000", ""]];
        let rows = rows.map(|row| row.map(String::from).to_vec());
        assert_eq!(columns(&rows, 1), "a         1  x\nlong  1,000\n");
        assert_eq!(columns(&[], 1), "");
        let line = line("yield", Some(1e6), Some(2.0), None);
        let tables = [medians(&[line]), spreads(&[])];
        assert!(tables.iter().all(|rows| rows.iter().all(|row| row.len() == rows[0].len())));
    }
}
