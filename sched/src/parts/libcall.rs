//! The record of a call of a C function by its address.

/// A call of a C function by its address: what it is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibCall {
    /// The function's address; not 0.
    pub function: usize,
    /// How many arguments it takes.
    pub count: usize,
    /// The arguments, and zeros.
    pub args: [usize; LibCall::ARGS],
}

impl LibCall {
    /// More arguments no library call has.
    pub const ARGS: usize = 15;
}
