//! A primitive's lock, released by the post-switch step when its holder parks.

use core::time::Duration;

use g0_arch::sync::{Mutex, MutexGuard};

use super::queue::{Node, Queue};
use crate::exec::inside::Caller;
use crate::objects::waiter::Waiter;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::waiter::Woken;

/// How long an operation may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitLimit {
    /// Not at all: the operation is one that never waits.
    None,
    /// Not at all this time.
    Zero,
    /// Until then, nanoseconds on the platform's clock.
    Until(u64),
    /// As long as it takes.
    Forever,
}

impl WaitLimit {
    /// For `length` from now, which may be none; beyond the end of time, for ever.
    pub(crate) fn for_length<P: Platform>(length: Duration) -> Self {
        if length.is_zero() {
            return Self::Zero;
        }
        match Instant::<P>::now().checked_add(length) {
            Some(deadline) => Self::Until(deadline.as_nanos()),
            None => Self::Forever,
        }
    }

    /// Returns whether there is no time to wait.
    #[inline(always)]
    pub(crate) fn is_over<P: Platform>(self) -> bool {
        match self {
            Self::None | Self::Zero => true,
            Self::Until(deadline) => P::now() >= deadline,
            Self::Forever => false,
        }
    }

    /// Returns the deadline, if there is one.
    #[inline(always)]
    pub(crate) fn deadline(self) -> Option<u64> {
        match self {
            Self::None | Self::Zero | Self::Forever => None,
            Self::Until(deadline) => Some(deadline),
        }
    }
}

/// Waits in a queue of the state that `guard` locks, until `deadline` at most; `node` has just been
/// pushed there. The guard is dropped once the caller's context is saved. The caller is outside on
/// return. Does not return when the end of the run cuts the wait, where goroutines unwind.
///
/// # Safety
///
/// `node` must be queued; it and its waiter, which must be `caller`'s, must live until the wait is over.
/// `lock` must be the one that `guard` holds. The waker that pops the node must wake it once.
#[inline(always)]
pub(crate) unsafe fn wait_in<P: Platform, S>(
    caller: Caller,
    waiter: &Waiter,
    node: &Node,
    guard: MutexGuard<'_, S>,
    lock: &Mutex<S>,
    queue: fn(&mut S) -> &mut Queue,
    deadline: Option<u64>,
) -> Woken {
    let withdraw = || {
        let mut state = lock.lock();
        let queued = node.is_queued();
        if queued {
            // SAFETY: it is in this queue.
            unsafe { queue(&mut state).remove(node) };
        }
        queued
    };
    let publish = move || {
        drop(guard);
        true
    };
    // SAFETY: the waker that pops the node wakes it once, as the caller ensures; the guard is that
    // of a spin lock.
    let woken = unsafe { waiter.wait::<P>(caller, deadline, publish, withdraw) };
    if !node.served.get() {
        // Without a value in hand a swallowed Goexit may be thrown again.
        waiter.go_on::<P>();
    }
    woken
}
