//! Waiting for a number of things to be done.

use core::fmt;
use core::marker::PhantomData;

use g0_arch::sync::Mutex;

use super::lock::wait_in;
use super::queue::{Node, Queue, Taken};
use crate::exec::enter::{enter, enter_in_place};
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

struct State {
    count: usize,
    waiters: Queue,
}

impl State {
    fn waiters(&mut self) -> &mut Queue {
        &mut self.waiters
    }
}

/// A count, and a wait for it to reach 0. A goroutine that waits parks, any other thread blocks. At
/// 0 the count may be used again. Needs no allocator and may lie in a static.
pub struct WaitGroup<P: Platform> {
    state: Mutex<State>,
    _platform: PhantomData<fn() -> P>,
}

impl<P: Platform> WaitGroup<P> {
    maybe_const! {
        /// Returns a wait group with a count of 0.
        pub fn new() -> Self {
            Self {
                state: Mutex::new(State { count: 0, waiters: Queue::new() }),
                _platform: PhantomData,
            }
        }
    }

    /// Adds `n` to the count. From 0 it must come before the [`wait`](Self::wait) that is to see
    /// it: at 0 a wait returns at once.
    ///
    /// # Panics
    ///
    /// When the count overflows; on the system stack.
    #[inline]
    pub fn add(&self, n: usize) {
        let caller = enter_in_place::<P>();
        let mut state = self.state.lock();
        let sum = state.count.checked_add(n);
        state.count = sum.unwrap_or(state.count);
        drop(state);
        caller.leave();
        assert!(sum.is_some(), "g0: the count of a wait group overflows");
    }

    /// Takes one from the count; at 0 all waiters go on.
    ///
    /// # Panics
    ///
    /// When the count is 0 already; on the system stack.
    #[inline]
    pub fn done(&self) {
        let caller = enter_in_place::<P>();
        let mut state = self.state.lock();
        let Some(count) = state.count.checked_sub(1) else {
            drop(state);
            caller.leave();
            panic!("g0: a wait group is done more often than added to");
        };
        state.count = count;
        let waiters = if count == 0 { state.waiters.take() } else { Taken::none() };
        drop(state);
        // SAFETY: out of the queue, and woken once. The wait group may be gone from here on.
        unsafe { waiters.wake::<P>(caller.within()) };
        caller.leave();
    }

    /// Waits until the count is 0.
    ///
    /// # Panics
    ///
    /// On the system stack.
    pub fn wait(&self) {
        let caller = enter::<P>();
        let mut state = self.state.lock();
        if state.count == 0 {
            drop(state);
            return caller.leave();
        }
        let waiter = Waiter::new(&caller, false, WaitReason::WaitGroup);
        let node = Node::new(&waiter, core::ptr::null_mut());
        // SAFETY: the node lives until the wait is over; `done` pops and wakes it once.
        unsafe {
            state.waiters.push(&raw const node);
            wait_in::<P, State>(caller, &waiter, &node, state, &self.state, State::waiters, None);
        }
    }
}

impl<P: Platform> Default for WaitGroup<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for WaitGroup<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").finish_non_exhaustive()
    }
}
