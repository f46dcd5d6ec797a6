//! What a channel answers when it does not do what was asked.

use core::fmt;

/// The value could not be sent: the channel is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// Why a value was not sent at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// No room and no receiver.
    Full(T),
    /// The channel is closed.
    Disconnected(T),
}

/// Why a value was not sent in time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// Neither room nor a receiver until then.
    Timeout(T),
    /// The channel is closed.
    Disconnected(T),
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
    Disconnected,
}

/// Why no value was received in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// No value until then.
    Timeout,
    /// The channel is closed and empty.
    Disconnected,
}

/// The channel is closed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseError;

/// Why a value was not sent, whatever was asked.
pub(crate) enum Unsent<T> {
    /// Not now, or not in time.
    Later(T),
    /// Never.
    Closed(T),
}

/// Why no value was received, whatever was asked.
pub(crate) enum Missing {
    /// Not now, or not in time.
    Later,
    /// Never.
    Closed,
}

impl<T> TrySendError<T> {
    /// Returns the value.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Disconnected(value) => value,
        }
    }
}

impl<T> SendTimeoutError<T> {
    /// Returns the value.
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(value) | Self::Disconnected(value) => value,
        }
    }
}

impl<T> SendError<T> {
    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(_) => "Timeout(..)",
            Self::Disconnected(_) => "Disconnected(..)",
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
        TrySendError::Disconnected(_) => "sending on a closed channel",
    },
    [T] SendTimeoutError<T> => |e| match e {
        SendTimeoutError::Timeout(_) => "sending timed out: the channel is full",
        SendTimeoutError::Disconnected(_) => "sending on a closed channel",
    },
    [] RecvError => |_| "receiving from a closed and empty channel",
    [] TryRecvError => |e| match e {
        TryRecvError::Empty => "receiving would wait: the channel is empty",
        TryRecvError::Disconnected => "receiving from a closed and empty channel",
    },
    [] RecvTimeoutError => |e| match e {
        RecvTimeoutError::Timeout => "receiving timed out: the channel is empty",
        RecvTimeoutError::Disconnected => "receiving from a closed and empty channel",
    },
    [] CloseError => |_| "closing a closed channel",
}
