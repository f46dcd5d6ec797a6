//! Channels with owned ends: the last sender, or the last receiver, closes.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::mem::MaybeUninit;
use core::time::Duration;

use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::chan::Chan;
use super::chan::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySendError,
};
use crate::platform::Platform;
use crate::time::Instant;

pub(super) type Shared<T, P> = Chan<T, P, Box<[MaybeUninit<T>]>>;

struct Ends<T, P: Platform> {
    chan: Shared<T, P>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

/// Returns the two ends of a channel with room for `capacity` values; with 0, every send waits for
/// a receiver. It allocates the room now and nothing later. It closes when the last sender is
/// dropped, or the last receiver, or by a `close` of either.
///
/// # Panics
///
/// When the capacity is more than an allocation may hold.
pub fn channel<T, P: Platform>(capacity: usize) -> (Sender<T, P>, Receiver<T, P>) {
    let ends = Arc::new(Ends {
        chan: Chan::with_buffer(Box::new_uninit_slice(capacity)),
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
    });
    (Sender { ends: ends.clone() }, Receiver { ends })
}

macro_rules! end {
    ($(#[$doc:meta])* $name:ident, $count:ident) => {
        $(#[$doc])*
        pub struct $name<T, P: Platform> {
            ends: Arc<Ends<T, P>>,
        }

        impl<T, P: Platform> $name<T, P> {
            /// Closes the channel, for all its ends.
            ///
            /// # Errors
            ///
            /// When it is closed already.
            pub fn close(&self) -> Result<(), CloseError> {
                self.ends.chan.close()
            }

            /// Returns how many values are in the buffer.
            pub fn len(&self) -> usize {
                self.ends.chan.len()
            }

            /// Returns whether the buffer is empty.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns whether the buffer is full: always, without one.
            pub fn is_full(&self) -> bool {
                self.ends.chan.is_full()
            }

            /// Returns how many values the buffer has room for; 0: every send waits for a receiver.
            pub fn capacity(&self) -> usize {
                self.ends.chan.capacity()
            }

            /// Returns whether both are ends of one channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.ends, &other.ends)
            }

            pub(super) fn chan(&self) -> &Shared<T, P> {
                &self.ends.chan
            }
        }

        impl<T, P: Platform> Clone for $name<T, P> {
            fn clone(&self) -> Self {
                // Relaxed: as for any reference count.
                self.ends.$count.fetch_add(1, Ordering::Relaxed);
                Self { ends: self.ends.clone() }
            }
        }

        impl<T, P: Platform> Drop for $name<T, P> {
            fn drop(&mut self) {
                // AcqRel: what the other ends of this side did comes before the close.
                if self.ends.$count.fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.ends.chan.hang_up();
                }
            }
        }

        impl<T, P: Platform> fmt::Debug for $name<T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

end! {
    /// The end that sends; see [`channel`]. A clone is another end of the same channel. It may be
    /// dropped anywhere but in an interrupt handler; what it does otherwise is as [`Chan`] says.
    Sender, senders
}
end! {
    /// The end that receives; see [`channel`]. A clone is another end of the same channel: each value
    /// goes to one of them. As an iterator it ends with the channel. It may be dropped anywhere but
    /// in an interrupt handler; what it does otherwise is as [`Chan`] says.
    Receiver, receivers
}

impl<T, P: Platform> Sender<T, P> {
    /// As [`Chan::send`].
    ///
    /// # Errors
    ///
    /// The value, when the channel is closed.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.ends.chan.send(value)
    }

    /// As [`Chan::try_send`].
    ///
    /// # Errors
    ///
    /// The value, when there is no room or the channel is closed.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.ends.chan.try_send(value)
    }

    /// As [`Chan::send_timeout`].
    ///
    /// # Errors
    ///
    /// The value, when the time is over or the channel is closed.
    pub fn send_timeout(&self, value: T, length: Duration) -> Result<(), SendTimeoutError<T>> {
        self.ends.chan.send_timeout(value, length)
    }

    /// As [`Chan::send_deadline`].
    ///
    /// # Errors
    ///
    /// The value, when the time is over or the channel is closed.
    pub fn send_deadline(&self, value: T, deadline: Instant<P>) -> Result<(), SendTimeoutError<T>> {
        self.ends.chan.send_deadline(value, deadline)
    }
}

impl<T, P: Platform> Receiver<T, P> {
    /// As [`Chan::recv`].
    ///
    /// # Errors
    ///
    /// When the channel is closed and empty.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.ends.chan.recv()
    }

    /// As [`Chan::try_recv`].
    ///
    /// # Errors
    ///
    /// When there is no value, or never will be.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.ends.chan.try_recv()
    }

    /// As [`Chan::recv_timeout`].
    ///
    /// # Errors
    ///
    /// When the time is over, or there never will be a value.
    pub fn recv_timeout(&self, length: Duration) -> Result<T, RecvTimeoutError> {
        self.ends.chan.recv_timeout(length)
    }

    /// As [`Chan::recv_deadline`].
    ///
    /// # Errors
    ///
    /// When the time is over, or there never will be a value.
    pub fn recv_deadline(&self, deadline: Instant<P>) -> Result<T, RecvTimeoutError> {
        self.ends.chan.recv_deadline(deadline)
    }

    /// Returns an iterator over the values to come, until the channel is closed and empty.
    pub fn iter(&self) -> Iter<'_, T, P> {
        Iter { receiver: self }
    }

    /// Returns an iterator over the values that are there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T, P> {
        TryIter { receiver: self }
    }
}

macro_rules! iterators {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $receiver:ty, $receive:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<$($life,)? T, P: Platform> {
            receiver: $receiver,
        }

        impl<$($life,)? T, P: Platform> Iterator for $name<$($life,)? T, P> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.receiver.$receive().ok()
            }
        }
    )*};
}

iterators! {
    /// Receives until the channel is closed and empty.
    Iter<'a>, &'a Receiver<T, P>, recv;
    /// Receives what is there, without waiting.
    TryIter<'a>, &'a Receiver<T, P>, try_recv;
    /// Receives until the channel is closed and empty; owns its end of it.
    IntoIter, Receiver<T, P>, recv;
}

impl<'a, T, P: Platform> IntoIterator for &'a Receiver<T, P> {
    type Item = T;
    type IntoIter = Iter<'a, T, P>;

    fn into_iter(self) -> Iter<'a, T, P> {
        self.iter()
    }
}

impl<T, P: Platform> IntoIterator for Receiver<T, P> {
    type Item = T;
    type IntoIter = IntoIter<T, P>;

    fn into_iter(self) -> IntoIter<T, P> {
        IntoIter { receiver: self }
    }
}
