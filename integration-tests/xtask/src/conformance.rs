//! `cargo xtask conformance`: the page of behaviours held against the tests that exist.
//!
//! ```text
//! ## A. A part's title (1-14)          which numbers it has
//! | 1 | names | what must hold | `a/tests/b.rs`: `test`, `test`; `compare`: `row` |
//! | 2 | names | what must hold | does not apply (garbage collection): why |
//! | 3 | names | what must hold | open: what is missing |
//! ```
//!
//! Every number of a part has one row; every row names a test, a row of the comparison, or one of the reasons for which
//! a behaviour does not apply, or says that it is open, and until what; every test that is named is a `#[test]` in the file that is named.

use crate::compare::rows::ROWS;
use crate::report::Report;
use crate::tree;
use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;

const PAGE: &str = "integration-tests/CONFORMANCE.md";

/// The parts that the page has, and their numbers.
const PARTS: [(char, RangeInclusive<u32>); 5] =
    [('A', 1..=14), ('B', 15..=57), ('C', 58..=77), ('D', 78..=90), ('E', 91..=108)];

/// What g0 does not have, so that nothing can be demanded of it.
const REASONS: [&str; 4] =
    ["garbage collection", "reflection", "the text of Go's tracebacks", "Go's compiler"];

/// Checks the page.
pub fn run(report: &mut Report) {
    report.step("conformance", || {
        let read = |path: &str| {
            let path = tree::root().join(path);
            fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let faults = faults(&read(PAGE)?, &PARTS, read);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    });
}

/// One behaviour.
struct Row<'a> {
    number: u32,
    shown_by: &'a str,
}

/// All that is wrong with `page`; `read` gives the text of a file of the repository.
fn faults(
    page: &str,
    parts: &[(char, RangeInclusive<u32>)],
    read: impl Fn(&str) -> Result<String, String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, numbers) in parts {
        let Some((title, rows)) = part(page, *name) else {
            faults.push(format!("part {name} is missing"));
            continue;
        };
        let range = format!("({}-{})", numbers.start(), numbers.end());
        if !title.ends_with(&range) {
            faults.push(format!("part {name}: its title does not end with {range}"));
        }
        let mut missing: BTreeSet<u32> = numbers.clone().collect();
        for row in &rows {
            if !missing.remove(&row.number) {
                faults.push(format!("{}: twice, or not of part {name}", row.number));
            }
            faults.extend(faults_of(row, &read).map(|fault| format!("{}: {fault}", row.number)));
        }
        faults.extend(missing.into_iter().map(|number| format!("{number}: no row")));
    }
    let known = |line: &&str| parts.iter().any(|(name, _)| line.starts_with(&heading(*name)));
    let unknown = page.lines().filter(|line| line.starts_with("## ")).filter(|line| !known(line));
    faults.extend(unknown.map(|line| format!("not checked: {line}")));
    faults
}

fn heading(part: char) -> String {
    format!("## {part}. ")
}

/// A part's title, and its rows.
fn part(page: &str, name: char) -> Option<(&str, Vec<Row<'_>>)> {
    let heading = heading(name);
    let mut lines = page.lines().skip_while(|line| !line.starts_with(&heading));
    let title = lines.next()?;
    let rows = lines.take_while(|line| !line.starts_with("## ")).filter_map(row).collect();
    Some((title.trim_end(), rows))
}

/// A line of the table, but for its head.
fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').collect();
    let number = cells.first()?.trim();
    if number == "#" || number.starts_with('-') {
        return None;
    }
    // A row that cannot be read is one of no part: it is reported.
    let shown_by = if cells.len() == 4 { cells[3] } else { "" };
    Some(Row { number: number.parse().unwrap_or(0), shown_by })
}

fn faults_of(
    row: &Row<'_>,
    read: &impl Fn(&str) -> Result<String, String>,
) -> impl Iterator<Item = String> {
    let mut faults = Vec::new();
    let mut shown = false;
    // The file that was named last, and its text.
    let mut file: Option<(&str, String)> = None;
    for word in row.shown_by.split('`').skip(1).step_by(2) {
        if word == "compare" {
            file = Some((word, String::new()));
        } else if word.ends_with(".rs") {
            file = match read(word) {
                Ok(text) => Some((word, text)),
                Err(error) => {
                    faults.push(error);
                    Some((word, String::new()))
                }
            };
        } else if let Some((name, text)) = &file {
            let exists = match *name {
                "compare" => ROWS.iter().any(|row| row.name == word),
                _ => is_test(text, word),
            };
            if exists {
                shown = true;
            } else {
                faults.push(format!("{name} has no test {word}"));
            }
        } else {
            faults.push(format!("{word} is in no file"));
        }
    }
    if let Some((_, why)) = row.shown_by.split_once("does not apply") {
        let applies = REASONS.iter().any(|reason| {
            let why = why.trim_start().strip_prefix(&format!("({reason}):"));
            why.is_some_and(|why| !why.trim().is_empty())
        });
        shown |= applies;
        if !applies {
            faults.push(format!("does not apply: only for {}, and why", REASONS.join(", ")));
        }
    }
    let is_open = row.shown_by.trim().strip_prefix("open:");
    shown |= is_open.is_some_and(|what| !what.trim().is_empty());
    if !shown {
        faults.push("nothing shows it".into());
    }
    faults.into_iter()
}

