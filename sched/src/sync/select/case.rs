//! One operation that select may carry out.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr;

use g0_arch::sync::MutexGuard;
use g0_arch::sync::cell::Cell;

use crate::objects::waiter::Waiter;
use crate::platform::Platform;
use crate::sync::chan::{Buffer, Put};
use crate::sync::chan::{Chan, Got, State};
use crate::sync::chan::{RecvError, SendError};
use crate::sync::queue::{Node, Queue};

/// A case of [`select`](super::select): a [`RecvCase`] or a [`SendCase`].
pub trait Case<P: Platform>: steps::Steps {}

mod steps {
    use super::{Node, Waiter};

    /// What select does with a case. All of it through a shared reference: while a goroutine waits,
    /// its partners write into its cases.
    pub trait Steps {
        /// Returns the channel, to order the locks by; null for a case that is never ready.
        fn channel(&self) -> *const ();

        /// Returns whether an outcome waits to be taken.
        fn is_done(&self) -> bool;

        /// Takes the channel's lock and returns what it guards.
        ///
        /// # Safety
        ///
        /// The channel must not be null, nor locked by this select.
        unsafe fn lock(&self) -> *mut ();

        /// Notes that another case of this channel has its lock.
        ///
        /// # Safety
        ///
        /// `state` must have come from that case's [`lock`](Self::lock).
        unsafe fn share(&self, state: *mut ());

        /// Releases the lock, if it is this case that has it.
        ///
        /// # Safety
        ///
        /// The case may be gone after the release: it must not be used any more.
        unsafe fn unlock(&self);

        /// Returns whether the operation can be carried out. A partner that leaves its wait right
        /// now may make that wrong.
        ///
        /// # Safety
        ///
        /// The channel must be locked; so for all functions below but the last.
        unsafe fn is_ready(&self) -> bool;

        /// Carries it out, if it still can be; returns the partner that is to be woken then, if
        /// there is one.
        ///
        /// # Safety
        ///
        /// As [`is_ready`](Self::is_ready).
        unsafe fn attempt(&self) -> Option<Option<*const Node>>;

        /// Lets partners find it.
        ///
        /// # Safety
        ///
        /// As [`is_ready`](Self::is_ready); waiter and case must live until the case is withdrawn.
        unsafe fn enqueue(&self, waiter: &Waiter);

        /// Takes it out of the queue, if it is still there.
        ///
        /// # Safety
        ///
        /// As [`is_ready`](Self::is_ready).
        unsafe fn withdraw(&self);

        /// Notes the outcome, if it is this case that has ended the wait.
        ///
        /// # Safety
        ///
        /// The wait must be over and all cases withdrawn.
        unsafe fn settle(&self, winner: usize);

        /// Returns whether its channel was found closed, and that is still to be taken.
        fn has_failed(&self) -> bool;

        /// While the run of the calling goroutine ends, it has failed: what was to be sent to ends that the end has
        /// dropped is dropped, and counts as sent. Outside.
        fn forgive(&self);
    }
}

/// What a case has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing yet.
    None,
    /// The value has been sent, or lies in the slot.
    Done,
    /// The channel was closed.
    Closed,
    /// The value has gone.
    Spent,
}

/// What both kinds of cases are made of.
struct Parts<'a, T, P: Platform, B: Buffer<T>> {
    chan: Option<&'a Chan<T, P, B>>,
    guard: Cell<Option<MutexGuard<'a, State<T, B>>>>,
    state: Cell<*mut State<T, B>>,
    /// The value: to be sent, or received.
    slot: UnsafeCell<MaybeUninit<T>>,
    node: UnsafeCell<Option<Node>>,
    outcome: Cell<Outcome>,
}

impl<'a, T, P: Platform, B: Buffer<T>> Parts<'a, T, P, B> {
    fn new(chan: Option<&'a Chan<T, P, B>>, slot: MaybeUninit<T>) -> Self {
        Self {
            chan,
            guard: Cell::new(None),
            state: Cell::new(ptr::null_mut()),
            slot: UnsafeCell::new(slot),
            node: UnsafeCell::new(None),
            outcome: Cell::new(Outcome::None),
        }
    }

