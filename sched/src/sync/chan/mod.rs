//! Channels.
//!
//! A sender that finds a waiting receiver hands it the value on its own stack and makes it run
//! next; without one it puts the value into the buffer, or waits with the value where it is. The
//! channel's lock is a spin lock, held for a few instructions; a goroutine that waits holds it
//! until its context is saved.
//!
//! > **L20** A value that is sent is received once, or comes back to its sender, or is dropped with its
//! > holder: a sender that shutdown unwinds, or the channel.
//!
//! | | open | closed |
//! |---|---|---|
//! | send | waits for room or a receiver | `Err`, the value comes back |
//! | receive | waits for a value | what is buffered, then `Err` |
//! | close | wakes all waiters | `Err` |
//!
//! A length of zero for a timeout asks once; a deadline that has passed does, too.

mod errors;
mod state;

use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;
use core::time::Duration;

use g0_arch::sync::Mutex;

use super::lock::{WaitLimit, wait_in};
use super::queue::{Node, Taken};
#[cfg(feature = "alloc")]
use crate::exec::enter::enter_anywhere;
use crate::exec::enter::{enter, enter_in_place};
use crate::exec::inside::Caller;
use crate::exec::obey::{has_failed, is_ended_here, is_ending};
use crate::objects::g::G;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::waiter::Woken;

pub use errors::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySendError,
};
use errors::{Missing, Unsent};
pub use state::Buffer;
use state::Stage;
pub(crate) use state::{Got, Put, State};

/// The value of a sender that waits; the end of the run may unwind through it.
struct Held<T> {
    value: ManuallyDrop<T>,
    sent: bool,
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if !self.sent {
            // SAFETY: the wait has been cut, and no receiver has taken the value.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

/// A channel in place: in a static, on a stack that outlives its users, in an `Arc`. `B` is its
/// buffer, by default an array of `N`; with `N = 0` every send waits for a receiver. It closes by
/// [`close`](Self::close); what is still buffered when it is dropped is dropped with it.
///
/// Values arrive in the order in which they were sent, and waiters are served in order. A goroutine
/// that waits parks, any other thread blocks. An operation must not be called on the system stack,
/// where it panics, nor in an interrupt handler.
pub struct Chan<T, P: Platform, B: Buffer<T> = [MaybeUninit<T>; 0]> {
    pub(super) state: Mutex<State<T, B>>,
    _platform: PhantomData<fn() -> P>,
}

impl<T, P: Platform, const N: usize> Chan<T, P, [MaybeUninit<T>; N]> {
    maybe_const! {
        /// Returns an open channel with room for `N` values.
        pub fn new() -> Self {
            Self::with_buffer([const { MaybeUninit::uninit() }; N])
        }
    }
}

impl<T, P: Platform, const N: usize> Default for Chan<T, P, [MaybeUninit<T>; N]> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: Platform, B: Buffer<T>> Chan<T, P, B> {
    maybe_const! {
        /// Returns an open channel over `buffer`.
        pub fn with_buffer(buffer: B) -> Self {
            Self { state: Mutex::new(State::new(buffer)), _platform: PhantomData }
        }
    }

    /// Sends, waiting for room.
    ///
    /// # Errors
    ///
    /// The value, when the channel is closed, also while this waits.
    ///
    /// # Panics
    ///
    /// On the system stack. The same holds for all operations of a channel.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.send_with(value, WaitLimit::Forever) {
            Ok(()) => Ok(()),
            Err(Unsent::Later(value) | Unsent::Closed(value)) => Err(SendError(value)),
        }
    }

