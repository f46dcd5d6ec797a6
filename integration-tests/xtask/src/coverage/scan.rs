//! Where the source has atomic operations.

use crate::tree;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that are looked through, each of their files with an atomic operation in a group.
const CRATES: [&str; 2] = ["sched/src", "cgo/src"];

/// What of them is in no program: the platform of the models, under `cfg(loom)` only.
const MODEL: &str = "sched/src/model/";

/// The groups: files, and folders with what is below them. Of several that a file is in, the longest name counts.
pub const GROUPS: &[(&str, &[&str])] = &[
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
    ("executor", &["sched/src/api", "sched/src/exec", "sched/src/task", "sched/src/time"]),
    ("foreign threads", &["sched/src/foreign"]),
    ("objects and parts", &["sched/src/objects", "sched/src/parts", "sched/src/platform"]),
    ("reports", &["sched/src/introspect"]),
    ("hosted", &["sched/src/hosted"]),
    ("bridge", &["cgo/src"]),
];

/// Methods of atomics, but for `fetch_…`, and functions.
const METHODS: [&str; 7] = [
    "load",
    "store",
    "swap",
    "compare_exchange",
    "compare_exchange_weak",
    "compare_and_swap",
    "try_update",
];
const FENCES: [&str; 4] = ["fence", "light_fence", "heavy_fence", "compiler_fence"];

/// A line with atomic operations.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub number: usize,
    /// As it is listed: with what it goes on from, where it begins with a dot.
    pub code: String,
    pub operations: usize,
}

/// Returns the number of the group that the file is in.
pub fn group_of(path: &str) -> Option<usize> {
    let mut best = None;
    for (i, (_, roots)) in GROUPS.iter().enumerate() {
        for root in *roots {
            let inside = path
                .strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if inside && best.is_none_or(|(length, _)| root.len() > length) {
                best = Some((root.len(), i));
            }
        }
    }
    best.map(|(_, group)| group)
}

/// Returns whether the file is one that is looked through.
pub fn is_shipped(path: &str) -> bool {
    CRATES.iter().any(|root| path.starts_with(root)) && !path.starts_with(MODEL)
}

/// Returns the files with atomic operations, by paths from the root.
pub fn sources() -> Result<BTreeMap<String, Vec<Line>>, String> {
    let mut left: Vec<PathBuf> = CRATES.iter().map(|path| tree::root().join(path)).collect();
    let mut files = BTreeMap::new();
    while let Some(path) = left.pop() {
        let failed = |e| format!("{}: {e}", path.display());
        if path.is_dir() {
            let entries = fs::read_dir(&path).map_err(failed)?;
            left.extend(entries.flatten().map(|entry| entry.path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(tree::root()).unwrap_or(Path::new(""));
            let name = name.to_string_lossy().into_owned();
            let lines = lines(&fs::read_to_string(&path).map_err(failed)?);
            if is_shipped(&name) && !lines.is_empty() {
                files.insert(name, lines);
            }
        }
    }
    Ok(files)
}

/// Returns the lines of a source with atomic operations. Tests at its end are none of it.
pub fn lines(source: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut before = String::new();
    let mut source = source.lines().enumerate().peekable();
    while let Some((i, line)) = source.next() {
        let line = code(line);
        let tests = line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
        if tests && source.peek().is_some_and(|(_, next)| next.starts_with("mod ")) {
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

/// The line without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or("").trim()
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
            // `word.load(` or `AtomicU32::load(`.
            let of_type = rest.strip_suffix("::").is_some_and(|of| {
                of.trim_end_matches(word).len() < of.len()
                    && of[of.trim_end_matches(word).len()..].starts_with("Atomic")
            });
            (rest.ends_with('.') || of_type)
                && (METHODS.contains(&name) || name.starts_with("fetch_"))
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
        assert_eq!(operations("g0_arch::sync::atomic::compiler_fence(Ordering::SeqCst);"), 1);
        assert_eq!(operations("AtomicU32::fetch_or(&self.word, 1, Relaxed);"), 1);
        assert_eq!(operations("pub(crate) fn light_fence(symmetric: bool) {"), 0);
        assert_eq!(operations("core::mem::swap(&mut a, &mut b); download(1)"), 0);
        assert_eq!(operations("P::heavy_fence(); AtomicU32::new(0)"), 0);
    }

    #[test]
    fn a_chain_is_listed_with_what_it_begins_with() {
        let source =
            "let old = self\n    .word\n    .swap(\n        1,\n        // load(\n    );\n";
        let line = Line { number: 3, code: "let old = self.word.swap(".into(), operations: 1 };
        assert_eq!(lines(source), [line]);
    }

    #[test]
    fn tests_at_the_end_are_no_source_and_an_import_for_tests_ends_nothing() {
        assert!(lines("#[cfg(test)]\nmod tests { a.load(Relaxed) }").is_empty());
        assert!(lines("#[cfg(all(test, not(loom)))]\nmod tests { a.load(Relaxed) }").is_empty());
        assert_eq!(lines("#[cfg(test)]\nuse a::b;\na.load(Relaxed);\n").len(), 1);
    }

    #[test]
    fn a_file_is_in_the_group_that_names_it_most_closely() {
        let group = |path| group_of(path).map(|i| GROUPS[i].0);
        assert_eq!(group("sched/src/objects/timers.rs"), Some("policy"));
        assert_eq!(group("sched/src/objects/g.rs"), Some("objects and parts"));
        assert_eq!(group("sched/src/objects/shared/new.rs"), Some("objects and parts"));
        assert_eq!(group("cgo/src/new.rs"), Some("bridge"));
        assert_eq!(group("sched/src/newer/file.rs"), None);
        assert_eq!(group("sched/src/apiary.rs"), None);
    }

    #[test]
    fn the_crates_are_looked_through_but_for_the_models_platform() {
        assert!(is_shipped("sched/src/newer/file.rs"));
        assert!(is_shipped("cgo/src/call.rs"));
        assert!(!is_shipped("sched/src/model/park.rs"));
        assert!(!is_shipped("arch/src/sync/mod.rs"));
    }
}
