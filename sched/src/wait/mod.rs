//! Waiting: one cancellable wait, and what is built on it.
//!
//! | file | is |
//! |---|---|
//! | [`cancellable`] | a park that the end of the run may cut |
//! | [`waiter`] | the wait of a goroutine or a thread for a wake, with or without a deadline |
//! | [`park_token`] | the wait of a goroutine for its token |

pub(crate) mod cancellable;
pub(crate) mod park_token;
pub(crate) mod waiter;
