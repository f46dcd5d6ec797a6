//! A primitive's lock, released by the post-switch step when its holder parks.

use core::time::Duration;

use g0_arch::sync::{Mutex, MutexGuard};

use super::queue::{Node, Queue};
use crate::exec::enter::{Caller, leave};
use crate::objects::waiter::Waiter;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::waiter::{Woken, go_on_as};

/// How long an operation may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until then, nanoseconds on the platform's clock.
    Until(u64),
    /// As long as it takes.
    Forever,
}

impl Patience {
    /// For `length` from now; beyond the end of time, for ever.
    pub(crate) fn for_length<P: Platform>(length: Duration) -> Self {
        if length.is_zero() {
            return Self::None;
        }
        match Instant::<P>::now().checked_add(length) {
            Some(deadline) => Self::Until(deadline.as_nanos()),
            None => Self::Forever,
        }
    }

    /// Whether there is no time to wait.
    #[inline(always)]
    pub(crate) fn is_over<P: Platform>(self) -> bool {
        match self {
            Self::None => true,
            Self::Until(deadline) => P::now() >= deadline,
            Self::Forever => false,
        }
    }

    /// The deadline, if there is one.
    #[inline(always)]
    pub(crate) fn deadline(self) -> Option<u64> {
        match self {
            Self::None | Self::Forever => None,
            Self::Until(deadline) => Some(deadline),
        }
    }
}

/// The caller's M for a wake: none for a thread.
#[inline(always)]
pub(crate) fn m_of(who: Caller) -> Option<&'static crate::objects::m::M> {
    match who {
        Caller::Goroutine(m, _) => Some(m),
        Caller::Thread => None,
    }
}

/// Leaves, if the caller is a goroutine.
#[inline(always)]
pub(crate) fn leave_as(who: Caller) {
    if let Caller::Goroutine(m, _) = who {
        leave(m);
    }
}

/// Waits in a queue of the state that `guard` locks, until `deadline` at most; `node` has just been
/// pushed there. The guard is dropped once the caller's context is saved. Left, on return. Does not
/// return when shutdown ends the wait.
///
/// # Safety
///
/// `node` is queued and stays, and so does its waiter, which is `who`'s; `lock` is the guard's;
/// whoever pops the node wakes it once.
#[inline(always)]
pub(crate) unsafe fn wait_in<P: Platform, S>(
    who: Caller,
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
    // SAFETY: the caller's promises.
    let woken = unsafe { waiter.wait::<P>(who, deadline, move || drop(guard), withdraw) };
    if !node.served.get() {
        // Not with a value in hand.
        go_on_as::<P>(who);
    }
    woken
}