    fn channel(&self) -> *const () {
        self.chan.map_or(ptr::null(), |chan| ptr::from_ref(chan).cast())
    }

    fn lock(&self) -> *mut () {
        let Some(chan) = self.chan else { return ptr::null_mut() };
        let mut guard = chan.state.lock();
        self.state.set(&raw mut *guard);
        self.guard.set(Some(guard));
        self.state.get().cast()
    }

    fn share(&self, state: *mut ()) {
        self.state.set(state.cast());
    }

    fn unlock(&self) {
        drop(self.guard.take());
    }

    /// # Safety
    ///
    /// As [`steps::Steps::enqueue`]; `queue` must be one of the channel's.
    unsafe fn enqueue(&self, waiter: &Waiter, queue: &mut Queue) {
        let node = Node::new(waiter, self.slot.get().cast());
        // SAFETY: in no queue yet, so no partner knows the node.
        unsafe { queue.push((*self.node.get()).insert(node)) };
    }

    /// # Safety
    ///
    /// As [`steps::Steps::withdraw`]; `queue` must be the one that the node was put into.
    unsafe fn withdraw(&self, queue: &mut Queue) {
        // SAFETY: the lock is held: the node is in the queue, or no partner touches it any more.
        unsafe {
            if let Some(node) = (*self.node.get()).as_ref().filter(|node| node.is_queued()) {
                queue.remove(node);
            }
        }
    }

    /// # Safety
    ///
    /// As [`steps::Steps::settle`].
    unsafe fn settle(&self, winner: usize) {
        // SAFETY: the wait is over: no partner touches the node any more.
        let node = unsafe { &mut *self.node.get() };
        if let Some(node) = node.as_ref().filter(|node| ptr::from_ref(*node).addr() == winner) {
            self.outcome.set(if node.served.get() { Outcome::Done } else { Outcome::Closed });
        }
        *node = None;
    }
}

impl<T, P: Platform, B: Buffer<T>> Parts<'_, T, P, B> {
    /// Nothing is there to be received.
    fn leave_failed(&self) {}

    fn drop_unsent(&self) {
        if self.chan.is_some_and(Chan::is_closed_by_end) {
            self.outcome.set(Outcome::Done);
            // SAFETY: not sent, and the outcome says that it has gone: so it is dropped once.
            unsafe { (*self.slot.get()).assume_init_drop() };
        }
    }
}

/// Receives, if select chooses it.
pub struct RecvCase<'a, T, P: Platform, B: Buffer<T>>(Parts<'a, T, P, B>);

/// Sends its value, if select chooses it; a value that is not sent is dropped with the case.
pub struct SendCase<'a, T, P: Platform, B: Buffer<T>>(Parts<'a, T, P, B>);

impl<'a, T, P: Platform, B: Buffer<T>> RecvCase<'a, T, P, B> {
    /// Returns a case; without a channel it is never ready.
    pub(super) fn new(chan: Option<&'a Chan<T, P, B>>) -> Self {
        Self(Parts::new(chan, MaybeUninit::uninit()))
    }

    /// Returns what was received, if this case was chosen; then the case may be used again.
    pub fn take(&mut self) -> Option<Result<T, RecvError>> {
        match self.0.outcome.replace(Outcome::None) {
            Outcome::None | Outcome::Spent => None,
            // SAFETY: the outcome says that the slot holds a value, and has just been reset.
            Outcome::Done => Some(Ok(unsafe { self.0.slot.get_mut().assume_init_read() })),
            Outcome::Closed => Some(Err(RecvError)),
        }
    }
}

impl<'a, T, P: Platform, B: Buffer<T>> SendCase<'a, T, P, B> {
    /// Returns a case; without a channel it is never ready.
    pub(super) fn new(chan: Option<&'a Chan<T, P, B>>, value: T) -> Self {
        Self(Parts::new(chan, MaybeUninit::new(value)))
    }

