//! What is printed: each report in one write, so that those of several threads do not mix.

use core::fmt::{Display, Write};
use std::string::String;
use std::vec::Vec;

use super::companion::Companion;
use super::tag::Hosted;
use crate::introspect::GoroutineInfo;
use crate::objects::report::{DeadlockReport, StackUse, StallReport, Trace};
use crate::platform::reports::Reports;

/// Goroutines that a report names at most.
const MOST: usize = 100;

impl Reports for Hosted {
    unsafe fn external_wakers(own: usize) -> bool {
        // Where the system does not say, there may be some.
        std::fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.count() > own)
    }

    unsafe fn deadlock(report: &DeadlockReport) {
        deadlock(report)
    }

    unsafe fn stalled(report: &StallReport) {
        let mut text = String::new();
        let _ = writeln!(text, "g0: {report}");
        list(&mut text, report.goroutines());
        print(&text);
    }

    unsafe fn uncaught(panics: &dyn Display) {
        print(&std::format!("{panics}\n"));
    }

    unsafe fn stack_used(used: &StackUse) {
        Companion::of(used.core()).sites.note(used);
    }

    unsafe fn trace(line: &Trace) {
        print(&std::format!("{line}\n"));
    }
}

/// Writes to standard error.
pub(super) fn print(text: &str) {
    // SAFETY: the buffer is valid for its length.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Reports a deadlock.
fn deadlock(stuck: &DeadlockReport) -> ! {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "fatal error: {}", stuck.reason());
    if let Some(limit) = stuck.limit_of_machines() {
        let _ = writeln!(
            text,
            "the runtime has as many threads as it may have: {limit} (Builder::max_threads)"
        );
    }
    list(&mut text, stuck.goroutines());
    print(&text);
    std::process::abort()
}

/// Appends a line a goroutine, by their numbers.
fn list(text: &mut String, goroutines: impl Iterator<Item = GoroutineInfo>) {
    let mut all: Vec<GoroutineInfo> = goroutines.collect();
    all.sort_unstable_by_key(|seen| seen.id);
    for seen in all.iter().take(MOST) {
        let _ = writeln!(text, "{seen}");
    }
    if all.len() > MOST {
        let _ = writeln!(text, "and {} more goroutines", all.len() - MOST);
    }
}
