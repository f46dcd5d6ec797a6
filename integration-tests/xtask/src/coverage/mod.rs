//! `cargo xtask loom --coverage`: no atomic operation of the scheduler or the bridge is there that no model comes to.
//!
//! The models, run as ever and to the same bounds, write down where in the source they executed an atomic operation
//! or a fence. Held against the source (`scan`), each operation was either reached by a schedule, or is listed in
//! `integration-tests/models/unreached.txt` with the reason (`listed`).
//!
//! What is neither fails the run, and so does what is listed and was reached, or is gone. Further failures keep an
//! operation from going unseen: a file that has one and belongs to no group; and a place that the models came to and
//! the source does not show.

mod listed;
mod scan;

use crate::report::Report;
use crate::run::Cmd;
use crate::{loom, tree};
use listed::Listed;
use scan::Line;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const LISTED: &str = "integration-tests/models/unreached.txt";

/// The columns that were reached, by path and line.
type Reached = BTreeMap<(String, usize), BTreeSet<usize>>;

/// Runs the models and judges.
pub fn run(report: &mut Report) {
    report.step("loom --coverage", || {
        let target = tree::target().join("loom");
        let program = loom::build(tree::root(), &target)?;
        let file = target.join("reached.txt");
        let _ = fs::remove_file(&file);
        let args = ["--reached".as_ref(), file.as_os_str()];
        Cmd::new(program).args(args).dir(tree::root()).limit(900).run()?;
        judge(&fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?)
    });
}

fn judge(reached: &str) -> Result<(), String> {
    let reached = places(reached)?;
    let list = fs::read_to_string(tree::root().join(LISTED));
    let mut listed = listed::parse(&list.map_err(|e| format!("{LISTED}: {e}"))?)?;
    let mut tally = BTreeMap::<usize, [usize; 3]>::new();
    let mut wrong = Vec::new();
    let sources = scan::sources()?;
    for (path, lines) in &sources {
        let Some(group) = scan::group_of(path) else {
            wrong.push(format!(
                "{path} has {} lines with atomic operations and belongs to no group: name it, or its \
                 folder, in GROUPS of integration-tests/xtask/src/coverage/scan.rs",
                lines.len()
            ));
            continue;
        };
        let [seen, excused] = file(path, lines, &reached, &mut listed, &mut wrong);
        let sums = tally.entry(group).or_default();
        [lines.len(), seen, excused].iter().zip(sums).for_each(|(n, sum)| *sum += n);
    }
    for (group, [all, seen, excused]) in tally {
        let name = scan::GROUPS[group].0;
        println!("  {name}: {all} lines with atomic operations, {seen} reached, {excused} listed");
    }
    wrong.extend(unseen(&sources, &reached));
    wrong.extend(listed.left());
    wrong.iter().for_each(|text| println!("  {text}"));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("the models, {LISTED} and the source differ in {} places", wrong.len()))
    }
}

/// Judges a file; returns how many of its lines were reached, and how many are listed.
fn file(
    path: &str,
    lines: &[Line],
    reached: &Reached,
    listed: &mut Listed,
    wrong: &mut Vec<String>,
) -> [usize; 2] {
    let columns = |line: &Line| reached.get(&(path.into(), line.number)).map_or(0, BTreeSet::len);
    if let Some(expected) = listed.take_file(path) {
        let operations: usize = lines.iter().map(|line| line.operations).sum();
        if operations != expected {
            wrong.push(format!(
                "{path} is listed as a whole, with {expected} atomic operations, and has {operations}"
            ));
        }
        if let Some(line) = lines.iter().find(|line| columns(line) > 0) {
            wrong.push(format!(
                "{path}:{}: reached, and {path} is listed as a whole: list its lines one by one",
                line.number
            ));
        }
        return [0, lines.len()];
    }
    let (mut seen, mut excused) = (0, 0);
    for line in lines {
        let (columns, Line { number, code, operations }) = (columns(line), line);
        if columns >= *operations {
            seen += 1;
        } else if listed.take_line(path, code) {
            excused += 1;
        } else {
            wrong.push(format!(
                "{path}:{number}: {columns} of {operations} reached, and not listed:\n{path}: {code}"
            ));
        }
    }
    [seen, excused]
}

