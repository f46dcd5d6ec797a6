//! How much stack goroutines have used, by where they were started.

use core::fmt;
use core::panic::Location;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use crate::objects::report::StackUse;

/// How much stack the goroutines have used that were started at one place: see
/// [`Watch::stack_use`](crate::Watch::stack_use).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteStats {
    /// Where they were started. The callbacks of all foreign threads count as started at one place, in this crate.
    pub site: &'static Location<'static>,
    /// The name of the first that was told of, or nothing.
    pub name: &'static str,
    /// How many have ended: callbacks, of foreign threads.
    pub ended: u64,
    /// The most bytes that one of them used of its own stack, among them its record, which takes a quarter to a half
    /// KiB, and its closure. 0 while none has ended.
    pub stack: usize,
    /// How many bytes the stack had on which that was: its class's, less 64 and, of a stack of 4 KiB or more, up to 1.5
    /// KiB besides.
    pub size: usize,
    /// The most bytes of segments that one of them had at a time; also of those that have not ended.
    pub segments: usize,
}

/// In one line.
impl fmt::Display for SiteStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, name, ended, stack, size, segments } = self;
        let space = if name.is_empty() { "" } else { " " };
        write!(f, "{site}{space}{name}: {ended} ended, at most {stack} of {size} bytes of stack")?;
        if *segments != 0 { write!(f, ", and {segments} of segments") } else { Ok(()) }
    }
}

/// The sites of one runtime.
#[derive(Default)]
pub(super) struct Sites(Mutex<BTreeMap<&'static Location<'static>, SiteStats>>);

impl Sites {
    /// Counts what is told in.
    pub(super) fn note(&self, told: &StackUse) {
        let &StackUse { site, name, size, .. } = told;
        let new = || SiteStats { site, name, ended: 0, stack: 0, size, segments: 0 };
        // No code of the program runs under the lock.
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = sites.entry(site).or_insert_with(new);
        stats.ended += u64::from(told.ends);
        stats.segments = stats.segments.max(told.segments);
        if let Some(stack) = told.stack
            && stack > stats.stack
        {
            (stats.stack, stats.size) = (stack, size);
        }
    }

    /// Returns all of them, the deepest first.
    pub(super) fn all(&self) -> Vec<SiteStats> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = sites.values().copied().collect();
        drop(sites);
        all.sort_by_key(|stats| core::cmp::Reverse((stats.stack, stats.segments)));
        all
    }
}
