//! What no scheduler exceeds.

/// More Ps than this are refused.
pub const MAX_PROCS: usize = 1024;
