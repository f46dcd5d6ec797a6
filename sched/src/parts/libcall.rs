//! The record of a call of a C function by its address.

/// A call of a C function by its address: what it is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibCall {
    /// The function's address; 0 when nothing is being called.
    pub function: usize,
    /// How many arguments it takes.
    pub count: usize,
    /// The arguments.
    pub args: [usize; LibCall::ARGS],
}

impl LibCall {
    /// More arguments no library call has.
    pub const ARGS: usize = 15;
    /// Nothing is being called.
    pub const NONE: Self = Self { function: 0, count: 0, args: [0; Self::ARGS] };
}
