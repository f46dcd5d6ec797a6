//! Counts of callgrind's, and of how many operations they are.

use crate::run::Cmd;
use std::path::Path;

/// What can be counted: a line of `count --list`.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    runtime: String,
    operations: u64,
}

impl Row {
    /// Reads `NAME RUNTIME OPERATIONS`.
    pub fn parse(line: &str) -> Option<Row> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, runtime, operations] = words[..] else { return None };
        let operations = operations.parse().ok().filter(|operations| *operations > 0)?;
        Some(Row { name: name.into(), runtime: runtime.into(), operations })
    }

    /// What the table calls it.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.runtime)
    }
}

/// The rows of the program.
pub fn rows(program: &Path) -> Result<Vec<Row>, String> {
    let listed = Cmd::new(program).args(["--list"]).limit(60).stdout()?;
    let row = |line: &str| Row::parse(line).ok_or_else(|| format!("no row: `{line}`"));
    listed.lines().map(row).collect()
}

/// Instructions of one operation.
pub fn per_operation(program: &Path, row: &Row) -> Result<f64, String> {
    let count = || {
        let once = total(program, row, row.operations)?;
        let twice = total(program, row, 2 * row.operations)?;
        Ok((twice as f64 - once as f64) / row.operations as f64)
    };
    repeated(count).map_err(|e| format!("{}: {e}", row.title()))
}

/// Instructions of the whole process, all threads together. They take turns fairly: a thread that spins for another would
/// have it all.
fn total(program: &Path, row: &Row, operations: u64) -> Result<u64, String> {
    const CALLGRIND: [&str; 4] =
        ["--tool=callgrind", "--fair-sched=try", "--callgrind-out-file=/dev/null", "--"];
    let valgrind = Cmd::new("valgrind").args(CALLGRIND).args([program]);
    let valgrind = valgrind.args([&row.name, &row.runtime, &operations.to_string()]);
    let out = valgrind.limit(120).capture()?;
    if !out.success {
        return Err(format!("{}\n{}", out.ending, out.text()));
    }
    collected(&out.stderr).ok_or_else(|| format!("callgrind told no count:\n{}", out.text()))
}

/// What callgrind says at the end that it has collected: `==PID== Collected : 2856849`.
fn collected(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("=="));
    let count = lines.find_map(|line| line.split_once("Collected :"))?.1;
    count.trim().parse().ok().filter(|count| *count > 0)
}

/// The mean of the first two counts that agree within 0.1 %, of at most six.
fn repeated(mut count: impl FnMut() -> Result<f64, String>) -> Result<f64, String> {
    const MOST: usize = 6;
    let mut counts: Vec<f64> = Vec::new();
    while counts.len() < MOST {
        let new = count()?;
        if let Some(old) = counts.iter().find(|old| (new - **old).abs() <= new / 1000.0) {
            return Ok((new + old) / 2.0);
        }
        counts.push(new);
    }
    Err(format!("no two counts agree within 0.1 %: {counts:.3?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_callgrinds_last_words() {
        let text = "Collected : 1\n--7-- WARNING: unhandled syscall: 440\n==7== Events    : Ir\n\
            ==7== Collected : 2856849\n==7== \n==7== I   refs:      2,856,849\n";
        assert_eq!(collected(text), Some(2_856_849));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
        assert_eq!(collected("==7== Collected : \n"), None);
        assert_eq!(collected("==7== Collected : 0\n"), None);
    }

    #[test]
    fn a_row_is_three_words() {
        let row = Row::parse("yield safe 50000").unwrap();
        assert_eq!((row.title().as_str(), row.operations), ("yield safe", 50_000));
        for line in ["yield safe", "yield safe 0", "yield safe x", "yield safe 1 2"] {
            assert_eq!(Row::parse(line), None);
        }
    }

    fn of(counts: &[f64]) -> (Result<f64, String>, usize) {
        let mut asked = 0;
        let result = repeated(|| {
            asked += 1;
            counts.get(asked - 1).copied().ok_or_else(|| "it fails".into())
        });
        (result, asked)
    }

    #[test]
    fn a_count_stands_when_it_comes_twice() {
        assert_eq!(of(&[100.0, 100.1, 1.0]), (Ok(100.05), 2));
        assert_eq!(of(&[200.0, 100.0, 150.0, 200.0]), (Ok(200.0), 4));
        let (result, asked) = of(&[100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 100.0]);
        assert!(asked == 6 && result.unwrap_err().contains("no two counts"));
        assert!(of(&[100.0]).0.unwrap_err().contains("it fails"));
        // More operations that cost less are no count.
        assert!(of(&[-5.0; 6]).0.is_err());
    }
}
