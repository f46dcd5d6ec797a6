//! The hosted platform: Linux threads.

mod affinity;
pub mod builder;
mod current;
#[cfg(feature = "dump")]
pub mod dump;
mod fork;
mod futex;
mod membarrier;
pub(crate) mod offload;
mod offload_pool;
mod overflow;
mod panics;
mod platform;
pub(crate) mod prelude;
mod prepare;
mod report;
pub mod runtime;
mod stacks;
pub(crate) mod tag;
mod visitor;
pub mod watch;
mod watcher;
