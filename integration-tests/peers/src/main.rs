//! peers
fn main() {}
