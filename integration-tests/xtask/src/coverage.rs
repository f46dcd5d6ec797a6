//! `cargo xtask loom --coverage`: no atomic operation of the scheduler's core is there that no model comes to.
//!
//! The models, run as ever and to the same bounds, write down where in the source they executed an atomic operation
//! or a fence. Held against the source, each operation of the files below was either reached by a schedule, or is
//! listed in `integration-tests/models/unreached.txt` with the reason:
//!
//! ```text
//! # why no model comes to these
//! sched/src/policy/some.rs: the line of code
//! sched/src/policy/other.rs: another line, for the same reason
//! ```
//!
//! A line that is neither fails the run, and so does a listed one that was reached or is gone.

use crate::report::Report;
use crate::run::Cmd;
use crate::{loom, tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What is looked through, in two groups: the decisions, and what goroutines block on.
const GROUPS: [(&str, &[&str]); 2] = [
    (
        "policy",
        &[
            "sched/src/policy",
            "sched/src/objects/extras.rs",
            "sched/src/objects/local.rs",
            "sched/src/objects/mlist.rs",
            "sched/src/objects/shared/sched_state.rs",
            "sched/src/objects/shared/mod.rs",
            "sched/src/objects/timers.rs",
            "sched/src/parts/claim.rs",
            "sched/src/parts/inbox.rs",
            "sched/src/parts/list.rs",
            "sched/src/parts/runq.rs",
        ],
    ),
    (
        "waits",
        &[
            "sched/src/objects/waiter.rs",
            "sched/src/parts/park_token.rs",
            "sched/src/sync",
            "sched/src/wait",
        ],
    ),
];

const LISTED: &str = "integration-tests/models/unreached.txt";

/// Methods of atomics, but for `fetch_…`, and functions.
const METHODS: [&str; 5] = ["load", "store", "swap", "compare_exchange", "compare_exchange_weak"];
const FENCES: [&str; 3] = ["fence", "light_fence", "heavy_fence"];

/// A line with atomic operations.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    /// As it is listed: with what it goes on from, where it begins with a dot.
    code: String,
    operations: usize,
}

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
    let read = |path: &str| {
        fs::read_to_string(tree::root().join(path)).map_err(|e| format!("{path}: {e}"))
    };
    let mut listed = parse(&read(LISTED)?)?;
    let mut wrong = Vec::new();
    for (group, roots) in GROUPS {
        let (mut all, mut seen, mut excused) = (0, 0, 0);
        for path in sources(roots)? {
            for line in lines(&read(&path)?) {
                let columns = reached.get(&(path.clone(), line.number)).map_or(0, BTreeSet::len);
                all += 1;
                if columns >= line.operations {
                    seen += 1;
                } else if take(&mut listed, &path, &line.code) {
                    excused += 1;
                } else {
                    let Line { number, code, operations } = line;
                    let text =
                        format!("{path}:{number}: {columns} of {operations}\n{path}: {code}");
                    wrong.push(text);
                }
            }
        }
        println!("  {group}: {all} lines with atomic operations, {seen} reached, {excused} listed");
    }
    wrong.iter().for_each(|text| println!("  not reached, not listed: {text}"));
    for ((path, code), count) in listed.iter().filter(|(_, count)| **count > 0) {
        let text = format!("{path}: {code}");
        println!("  listed {count} times too often, as it was reached or is gone: {text}");
        wrong.push(text);
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{LISTED} is wrong in {} lines", wrong.len()))
    }
}

