//! What is drawn: rows as groups of bars.
//!
//! A row `X-p99` is no group: its figures go to the bars of `X-p50`. What stands aside is not drawn.

use crate::compare::rows::Row;
use crate::compare::table::Line;
use crate::compare::unit::Unit;
use plotters::style::RGBColor;

/// Who is drawn, under which name and in which colour; peers that begin with one of these are drawn as it.
pub const COLOURS: [(&str, &str, RGBColor); 11] = [
    ("g0", "g0", RGBColor(0xd5, 0x2b, 0x1e)),
    ("go", "Go", RGBColor(0x00, 0xa0, 0xc6)),
    ("tokio", "tokio", RGBColor(0x2b, 0x4c, 0x9b)),
    ("may", "may", RGBColor(0xb5, 0x65, 0xa7)),
    ("boost", "Boost", RGBColor(0xe6, 0x9f, 0x00)),
    ("corosensei", "corosensei", RGBColor(0x00, 0x8f, 0x68)),
    ("parking_lot", "parking_lot", RGBColor(0x8a, 0x6d, 0x3b)),
    ("std", "std", RGBColor(0x9a, 0xa0, 0xa6)),
    ("scopeguard", "scopeguard", RGBColor(0x6b, 0x8e, 0x23)),
    ("boxes", "boxed closures", RGBColor(0xc9, 0xb0, 0x37)),
    ("floor", "floor", RGBColor(0x40, 0x40, 0x40)),
];

/// A bar, and how far the line behind it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its place in [`COLOURS`].
    pub who: usize,
    /// In the row's unit, as all figures.
    pub value: f64,
    /// The 99th percentile, where the row has one.
    pub p99: Option<f64>,
}

/// A row as it is drawn: bars from the top down, g0's first.
pub struct Group {
    /// The row's, without `-p50`.
    pub name: &'static str,
    /// The row's.
    pub unit: Unit,
    /// What stands below the name.
    pub note: &'static str,
    /// From the top down.
    pub bars: Vec<Bar>,
}

fn who(peer: &str) -> usize {
    let of = |key: &str| peer.strip_prefix(key).is_some_and(|r| r.is_empty() || r.starts_with('-'));
    COLOURS.iter().position(|(key, ..)| of(key)).unwrap_or(COLOURS.len() - 1)
}

/// The rows as groups: of several lines of one peer the best, the 99th percentile beside the median.
pub fn groups(lines: &[Line]) -> Vec<Group> {
    let mut rows: Vec<&'static Row> = Vec::new();
    for line in lines {
        let drawn = !line.row.aside && !line.row.name.ends_with("-p99");
        if drawn && !rows.iter().any(|row| row.name == line.row.name) {
            rows.push(line.row);
        }
    }
    let median = |name: &str, key: usize| {
        let of = lines.iter().filter(move |line| line.row.name == name);
        let g0 = of.clone().find_map(|line| line.g0).map(|s| s.figure());
        let peers =
            of.filter(|line| who(line.peer) == key).filter_map(|line| Some(line.stats?.figure()));
        if key == 0 { g0 } else { peers.min_by(f64::total_cmp) }
    };
    let group = |row: &'static Row| {
        let name = row.name.strip_suffix("-p50").unwrap_or(row.name);
        let p99 = format!("{name}-p99");
        let bar = |who| Some(Bar { who, value: median(row.name, who)?, p99: median(&p99, who) });
        let note = match row.unit {
            Unit::Bytes => "bytes",
            Unit::Count => "more is better",
            _ if row.procs == 2 => "on 2 Ps",
            _ => "",
        };
        let bars = (0..COLOURS.len()).filter_map(bar).collect();
        Group { name, unit: row.unit, note, bars }
    };
    rows.into_iter().map(group).filter(|group| !group.bars.is_empty()).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::compare::rows::ROWS;
    use crate::compare::stats::Stats;

    /// A line of five equal runs.
    pub fn line(row: &str, g0: f64, peer: &'static str, of: Option<f64>) -> Line {
        let stats = |v: f64| Stats { min: v, median: v, max: v, runs: 5, noise: 0.0 };
        Line {
            row: ROWS.iter().find(|r| r.name == row).unwrap(),
            g0: Some(stats(g0)),
            peer,
            stats: of.map(stats),
            failed: false,
            why: String::new(),
            best: false,
            target: None,
        }
    }

    fn bars(group: &Group) -> Vec<(&'static str, f64, Option<f64>)> {
        group.bars.iter().map(|bar| (COLOURS[bar.who].1, bar.value, bar.p99)).collect()
    }

    #[test]
    fn of_two_channels_of_a_peer_the_better_is_drawn_and_who_is_absent_is_not() {
        let lines = [
            line("channel", 30.0, "go", None),
            line("channel", 30.0, "may-mpsc", Some(200.0)),
            line("channel", 30.0, "may-spsc", Some(90.0)),
        ];
        let groups = groups(&lines);
        assert_eq!(groups.len(), 1);
        assert_eq!(bars(&groups[0]), [("g0", 30.0, None), ("may", 90.0, None)]);
    }

    #[test]
    fn the_99th_percentile_goes_on_from_the_bar_of_the_median() {
        let lines = [
            line("sleep-1ms-p50", 50.0, "go", Some(80.0)),
            line("sleep-1ms-p99", 70.0, "go", Some(130.0)),
        ];
        let groups = groups(&lines);
        assert_eq!((groups.len(), groups[0].name), (1, "sleep-1ms"));
        assert_eq!(bars(&groups[0]), [("g0", 50.0, Some(70.0)), ("Go", 80.0, Some(130.0))]);
    }

    #[test]
    fn every_peer_that_is_drawn_has_a_colour_of_its_own() {
        for peer in ROWS.iter().filter(|row| !row.aside).flat_map(|row| row.peers) {
            assert!(peer.starts_with(COLOURS[who(peer)].0), "{peer}");
        }
        assert_eq!((who("g0"), who("go"), who("may-mpsc")), (0, 1, 3));
    }
}
