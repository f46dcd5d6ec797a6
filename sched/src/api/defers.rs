//! Deferred calls on goroutines: the cache that a record comes from, and the word by which a scope catches a
//! panic.
//!
//! Every P has a [`Cache`]; the records that it has too many of go to one depot for all schedulers, for a
//! record knows neither P nor scheduler. The closures of `g0_defer` run *inside*, so no retaker takes the P
//! from under them, and those that go to the depot run on g0.

use core::fmt;
use core::marker::PhantomData;
#[cfg(not(loom))]
use core::ptr::NonNull;

#[cfg(not(loom))]
use g0_defer::{Cache, Catch, Catches, Depot, Forgets, Local};

#[cfg(not(loom))]
use crate::exec::acquire::step_in;
#[cfg(not(loom))]
use crate::exec::current::current_m;
#[cfg(not(loom))]
use crate::exec::g0::on_g0;
#[cfg(not(loom))]
use crate::exec::segments;
#[cfg(not(loom))]
use crate::objects::g::G;
#[cfg(not(loom))]
use crate::objects::m::M;
use crate::platform::Platform;
#[cfg(not(loom))]
use crate::platform::fatal::fatal;

/// The caches of the Ps: what scopes of goroutines take their records from. Elsewhere (threads that run no
/// goroutine, the system stack) records are the allocator's.
///
/// ```compile_fail,E0133
/// use g0_defer::{Cache, Local};
/// use g0_sched::{Defers, Hosted};
/// // The cache would be here twice.
/// Defers::<Hosted>::with(|one: &mut Cache| {
///     Defers::<Hosted>::with(|again: &mut Cache| core::mem::swap(one, again));
/// });
/// ```
pub struct Defers<P>(PhantomData<fn() -> P>);

impl<P> fmt::Debug for Defers<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Defers")
    }
}

/// The records that Ps have too many of.
#[cfg(not(loom))]
static DEPOT: Depot = Depot::new();

/// Returns the depot to which a program without an allocator gives memory, by [`Depot::give`].
#[cfg(not(loom))]
pub fn defer_depot() -> &'static Depot {
    &DEPOT
}

// SAFETY: a cache is its P's, and used inside only, by closures that neither come back nor wait.
#[cfg(not(loom))]
unsafe impl<P: Platform> Local for Defers<P> {
    #[inline(always)]
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        let m = current_m::<P>()?;
        let inside = step_in::<P>(m, m.running()?);
        // SAFETY: the P's own cache, inside.
        let result = inside.p().defers.with_mut(|cache| f(unsafe { &mut *cache }));
        inside.leave();
        Some(result)
    }

    #[cold]
    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        let Some((m, g)) = current_m::<P>().and_then(|m| Some((m, m.running()?))) else {
            return Some(f(None, &DEPOT));
        };
        let inside = step_in::<P>(m, g);
        let p = inside.p();
        // SAFETY: inside, on a goroutine's stack; the P's own cache.
        let result =
            unsafe { on_g0(m, || p.defers.with_mut(|cache| f(Some(&mut *cache), &DEPOT))) };
        inside.leave();
        Some(result)
    }

    fn fatal(reason: &'static str) -> ! {
        fatal::<P>(current_m::<P>().and_then(M::curg), reason)
    }
}

// SAFETY: a word of the goroutine's, found anew each time; also on g0, where its foreign call is.
#[cfg(not(loom))]
unsafe impl<P: Platform> Catches for Defers<P> {
    #[inline(always)]
    fn innermost() -> *const Catch {
        // SAFETY: the running goroutine's own word.
        unsafe { goroutine::<P>().as_ref().catches.get() }
    }

    #[inline(always)]
    unsafe fn set_innermost(catch: *const Catch) {
        // SAFETY: the running goroutine's own word.
        unsafe { goroutine::<P>().as_ref().catches.set(catch) }
    }

    #[inline(always)]
    fn stack() -> *mut () {
        // SAFETY: as above.
        unsafe { goroutine::<P>().as_ref().present.get() }.cast()
    }

    #[inline(always)]
    unsafe fn leave_for(stack: *mut ()) -> bool {
        // SAFETY: the caller jumps to a stack of the running goroutine's.
        unsafe { segments::leave_for(goroutine::<P>(), stack.cast()) }
    }

    unsafe fn arrive() {
        // SAFETY: the running goroutine has arrived on its present stack.
        unsafe { goroutine::<P>().as_ref().present_fiber().after_return() };
    }
}

#[cfg(not(loom))]
#[inline(always)]
fn goroutine<P: Platform>() -> NonNull<G> {
    match current_m::<P>().and_then(M::curg) {
        Some(g) => g,
        None => fatal::<P>(None, "panics that need no unwinder are for goroutines: this is none"),
    }
}

/// A platform on which programs may throw panics over frames without running their destructors:
/// [`g0_defer::Own`]`<Defers<P>>` then is a [`Throw`](g0_defer::Throw), for `goexit` too.
///
/// # Safety
///
/// As [`g0_defer::Forgets`]: while something may be thrown over a frame of a goroutine of this platform, the
/// frame must hold no value of which something depends on its being dropped, and the goroutine must hold no
/// guard of a lock. A [`scope`](crate::generic::scope) is a catch: it waits for its goroutines and goes on.
pub unsafe trait PlainFrames: Platform {}

// SAFETY: the platform promises the same, by `PlainFrames`.
#[cfg(not(loom))]
unsafe impl<P: PlainFrames> Forgets for Defers<P> {}

/// [`g0_defer::scope_in`] on the Ps' caches, with the platform's unwinder.
#[cfg(not(loom))]
#[inline]
pub fn deferring<'env, P: Platform, R>(
    body: impl for<'scope> FnOnce(&'scope g0_defer::Scope<'scope, 'env, Defers<P>>) -> R,
) -> R {
    g0_defer::scope_in::<P::Unwind, Defers<P>, R>(body)
}

/// [`g0_defer::recovering_in`] on the Ps' caches, with the platform's unwinder.
#[cfg(not(loom))]
#[inline]
pub fn recovering<'env, P: Platform, R>(
    body: impl for<'scope> FnOnce(&'scope g0_defer::Recovering<'scope, 'env, P::Unwind, Defers<P>>) -> R,
) -> Option<R> {
    g0_defer::recovering_in::<P::Unwind, Defers<P>, R>(body)
}
