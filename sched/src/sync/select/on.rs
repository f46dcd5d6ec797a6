//! What select takes: an end of a channel, a channel in place, a reference to either, or an `Option`
//! of it, which as `None` is never ready (Go's nil channel).

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, sync::Arc};
#[cfg(feature = "alloc")]
use core::mem::MaybeUninit;

use super::case::{RecvCase, SendCase};
use crate::platform::Platform;
use crate::sync::chan::Buffer;
use crate::sync::chan::Chan;
#[cfg(feature = "alloc")]
use crate::sync::mpmc::{Receiver, Sender};

macro_rules! on {
    ($(#[$doc:meta])* $trait:ident, $(#[$case_doc:meta])* fn $on:ident($($value:ident)?) -> $case:ident) => {
        $(#[$doc])*
        pub trait $trait {
            /// The type of the values.
            type Item;
            /// The channel's platform.
            type Platform: Platform;
            /// The channel's buffer.
            type Buffer: Buffer<Self::Item>;

            /// Returns the channel; `None` is never ready.
            fn channel(&self) -> Option<&Chan<Self::Item, Self::Platform, Self::Buffer>>;

            $(#[$case_doc])*
            fn $on(
                &self,
                $($value: Self::Item,)?
            ) -> $case<'_, Self::Item, Self::Platform, Self::Buffer> {
                $case::new(self.channel() $(, $value)?)
            }
        }

        impl<T, P: Platform, B: Buffer<T>> $trait for Chan<T, P, B> {
            type Item = T;
            type Platform = P;
            type Buffer = B;

            fn channel(&self) -> Option<&Chan<T, P, B>> {
                Some(self)
            }
        }

        on!(@through $trait, &X, |this| (**this).channel());
        on!(@through $trait, Option<X>, |this| this.as_ref().and_then(X::channel));
        #[cfg(feature = "alloc")]
        on!(@through $trait, Arc<X>, |this| (**this).channel());
    };
    (@through $trait:ident, $type:ty, |$this:ident| $channel:expr) => {
        impl<X: $trait> $trait for $type {
            type Item = X::Item;
            type Platform = X::Platform;
            type Buffer = X::Buffer;

            fn channel(&self) -> Option<&Chan<X::Item, X::Platform, X::Buffer>> {
                let $this = self;
                $channel
            }
        }
    };
    (@end $trait:ident, $end:ident) => {
        #[cfg(feature = "alloc")]
        impl<T, P: Platform> $trait for $end<T, P> {
            type Item = T;
            type Platform = P;
            type Buffer = Box<[MaybeUninit<T>]>;

            fn channel(&self) -> Option<&Chan<T, P, Self::Buffer>> {
                Some(self.chan())
            }
        }
    };
}

on! {
    /// Something to receive from.
    OnRecv,
    /// Returns the case of receiving from it.
    fn on_recv() -> RecvCase
}
on! {
    /// Something to send to.
    OnSend,
    /// Returns the case of sending `value` to it.
    fn on_send(value) -> SendCase
}
on!(@end OnRecv, Receiver);
on!(@end OnSend, Sender);