/// Places that the models came to and the scan has not found: there it is blind.
fn unseen(sources: &BTreeMap<String, Vec<Line>>, reached: &Reached) -> Vec<String> {
    let known = |path: &str, number: usize| {
        let line = sources.get(path).and_then(|lines| lines.iter().find(|l| l.number == number));
        line.map_or(0, |line| line.operations)
    };
    reached
        .iter()
        .filter(|((path, number), columns)| {
            scan::is_shipped(path) && columns.len() > known(path, *number)
        })
        .map(|((path, number), columns)| {
            format!(
                "{path}:{number}: the models executed {} atomic operations, and the scan knows of {}: \
                 teach integration-tests/xtask/src/coverage/scan.rs how they are written",
                columns.len(),
                known(path, *number)
            )
        })
        .collect()
}

/// `path:line:column` each: the columns of each line.
fn places(text: &str) -> Result<Reached, String> {
    let mut places = Reached::new();
    for place in text.lines() {
        let parts: Vec<&str> = place.rsplitn(3, ':').collect();
        let numbers = (parts[0].parse(), parts.get(1).unwrap_or(&"").parse());
        let ([_, _, path], (Ok(column), Ok(line))) = (&parts[..], numbers) else {
            return Err(format!("the models say that they came to `{place}`"));
        };
        places.entry((path.to_string(), line)).or_default().insert(column);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_paths_lines_and_columns() {
        let places = places("sched/src/g.rs:7:9\nsched/src/g.rs:7:20\n").unwrap();
        assert_eq!(places[&("sched/src/g.rs".to_string(), 7)].len(), 2);
        assert!(super::places("nowhere").is_err());
    }

    #[test]
    fn a_line_is_reached_or_listed_or_wrong() {
        let lines = scan::lines("a.load(Relaxed);\nb.load(Relaxed);\nc.load(Relaxed);\n");
        let reached = places("x.rs:1:1\n").unwrap();
        let mut listed = listed::parse("# why\nx.rs: b.load(Relaxed);\n").unwrap();
        let mut wrong = Vec::new();
        assert_eq!(file("x.rs", &lines, &reached, &mut listed, &mut wrong), [1, 1]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("x.rs:3: 0 of 1"), "{}", wrong[0]);
        assert!(listed.left().is_empty());
    }

    #[test]
    fn a_file_that_is_listed_whole_has_as_many_operations_and_none_is_reached() {
        let lines = scan::lines("a.load(Relaxed);\nb.load(Relaxed);\n");
        let judged = |reached: &str, list: &str| {
            let mut wrong = Vec::new();
            let mut listed = listed::parse(list).unwrap();
            file("x/y.rs", &lines, &places(reached).unwrap(), &mut listed, &mut wrong);
            wrong.len() + listed.left().len()
        };
        assert_eq!(judged("", "# why\nx/y.rs, 2\n"), 0);
        assert_eq!(judged("", "# why\nx/\n  y.rs, 2: why\n"), 0);
        assert_eq!(judged("", "# why\nx/y.rs, 1\n"), 1);
        assert_eq!(judged("x/y.rs:2:1\n", "# why\nx/y.rs, 2\n"), 1);
        assert_eq!(judged("", "# why\nx/y.rs, 2\nx/z.rs, 2\n"), 1);
    }

    #[test]
    fn a_place_that_the_scan_does_not_know_is_told() {
        let path = "sched/src/exec/park.rs".to_string();
        let sources = BTreeMap::from([(path, scan::lines("a.load(Relaxed);\n"))]);
        let told = |place: &str| unseen(&sources, &places(place).unwrap()).len();
        assert_eq!(told("sched/src/exec/park.rs:1:1\n"), 0);
        assert_eq!(told("sched/src/exec/park.rs:1:1\nsched/src/exec/park.rs:1:9\n"), 1);
        assert_eq!(told("sched/src/exec/park.rs:2:1\n"), 1);
        assert_eq!(told("sched/src/model/park.rs:2:1\nintegration-tests/models/src/a.rs:1:1\n"), 0);
    }
}
