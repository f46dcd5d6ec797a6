//! What a channel's lock guards, and what can be done under it at once.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::sync::queue::{Node, Queue, Taken};

/// Room for a channel's values.
///
/// # Safety
///
/// `slots` must return the same memory every time, as long as the buffer lives and is not moved.
pub unsafe trait Buffer<T> {
    /// Returns the slots.
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

pub(crate) struct State<T, B> {
    pub(super) buffer: B,
    head: usize,
    len: usize,
    stage: Stage,
    pub(crate) senders: Queue,
    pub(crate) receivers: Queue,
    _values: PhantomData<T>,
}

/// Whether a channel is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    Open,
    /// By the program.
    Closed,
    /// By a goroutine that the end of a run unwinds.
    ClosedByEnd,
}

/// What became of a value.
pub(crate) enum Put {
    /// It has been moved to a receiver, which is to be woken.
    Handed(*const Node),
    /// It has been moved into the buffer.
    Kept,
    /// There is no room: it is where it was.
    Full,
    /// Nothing can be sent: it is where it was.
    Closed,
}

/// What was there to receive.
pub(crate) enum Got<T> {
    /// A value, and the sender that is to be woken, if there is one.
    Value(T, Option<*const Node>),
    /// Nothing yet.
    Empty,
    /// Nothing, for ever.
    Closed,
}

impl<T, B> State<T, B> {
    pub(super) const fn new(buffer: B) -> Self {
        Self {
            buffer,
            head: 0,
            len: 0,
            stage: Stage::Open,
            senders: Queue::new(),
            receivers: Queue::new(),
            _values: PhantomData,
        }
    }

    pub(super) fn senders(&mut self) -> &mut Queue {
        &mut self.senders
    }

    pub(super) fn receivers(&mut self) -> &mut Queue {
        &mut self.receivers
    }

    /// Values in the buffer.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Closes. Returns false if it was closed already, unless by the end of a run, and now by the program; and a few
    /// waiters, to be woken, as long as there are any.
    pub(super) fn close(&mut self, as_what: Stage) -> (bool, [Taken; 2]) {
        let first = self.stage == Stage::Open || self.stage > as_what;
        if first {
            self.stage = as_what;
        }
        (first, [self.senders.take_some(), self.receivers.take_some()])
    }

    /// Returns whether the end of a run has closed it.
    pub(super) fn is_closed_by_end(&self) -> bool {
        self.stage == Stage::ClosedByEnd
    }
}

impl<T, B: Buffer<T>> State<T, B> {
    /// Sends what can be sent at once. When the value has been moved, the caller forgets its copy.
    ///
    /// # Safety
    ///
    /// `value` must be valid for a read, and must not be used again when it has been moved.
    #[inline(always)]
    pub(crate) unsafe fn put(&mut self, value: *const T) -> Put {
        if self.stage != Stage::Open {
            return Put::Closed;
        }
        if let Some(node) = self.receivers.pop() {
            // SAFETY: the receiver waits until it is woken; its slot is for one value.
            unsafe {
                (*node).slot.cast::<T>().copy_from_nonoverlapping(value, 1);
                (*node).served.set(true);
            }
            return Put::Handed(node);
        }
        // SAFETY: the value is there to be moved.
        if unsafe { self.push(value) } { Put::Kept } else { Put::Full }
    }

    /// Receives what can be received at once.
    #[inline(always)]
    pub(crate) fn get(&mut self) -> Got<T> {
        if let Some(value) = self.pop() {
            // A sender that waits has room now.
            let sender = self.senders.pop();
            if let Some(node) = sender {
                // SAFETY: the sender waits until it is woken, and its value with it.
                unsafe {
                    self.push((*node).slot.cast::<T>());
                    (*node).served.set(true);
                }
            }
            return Got::Value(value, sender);
        }
        if let Some(node) = self.senders.pop() {
            // Unbuffered: from stack to stack.
            // SAFETY: the sender waits until it is woken, and its value with it.
            unsafe {
                let value = (*node).slot.cast::<T>().read();
                (*node).served.set(true);
                return Got::Value(value, Some(node));
            }
        }
        if self.stage != Stage::Open { Got::Closed } else { Got::Empty }
    }

    /// Returns whether [`put`](Self::put) would not return [`Put::Full`]. A receiver that leaves its wait
    /// right now may make that wrong.
    pub(crate) fn can_put(&mut self) -> bool {
        self.stage != Stage::Open
            || !self.receivers.is_empty()
            || self.len < self.buffer.slots().len()
    }

    /// Returns whether [`get`](Self::get) would not return [`Got::Empty`]. A sender that leaves its wait
    /// right now may make that wrong.
    pub(crate) fn can_get(&self) -> bool {
        self.stage != Stage::Open || self.len != 0 || !self.senders.is_empty()
    }

    /// Moves the value into the buffer; returns false when it is full.
    ///
    /// # Safety
    ///
    /// As [`put`](Self::put).
    #[inline(always)]
    unsafe fn push(&mut self, value: *const T) -> bool {
        let slots = self.buffer.slots();
        if self.len == slots.len() {
            return false;
        }
        let mut at = self.head + self.len;
        if at >= slots.len() {
            at -= slots.len();
        }
        // SAFETY: the value is there to be moved.
        slots[at].write(unsafe { value.read() });
        self.len += 1;
        true
    }

    /// Takes the oldest value out of the buffer.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<T> {
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
