//! WaitReason: one waiter, and one token.

pub(crate) mod cancel;
pub(crate) mod park_token;
pub(crate) mod waiter;
