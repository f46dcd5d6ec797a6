//! The hosted platform: Linux threads.
//!
//! # Signals
//!
//! The runtime sends none and handles two, SIGSEGV and SIGBUS, to tell of overflows; all others are the program's, and
//! arrive on whichever thread the kernel chooses. What the program's handlers need is a stack:
//!
//! | when | what is done | where |
//! |---|---|---|
//! | a runtime is built, a run begins | handlers without SA_ONSTACK are given it | `prepare`, `runtime` |
//! | every 0.1 s while anything runs | handlers that were installed since are; sysmon looks, 8 µs | `platform` |
//! | a thread becomes an M, or calls back | it has an alternate stack, of its own or lent; where its own stack ends is noted | `signal_stack`, `system_stack` |
//! | a goroutine's stack is full, or has no room for a signal | the message names the goroutine; the process aborts | `overflow` |
//! | a system stack is full, or has no room for a signal | the message names the thread, and the goroutine whose foreign call it is; then the fault is the former handler's | `overflow` |
//! | a handler fills the alternate stack | the message names thread and goroutine, if the kernel tells; the process aborts | `overflow` |
//! | a thread is no M any more, or a foreign one ends | it has what it had before | `signal_stack`, `visitor` |
//!
//! A handler that is installed without the flag and runs before the next look may find no room: that is the one gap,
//! and it ends in the message. [`add_onstack_flags`](crate::add_onstack_flags) closes it, for a program that asks.
//!
//! *Rejected.* Go's way, which looks once at the start, and whose handlers end the program if they find themselves on a
//! goroutine's stack: they are Go's own, while here they are the program's, which has none to tell it. An alternate
//! stack that grows: its end can be found out only by a fault on it.

mod affinity;
pub mod builder;
mod companion;
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
mod signal_stack;
pub mod site_stats;
mod stacks;
mod system_stack;
pub(crate) mod tag;
mod visitor;
pub mod watch;
mod watcher;