    /// Returns whether the value was sent, if this case was chosen; then the value has gone, and the
    /// case is never ready again.
    pub fn take(&mut self) -> Option<Result<(), SendError<T>>> {
        let result = match self.0.outcome.get() {
            Outcome::None | Outcome::Spent => return None,
            Outcome::Done => Ok(()),
            // SAFETY: not sent, and from now on spent.
            Outcome::Closed => Err(SendError(unsafe { self.0.slot.get_mut().assume_init_read() })),
        };
        self.0.outcome.set(Outcome::Spent);
        self.0.chan = None;
        Some(result)
    }
}

impl<T, P: Platform, B: Buffer<T>> Drop for RecvCase<'_, T, P, B> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T, P: Platform, B: Buffer<T>> Drop for SendCase<'_, T, P, B> {
    fn drop(&mut self) {
        if matches!(self.0.outcome.get(), Outcome::None | Outcome::Closed) {
            // SAFETY: neither sent nor taken.
            unsafe { self.0.slot.get_mut().assume_init_drop() };
        }
    }
}

impl<T, P: Platform, B: Buffer<T>> Case<P> for RecvCase<'_, T, P, B> {}
impl<T, P: Platform, B: Buffer<T>> Case<P> for SendCase<'_, T, P, B> {}

macro_rules! steps {
    ($case:ident, $queue:ident, $ready:ident, $forgive:ident, |$this:ident, $state:ident| $attempt:expr) => {
        impl<T, P: Platform, B: Buffer<T>> steps::Steps for $case<'_, T, P, B> {
            fn channel(&self) -> *const () {
                self.0.channel()
            }

            fn is_done(&self) -> bool {
                matches!(self.0.outcome.get(), Outcome::Done | Outcome::Closed)
            }

            unsafe fn lock(&self) -> *mut () {
                self.0.lock()
            }

            unsafe fn share(&self, state: *mut ()) {
                self.0.share(state);
            }

            unsafe fn unlock(&self) {
                self.0.unlock();
            }

            unsafe fn is_ready(&self) -> bool {
                // SAFETY: the lock is held, by this case or one that shares it.
                unsafe { (*self.0.state.get()).$ready() }
            }

            unsafe fn attempt(&self) -> Option<Option<*const Node>> {
                // SAFETY: the lock is held, by this case or one that shares it.
                let ($this, $state) = (&self.0, unsafe { &mut *self.0.state.get() });
                $attempt
            }

            unsafe fn enqueue(&self, waiter: &Waiter) {
                // SAFETY: the lock is held, as in `is_ready`; waiter and case live, as the caller
                // ensures.
                unsafe { self.0.enqueue(waiter, &mut (*self.0.state.get()).$queue) };
            }

            unsafe fn withdraw(&self) {
                // SAFETY: the lock is held, as in `is_ready`; `enqueue` uses the same queue.
                unsafe { self.0.withdraw(&mut (*self.0.state.get()).$queue) };
            }

            unsafe fn settle(&self, winner: usize) {
                // SAFETY: the wait is over, and all cases are withdrawn.
                unsafe { self.0.settle(winner) };
            }

            fn has_failed(&self) -> bool {
                self.0.outcome.get() == Outcome::Closed
            }

            fn forgive(&self) {
                self.0.$forgive();
            }
        }

        impl<T, P: Platform, B: Buffer<T>> fmt::Debug for $case<'_, T, P, B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($case)).finish_non_exhaustive()
            }
        }
    };
}

steps!(RecvCase, receivers, can_get, leave_failed, |this, state| match state.get() {
    Got::Value(value, sender) => {
        // SAFETY: no wait uses this slot, which is empty.
        unsafe { (*this.slot.get()).write(value) };
        this.outcome.set(Outcome::Done);
        Some(sender)
    }
    Got::Closed => {
        this.outcome.set(Outcome::Closed);
        Some(None)
    }
    Got::Empty => None,
});

steps!(SendCase, senders, can_put, drop_unsent, |this, state| {
    // SAFETY: the slot holds the value until the outcome says that it has gone.
    let (outcome, receiver) = match unsafe { state.put(this.slot.get().cast()) } {
        Put::Handed(node) => (Outcome::Done, Some(node)),
        Put::Kept => (Outcome::Done, None),
        Put::Closed => (Outcome::Closed, None),
        Put::Full => return None,
    };
    this.outcome.set(outcome);
    Some(receiver)
});
