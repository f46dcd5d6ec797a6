//! What a walk through the frames of a suspended context begins with; the same for every machine.

/// The registers that a walk through the frames of a suspended context begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// Where it goes on, in the code that called [`Arch::switch`](crate::Arch::switch).
    pub pc: usize,
    /// The stack pointer there.
    pub sp: usize,
    /// The frame pointer there.
    pub fp: usize,
}
