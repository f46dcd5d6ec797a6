//! How much memory a source's stacks take.

/// What [`StackSource::usage`](crate::StackSource::usage) tells, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Of all stacks that were ever made, whole, guard pages apart: what a limit counts. Where memory is
    /// committed by touch it is address space.
    pub reserved: usize,
    /// Of these, what is in memory: pages that were touched and not given back. `None` where nothing tells.
    pub committed: Option<usize>,
}

impl Usage {
    /// Of stacks of which `reserved` bytes are there, and of which nothing tells how much was touched.
    pub const fn reserved(reserved: usize) -> Self {
        Usage { reserved, committed: None }
    }
}
