//! The rows, what g0 has to reach in them, and the peers that each row should have.

use super::unit::Unit::{self, Bytes, Count, Ms, Rate, Share, Us};

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
    pub pinned: bool,
    /// One run says all: what is counted does not vary.
    pub once: bool,
    /// It stands beside another row, and is not drawn.
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
        pinned: false,
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
        self.pinned = true;
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

    /// A count, which does not vary: this many or more.
    const fn counts(mut self, least: f64) -> Row {
        self.reach = Some(least);
        self.once = true;
        self.in_unit(Count)
    }

    /// Whether `word` selects it: by its name, by the beginning of it up to a hyphen, or by its group.
    pub fn is_called(&self, word: &str) -> bool {
        let begins = |word: &str| {
            self.name.strip_prefix(word).is_some_and(|r| r.is_empty() || r.starts_with('-'))
        };
        let group = GROUPS.iter().find(|(group, _)| *group == word);
        begins(word) || group.is_some_and(|(_, words)| words.iter().any(|word| begins(word)))
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

/// The peers whose stacks, or what stands for them, wait for the clock.
const SLEEPERS: &[&str] = &["go", "tokio", "may", "boost", "floor"];

/// Words that select what begins with others, too.
const GROUPS: &[(&str, &[&str])] = &[
    ("locked", &["lock"]),
    ("latency", &["sleep", "share"]),
    ("cgo", &["call", "callback", "nested", "foreign"]),
];

/// The peers that give a goroutine, or what stands for it, a thread of its own.
const LOCKERS: &[&str] = &["go", "tokio", "floor"];

/// All rows.
pub static ROWS: &[Row] = &[
    row("switch", &["corosensei", "boost"]).at_most(4.0),
    row("yield", &["go", "may", "tokio", "boost"]).at_most(10.0),
    row("spawn-join", &["go", "may", "tokio", "boost"]).at_most(60.0),
    row("spawn-1000", &["go", "may", "tokio", "boost"]).at_most(35.0),
    row("channel", &["go", "may-mpsc", "may-spsc", "tokio", "boost"]).at_most(45.0),
    row("buffered", &["go", "tokio", "boost"]).at_most(8.0),
    row("select", &["go", "tokio", "may"]).times(1.0, "go"),
    row("ring", &["go", "tokio", "may", "boost"]).times(1.0, "go"),
    row("mutex", &["go", "tokio", "may", "boost", "parking_lot", "std"]).at_most(9.5),
    row("mutex-contended", &["go", "tokio", "may", "parking_lot", "std"]).times(1.0, "go").on_two(),
    row("lock", &["go"]).at_most(1.8),
    row("locked-one", LOCKERS).at_most(5000.0).on_one_cpu(),
    row("locked-one-cpu", LOCKERS).times(1.0, "go").on_one_cpu().from("locked-one", 1).aside(),
    row("locked-two", LOCKERS).at_most(1000.0).on_two(),
    row("locked-two-cpu", LOCKERS).times(1.0, "go").on_two().from("locked-two", 1).aside(),
    row("locked-both-one", &["go"]).times(1.0, "go").on_one_cpu(),
    row("locked-both-one-cpu", &["go"])
        .times(1.0, "go")
        .on_one_cpu()
        .from("locked-both-one", 1)
        .aside(),
    row("locked-both-two", &["go"]).times(1.0, "go").on_two(),
    row("locked-both-two-cpu", &["go"])
        .times(1.0, "go")
        .on_two()
        .from("locked-both-two", 1)
        .aside(),
    row("locked-idle", LOCKERS).times(1.0, "go").in_unit(Us).on_two(),
    row("locked-idle-cpu", LOCKERS)
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("locked-idle", 1)
        .aside(),
    row("locked-yield", &["go"]).at_most(20.0),
    row("locked-exit", &["go", "floor"]).times(1.1, "floor"),
    row("call", &["go", "floor"]).at_most(2.5).times(1.8, "floor"),
    row("call-two", &["go"]).at_most(2.5).on_two(),
    row("cgo-noop", &["go"]).at_most(2.5),
    row("cgo-noop-deferred", &["go"]).at_most(3.0).from("cgo-noop", 1),
    row("callback", &["go"]).at_most(8.0),
    row("callback-only", &["go"]).at_most(5.0),
    row("foreign-callback", &["go"]).at_most(12.0).on_two(),
    // What a thread pays once: held to the row below.
    row("foreign-first", &["go"]).at_most(1_000.0).on_two(),
    row("foreign-thread", &["go"]).at_most(1_000.0).on_two(),
    row("nested-1", &["go"]).at_most(12.0),
    row("nested-4", &["go"]).at_most(12.0),
    row("nested-16", &["go"]).at_most(12.0),
    row("nested-64", &["go"]).at_most(12.0),
    row("defer-line", &["go", "scopeguard"]).at_most(0.5),
    row("defer-line-all", &["go", "scopeguard"]).times(1.0, "go").from("defer-line", 1).aside(),
    row("defer-lock", &["go"]).at_most(0.5),
    row("defer-lock-all", &["go"]).times(1.0, "go").from("defer-lock", 1).aside(),
    row("defer-ten", &["go", "boxes"]).at_most(3.0),
    row("defer-loop", &["go", "boxes"]).at_most(3.0),
    row("panic-jump", &["go"]).at_most(60.0),
    row("panic-unwind", &["go", "floor"]).times(1.05, "floor"),
    // A Goexit unwinds, as a panic does: there is no target, but what Go has.
    row("panic-goexit", &["go"]).times(1.0, "go"),
    row("panic-goexit-all", &["go"]).times(1.0, "go").from("panic-goexit", 1).aside(),
    row("skynet", &["go", "tokio"]).at_most(150.0).on_two(),
    row("fib", &["go", "tokio"]).at_most(150.0).in_unit(Ms).on_two(),
    row("timers", &["go", "tokio", "boost"]).at_most(1e9 / 6e6).on_two(),
    row("sleep-10us-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-10us", 0),
    row("sleep-10us-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-10us", 1),
    row("sleep-100us-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-100us", 0),
    row("sleep-100us-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-100us", 1),
    row("sleep-1ms-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-1ms", 0),
    row("sleep-1ms-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-1ms", 1),
    row("sleep-10ms-p50", SLEEPERS).at_most(60.0).in_unit(Us).from("sleep-10ms", 0),
    row("sleep-10ms-p99", SLEEPERS).times(1.0, "go").in_unit(Us).from("sleep-10ms", 1),
    row("sleep-busy-p50", &["go", "tokio", "may", "boost"])
        .at_most(11_000.0)
        .in_unit(Us)
        .on_two()
        .from("sleep-busy", 0),
    row("sleep-busy-p99", &["go", "tokio", "may", "boost"])
        .at_most(21_000.0)
        .in_unit(Us)
        .on_two()
        .from("sleep-busy", 1),
    row("latency-wake-p50", &["go"]).times(1.0, "go").in_unit(Us).on_two().from("latency-wake", 0),
    row("latency-wake-p99", &["go"]).times(1.0, "go").in_unit(Us).on_two().from("latency-wake", 1),
    row("latency-wake-on-p50", &["go"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-wake-on", 0),
    row("latency-wake-on-p99", &["go"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-wake-on", 1),
    row("latency-thread-p50", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-thread", 0),
    row("latency-thread-p99", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Us)
        .on_two()
        .from("latency-thread", 1),
    row("latency-busy-p50", &["go"]).at_most(11_000.0).in_unit(Us).on_two().from("latency-busy", 0),
    row("latency-busy-p99", &["go"]).at_most(21_000.0).in_unit(Us).on_two().from("latency-busy", 1),
    row("share-10ms", &["go", "floor"]).at_least(0.85).on_one_cpu(),
    row("share-10ms-sleeps", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Rate)
        .on_one_cpu()
        .from("share-10ms", 1)
        .aside(),
    row("share-100us", &["go", "floor"]).times(1.0, "go").in_unit(Share).on_one_cpu().aside(),
    row("share-100us-sleeps", &["go", "floor"])
        .times(1.0, "go")
        .in_unit(Rate)
        .on_one_cpu()
        .from("share-100us", 1)
        .aside(),
    row("parked", &["go", "tokio", "may", "corosensei"]).at_most(4300.0).in_unit(Bytes),
    row("wake-exit", &["go", "tokio", "may", "boost"]).at_most(100.0),
    row("create-1m", &["go", "tokio", "floor"]).times(1.1, "floor"),
    row("create-1m-reused", &["go", "tokio"]).at_most(100.0).from("create-1m", 1),
    row("guarded", &["corosensei", "may", "boost"]).counts(1_000_000.0),
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
    fn every_row_has_a_target_and_a_peer_it_can_be_held_to() {
        for row in ROWS {
            assert!(
                row.target("", |_| Some(1.0)).is_some() && !row.peers.is_empty(),
                "{}",
                row.name
            );
            assert!(row.beside.is_none_or(|(peer, _)| row.peers.contains(&peer)), "{}", row.name);
            let same = ROWS.iter().filter(|r| (r.entry, r.figure) == (row.entry, row.figure));
            assert_eq!(same.count(), 1, "{}", row.name);
        }
    }

    #[test]
    fn a_word_selects_what_begins_with_it_up_to_a_hyphen_and_its_group() {
        let chosen = |word: &'static str| {
            ROWS.iter().filter(move |row| row.is_called(word)).map(|row| row.name)
        };
        assert!(chosen("mutex").eq(["mutex", "mutex-contended"]));
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
            let way = |row: &Row| (row.procs, row.pinned, row.once);
            assert!(same.all(|other| way(other) == way(row)), "{}", row.name);
        }
    }
}
