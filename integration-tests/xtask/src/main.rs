//! The one home of checks.
fn main() {}
