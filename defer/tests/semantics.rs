//! Go's semantics, for every unwinder: Rust's, one of a kernel's, and none.

mod common;
#[macro_use]
#[path = "suite/each.rs"]
mod each;
mod suite;
