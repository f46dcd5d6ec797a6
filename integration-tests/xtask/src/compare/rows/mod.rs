//! The rows, what g0 has to reach in them, and the peers that each row should have.

mod list;

use super::unit::Unit::{self, Count, Share};
pub use list::ROWS;

/// The kinds of runtime that take part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Most rows are measured on this one alone.
    Migrating,
    /// A row of its own, whose name ends in `-pinned`.
    Pinned,
}

impl Kind {
    /// What the samples of g0 on this kind of runtime are called.
    pub fn side(self) -> &'static str {
        match self {
            Kind::Migrating => "g0",
            Kind::Pinned => "pinned",
        }
    }
}

/// One figure that is compared.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What the programs call the measurement that gives it; several rows may come from one.
    pub entry: &'static str,
    /// Which figure of the measurement's line it is.
    pub figure: usize,
    /// What it is measured in.
    pub unit: Unit,
    /// How many processors the programs use.
    pub procs: usize,
    /// The programs are started on one CPU.
    pub one_cpu: bool,
    /// The kind of runtime that g0's figure comes from.
    pub kind: Kind,
    /// One run says all: what is counted does not vary.
    pub once: bool,
    /// It stands beside another row, or says little as a bar: it is not drawn.
    pub aside: bool,
    /// The peers that have the operation.
    pub peers: &'static [&'static str],
    /// What g0 has to reach, in the row's unit. `None`: only what stands beside it counts.
    reach: Option<f64>,
    /// What g0 has to reach as a multiple of what this peer reaches beside it; `floor` is one of them.
    beside: Option<(&'static str, f64)>,
}

