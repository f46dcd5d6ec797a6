//! The result, for people and as JSON: a line for each row and peer.

use super::samples::Stats;

/// g0 beside one peer in one row.
pub struct Line {
    /// The row.
    pub row: &'static str,
    /// g0's figures; none when its side failed.
    pub g0: Option<Stats>,
    /// The peer.
    pub peer: &'static str,
    /// The peer's figures; none when it is absent.
    pub stats: Option<Stats>,
    /// It is the fastest peer of its row.
    pub best: bool,
    /// What g0 has to reach.
    pub target: Option<f64>,
}

impl Line {
    /// How many times as long g0 takes as the peer.
    fn ratio(&self) -> Option<f64> {
        Some(self.g0?.median / self.stats?.median)
    }

    /// `ok` at or below the target, `short` above it; `absent` without the peer, `error` without g0.
    pub fn verdict(&self) -> &'static str {
        match (self.g0, self.stats, self.target) {
            (None, ..) => "error",
            (_, None, _) | (.., None) => "absent",
            (Some(g0), _, Some(target)) if g0.median <= target => "ok",
            _ => "short",
        }
    }
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".into(), |v| format!("{v:.digits$}"))
}

/// The lines, then what lies behind them.
pub fn print(lines: &[Line]) {
    println!(
        "ns an operation (parked: bytes a goroutine), medians; * is the best peer of its row\n"
    );
    println!(
        "{:<11} {:>10}  {:<12} {:>10} {:>7} {:>9}",
        "name", "g0_ns", "peer", "peer_ns", "ratio", "target"
    );
    for line in lines {
        let peer = format!("{}{}", line.peer, if line.best { "*" } else { "" });
        let (g0, stats) = (line.g0.map(|s| s.median), line.stats.map(|s| s.median));
        println!(
            "{:<11} {:>10}  {peer:<12} {:>10} {:>7} {:>9}  {}",
            line.row,
            cell(g0, 2),
            cell(stats, 2),
            cell(line.ratio(), 2),
            cell(line.target, 1),
            line.verdict()
        );
    }
    println!(
        "\n{:<11} {:<12} {:>10} {:>10} {:>10}  runs",
        "name", "program", "min", "median", "max"
    );
    let mut last = "";
    for line in lines {
        let g0 = (line.row != last).then_some(("g0", line.g0));
        last = line.row;
        for (name, stats) in g0.into_iter().chain([(line.peer, line.stats)]) {
            let Some(s) = stats else { continue };
            println!(
                "{:<11} {name:<12} {:>10.2} {:>10.2} {:>10.2}  {}",
                line.row, s.min, s.median, s.max, s.runs
            );
        }
    }
    println!();
    for verdict in ["ok", "short", "absent", "error"] {
        let count = lines.iter().filter(|line| line.verdict() == verdict).count();
        print!("{count} {verdict}  ");
    }
    println!();
}

/// The same as JSON. No text in it needs escaping: the names are this program's own.
pub fn json(lines: &[Line]) -> String {
    let number = |v: Option<f64>| v.map_or("null".into(), |v| format!("{v}"));
    let stats = |s: Option<Stats>| match s {
        Some(s) => format!(
            r#"{{"min": {}, "median": {}, "max": {}, "runs": {}}}"#,
            s.min, s.median, s.max, s.runs
        ),
        None => "null".into(),
    };
    let mut rows = Vec::new();
    for line in lines {
        let values = [
            format!(r#""name": "{}""#, line.row),
            format!(r#""g0_ns": {}"#, number(line.g0.map(|s| s.median))),
            format!(r#""peer": "{}""#, line.peer),
            format!(r#""peer_ns": {}"#, number(line.stats.map(|s| s.median))),
            format!(r#""ratio": {}"#, number(line.ratio())),
            format!(r#""target": {}"#, number(line.target)),
            format!(r#""verdict": "{}""#, line.verdict()),
            format!(r#""best": {}"#, line.best),
            format!(r#""g0": {}"#, stats(line.g0)),
            format!(r#""peer_samples": {}"#, stats(line.stats)),
        ];
        rows.push(format!("  {{{}}}", values.join(", ")));
    }
    format!("[\n{}\n]\n", rows.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(g0: Option<f64>, peer: Option<f64>, target: Option<f64>) -> Line {
        let stats = |v: f64| Stats { min: v, median: v, max: v, runs: 5 };
        Line {
            row: "yield",
            g0: g0.map(stats),
            peer: "go",
            stats: peer.map(stats),
            best: false,
            target,
        }
    }

    #[test]
    fn verdicts() {
        assert_eq!(line(Some(10.0), Some(80.0), Some(10.0)).verdict(), "ok");
        assert_eq!(line(Some(10.1), Some(80.0), Some(10.0)).verdict(), "short");
        assert_eq!(line(Some(1.0), None, Some(10.0)).verdict(), "absent");
        assert_eq!(line(None, Some(80.0), Some(10.0)).verdict(), "error");
        assert_eq!(line(Some(1.0), Some(80.0), None).verdict(), "absent");
    }

    #[test]
    fn json_says_null_for_what_was_not_measured() {
        let text = json(&[line(Some(8.0), None, Some(10.0))]);
        assert!(
            text.contains(r#""g0_ns": 8, "peer": "go", "peer_ns": null, "ratio": null"#),
            "{text}"
        );
        assert!(text.contains(r#""verdict": "absent""#));
    }
}
