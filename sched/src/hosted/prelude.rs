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

/// See [`generic::deferring`](crate::generic::deferring).
///
/// ```
/// let main = || {
///     let closed = std::cell::Cell::new(0);
///     g0_sched::deferring(|s| {
///         for n in 1..=100 {
///             let closed = &closed;
///             s.defer(move || closed.set(closed.get() + n));
///         }
///     });
///     closed.get()
/// };
/// assert_eq!(g0_sched::Runtime::builder().build().unwrap().run(main).unwrap(), 5050);
/// ```
#[inline]
pub fn deferring<'env, R>(
    body: impl for<'scope> FnOnce(&'scope g0_defer::Scope<'scope, 'env, Defers>) -> R,
) -> R {
    crate::generic::deferring::<crate::Hosted, R>(body)
}

/// See [`generic::recovering`](crate::generic::recovering).
#[inline]
pub fn recovering<'env, R>(
    body: impl for<'scope> FnOnce(
        &'scope g0_defer::Recovering<'scope, 'env, g0_defer::Rust, Defers>,
    ) -> R,
) -> Option<R> {
    crate::generic::recovering::<crate::Hosted, R>(body)
}

type Defers = crate::Defers<crate::Hosted>;

/// See [`generic::goexit`](crate::generic::goexit).
pub fn goexit() -> ! {
    crate::generic::goexit::<crate::Hosted>()
}