const fn row(name: &'static str, peers: &'static [&'static str]) -> Row {
    Row {
        name,
        entry: name,
        figure: 0,
        unit: Unit::Ns,
        procs: 1,
        one_cpu: false,
        kind: Kind::Migrating,
        once: false,
        aside: false,
        peers,
        reach: None,
        beside: None,
    }
}

impl Row {
    const fn at_most(mut self, figure: f64) -> Row {
        self.reach = Some(figure);
        self
    }

    /// A share of the whole: this much or more.
    const fn at_least(self, share: f64) -> Row {
        self.at_most(share).in_unit(Share).aside()
    }

    const fn times(mut self, factor: f64, peer: &'static str) -> Row {
        self.beside = Some((peer, factor));
        self
    }

    const fn in_unit(mut self, unit: Unit) -> Row {
        self.unit = unit;
        self
    }

    const fn on_two(mut self) -> Row {
        self.procs = 2;
        self
    }

    const fn on_one_cpu(mut self) -> Row {
        self.one_cpu = true;
        self
    }

    const fn aside(mut self) -> Row {
        self.aside = true;
        self
    }

    const fn from(mut self, entry: &'static str, figure: usize) -> Row {
        self.entry = entry;
        self.figure = figure;
        self
    }

    /// The same on the pinned runtime, beside the row of the migrating one.
    const fn pinned(mut self, entry: &'static str, figure: usize) -> Row {
        self.kind = Kind::Pinned;
        self.from(entry, figure).aside()
    }

    const fn once(mut self) -> Row {
        self.once = true;
        self
    }

    /// A count, which does not vary: this many or more.
    const fn counts(self, least: f64) -> Row {
        self.at_most(least).once().in_unit(Count)
    }

    /// Returns the name under which g0's program lists the measurement on the row's kind of runtime.
    pub fn listed(&self) -> String {
        match self.kind {
            Kind::Migrating => self.entry.into(),
            Kind::Pinned => format!("{}/pinned", self.entry),
        }
    }

    /// Whether `word` selects it: by its name, by the beginning of it up to a hyphen, or by its group.
    pub fn is_called(&self, word: &str) -> bool {
        let begins = |word: &str| {
            self.name.strip_prefix(word).is_some_and(|r| r.is_empty() || r.starts_with('-'))
        };
        let group = GROUPS.iter().find(|(group, _)| *group == word);
        let of_kind = word == "pinned" && self.kind == Kind::Pinned;
        begins(word)
            || of_kind
            || group.is_some_and(|(_, words)| words.iter().any(|word| begins(word)))
    }

    /// The target, given how others do in this run: the absolute one where there is one, unless `peer` is the one that
    /// the row is also measured against.
    pub fn target(&self, peer: &str, of: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let beside = || self.beside.and_then(|(other, factor)| Some(factor * of(other)?));
        match self.beside {
            Some((other, _)) if other == peer => beside(),
            _ => self.reach.or_else(beside),
        }
    }
}

/// Words that select what begins with others, too.
const GROUPS: &[(&str, &[&str])] = &[
    ("locked", &["lock"]),
    ("latency", &["sleep", "share"]),
    ("stack", &["grow"]),
    ("cgo", &["call", "callback", "nested", "foreign"]),
    (
        "memory",
        &["parked", "given-back", "wake-exit", "create-1m", "guarded", "packed-1m", "packed-10m"],
    ),
    (
        "fair",
        &[
            "main-worker",
            "fork-join",
            "wake-computing",
            "hog-pair",
            "beside",
            "foreign-rested",
            "tickers",
            "threads-left",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn without_a_floor_a_target_that_hangs_on_it_is_unknown() {
        let row = named("create-1m");
        assert_eq!(row.target("go", |_| None), None);
        let target = row.target("go", |peer| (peer == "floor").then_some(2000.0));
        assert!(target.is_some_and(|t| (t - 2200.0).abs() < 1e-6));
    }

    #[test]
    fn beside_its_floor_a_row_is_held_to_the_floor_and_beside_a_peer_to_its_figure() {
        let row = named("call");
        assert_eq!(row.target("go", |_| Some(10.0)), Some(2.5));
        assert_eq!(row.target("floor", |_| Some(10.0)), Some(18.0));
    }

    #[test]
    fn every_row_has_a_target_that_a_figure_or_a_peer_gives() {
        for row in ROWS {
            let alone = row.target("", |_| None).is_some();
            let beside = row.target("", |_| Some(1.0)).is_some() && !row.peers.is_empty();
            assert!(alone || beside, "{}", row.name);
            assert!(row.beside.is_none_or(|(peer, _)| row.peers.contains(&peer)), "{}", row.name);
            let source = |row: &Row| (row.entry, row.figure, row.kind);
            let same = ROWS.iter().filter(|other| source(other) == source(row));
            assert_eq!(same.count(), 1, "{}", row.name);
        }
    }

    #[test]
    fn a_word_selects_what_begins_with_it_up_to_a_hyphen_and_its_group() {
        let chosen = |word: &'static str| {
            ROWS.iter().filter(move |row| row.is_called(word)).map(|row| row.name)
        };
        assert!(chosen("mutex").eq(["mutex", "mutex-contended"]));
        assert!(chosen("channel").eq(["channel", "channel-pinned"]));
        assert!(chosen("call").eq(["call", "call-two"]) && chosen("sleep-1ms").count() == 2);
        assert_eq!(chosen("spaw").count() + chosen("").count(), 0);
        assert_eq!(chosen("locked").next(), Some("lock"));
        assert!(chosen("locked").skip(1).all(|name| name.starts_with("locked-")));
        let latency = ["sleep-1ms-p50", "latency-busy-p99", "share-10ms"];
        assert!(latency.iter().all(|name| chosen("latency").any(|chosen| chosen == *name)));
    }

    #[test]
    fn rows_of_one_measurement_are_measured_in_one_way() {
        for row in ROWS {
            let mut same = ROWS.iter().filter(|other| other.entry == row.entry);
            let way = |row: &Row| (row.procs, row.one_cpu, row.once);
            assert!(same.all(|other| way(other) == way(row)), "{}", row.name);
        }
    }

    #[test]
    fn a_row_of_the_pinned_runtime_has_the_target_of_its_row_on_the_migrating_one() {
        let pinned: Vec<_> = ROWS.iter().filter(|row| row.is_called("pinned")).collect();
        assert!(pinned.len() > 10);
        for row in pinned {
            let other = named(row.name.strip_suffix("-pinned").unwrap());
            assert_eq!((other.kind, row.kind), (Kind::Migrating, Kind::Pinned));
            assert_eq!((other.entry, other.figure), (row.entry, row.figure));
            assert_eq!((other.reach, other.beside), (row.reach, row.beside), "{}", row.name);
            assert_eq!(row.unit, other.unit, "{}", row.name);
            assert!(["go", "migrating"].iter().all(|peer| row.peers.contains(peer)));
        }
    }
}
