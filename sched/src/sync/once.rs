//! Something that is done once.
//!
//! ```text
//!   INCOMPLETE ── call_once ──▶ RUNNING ── returns ──▶ COMPLETE
//!                                  ▲ │
//!                 call_once_force  │ └── unwinds ──▶ POISONED
//!                                  └────────────────────┘
//! ```
//!
//! A closure that the end of a run unwinds poisons nothing: the state is what it was before.
//!
//! The state changes under the queue's lock, and a waiter queues under it: so none queues after the
//! wakes. A caller that finds COMPLETE needs no lock: that is one load.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use g0_arch::sync::Mutex as SpinLock;
use g0_arch::sync::atomic::{AtomicU32, Ordering};

use super::lock::wait_in;
use super::queue::{Node, Queue};
use crate::exec::enter::{enter, enter_anywhere};
use crate::exec::obey::is_ended_here;
use crate::exec::suspend::suspend_here;
use crate::objects::g::G;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

const INCOMPLETE: u32 = 0;
const POISONED: u32 = 1;
const RUNNING: u32 = 2;
const COMPLETE: u32 = 3;

struct Waiters {
    queue: Queue,
    /// The goroutine that runs the closure; null for a thread.
    runner: *const G,
}

// SAFETY: the runner is compared and never followed.
unsafe impl Send for Waiters {}

impl Waiters {
    fn queue(&mut self) -> &mut Queue {
        &mut self.queue
    }
}

/// Runs one closure, once, however many callers there are; the rest wait until it has returned.
/// Names are those of `std`'s `Once`. Needs no allocator and may lie in a static.
///
/// | | |
/// |---|---|
/// | the closure panics, or leaves by Goexit | poisoned: later calls panic, except [`call_once_force`](Self::call_once_force) |
/// | the closure calls the same `Once` | a goroutine panics; a thread that is no M waits for itself for ever, as in `std` |
/// | a call on the system stack | works once it is complete, else panics |
pub struct Once<P: Platform> {
    state: AtomicU32,
    waiting: SpinLock<Waiters>,
    _platform: PhantomData<fn() -> P>,
}

/// What a closure learns from [`Once::call_once_force`].
#[derive(Debug)]
pub struct OnceState {
    poisoned: bool,
    /// The state to come when the closure returns.
    next: Cell<u32>,
}

impl OnceState {
    /// Returns whether an earlier closure has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Tells that the closure returns without having done it.
    pub(super) fn poison(&self) {
        self.next.set(POISONED);
    }
}

/// The end of the closure, however it ends.
struct Running<'a, P: Platform> {
    once: &'a Once<P>,
    next: u32,
    /// What it is again if the end of the run unwinds the closure.
    before: u32,
}

impl<P: Platform> Drop for Running<'_, P> {
    fn drop(&mut self) {
        if self.before != RUNNING && is_ended_here::<P>() {
            self.next = self.before;
        }
        let caller = enter_anywhere::<P>();
        let mut waiting = self.once.waiting.lock();
        waiting.runner = ptr::null();
        // Release: a caller that finds COMPLETE without the lock sees what the closure did.
        self.once.state.store(self.next, Ordering::Release);
        let all = waiting.queue.take();
        drop(waiting);
        // SAFETY: out of the queue, and woken once.
        unsafe { all.wake::<P>(caller.within()) };
        caller.leave();
    }
}

/// What a caller comes for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// To run the closure, unless it is poisoned.
    Run,
    /// To run it in any case.
    Force,
    /// To wait until another caller has run it, unless it is poisoned.
    Wait,
    /// To wait until another caller has run it.
    WaitForce,
}

impl<P: Platform> Once<P> {
    maybe_const! {
        /// Returns a `Once` of which no closure has run.
        pub fn new() -> Self {
            Self {
                state: AtomicU32::new(INCOMPLETE),
                waiting: SpinLock::new(Waiters { queue: Queue::new(), runner: ptr::null() }),
                _platform: PhantomData,
            }
        }
    }

    /// Returns one that is complete.
    pub(super) fn done() -> Self {
        Self { state: AtomicU32::new(COMPLETE), ..Self::new() }
    }

