//! A place where a number of goroutines meet.

use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use g0_arch::sync::Mutex as SpinLock;

use super::queue::{Node, Queue};
use crate::exec::enter::enter;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

struct State {
    /// How many stand in the queue.
    waiting: usize,
    queue: Queue,
}

/// Lets goroutines and threads wait for one another, as often as they like. Names are those of
/// `std`'s `Barrier`. With a number of 0 or 1 no caller waits. Needs no allocator and may lie in a
/// static.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use g0_sched::{Barrier, Runtime, go};
///
/// static THREE: Barrier = Barrier::new(3);
/// Runtime::builder().build().unwrap().run(|| {
///     let all: Vec<_> = (0..3).map(|_| go(|| THREE.wait().is_leader())).collect();
///     let leaders = all.into_iter().map(|one| one.join().unwrap());
///     assert_eq!(leaders.filter(|leads| *leads).count(), 1);
/// }).unwrap();
/// # }
/// ```
pub struct Barrier<P: Platform> {
    number: usize,
    state: SpinLock<State>,
    _platform: PhantomData<fn() -> P>,
}

/// Whether the caller came last.
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Returns true for one of the callers that met: the last to come.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl<P: Platform> Barrier<P> {
    maybe_const! {
        /// Returns a barrier at which `number` callers meet.
        pub fn new(number: usize) -> Self {
            Self {
                number,
                state: SpinLock::new(State { waiting: 0, queue: Queue::new() }),
                _platform: PhantomData,
            }
        }
    }

    /// Waits until as many callers have come. Then the barrier is as new. A goroutine that the end
    /// of the run unwinds out of its wait does not count as come.
    ///
    /// # Panics
    ///
    /// On the system stack.
    pub fn wait(&self) -> BarrierWaitResult {
        let caller = enter::<P>();
        let mut state = self.state.lock();
        if state.waiting.saturating_add(1) >= self.number {
            state.waiting = 0;
            let all = state.queue.take();
            drop(state);
            // SAFETY: out of the queue, and woken once. The barrier may be gone from here on.
            unsafe { all.wake::<P>(caller.within()) };
            caller.leave();
            return BarrierWaitResult(true);
        }
        state.waiting += 1;
        let waiter = Waiter::new(&caller, false, WaitReason::Barrier);
        let node = Node::new(&waiter, ptr::null_mut());
        let withdraw = || {
            let mut state = self.state.lock();
            let queued = node.is_queued();
            if queued {
                // SAFETY: it is in this queue.
                unsafe { state.queue.remove(&raw const node) };
                state.waiting -= 1;
            }
            queued
        };
        // SAFETY: the node lives until the wait is over; the last to come pops and wakes it once.
        unsafe {
            state.queue.push(&raw const node);
            let publish = move || {
                drop(state);
                true
            };
            waiter.wait::<P>(caller, None, publish, withdraw);
        }
        waiter.go_on::<P>();
        BarrierWaitResult(false)
    }
}

impl<P: Platform> fmt::Debug for Barrier<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
