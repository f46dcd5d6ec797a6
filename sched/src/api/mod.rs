//! What a program calls.

pub(crate) mod defers;
pub(crate) mod go;
pub(crate) mod goroutine;
pub mod grow;
pub(crate) mod join;
pub(crate) mod lock_os_thread;
mod platform_macro;
pub(crate) mod procs;
pub(crate) mod scheduler;
pub(crate) mod scope;
mod select_macro;
pub mod shutdown;
pub(crate) mod sysmon;
