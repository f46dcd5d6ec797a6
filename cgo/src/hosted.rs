//! The short forms: the bridge of the hosted scheduler.

use g0_sched::Hosted;

use crate::sched::Sched;
use crate::{Answer, Bridge, CallbackError, TooManyArguments};

type C = Bridge<Sched<Hosted>>;

/// See [`Bridge::call`].
#[inline]
pub fn call<T>(f: impl FnOnce() -> T) -> T {
    C::call(f)
}

/// See [`Bridge::call_blocking`].
#[inline]
pub fn call_blocking<T>(f: impl FnOnce() -> T) -> T {
    C::call_blocking(f)
}

/// See [`Bridge::call_leaf`].
#[inline]
pub fn call_leaf<T>(need: usize, f: impl FnOnce() -> T) -> T {
    C::call_leaf(need, f)
}

/// See [`generic::LibCall`](crate::generic::LibCall).
pub type LibCall = crate::libcall::LibCall<Hosted>;

/// Calls the C function at `function` with `args`: [`LibCall::prepare`] and [`LibCall::invoke`] in
/// one. The goroutine is locked to its thread for the length of it.
///
/// # Errors
///
/// With more than 15 arguments.
///
/// # Panics
///
/// As [`call`], and when `function` is null.
///
/// # Safety
///
/// As [`LibCall::invoke`].
pub unsafe fn libcall(function: *const (), args: &[usize]) -> Result<Answer, TooManyArguments> {
    // SAFETY: as the caller ensures.
    LibCall::prepare(function, args).map(|call| unsafe { call.invoke() })
}

/// See [`generic::current_libcall`](crate::generic::current_libcall).
pub fn current_libcall() -> Option<g0_sched::bridge::LibCall> {
    crate::libcall::current_libcall::<Hosted>()
}

/// See [`Bridge::callback`].
#[inline]
pub fn callback<T>(default: T, f: impl FnOnce() -> T) -> T {
    C::callback(default, f)
}

/// See [`Bridge::try_callback`].
///
/// # Errors
///
/// See [`CallbackError`].
#[inline]
pub fn try_callback<T>(f: impl FnOnce() -> T) -> Result<T, CallbackError> {
    C::try_callback(f)
}

/// See [`Bridge::callback_unwind`].
///
/// # Safety
///
/// As there: there must be only plain frames between here and the call, and a C library that may be left.
#[inline]
pub unsafe fn callback_unwind<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: as the caller ensures.
    unsafe { C::callback_unwind(f) }
}
