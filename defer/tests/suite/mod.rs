//! What holds whatever unwinds. Each function is a test for every unwinder there is, and a step of the
//! example `semantics`, which is built where nothing unwinds.

pub mod recover;
pub mod scopes;