    /// Sends if it can be done at once.
    ///
    /// # Errors
    ///
    /// The value, when there is no room or the channel is closed.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.send_with(value, WaitLimit::None).map_err(|unsent| match unsent {
            Unsent::Later(value) => TrySendError::Full(value),
            Unsent::Closed(value) => TrySendError::Disconnected(value),
        })
    }

    /// Sends, waiting for room for `length` at most; as [`try_send`](Self::try_send) with zero.
    ///
    /// # Errors
    ///
    /// The value, when the time is over or the channel is closed.
    pub fn send_timeout(&self, value: T, length: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, WaitLimit::for_length::<P>(length))
    }

    /// Sends, waiting for room until `deadline` at most; once it has passed, only what can be done at
    /// once.
    ///
    /// # Errors
    ///
    /// The value, when the time is over or the channel is closed.
    pub fn send_deadline(&self, value: T, deadline: Instant<P>) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, WaitLimit::Until(deadline.as_nanos()))
    }

    fn send_until(&self, value: T, limit: WaitLimit) -> Result<(), SendTimeoutError<T>> {
        self.send_with(value, limit).map_err(|unsent| match unsent {
            Unsent::Later(value) => SendTimeoutError::Timeout(value),
            Unsent::Closed(value) => SendTimeoutError::Disconnected(value),
        })
    }

    #[inline(always)]
    fn send_with(&self, value: T, limit: WaitLimit) -> Result<(), Unsent<T>> {
        let caller = if limit == WaitLimit::None { enter_in_place::<P>() } else { enter::<P>() };
        let mut state = self.state.lock();
        let mut value = ManuallyDrop::new(value);
        // SAFETY: a value that has been moved is not used again here.
        let put = unsafe { state.put(&raw const *value) };
        let unsent = match put {
            Put::Handed(node) => {
                drop(state);
                // SAFETY: popped, and woken once.
                unsafe { Node::wake::<P>(node, caller.within()) };
                caller.leave();
                return Ok(());
            }
            Put::Kept => {
                drop(state);
                caller.leave();
                return Ok(());
            }
            Put::Closed => Unsent::Closed,
            Put::Full if limit.is_over::<P>() => Unsent::Later,
            Put::Full => {
                // SAFETY: it has not been moved.
                let value = ManuallyDrop::new(unsafe { ManuallyDrop::take(&mut value) });
                let mut held = Held { value, sent: false };
                let waiter = Waiter::new(&caller, false, WaitReason::Send);
                let node = Node::new(&waiter, (&raw mut held.value).cast());
                let until = limit.deadline();
                // SAFETY: the node lives until the wait is over; the side that pops it wakes it
                // once.
                let woken = unsafe {
                    state.senders.push(&raw const node);
                    wait_in::<P, _>(
                        caller,
                        &waiter,
                        &node,
                        state,
                        &self.state,
                        State::senders,
                        until,
                    )
                };
                held.sent = true;
                if node.served.get() {
                    return Ok(());
                }
                // SAFETY: no receiver has taken it, and `sent` keeps it from being dropped.
                let value = unsafe { ManuallyDrop::take(&mut held.value) };
                let unsent = match woken {
                    Woken::TimedOut => Unsent::Later(value),
                    Woken::Ready => Unsent::Closed(value),
                };
                return self.refused(waiter.goroutine(), limit, unsent);
            }
        };
        drop(state);
        let g = caller.goroutine();
        caller.leave();
        self.refused(g, limit, unsent(ManuallyDrop::into_inner(value)))
    }

    /// A send has failed, of the running goroutine or of a thread, outside. While the goroutine's run ends, it is
    /// unwound instead if it can be; else what it has sent to ends that the end has dropped is dropped as they were.
    #[cold]
    #[inline(never)]
    fn refused(
        &self,
        g: Option<NonNull<G>>,
        limit: WaitLimit,
        unsent: Unsent<T>,
    ) -> Result<(), Unsent<T>> {
        let sent = match g {
            None => false,
            _ if limit == WaitLimit::None => is_ending(g),
            _ => has_failed::<P>(g),
        };
        if sent && matches!(unsent, Unsent::Closed(_)) && self.is_closed_by_end() {
            drop(unsent);
            return Ok(());
        }
        Err(unsent)
    }

    /// A receive has failed, as a send in [`refused`](Self::refused). One that does not wait finds nothing yet in a
    /// channel whose senders the end of the run has dropped, unless it unwinds too.
    #[cold]
    #[inline(never)]
    fn missed(&self, g: Option<NonNull<G>>, limit: WaitLimit, missing: Missing) -> Missing {
        if limit != WaitLimit::None {
            has_failed::<P>(g);
        } else if matches!(missing, Missing::Closed)
            && is_ending(g)
            && !is_ended_here::<P>()
            && self.is_closed_by_end()
        {
            return Missing::Later;
        }
        missing
    }

    pub(super) fn is_closed_by_end(&self) -> bool {
        let caller = enter_in_place::<P>();
        let by_end = self.state.lock().is_closed_by_end();
        caller.leave();
        by_end
    }

    /// Receives, waiting for a value, and returns it.
    ///
    /// # Errors
    ///
    /// When the channel is closed and empty.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_with(WaitLimit::Forever).map_err(|_| RecvError)
    }

    /// Receives if it can be done at once.
    ///
    /// # Errors
    ///
    /// When there is no value, or never will be.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.recv_with(WaitLimit::None).map_err(|missing| match missing {
            Missing::Later => TryRecvError::Empty,
            Missing::Closed => TryRecvError::Disconnected,
        })
    }

    /// Receives, waiting for a value for `length` at most; as [`try_recv`](Self::try_recv) with zero.
    ///
    /// # Errors
    ///
    /// When the time is over, or there never will be a value.
    pub fn recv_timeout(&self, length: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(WaitLimit::for_length::<P>(length))
    }

    /// Receives, waiting for a value until `deadline` at most; once it has passed, only what can be
    /// done at once.
    ///
    /// # Errors
    ///
    /// When the time is over, or there never will be a value.
    pub fn recv_deadline(&self, deadline: Instant<P>) -> Result<T, RecvTimeoutError> {
        self.recv_until(WaitLimit::Until(deadline.as_nanos()))
    }

    fn recv_until(&self, limit: WaitLimit) -> Result<T, RecvTimeoutError> {
        self.recv_with(limit).map_err(|missing| match missing {
            Missing::Later => RecvTimeoutError::Timeout,
            Missing::Closed => RecvTimeoutError::Disconnected,
        })
    }

    #[inline(always)]
    fn recv_with(&self, limit: WaitLimit) -> Result<T, Missing> {
        let caller = if limit == WaitLimit::None { enter_in_place::<P>() } else { enter::<P>() };
        let mut state = self.state.lock();
        let missing = match state.get() {
            Got::Value(value, None) => {
                drop(state);
                caller.leave();
                return Ok(value);
            }
            Got::Value(value, Some(sender)) => {
                drop(state);
                // SAFETY: popped, and woken once.
                unsafe { Node::wake::<P>(sender, caller.within()) };
                caller.leave();
                return Ok(value);
            }
            Got::Closed => Missing::Closed,
            Got::Empty if limit.is_over::<P>() => Missing::Later,
            Got::Empty => {
                let mut slot = MaybeUninit::<T>::uninit();
                let waiter = Waiter::new(&caller, false, WaitReason::Receive);
                let node = Node::new(&waiter, slot.as_mut_ptr().cast());
                let until = limit.deadline();
                // SAFETY: node and slot live until the wait is over, and the side that pops the
                // node wakes it once; a node that was served has a value in its slot.
                return unsafe {
                    state.receivers.push(&raw const node);
                    let queue = State::receivers;
                    let woken =
                        wait_in::<P, _>(caller, &waiter, &node, state, &self.state, queue, until);
                    let missing = match woken {
                        _ if node.served.get() => return Ok(slot.assume_init()),
                        Woken::TimedOut => Missing::Later,
                        Woken::Ready => Missing::Closed,
                    };
                    Err(self.missed(waiter.goroutine(), limit, missing))
                };
            }
        };
        drop(state);
        let g = caller.goroutine();
        caller.leave();
        Err(self.missed(g, limit, missing))
    }

    /// Closes the channel: all waiters go on, and nothing more can be sent.
    ///
    /// # Errors
    ///
    /// When it is closed already.
    pub fn close(&self) -> Result<(), CloseError> {
        let by_end = is_ended_here::<P>();
        self.close_as(enter_in_place::<P>(), by_end)
    }

    /// Closes, from wherever the last end is dropped, foreign code included.
    #[cfg(feature = "alloc")]
    pub(super) fn hang_up(&self) {
        let by_end = is_ended_here::<P>();
        let _ = self.close_as(enter_anywhere::<P>(), by_end);
    }

    fn close_as(&self, caller: Caller, by_end: bool) -> Result<(), CloseError> {
        let as_what = if by_end { Stage::ClosedByEnd } else { Stage::Closed };
        let mut closed = false;
        // A few at a time: no waiter comes to a closed channel.
        loop {
            let mut state = self.state.lock();
            let (first, waiters) = state.close(as_what);
            drop(state);
            closed |= first;
            if waiters.iter().all(Taken::is_none) {
                break;
            }
            for some in waiters {
                // SAFETY: out of their queues, not served, and woken once.
                unsafe { some.wake::<P>(caller.within()) };
            }
        }
        caller.leave();
        if closed { Ok(()) } else { Err(CloseError) }
    }

    /// Returns how many values are in the buffer; that may change before the caller looks at it.
    pub fn len(&self) -> usize {
        let caller = enter_in_place::<P>();
        let len = self.state.lock().len();
        caller.leave();
        len
    }

    /// Returns whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the buffer is full: always, without one.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Returns how many values the buffer has room for; 0: every send waits for a receiver.
    pub fn capacity(&self) -> usize {
        let caller = enter_in_place::<P>();
        let capacity = self.state.lock().buffer.slots().len();
        caller.leave();
        capacity
    }
}

impl<T, P: Platform, B: Buffer<T>> Drop for Chan<T, P, B> {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        while let Some(value) = state.pop() {
            drop(value);
        }
    }
}

impl<T, P: Platform, B: Buffer<T>> fmt::Debug for Chan<T, P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chan").finish_non_exhaustive()
    }
}

// SAFETY: values travel between threads through the channel, and each thread that has the lock has the
// buffer to itself: both must be `Send`. The queues are under the lock, too.
unsafe impl<T: Send, P: Platform, B: Buffer<T> + Send> Sync for Chan<T, P, B> {}
// SAFETY: values and buffer may travel, and a channel is tied to no thread.
unsafe impl<T: Send, P: Platform, B: Buffer<T> + Send> Send for Chan<T, P, B> {}
