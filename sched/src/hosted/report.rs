//! What is printed: each report in one write, so that those of several threads do not mix.

use core::fmt::Write;
use std::string::String;
use std::vec::Vec;

use crate::introspect::GoroutineInfo;
use crate::objects::report::DeadlockReport;

/// Goroutines that a report names at most.
const MOST: usize = 100;

/// Writes to standard error.
pub(super) fn print(text: &str) {
    // SAFETY: the buffer is valid for its length.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Reports a deadlock.
pub(super) fn deadlock(stuck: &DeadlockReport) -> ! {
    let mut all: Vec<GoroutineInfo> = stuck.goroutines().collect();
    all.sort_unstable_by_key(|seen| seen.id);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "fatal error: {}", stuck.reason());
    for seen in all.iter().take(MOST) {
        let _ = writeln!(text, "{seen}");
    }
    if all.len() > MOST {
        let _ = writeln!(text, "and {} more goroutines", all.len() - MOST);
    }
    print(&text);
    std::process::abort()
}
