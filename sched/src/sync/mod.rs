//! The primitives on which goroutines wait. Threads that are no Ms may use them too, and block.
//!
//! Two layers, and each primitive is short code on them:
//!
//! ```text
//!   Chan  select  Mutex  RwLock  Condvar  Semaphore  Once  Barrier  WaitGroup
//!     │                       a word or a state of its own, and
//!   ┌─▼──────────────────────────────────────────────────────────┐
//!   │ queue   nodes on the stacks that wait, under a spin lock   │
//!   │ lock    wait_in: push, park, the step after unlocks        │
//!   └─┬──────────────────────────────────────────────────────────┘
//!   ┌─▼──────────────────────────────────────────────────────────┐
//!   │ wait::waiter   park and wake a goroutine, or a thread;     │
//!   │                settle a wait that can end in two ways      │
//!   └────────────────────────────────────────────────────────────┘
//! ```
//!
//! > A waker finds a waiting goroutine only when its context is saved: the queue's spin lock is
//! > held from before the node is pushed until the post-switch step.
//!
//! A spin lock is held for a few instructions and never around a wake, which may start a thread: the
//! waker takes the waiters out under the lock and wakes them after it. It writes what it hands over
//! into the node's slot, sets `served`, and wakes; so a value that has been handed over is never
//! lost when a deadline or the end of the run comes at the same time.
//!
//! | called | |
//! |---|---|
//! | by a goroutine | it parks; the end of the run unwinds it out of the wait |
//! | by a thread that is no M | it blocks |
//! | on the system stack | what would wait panics; dropping guards, permits and ends does not, nor does a notification |
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
