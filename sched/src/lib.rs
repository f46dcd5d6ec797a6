//! An M:N goroutine scheduler.
#![no_std]
// Models reach the core only: what the executor alone uses looks unused to them.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[macro_use]
mod plain;

#[cfg(not(loom))]
pub mod bridge;
pub mod core;
#[cfg(loom)]
#[doc(hidden)]
pub mod doors;
mod error;
#[cfg(not(loom))]
mod exec;
mod g;
#[cfg(not(loom))]
mod goroutine;
#[cfg(all(feature = "std", not(loom)))]
mod hosted;
#[cfg(not(loom))]
mod join;
#[cfg(not(loom))]
mod lockedm;
mod m;
mod macros;
mod p;
mod platform;
#[cfg(not(loom))]
mod scheduler;
#[cfg(not(loom))]
mod scope;
#[cfg(not(loom))]
pub mod shutdown;
#[cfg(not(loom))]
mod sync;
mod sysmon;
#[cfg(not(loom))]
mod waiter;

pub use crate::core::{Config, Core};
pub use error::Error;
#[cfg(not(loom))]
pub use exec::machine::start_m;
pub use g::{G, Unlock};
pub use m::M;
pub use p::Proc;
pub use platform::{Fatal, Fences, Parker, Platform, StartError};
#[cfg(not(loom))]
pub use scheduler::{Ended, Scheduler};
#[cfg(not(loom))]
pub use sync::chan::{CloseError, RecvError, SendError, TryRecvError, TrySendError};

/// More Ps than this are refused.
pub const MAX_PROCS: usize = 1024;

/// The functions and types of all platforms; [`platform!`] writes the short forms.
#[cfg(not(loom))]
pub mod generic {
    pub use crate::exec::spawn::Go;
    pub use crate::exec::yields::yield_now;
    pub use crate::goroutine::{Goroutine, current, goexit, park};
    pub use crate::join::{JoinHandle, Outcome};
    pub use crate::lockedm::{lock_os_thread, os_thread_locked, unlock_os_thread};
    pub use crate::scope::{Scope, ScopedJoinHandle, scope};
    pub use crate::sync::chan::{Buffer, Chan};
    #[cfg(feature = "alloc")]
    pub use crate::sync::mpmc::{Iter, Receiver, Sender, channel};
    pub use crate::sync::waitgroup::WaitGroup;
}

#[cfg(all(feature = "std", not(loom)))]
pub use hosted::{
    Hosted,
    runtime::{Builder, RunError, Runtime, STACK_SIZE},
};

#[cfg(all(feature = "std", not(loom)))]
mod short;
#[cfg(all(feature = "std", not(loom)))]
pub use short::*;
