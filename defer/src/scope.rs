//! `scope`: deferred calls whose number is known only when the program runs.

use core::marker::PhantomData;

use crate::chain::{Chain, Drain};
use crate::{Refused, Unwind};

/// Where calls are deferred to; made by [`scope_with`] and, with std, `scope`.
///
/// The lifetimes are those of `std::thread::Scope`: `'env` is what lies outside and may be borrowed
/// by deferred calls, `'scope` the scope itself, which they may borrow too, to defer more. What the
/// body makes for itself is gone when they run: they take it by `move`, or it is made outside.
///
/// ```compile_fail,E0373
/// g0_defer::scope_with::<g0_defer::NoUnwind, _>(|s| {
///     let local = 1;
///     s.defer(|| assert_eq!(local, 1)); // with `move` it compiles
/// });
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    chain: Chain,
    // Invariant in both: a shorter `'scope` would let a call borrow what does not live until it
    // runs.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Defers `call` to the end of the scope, before all that were deferred earlier.
    ///
    /// Called from a deferred call, it runs next, when that one is done.
    ///
    /// # Panics
    ///
    /// When there is no place for its record; the message tells the remedy, and `call` is dropped
    /// without having run. [`try_defer`](Scope::try_defer) gives it back instead.
    #[inline]
    #[track_caller]
    pub fn defer<F: FnOnce() + 'scope>(&'scope self, call: F) {
        if let Err(refused) = self.try_defer(call) {
            panic!("{refused}")
        }
    }

    /// Like [`defer`](Scope::defer), with an error when there is no place for the record.
    #[inline]
    pub fn try_defer<F: FnOnce() + 'scope>(&'scope self, call: F) -> Result<(), Refused<F>> {
        // SAFETY: `call` borrows for 'scope, and `scope_with` empties the chain before 'scope ends
        // and before the chain goes, whichever way its frame is left. The scope is lent out only by
        // reference: it does not move.
        unsafe { self.chain.push(call) }.map_err(|(call, error)| Refused { call, error })
    }
}

/// Runs `body`, then the calls that it deferred, last in first out: when `body` returns, panics or
/// is ended by a Goexit.
///
/// They run outside any unwinding, each under its own catch: they may park, lock and panic like any
/// other code. A panic (or Goexit) in one of them replaces what was in flight and remembers it
/// ([`Unwind::replace`]); the others run nevertheless. What is in flight after the last of them
/// goes on from here.
///
/// Allocates nothing for the first four calls that capture up to four words each.
pub fn scope_with<'env, U: Unwind, R>(
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
) -> R {
    let scope = Scope { chain: Chain::new(), scope: PhantomData, env: PhantomData };
    let drain = Drain::<U>::new(&scope.chain);
    let (value, in_flight) = match U::catch(|| body(&scope)) {
        Ok(value) => (Some(value), None),
        Err(payload) => (None, Some(payload)),
    };
    match (drain.run(in_flight), value) {
        (None, Some(value)) => value,
        (Some(payload), _) => U::resume(payload),
        // What unwound the body is in flight until something replaces it.
        (None, None) => unreachable!("a scope's body unwound and nothing is in flight"),
    }
}

/// [`scope_with`] Rust's unwinder.
///
/// ```
/// use core::cell::RefCell;
///
/// let log = RefCell::new(Vec::new());
/// let opened = g0_defer::scope(|s| {
///     let (log, files) = (&log, ["a", "b", "c"]);
///     for file in files {
///         s.defer(move || log.borrow_mut().push(file));
///     }
///     files.len()
/// });
/// assert_eq!(opened, 3);
/// assert_eq!(*log.borrow(), ["c", "b", "a"]);
/// ```
#[cfg(feature = "std")]
#[inline]
pub fn scope<'env, R>(body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R) -> R {
    scope_with::<crate::Rust, R>(body)
}
