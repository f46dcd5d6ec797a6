//! The type that stands for the platform; what it does is in `platform`.

/// Threads of this program, as goroutines see them.
#[derive(Debug, Clone, Copy)]
pub enum Hosted {}
