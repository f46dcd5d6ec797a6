//! `cargo xtask instructions [ROW…] [--against COMMIT|FOLDER]`: the instructions of an operation, of this tree and of another.
//!
//! Times on a shared machine differ by more than a change of a fast path does; counts repeat. valgrind's callgrind counts
//! what all threads of a process execute outside the kernel.
//!
//! ```text
//!   build    integration-tests/src/bin/count, this tree's, over the crates of either tree, as for release
//!   count    N operations and 2 N; the difference over N is without start and end
//!   table    a row whose operation has become more than 1 % dearer fails
//! ```
//!
//! *What is counted*: runtimes of one P, the migrating and the pinned one, with asymmetric fences: valgrind 3.19 passes
//! `membarrier` on, and a kernel that refuses it fails the row. valgrind runs one thread at a time, and no row needs
//! two threads at once. Sysmon looks around by the clock, so equal runs differ a little: a count stands when two agree
//! within 0.1 %. All rows repeat so; no single function has to be picked out for that.
//!
//! *What a count does not say*: it knows no times. A locked instruction or a cache miss weighs as much as any other
//! instruction, a system call nothing. In a row of fewer than a hundred instructions one more is over the limit.
//!
//! Without `--against` the counts are printed and compared with nothing. The other tree has no default: which state a
//! change must not make dearer (the last release, the one before a rebuilding) is the author's to say. A folder is built
//! where it is; of a commit a copy is made in the target folder.

mod callgrind;
mod program;
mod table;

use crate::report::Report;
use crate::{debian, other_tree, tree};
use callgrind::Row;
use std::path::{Path, PathBuf};
use table::Line;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    rows: Vec<String>,
    against: Option<String>,
    install: bool,
}

impl Options {
    /// All rows of this tree alone.
    pub fn alone(install: bool) -> Options {
        Options { install, ..Options::default() }
    }

    /// Reads `[ROW…] [--against COMMIT|FOLDER]`.
    pub fn parse(args: &[String], install: bool) -> Result<Options, String> {
        let mut options = Options::alone(install);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--against" => {
                    let other = args.next().ok_or("--against needs a commit or a folder")?;
                    options.against = Some(other.clone());
                }
                row if !row.starts_with('-') => options.rows.push(arg.clone()),
                _ => return Err(format!("instructions does not know `{arg}`")),
            }
        }
        Ok(options)
    }

    /// Those of the rows that were asked for, on every runtime.
    fn select(&self, rows: Vec<Row>) -> Result<Vec<Row>, String> {
        let unknown = self.rows.iter().find(|name| rows.iter().all(|row| row.name != **name));
        if let Some(unknown) = unknown {
            return Err(format!("there is no row `{unknown}`"));
        }
        let asked = |row: &Row| self.rows.is_empty() || self.rows.contains(&row.name);
        Ok(rows.into_iter().filter(asked).collect())
    }
}

/// Builds the program over this tree and the other one, counts, and judges.
pub fn run(report: &mut Report, options: &Options) {
    let valgrind = || debian::require(&["valgrind"], options.install);
    if !report.step("instructions: packages", valgrind) {
        return;
    }
    let mut after = PathBuf::new();
    let build = || program::build(tree::root(), "after").map(|built| after = built);
    if !report.step("instructions: build", build) {
        return;
    }
    let mut before = None;
    if let Some(other) = &options.against {
        let build = || {
            let folder = other_tree::folder(other)?;
            before = Some(program::build(&folder, "before")?);
            Ok(())
        };
        if !report.step(&format!("instructions: build {other}"), build) {
            return;
        }
    }
    report.step("instructions: count", || count(options, &after, before.as_deref()));
}

/// Prints a line for each row; a row that fails does not keep the next one from being counted.
fn count(options: &Options, after: &Path, before: Option<&Path>) -> Result<(), String> {
    let rows = options.select(callgrind::rows(after)?)?;
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    table::head(before.is_some());
    for row in &rows {
        let count = || {
            let before =
                before.map(|program| callgrind::per_operation(program, row)).transpose()?;
            let after = callgrind::per_operation(after, row)?;
            Ok::<Line, String>(Line { row: row.title(), before, after })
        };
        match count() {
            Ok(line) => {
                println!("{line}");
                lines.push(line);
            }
            Err(error) => errors.push(error),
        }
    }
    let all = options.rows.is_empty() && errors.is_empty();
    errors.extend(table::verdict(&lines, all, table::ACCEPTED).err());
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>(), false)
    }

    #[test]
    fn rows_and_the_other_tree_are_read() {
        let options = parse("yield --against HEAD~1 call").unwrap();
        assert_eq!((options.rows.len(), options.against.as_deref()), (2, Some("HEAD~1")));
        assert_eq!(parse(""), Ok(Options::alone(false)));
        assert!(parse("--against").is_err() && parse("--before x").is_err());
    }

    #[test]
    fn a_row_is_asked_for_by_its_name() {
        let row = |name: &str, runtime: &str| Row::parse(&format!("{name} {runtime} 5")).unwrap();
        let all = || vec![row("call", "safe"), row("call", "migrating"), row("callback", "safe")];
        assert_eq!(parse("").unwrap().select(all()).unwrap().len(), 3);
        assert_eq!(parse("call").unwrap().select(all()).unwrap().len(), 2);
        assert!(parse("call calls").unwrap().select(all()).is_err());
    }
}
