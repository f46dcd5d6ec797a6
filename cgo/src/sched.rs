//! The bridge of g0-sched: what [`Runtime`] asks for, by the scheduler's own seats.

use core::marker::PhantomData;

use g0_arch::tools::Crossing;
use g0_sched::Platform;
use g0_sched::bridge::{self, Refused, Seat as Chair};

use crate::{BadCall, Call, CallbackError, Here, Runtime, Seat};

/// The runtime of the scheduler on platform `P`.
#[derive(Debug)]
pub struct Sched<P>(PhantomData<P>);

#[inline(always)]
fn seat(chair: Chair) -> Seat {
    Seat {
        g0_sp: chair.g0_sp(),
        call: chair.call().cast(),
        #[cfg(loom)]
        shown: chair.call_shown(),
        limit: chair.limit(),
        token: chair.token(),
    }
}

#[inline(always)]
fn chair(seat: Seat) -> Chair {
    // SAFETY: every seat of this runtime is made by `seat`.
    unsafe { Chair::from_token(seat.token) }
}

// SAFETY: the scheduler keeps to the states that its module `bridge` draws; on the safe runtime
// other goroutines of the M may use g0 below the C frames of a parked callback, and `settle` waits
// for them.
unsafe impl<P: Platform> Runtime for Sched<P> {
    type Unwind = P::Unwind;

    #[inline(always)]
    fn here() -> Here {
        match bridge::here::<P>() {
            bridge::Here::Goroutine(chair) => Here::Goroutine(seat(chair)),
            bridge::Here::Foreign(chair) => Here::Foreign(seat(chair)),
            bridge::Here::Adopted(chair) => Here::Adopted(seat(chair)),
            bridge::Here::SystemStack => Here::SystemStack,
            bridge::Here::Outside => Here::Outside,
        }
    }

    #[inline(always)]
    unsafe fn enter(seat: Seat) {
        // SAFETY: the caller's promise is the same; so below.
        unsafe { chair(seat).enter() }
    }

    #[inline(always)]
    unsafe fn leave(seat: Seat) {
        // SAFETY: as above.
        unsafe { chair(seat).leave::<P>() }
    }

    #[inline(always)]
    unsafe fn release(seat: Seat) {
        // SAFETY: as above.
        unsafe { chair(seat).release::<P>() }
    }

    #[inline(always)]
    unsafe fn begin(seat: Seat) -> usize {
        // SAFETY: as above.
        unsafe { chair(seat).begin::<P>() }
    }

    #[inline(always)]
    unsafe fn end(seat: Seat, word: usize) {
        // SAFETY: as above.
        unsafe { chair(seat).end::<P>(word) }
    }

    unsafe fn settle(seat: Seat, bottom: *mut u8) {
        // SAFETY: as above.
        unsafe { chair(seat).settle::<P>(bottom) }
    }

    #[inline(always)]
    fn crossing(seat: Seat) -> Crossing {
        chair(seat).crossing()
    }

    #[cold]
    fn adopt() -> Result<Seat, CallbackError> {
        match bridge::adopt::<P>() {
            Ok(chair) => {
                // SAFETY: the root is the bridge's own, and this thread's as long as the seat.
                unsafe { chair.root().cast::<Call>().write(Call::root(chair.top())) }
                Ok(seat(chair))
            }
            Err(Refused::NoMachine) => Err(CallbackError::NoMachine),
            Err(_) => Err(CallbackError::NoRuntime),
        }
    }

    #[inline(always)]
    unsafe fn arrive(seat: Seat) -> Result<Seat, CallbackError> {
        // SAFETY: the caller's promise is the same; so below.
        if unsafe { chair(seat).arrive() } {
            return Ok(seat);
        }
        // It has ended; another one may run.
        // SAFETY: as above.
        unsafe { chair(seat).part::<P>() };
        Self::adopt()
    }

    unsafe fn was_ended(seat: Seat) -> bool {
        // SAFETY: as above.
        unsafe { chair(seat).was_ended() }
    }

    #[inline(always)]
    unsafe fn depart(seat: Seat) {
        // SAFETY: as above.
        unsafe { chair(seat).depart::<P>() }
    }

    fn fatal(bad: BadCall) -> ! {
        bridge::bad_call::<P>(bad.text())
    }
}

/// The short forms: the bridge of the hosted scheduler.
#[cfg(feature = "std")]
pub(crate) mod hosted {
    use g0_sched::Hosted;

    use super::Sched;
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
        // SAFETY: the caller's promise.
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
    /// As there: only plain frames between here and the call, and a C library that may be left.
    #[inline]
    pub unsafe fn callback_unwind<T>(f: impl FnOnce() -> T) -> T {
        // SAFETY: the caller's promise.
        unsafe { C::callback_unwind(f) }
    }
}
