//! Channels.
//!
//! A sender that finds a waiting receiver hands it the value on its own stack and makes it run
//! next; without one it puts the value into the buffer, or waits with the value where it is. The
//! channel's lock is a spin lock, held for a few instructions; a goroutine that waits holds it
//! until its context is saved.
//!
//! | | open | closed |
//! |---|---|---|
//! | send | waits for room or a receiver | `Err`, the value comes back |
//! | receive | waits for a value | what is buffered, then `Err` |
//! | close | wakes all who wait | `Err` |

use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};

use g0_arch::sync::Mutex;

use super::lock::{leave_as, m_of, wait_in};
use super::queue::{Node, Queue};
use crate::exec::enter::enter;
use crate::platform::Platform;
use crate::waiter::Waiter;

/// The value could not be sent: the channel is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// Why a value was not sent at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// No room and no receiver.
    Full(T),
    /// The channel is closed.
    Closed(T),
}

/// Nothing is left to receive: the channel is closed and empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvError;

/// Why no value was received at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// No value, but there may be one later.
    Empty,
    /// The channel is closed and empty.
    Closed,
}

/// The channel is closed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseError;

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

macro_rules! errors {
    ($([$($t:ident)?] $name:ty => $text:expr,)*) => {$(
        impl$(<$t>)? fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text: fn(&$name) -> &'static str = $text;
                f.write_str(text(self))
            }
        }
        impl$(<$t>)? core::error::Error for $name {}
    )*};
}

errors! {
    [T] SendError<T> => |_| "sending on a closed channel",
    [T] TrySendError<T> => |e| match e {
        TrySendError::Full(_) => "sending would wait: the channel is full",
        TrySendError::Closed(_) => "sending on a closed channel",
    },
    [] RecvError => |_| "receiving from a closed and empty channel",
    [] TryRecvError => |e| match e {
        TryRecvError::Empty => "receiving would wait: the channel is empty",
        TryRecvError::Closed => "receiving from a closed and empty channel",
    },
    [] CloseError => |_| "closing a closed channel",
}

/// Room for a channel's values.
///
/// # Safety
///
/// `slots` returns the same memory every time while the buffer lives and stays in its place.
pub unsafe trait Buffer<T> {
    /// The slots.
    fn slots(&mut self) -> &mut [MaybeUninit<T>];
}

// SAFETY: an array's elements lie in the array.
unsafe impl<T, const N: usize> Buffer<T> for [MaybeUninit<T>; N] {
    #[inline(always)]
    fn slots(&mut self) -> &mut [MaybeUninit<T>] {
        self
    }
}

#[cfg(feature = "alloc")]
// SAFETY: the box owns its memory.
unsafe impl<T> Buffer<T> for alloc::boxed::Box<[MaybeUninit<T>]> {
    #[inline(always)]
    fn slots(&mut self) -> &mut [MaybeUninit<T>] {
        self
    }
}

/// The value of a sender that waits; shutdown may unwind through it.
struct Unsent<T> {
    value: ManuallyDrop<T>,
    sent: bool,
}

impl<T> Drop for Unsent<T> {
    fn drop(&mut self) {
        if !self.sent {
            // SAFETY: the wait has been given up: the value is still ours.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

struct State<T, B> {
    buffer: B,
    head: usize,
    len: usize,
    closed: bool,
    senders: Queue,
    receivers: Queue,
    _values: PhantomData<T>,
}

/// A channel in place: in a static, on a stack that outlives its users, in an `Arc`. `B` is its
/// buffer, by default an array of `N`; with `N = 0` every send waits for a receiver.
pub struct Chan<T, P: Platform, B: Buffer<T> = [MaybeUninit<T>; 0]> {
    state: Mutex<State<T, B>>,
    _platform: PhantomData<fn() -> P>,
}

impl<T, P: Platform, const N: usize> Chan<T, P, [MaybeUninit<T>; N]> {
    maybe_const! {
        /// An open channel with room for `N` values.
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
        /// An open channel over `buffer`.
        pub fn with_buffer(buffer: B) -> Self {
            Self {
                state: Mutex::new(State {
                    buffer,
                    head: 0,
                    len: 0,
                    closed: false,
                    senders: Queue::new(),
                    receivers: Queue::new(),
                    _values: PhantomData,
                }),
                _platform: PhantomData,
            }
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
        match self.send_or(value, true) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(value) | TrySendError::Full(value)) => Err(SendError(value)),
        }
    }

    /// Sends if it can be done at once.
    ///
    /// # Errors
    ///
    /// The value, when there is no room or the channel is closed.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.send_or(value, false)
    }

    #[inline(always)]
    fn send_or(&self, value: T, may_wait: bool) -> Result<(), TrySendError<T>> {
        let who = enter::<P>();
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            leave_as(who);
            return Err(TrySendError::Closed(value));
        }
        if let Some(node) = state.receivers.pop() {
            // SAFETY: the receiver waits until it is woken; its slot is for one value.
            unsafe {
                (*node).slot.cast::<T>().write(value);
                (*node).served.set(true);
                drop(state);
                Node::wake::<P>(node, m_of(who));
            }
            leave_as(who);
            return Ok(());
        }
        if state.push(&value) {
            core::mem::forget(value);
            drop(state);
            leave_as(who);
            return Ok(());
        }
        if !may_wait {
            drop(state);
            leave_as(who);
            return Err(TrySendError::Full(value));
        }
        let mut unsent = Unsent { value: ManuallyDrop::new(value), sent: false };
        let waiter = Waiter::new(who, false);
        let node = Node::new(&waiter, (&raw mut unsent.value).cast());
        // SAFETY: the node stays until the wait is over; whoever pops it wakes it once.
        unsafe {
            state.senders.push(&raw const node);
            wait_in::<P, _>(who, &waiter, &node, state, &self.state, State::senders, None);
        }
        unsent.sent = true;
        if node.served.get() {
            Ok(())
        } else {
            // SAFETY: nobody has taken it, and `sent` keeps it from being dropped.
            Err(TrySendError::Closed(unsafe { ManuallyDrop::take(&mut unsent.value) }))
        }
    }

