//! `defer!`: a deferred call in straight-line code.

/// Runs the block when the enclosing scope ends: by falling out of it, `return`, `break`, `?`, a
/// panic or a Goexit.
///
/// ```
/// use core::cell::RefCell;
///
/// let log = RefCell::new(Vec::new());
/// {
///     g0_defer::defer! { log.borrow_mut().push("last") }
///     g0_defer::defer! { log.borrow_mut().push("first") }
/// }
/// assert_eq!(*log.borrow(), ["first", "last"]);
/// ```
///
/// It is a guard on the stack: no record, no registration, the same code as the block written at
/// each exit. In turn:
///
/// - The block borrows what it names until the scope ends; what is changed in between goes into a
///   `Cell` or `RefCell`.
/// - It ends with *its* Rust scope. In a loop that is one round; calls which are to wait for the
///   end of a function go into a [scope](crate::scope_with).
/// - During a panic or a Goexit it runs *inside* the unwinding. There a panic that leaves the block
///   aborts the process and a park keeps its thread. A block that may do either in earnest goes into a
///   scope as well.
#[macro_export]
macro_rules! defer {
    ($($body:tt)*) => {
        let _deferred = $crate::Deferred::new(|| { $($body)* });
    };
}

/// What [`defer!`](crate::defer) expands to: calls its closure when dropped.
#[must_use = "the call runs when this is dropped"]
pub struct Deferred<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Deferred<F> {
    /// Defers `call` to the end of the value's life.
    #[inline(always)]
    pub const fn new(call: F) -> Deferred<F> {
        Deferred(Some(call))
    }
}

impl<F: FnOnce()> Drop for Deferred<F> {
    // Always inlined: then the compiler sees the option's one `Some` and its one `take`, and
    // neither is left.
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call()
        }
    }
}
