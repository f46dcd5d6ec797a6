//! Foreign code: the bridge to it, and the threads that it starts.

pub mod bridge;
mod crossing;
pub(crate) mod extram;
mod rest;
