//! What samples come to: the lines of a row.

use super::programs;
use super::rows::{Kind, Row};
use super::samples::Samples;
use super::table::Line;

/// Returns the samples of g0 on this kind of runtime, or why there are none.
pub fn g0_of(kind: Kind, samples: &[Samples]) -> Result<&Samples, String> {
    let side = kind.side();
    let g0 = samples.iter().find(|s| s.peer == side).ok_or(format!("{side} has no such row"))?;
    match &g0.error {
        Some(error) => Err(format!("{side}: {error}")),
        None => Ok(g0),
    }
}

/// A line for every peer that the row should have; `absent` are programs that are not there, and why.
pub fn compare(row: &'static Row, samples: &[Samples], absent: &[(&str, String)]) -> Vec<Line> {
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
    use super::super::rows::ROWS;
    use super::super::stats::Figure;
    use super::*;

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