    /// Runs `f`, unless a closure has run; waits while that of another caller runs. When this
    /// returns, a closure has run, and what it did is visible.
    ///
    /// # Panics
    ///
    /// When `f` does; when an earlier closure has panicked; when `f` comes here again; on the system
    /// stack, unless a closure has run.
    #[inline]
    pub fn call_once(&self, f: impl FnOnce()) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call(Wish::Run, &mut |_| {
                if let Some(f) = f.take() {
                    f();
                }
            });
        } else {
            suspend_here::<P>();
        }
    }

    /// As [`call_once`](Self::call_once), also when an earlier closure has panicked.
    ///
    /// # Panics
    ///
    /// As [`call_once`](Self::call_once), but for that.
    #[inline]
    pub fn call_once_force(&self, f: impl FnOnce(&OnceState)) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call(Wish::Force, &mut |state| {
                if let Some(f) = f.take() {
                    f(state);
                }
            });
        } else {
            suspend_here::<P>();
        }
    }

    /// Returns whether a closure has returned; what it did is visible then. Any context.
    #[inline(always)]
    pub fn is_completed(&self) -> bool {
        // Acquire: pairs with the end of the closure.
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Waits until a closure has run, that of any caller.
    ///
    /// # Panics
    ///
    /// When a closure has panicked; when called by the closure itself; on the system stack, unless a
    /// closure has run.
    pub fn wait(&self) {
        if !self.is_completed() {
            self.call(Wish::Wait, &mut |_| {});
        } else {
            suspend_here::<P>();
        }
    }

    /// As [`wait`](Self::wait), also when a closure has panicked: until a later one has returned.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait), but for that.
    pub fn wait_force(&self) {
        if !self.is_completed() {
            self.call(Wish::WaitForce, &mut |_| {});
        } else {
            suspend_here::<P>();
        }
    }

    #[cold]
    #[inline(never)]
    fn call(&self, wish: Wish, f: &mut dyn FnMut(&OnceState)) {
        loop {
            let caller = enter::<P>();
            let me = caller.goroutine().map_or(ptr::null(), |g| g.as_ptr().cast_const());
            let mut waiting = self.waiting.lock();
            // Relaxed: under the lock.
            let state = self.state.load(Ordering::Relaxed);
            let refused = match (state, wish) {
                (COMPLETE, _) => {
                    drop(waiting);
                    return caller.leave();
                }
                (POISONED, Wish::Run | Wish::Wait) => {
                    Some("g0: a `Once` is poisoned: its closure panicked")
                }
                (RUNNING, _) if !me.is_null() && waiting.runner == me => {
                    Some("g0: a `Once` is called by its own closure; it would wait for ever")
                }
                (INCOMPLETE | POISONED, Wish::Run | Wish::Force) => {
                    waiting.runner = me;
                    // Relaxed: under the lock.
                    self.state.store(RUNNING, Ordering::Relaxed);
                    drop(waiting);
                    caller.leave();
                    return self.run(state == POISONED, f);
                }
                _ => None,
            };
            if let Some(reason) = refused {
                drop(waiting);
                caller.leave();
                panic!("{reason}");
            }
            let waiter = Waiter::new(&caller, false, WaitReason::Once);
            let node = Node::new(&waiter, ptr::null_mut());
            // SAFETY: the node lives until the wait is over; the end of the closure pops and wakes
            // it once.
            unsafe {
                waiting.queue.push(&raw const node);
                let queue = Waiters::queue;
                wait_in::<P, _>(caller, &waiter, &node, waiting, &self.waiting, queue, None);
            }
        }
    }

    fn run(&self, poisoned: bool, f: &mut dyn FnMut(&OnceState)) {
        let before = if poisoned { POISONED } else { INCOMPLETE };
        let mut running = Running { once: self, next: POISONED, before };
        let state = OnceState { poisoned, next: Cell::new(COMPLETE) };
        f(&state);
        // It has returned.
        (running.next, running.before) = (state.next.get(), RUNNING);
    }
}

impl<P: Platform> Default for Once<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for Once<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
