//! What no model comes to, as it is listed.
//!
//! ```text
//! # why no model comes to these
//! sched/src/policy/some.rs: the line of code
//! sched/src/policy/other.rs: another line, for the same reason
//!
//! # why no model comes to anything in this file, which has four atomic operations
//! sched/src/parts/third.rs, 4
//!
//! # why no model comes to this folder
//! sched/src/folder/
//!   file.rs, 2: why not to the two operations of this file
//!   deeper/file.rs, 1: why not to this one
//! ```
//!
//! The numbers are there so that an operation that is added to such a file is seen.

use super::LISTED;
use std::collections::BTreeMap;

/// What has not been found in the source yet.
#[derive(Debug, Default)]
pub struct Listed {
    /// How often each line is in the list.
    lines: BTreeMap<(String, String), usize>,
    /// How many operations each file has that is listed as a whole.
    files: BTreeMap<String, usize>,
}

impl Listed {
    /// Takes one such line out of the list; returns false when it is not there.
    pub fn take_line(&mut self, path: &str, code: &str) -> bool {
        match self.lines.get_mut(&(path.to_string(), code.to_string())) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Takes the file out of the list; returns how many operations it is said to have, if it is listed as a whole.
    pub fn take_file(&mut self, path: &str) -> Option<usize> {
        self.files.remove(path)
    }

    /// Says what is listed and has not been taken out.
    pub fn left(&self) -> Vec<String> {
        let lines = self.lines.iter().filter(|(_, count)| **count > 0);
        let lines = lines.map(|((path, code), count)| {
            format!("listed {count} times too often, as it was reached or is gone:\n{path}: {code}")
        });
        let files = self.files.keys();
        lines
            .chain(files.map(|path| format!("{path} is listed and has no atomic operation")))
            .collect()
    }
}

/// Reads the list.
pub fn parse(text: &str) -> Result<Listed, String> {
    let mut listed = Listed::default();
    let (mut reason, mut folder) = (false, None);
    for line in text.lines() {
        if let Some(text) = line.strip_prefix('#') {
            (reason, folder) = (!text.trim().is_empty(), None);
        } else if line.is_empty() {
            (reason, folder) = (false, None);
        } else if !entry(&mut listed, line, reason, &mut folder) {
            return Err(format!(
                "{LISTED}: below a reason stands `path: code`, `file, operations`, or `folder/` and beneath it \
                 `  file, operations: reason`; not: {line}"
            ));
        }
    }
    Ok(listed)
}

/// Takes a line in that is no reason; returns false when it is none of the forms.
fn entry(listed: &mut Listed, line: &str, reason: bool, folder: &mut Option<String>) -> bool {
    if !reason {
        return false;
    }
    if let Some(line) = line.strip_prefix("  ") {
        // Beneath a folder: a file, with a reason of its own.
        return match (&folder, line.split_once(": ")) {
            (Some(folder), Some((file, why))) if !why.trim().is_empty() => {
                whole(listed, &format!("{folder}{file}"))
            }
            _ => false,
        };
    }
    *folder = line.ends_with('/').then(|| line.to_string());
    if folder.is_some() {
        return true;
    }
    match line.split_once(": ") {
        Some((path, code)) => {
            *listed.lines.entry((path.to_string(), code.to_string())).or_default() += 1;
            true
        }
        None => whole(listed, line),
    }
}

/// `file, operations`; once a file.
fn whole(listed: &mut Listed, text: &str) -> bool {
    let Some((path, operations)) = text.split_once(", ") else { return false };
    let Ok(operations) = operations.parse() else { return false };
    listed.files.insert(path.to_string(), operations).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_line_needs_a_reason_and_is_counted() {
        assert!(parse("a.rs: b.load(Relaxed)\n").is_err());
        assert!(parse("# why\n\na.rs: b.load(Relaxed)\n").is_err());
        let mut listed =
            parse("# why\na.rs: x::y.load(Relaxed)\na.rs: x::y.load(Relaxed)\n").unwrap();
        assert!(listed.take_line("a.rs", "x::y.load(Relaxed)"));
        assert_eq!(listed.left().len(), 1);
        assert!(listed.take_line("a.rs", "x::y.load(Relaxed)"));
        assert!(!listed.take_line("a.rs", "x::y.load(Relaxed)"));
        assert!(!listed.take_line("b.rs", "x::y.load(Relaxed)"));
        assert!(listed.left().is_empty());
    }

    #[test]
    fn a_file_of_a_listed_folder_needs_a_reason_of_its_own() {
        let mut listed =
            parse("# why\na/\n  b.rs, 2: why\n  c/d.rs, 1: why\n# why\ne.rs, 3\n").unwrap();
        assert_eq!(listed.take_file("a/b.rs"), Some(2));
        assert_eq!(listed.take_file("a/b.rs"), None);
        assert_eq!(listed.take_file("e.rs"), Some(3));
        assert_eq!(listed.left(), ["a/c/d.rs is listed and has no atomic operation"]);
        for wrong in ["a/\n  b.rs, 2: why\n", "# why\na/\n  b.rs, 2\n", "# why\n  b.rs, 2: why\n"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("# why\na.rs, 2\na.rs, 2\n").is_err());
        assert!(parse("# why\na.rs\n").is_err());
    }
}
