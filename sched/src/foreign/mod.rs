//! Foreign code: the bridge to it, and the threads that it starts.

pub mod bridge;
pub(crate) mod extram;