    /// Receives, waiting for a value.
    ///
    /// # Errors
    ///
    /// When the channel is closed and empty.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_or(true).map_err(|_| RecvError)
    }

    /// Receives if it can be done at once.
    ///
    /// # Errors
    ///
    /// When there is no value, or never will be.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.recv_or(false)
    }

    #[inline(always)]
    fn recv_or(&self, may_wait: bool) -> Result<T, TryRecvError> {
        let who = enter::<P>();
        let mut state = self.state.lock();
        if let Some(value) = state.pop() {
            // A sender that waits has room now.
            let sender = state.senders.pop();
            if let Some(node) = sender {
                // SAFETY: the sender waits until it is woken, and its value with it.
                unsafe {
                    state.push(&*(*node).slot.cast::<T>());
                    (*node).served.set(true);
                    drop(state);
                    Node::wake::<P>(node, m_of(who));
                }
            } else {
                drop(state);
            }
            leave_as(who);
            return Ok(value);
        }
        if let Some(node) = state.senders.pop() {
            // Unbuffered: from stack to stack.
            // SAFETY: as above.
            let value = unsafe {
                let value = (*node).slot.cast::<T>().read();
                (*node).served.set(true);
                drop(state);
                Node::wake::<P>(node, m_of(who));
                value
            };
            leave_as(who);
            return Ok(value);
        }
        if state.closed || !may_wait {
            let error = if state.closed { TryRecvError::Closed } else { TryRecvError::Empty };
            drop(state);
            leave_as(who);
            return Err(error);
        }
        let mut slot = MaybeUninit::<T>::uninit();
        let waiter = Waiter::new(who, false);
        let node = Node::new(&waiter, slot.as_mut_ptr().cast());
        // SAFETY: as in `send_or`; a node that was served has a value in its slot.
        unsafe {
            state.receivers.push(&raw const node);
            wait_in::<P, _>(who, &waiter, &node, state, &self.state, State::receivers, None);
            if node.served.get() { Ok(slot.assume_init()) } else { Err(TryRecvError::Closed) }
        }
    }

    /// Closes the channel: all who wait go on, nothing more can be sent.
    ///
    /// # Errors
    ///
    /// When it is closed already.
    pub fn close(&self) -> Result<(), CloseError> {
        self.close_as(enter::<P>())
    }

    /// Closes, from wherever the last end is dropped, foreign code included.
    #[cfg(feature = "alloc")]
    pub(super) fn hang_up(&self) {
        let _ = self.close_as(crate::exec::enter::enter_anywhere::<P>());
    }

    fn close_as(&self, who: crate::exec::enter::Caller) -> Result<(), CloseError> {
        let mut state = self.state.lock();
        let closed = core::mem::replace(&mut state.closed, true);
        let (senders, receivers) = (state.senders.take(), state.receivers.take());
        drop(state);
        for all in [senders, receivers] {
            // SAFETY: out of their queues, not served, and woken once.
            unsafe { all.wake::<P>(m_of(who)) };
        }
        leave_as(who);
        if closed { Err(CloseError) } else { Ok(()) }
    }

    /// Values in the buffer.
    pub fn len(&self) -> usize {
        let who = enter::<P>();
        let len = self.state.lock().len;
        leave_as(who);
        len
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, B: Buffer<T>> State<T, B> {
    fn senders(&mut self) -> &mut Queue {
        &mut self.senders
    }

    fn receivers(&mut self) -> &mut Queue {
        &mut self.receivers
    }

    /// Moves the value into the buffer; false when it is full. The caller forgets its copy.
    #[inline(always)]
    fn push(&mut self, value: &T) -> bool {
        let slots = self.buffer.slots();
        if self.len == slots.len() {
            return false;
        }
        let mut at = self.head + self.len;
        if at >= slots.len() {
            at -= slots.len();
        }
        // SAFETY: the value is moved: its owner forgets it.
        slots[at].write(unsafe { core::ptr::from_ref(value).read() });
        self.len += 1;
        true
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        let slots = self.buffer.slots();
        // SAFETY: `len` slots from `head` on hold values.
        let value = unsafe { slots[self.head].assume_init_read() };
        self.head += 1;
        if self.head == slots.len() {
            self.head = 0;
        }
        self.len -= 1;
        Some(value)
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

// SAFETY: values travel between threads through the channel; the lock guards the rest.
unsafe impl<T: Send, P: Platform, B: Buffer<T>> Sync for Chan<T, P, B> {}
// SAFETY: as above.
unsafe impl<T: Send, P: Platform, B: Buffer<T>> Send for Chan<T, P, B> {}