/// Whether `name` is a test of this source: a function whose attributes include `#[test]`, or one that
/// `for_each_…! { }` makes tests of, which lists it on a line of its own.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let head = format!("fn {name}(");
    let at = lines.iter().position(|line| line.starts_with(&head));
    let is_one = at.is_some_and(|at| {
        let before = lines[..at].iter().rev();
        let mut above = before.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.any(|line| *line == "#[test]")
    });
    let mut list = lines
        .iter()
        .skip_while(|line| !(line.starts_with("for_each_") && line.ends_with("! {")))
        .take_while(|line| **line != "}");
    let generic = format!("fn {name}<");
    is_one || list.any(|line| *line == name) && lines.iter().any(|line| line.starts_with(&generic))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
        #[test]
        // Why.
        #[cfg(unix)]
        fn a_test() {}

        fn no_test() {}

        for_each_unwinder! {
            listed
            gone
        }

        fn listed<U>() {}

        fn not_listed<U>() {}
    ";

    const PARTS: [(char, RangeInclusive<u32>); 2] = [('A', 1..=3), ('B', 4..=4)];

    /// A page without faults.
    fn good() -> String {
        let head = "| # | in Go | what must hold | shown by |\n|---|---|---|---|\n";
        format!(
            "# Title\n\n## A. One (1-3)\n\n{head}\
             | 1 | TestA | It holds. | `a.rs`: `a_test`; `compare`: `yield` |\n\
             | 2 | TestB | It holds. | does not apply (garbage collection): there is none. |\n\
             | 3 | TestC | It holds. | `a.rs`: `a_test`. Else: does not apply (Go's compiler): no. |\n\n\
             ## B. Two (4-4)\n\n{head}| 4 | TestD | It holds. | `a.rs`: `a_test` |\n"
        )
    }

    fn found(page: &str) -> Vec<String> {
        let read = |path: &str| match path {
            "a.rs" => Ok(SOURCE.to_string()),
            _ => Err(format!("{path}: not found")),
        };
        faults(page, &PARTS, read)
    }

    #[test]
    fn a_function_that_a_list_makes_tests_of_is_a_test() {
        assert!(is_test(SOURCE, "a_test") && is_test(SOURCE, "listed"));
        assert!(!["no_test", "gone", "not_listed"].iter().any(|name| is_test(SOURCE, name)));
    }

    #[test]
    fn a_page_that_is_true_has_no_faults() {
        assert_eq!(found(&good()), Vec::<String>::new());
    }

    #[test]
    fn a_row_may_be_open_if_it_says_until_what() {
        let open = good().replace("`a.rs`: `a_test` |\n", "open: until it is built. |\n");
        assert_ne!(open, good());
        assert_eq!(found(&open), Vec::<String>::new());
    }

    /// Each change, and what has to be said about it.
    #[test]
    fn each_fault_is_found_and_named() {
        let changes = [
            ("| 2 | TestB", "| 1 | TestB", "1: twice"),
            ("| 2 | TestB", "| 1 | TestB", "2: no row"),
            ("| 2 | TestB", "| 9 | TestB", "9: twice, or not of part A"),
            ("| 2 | TestB", "| two | TestB", "0: twice, or not of part A"),
            ("| TestB | It holds. |", "| TestB |", "2: nothing shows it"),
            ("`a_test`; `compare`", "`b_test`; `compare`", "1: a.rs has no test b_test"),
            ("`a_test`; `compare`", "`no_test`; `compare`", "1: a.rs has no test no_test"),
            ("`a.rs`: `a_test`; ", "`b.rs`: `a_test`; ", "1: b.rs: not found"),
            ("`a.rs`: `a_test`; ", "`a_test`; ", "1: a_test is in no file"),
            ("`yield`", "`sing`", "1: compare has no test sing"),
            ("`a.rs`: `a_test` |", "a test |", "4: nothing shows it"),
            ("`a.rs`: `a_test` |", "`a.rs` |", "4: nothing shows it"),
            ("(garbage collection)", "(nobody has time)", "2: does not apply: only for"),
            ("(garbage collection): there is none.", "(garbage collection):", "2: does not apply"),
            ("`a.rs`: `a_test` |", "open: |", "4: nothing shows it"),
            ("## B. Two", "## C. Two", "part B is missing"),
            ("## B. Two", "## C. Two", "not checked: ## C. Two"),
            ("(4-4)", "(4-5)", "part B: its title"),
        ];
        for (from, to, fault) in changes {
            assert!(good().contains(from), "{from}");
            let found = found(&good().replacen(from, to, 1));
            assert!(found.iter().any(|f| f.starts_with(fault)), "{from} -> {to}: {found:?}");
        }
    }

    #[test]
    fn the_page_of_this_repository_is_true() {
        let mut report = Report::default();
        run(&mut report);
        assert!(report.finish());
    }
}
