//! What goroutines block on. Threads that are no Ms may use it too: they block.
//!
//! Two layers, and everything is a few dozen lines on them:
//!
//! ```text
//!   Chan  select  Mutex  RwLock  Condvar  Semaphore  Once  Barrier  WaitGroup
//!     │                       a word or a state of its own, and
//!   ┌─▼──────────────────────────────────────────────────────────┐
//!   │ queue   nodes on the stacks that wait, under a spin lock   │
//!   │ lock    wait_in: push, park, the step after unlocks        │
//!   └─┬──────────────────────────────────────────────────────────┘
//!   ┌─▼──────────────────────────────────────────────────────────┐
//!   │ crate::wait::waiter   park and wake a goroutine, or a thread;    │
//!   │                 who ends a wait that can end in two ways   │
//!   └────────────────────────────────────────────────────────────┘
//! ```
//!
//! > Whoever waits is found by others only when its context is saved: the queue's spin lock is held
//! > from before the node is pushed until the post-switch step.
//!
//! A spin lock is held for a few instructions and never around a wake, which may start a thread: who
//! is to be woken is taken out under the lock and woken after it. What a waker hands over it writes
//! into the node's slot, says so in `served`, and wakes; so what has been handed over is never lost
//! when a deadline or shutdown comes at the same time.
//!
//! | called | |
//! |---|---|
//! | by a goroutine | it parks; shutdown unwinds out of the wait |
//! | by a thread that is no M | it blocks |
//! | on the system stack | what would wait panics; dropping guards, permits and ends does not, nor does notifying |
//! | in an interrupt handler | not allowed |

pub mod barrier;
pub mod chan;
pub mod condvar;
mod lock;
#[cfg(feature = "alloc")]
pub mod mpmc;
pub mod mutex;
pub mod once;
pub mod once_cell;
pub mod poison;
mod queue;
pub mod rwlock;
pub mod select;
pub mod semaphore;
mod spin;
pub mod waitgroup;
