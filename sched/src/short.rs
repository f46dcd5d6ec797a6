//! The short forms of the hosted platform.

crate::platform!(crate::Hosted);

/// The sending end of a [`channel`].
pub type Sender<T> = crate::generic::Sender<T, crate::Hosted>;
/// The receiving end of a [`channel`].
pub type Receiver<T> = crate::generic::Receiver<T, crate::Hosted>;

/// See [`generic::channel`](crate::generic::channel).
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    crate::generic::channel::<T, crate::Hosted>(capacity)
}

/// See [`generic::goexit`](crate::generic::goexit).
pub fn goexit() -> ! {
    crate::generic::goexit::<crate::Hosted>()
}
