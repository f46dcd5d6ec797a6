//! The rows, what g0 has to reach in them, and the peers that each row should have.

use super::samples::Stats;

/// One operation that is compared.
pub struct Row {
    /// Its name, the same in every program.
    pub name: &'static str,
    /// What g0 has to reach, in nanoseconds an operation (`parked`: bytes a goroutine). `None`: only the floor counts,
    /// because the figure is the kernel's more than ours.
    reach: Option<f64>,
    /// What g0 has to reach as a multiple of the floor measured beside it.
    of_floor: Option<f64>,
    /// The peers that have the operation.
    pub peers: &'static [&'static str],
}

const fn row(name: &'static str, reach: f64, peers: &'static [&'static str]) -> Row {
    Row { name, reach: Some(reach), of_floor: None, peers }
}

/// All rows.
pub const ROWS: [Row; 11] = [
    row("switch", 4.0, &["corosensei", "boost"]),
    row("yield", 10.0, &["go", "may", "tokio", "boost"]),
    row("spawn-join", 60.0, &["go", "may", "tokio", "boost"]),
    row("spawn-1000", 35.0, &["go", "may", "tokio", "boost"]),
    row("channel", 45.0, &["go", "may-mpsc", "may-spsc", "tokio", "boost"]),
    row("buffered", 8.0, &["go", "tokio", "boost"]),
    Row { name: "call", reach: Some(2.5), of_floor: Some(1.8), peers: &["go", "floor"] },
    row("callback", 8.0, &["go"]),
    row("lock", 1.8, &["go"]),
    row("parked", 4300.0, &["go", "tokio", "may", "corosensei"]),
    Row { name: "create-1m", reach: None, of_floor: Some(1.1), peers: &["go", "tokio", "floor"] },
];

impl Row {
    /// The target beside a peer, given the floor of this run.
    pub fn target(&self, floor: Option<f64>) -> Option<f64> {
        self.reach.or_else(|| Some(self.of_floor? * floor?))
    }

    /// The target beside the floor itself.
    pub fn floor_target(&self, floor: Option<Stats>) -> Option<f64> {
        Some(self.of_floor? * floor?.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_floor_a_target_that_hangs_on_it_is_unknown() {
        let row = ROWS.iter().find(|row| row.name == "create-1m").unwrap();
        assert_eq!(row.target(None), None);
        assert!(row.target(Some(2000.0)).is_some_and(|t| (t - 2200.0).abs() < 1e-6));
        assert_eq!(ROWS[0].target(None), Some(4.0));
    }

    #[test]
    fn every_row_has_a_target_and_a_peer() {
        for row in &ROWS {
            assert!(row.target(Some(1.0)).is_some() && !row.peers.is_empty(), "{}", row.name);
            assert_eq!(row.of_floor.is_some(), row.peers.contains(&"floor"), "{}", row.name);
        }
    }
}
