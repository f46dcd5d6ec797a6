//! `recover`: a deferred call ends the panic that it was run because of.

use core::marker::PhantomData;
use core::ops::Deref;

use crate::chain::Call;
use crate::scope::{Scope, refuse, run};
use crate::{Local, Refused, Uncached, Unwind};

/// What is in flight, as a deferred call of the scope that it unwinds sees it.
///
/// A call that is given one, by [`Recovering::defer_recover`], can end the panic. There is no other way
/// to come by one, and it does not outlive the call: so there is no `recover` outside a deferred call,
/// and none that ends the panic of another scope by mistake. Go's returns nil there; here it does not
/// compile.
///
/// ```compile_fail
/// let nothing = g0_defer::recover();
/// ```
/// ```compile_fail
/// # use g0_defer::{NoUnwind, Recover, recovering_with};
/// recovering_with::<NoUnwind, _>(|s| {
///     let mut kept = None;
///     s.defer_recover(|r| kept = Some(r)); // it ends with the call
/// });
/// ```
pub struct Recover<'call, U: Unwind> {
    flight: &'call mut Option<U::Payload>,
}

impl<U: Unwind> Recover<'_, U> {
    /// Ends the panic in flight and returns its payload, which remembers the panics that it replaced.
    /// The scope goes on as if its body had returned, but that there is no value of it.
    ///
    /// None: nothing is in flight, because the body returned, or it has been recovered already; or a
    /// Goexit is, which cannot be recovered. Of a panic that has replaced a Goexit, the Goexit goes on.
    pub fn recover(&mut self) -> Option<U::Payload> {
        let (panic, rest) = U::recovered(self.flight.take()?);
        *self.flight = rest;
        panic
    }

    /// Returns the payload in flight, a Goexit's as well, while it stays there.
    pub fn in_flight(&self) -> Option<&U::Payload> {
        self.flight.as_ref()
    }
}

impl<U: Unwind> core::fmt::Debug for Recover<'_, U> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recover").field("in_flight", &self.flight.is_some()).finish()
    }
}

/// A [`Scope`] whose deferred calls may recover; made by [`recovering_in`], [`recovering_with`] and,
/// with std, `recovering`.
pub struct Recovering<'scope, 'env: 'scope, U: Unwind, L: Local = Uncached> {
    scope: Scope<'scope, 'env, L>,
    unwind: PhantomData<fn() -> U>,
}

impl<'scope, 'env, U: Unwind, L: Local> Deref for Recovering<'scope, 'env, U, L> {
    type Target = Scope<'scope, 'env, L>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.scope
    }
}

/// A call that looks at what is in flight.
struct Looking<U, F>(F, PhantomData<fn() -> U>);

impl<U: Unwind, F: FnOnce(&mut Recover<'_, U>)> Call for Looking<U, F> {
    #[inline(always)]
    unsafe fn call(self, flight: *mut ()) {
        // SAFETY: as the caller ensures: the drain's own, which does not look at it while a call runs.
        let flight = unsafe { &mut *flight.cast::<Option<U::Payload>>() };
        (self.0)(&mut Recover { flight })
    }
}

impl<'scope, 'env, U: Unwind, L: Local> Recovering<'scope, 'env, U, L> {
    /// As [`Scope::defer`], for a call that may end the panic in flight.
    ///
    /// # Panics
    ///
    /// As [`Scope::defer`].
    #[inline(always)]
    #[track_caller]
    pub fn defer_recover<F>(&'scope self, call: F)
    where
        F: FnOnce(&mut Recover<'_, U>) + 'scope,
    {
        if let Err(refused) = self.try_defer_recover(call) {
            refuse(refused.error)
        }
    }

    /// As [`Scope::try_defer`], for a call that may end the panic in flight.
    #[inline(always)]
    pub fn try_defer_recover<F>(&'scope self, call: F) -> Result<(), Refused<F>>
    where
        F: FnOnce(&mut Recover<'_, U>) + 'scope,
    {
        // SAFETY: as `Scope::try_defer`. The call reads a payload of `U`, which is what `recovering_in`
        // drains with.
        let pushed = unsafe { self.scope.chain.push(Looking::<U, F>(call, PhantomData)) };
        pushed.map_err(|(Looking(call, _), error)| Refused { call, error })
    }
}

/// As [`scope_in`](crate::scope_in), but that deferred calls may recover. Returns none if a panic
/// unwound the body and was recovered; what the deferred call has to say in place of a value, it leaves
/// in a `Cell`.
#[inline]
pub fn recovering_in<'env, U: Unwind, L: Local, R>(
    body: impl for<'scope> FnOnce(&'scope Recovering<'scope, 'env, U, L>) -> R,
) -> Option<R> {
    let recovering = Recovering { scope: Scope::new(), unwind: PhantomData };
    run::<U, L, R>(&recovering.scope.chain, || body(&recovering))
}

/// As [`recovering_in`], without caches.
#[inline]
pub fn recovering_with<'env, U: Unwind, R>(
    body: impl for<'scope> FnOnce(&'scope Recovering<'scope, 'env, U>) -> R,
) -> Option<R> {
    recovering_in::<U, Uncached, R>(body)
}

/// As [`recovering_with`], with Rust's unwinder.
///
/// ```
/// # std::panic::set_hook(Box::new(|_| ()));
/// use core::cell::Cell;
///
/// let said = Cell::new("");
/// let quotient = |a: u32, b: u32| {
///     g0_defer::recovering(|s| {
///         s.defer_recover(|r| {
///             if r.recover().is_some() {
///                 said.set("recovered");
///             }
///         });
///         a / b
///     })
/// };
/// assert_eq!(quotient(6, 2), Some(3));
/// assert_eq!(said.get(), "");
/// assert_eq!(quotient(6, 0), None);
/// assert_eq!(said.get(), "recovered");
/// ```
#[cfg(feature = "std")]
#[inline]
pub fn recovering<'env, R>(
    body: impl for<'scope> FnOnce(&'scope Recovering<'scope, 'env, crate::Rust>) -> R,
) -> Option<R> {
    recovering_with::<crate::Rust, R>(body)
}
