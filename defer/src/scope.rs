//! `scope`: deferred calls whose number is known only when the program runs.

use core::marker::PhantomData;

use crate::chain::{Call, Chain};
use crate::drain::Drain;
use crate::{Local, Refused, Uncached, Unwind};

/// Where calls are deferred to; made by [`scope_in`], [`scope_with`] and, with std, `scope`.
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
///
/// It is lent out only by reference, so no code can leak it: what is forgotten is the reference, and
/// the calls run all the same.
///
/// ```
/// let ran = core::cell::Cell::new(false);
/// g0_defer::scope_with::<g0_defer::NoUnwind, _>(|s| {
///     s.defer(|| ran.set(true));
///     core::mem::forget(s);
/// });
/// assert!(ran.get());
/// ```
pub struct Scope<'scope, 'env: 'scope, L: Local = Uncached> {
    pub(crate) chain: Chain<L>,
    // Invariant in both: a shorter `'scope` would let a call borrow what does not live until it
    // runs.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// A call that does not look at what is in flight.
struct Plain<F>(F);

impl<F: FnOnce()> Call for Plain<F> {
    #[inline(always)]
    unsafe fn call(self, _flight: *mut ()) {
        (self.0)()
    }
}

impl<'scope, 'env, L: Local> Scope<'scope, 'env, L> {
    pub(crate) const fn new() -> Self {
        Scope { chain: Chain::new(), scope: PhantomData, env: PhantomData }
    }

    /// Defers `call` to the end of the scope, before all that were deferred earlier.
    ///
    /// Called from a deferred call, it runs next, when that one is done.
    ///
    /// # Panics
    ///
    /// When there is no place for its record; the message tells the remedy, and `call` is dropped
    /// without having run. [`try_defer`](Scope::try_defer) returns it instead.
    #[inline(always)]
    #[track_caller]
    pub fn defer<F: FnOnce() + 'scope>(&'scope self, call: F) {
        if let Err(refused) = self.try_defer(call) {
            refuse(refused.error)
        }
    }

    /// Like [`defer`](Scope::defer), with an error when there is no place for the record.
    #[inline(always)]
    pub fn try_defer<F: FnOnce() + 'scope>(&'scope self, call: F) -> Result<(), Refused<F>> {
        // SAFETY: `call` borrows for 'scope, and `scope_in` empties the chain before 'scope ends
        // and before the chain goes, whichever way its frame is left. The scope is lent out only by
        // reference: it does not move. The call reads nothing.
        let pushed = unsafe { self.chain.push(Plain(call)) };
        pushed.map_err(|(Plain(call), error)| Refused { call, error })
    }
}

#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn refuse(error: crate::DeferError) -> ! {
    panic!("{error}")
}

/// Runs `body`, then the calls that it deferred, last in first out: when `body` returns, panics or
/// is ended by a Goexit.
///
/// They run outside any unwinding: they may park, lock and panic like any other code. A panic (or
/// Goexit) in one of them replaces what was in flight and remembers it ([`Unwind::replace`]); the rest
/// run nevertheless. What is in flight after the last of them goes on from here.
///
/// Four calls that capture up to four words each lie in the scope's frame; the records of other calls are
/// `L`'s.
#[inline]
pub fn scope_in<'env, U: Unwind, L: Local, R>(
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env, L>) -> R,
) -> R {
    let scope = Scope::new();
    match run::<U, L, R>(&scope.chain, || body(&scope)) {
        Some(value) => value,
        // What unwound the body is in flight until something replaces it: nothing here recovers.
        None => unreachable!("a scope's body unwound and nothing is in flight"),
    }
}

/// Runs `body` and the calls in `chain`. Returns none if something unwound the body and was recovered.
#[inline(always)]
pub(crate) fn run<U: Unwind, L: Local, R>(chain: &Chain<L>, body: impl FnOnce() -> R) -> Option<R> {
    let drain = Drain::<U, L>::new(chain);
    let (value, in_flight) = match U::catch(body) {
        Ok(value) => (Some(value), None),
        Err(payload) => (None, Some(payload)),
    };
    match drain.run(in_flight) {
        None => value,
        Some(payload) => {
            drop(value);
            U::resume(payload)
        }
    }
}

/// As [`scope_in`], without caches: records that do not fit into the frame go to the allocator.
#[inline]
pub fn scope_with<'env, U: Unwind, R>(
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
) -> R {
    scope_in::<U, Uncached, R>(body)
}

/// As [`scope_with`], with Rust's unwinder.
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