/// `path:line:column` each: the columns of each line.
fn places(text: &str) -> Result<BTreeMap<(String, usize), BTreeSet<usize>>, String> {
    let mut places = BTreeMap::<_, BTreeSet<usize>>::new();
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

/// Takes one such line out of the list; false when it is not there.
fn take(listed: &mut BTreeMap<(String, String), usize>, path: &str, code: &str) -> bool {
    match listed.get_mut(&(path.to_string(), code.to_string())) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// The list: how often each line is in it.
fn parse(text: &str) -> Result<BTreeMap<(String, String), usize>, String> {
    let mut listed = BTreeMap::new();
    let mut reason = false;
    for line in text.lines() {
        if let Some(text) = line.strip_prefix('#') {
            reason = !text.trim().is_empty();
        } else if line.is_empty() {
            reason = false;
        } else {
            let Some((path, code)) = line.split_once(": ").filter(|_| reason) else {
                return Err(format!("{LISTED}: not `path: code` below a reason: {line}"));
            };
            *listed.entry((path.to_string(), code.to_string())).or_default() += 1;
        }
    }
    Ok(listed)
}

/// The Rust files below these, by paths from the root.
fn sources(roots: &[&str]) -> Result<Vec<String>, String> {
    let mut left: Vec<PathBuf> = roots.iter().map(|path| tree::root().join(path)).collect();
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            left.extend(entries.flatten().map(|entry| entry.path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let path = path.strip_prefix(tree::root()).unwrap_or(Path::new(""));
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// The lines of a source with atomic operations. Tests at its end are none of it.
fn lines(source: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut before = String::new();
    for (i, line) in source.lines().enumerate() {
        let line = line.split("//").next().unwrap_or("").trim();
        if line == "#[cfg(test)]" {
            break;
        }
        let code = if line.starts_with('.') { format!("{before}{line}") } else { line.to_string() };
        let operations = operations(line);
        if operations > 0 {
            found.push(Line { number: i + 1, code: code.clone(), operations });
        }
        if !line.is_empty() {
            before = code;
        }
    }
    found
}

/// How many atomic operations the line begins.
fn operations(line: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices('(')
        .filter(|(at, _)| {
            // `name(` or `name::<P>(`.
            let head = &line[..*at];
            let head = match head.strip_suffix('>').and_then(|h| h.rsplit_once("::<")) {
                Some((head, _)) => head,
                None => head,
            };
            let (rest, name) = head.split_at(head.trim_end_matches(word).len());
            if FENCES.contains(&name) {
                return !rest.ends_with("fn ") && !rest.ends_with("P::");
            }
            rest.ends_with('.') && (METHODS.contains(&name) || name.starts_with("fetch_"))
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_where_they_begin() {
        assert_eq!(operations("if self.a.load(Relaxed) == b.c.fetch_add(1, AcqRel) {"), 2);
        assert_eq!(operations("crate::platform::heavy_fence::<P>(symmetric);"), 1);
        assert_eq!(operations("fence(Ordering::SeqCst);"), 1);
        assert_eq!(operations("pub(crate) fn light_fence(symmetric: bool) {"), 0);
        assert_eq!(operations("core::mem::swap(&mut a, &mut b); download(1)"), 0);
        assert_eq!(operations("P::heavy_fence();"), 0);
    }

    #[test]
    fn a_chain_is_listed_with_what_it_begins_with() {
        let source =
            "let old = self\n    .word\n    .swap(\n        1,\n        // load(\n    );\n";
        let line = Line { number: 3, code: "let old = self.word.swap(".into(), operations: 1 };
        assert_eq!(lines(source), [line]);
        assert!(lines("#[cfg(test)]\nmod tests { a.load(Relaxed) }").is_empty());
    }

    #[test]
    fn a_listed_line_needs_a_reason_and_is_counted() {
        assert!(parse("a.rs: b.load(Relaxed)\n").is_err());
        assert!(parse("# why\n\na.rs: b.load(Relaxed)\n").is_err());
        let mut listed =
            parse("# why\na.rs: x::y.load(Relaxed)\na.rs: x::y.load(Relaxed)\n").unwrap();
        assert!(take(&mut listed, "a.rs", "x::y.load(Relaxed)"));
        assert!(take(&mut listed, "a.rs", "x::y.load(Relaxed)"));
        assert!(!take(&mut listed, "a.rs", "x::y.load(Relaxed)"));
        assert!(!take(&mut listed, "b.rs", "x::y.load(Relaxed)"));
    }

    #[test]
    fn places_are_paths_lines_and_columns() {
        let places = places("sched/src/g.rs:7:9\nsched/src/g.rs:7:20\n").unwrap();
        assert_eq!(places[&("sched/src/g.rs".to_string(), 7)].len(), 2);
        assert!(super::places("nowhere").is_err());
    }
}
