//! The policy: it decides, and never switches stacks.

pub(crate) mod closing;
pub(crate) mod deadlock;
pub(crate) mod find_runnable;
pub(crate) mod handoff_spin;
pub(crate) mod lockedm;
pub(crate) mod prefetch;
pub(crate) mod procs;
mod ready;
mod retake;
pub(crate) mod sched_state;
pub(crate) mod start;
pub(crate) mod timers;
pub(crate) mod trace;
pub(crate) mod wake;
