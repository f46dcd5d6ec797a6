//! Deferred calls on goroutines: whose cache a record is from, and what becomes of a panic that nobody takes.
//!
//! Every P has a [`Cache`]; what one has too many of goes to one depot for all schedulers, for records know
//! nothing of either. The closures of `g0_defer` run *inside*, so no retaker takes the P from under them, and
//! those that go to the depot run on g0.

use core::fmt;
use core::marker::PhantomData;
#[cfg(not(loom))]
use core::ptr::NonNull;

#[cfg(not(loom))]
use g0_defer::{Cache, Catch, Catches, Depot, Forgets, Local};

#[cfg(not(loom))]
use crate::objects::g::G;
use crate::platform::Platform;
#[cfg(not(loom))]
use crate::platform::fatal::fatal;

/// The caches of the Ps: what scopes of goroutines take their records from. Elsewhere (threads that run no
/// goroutine, the system stack) records are the allocator's.
pub struct Defers<P>(PhantomData<fn() -> P>);

impl<P> fmt::Debug for Defers<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Defers")
    }
}

/// What Ps have too many of.
#[cfg(not(loom))]
static DEPOT: Depot = Depot::new();

/// The depot to which a program without an allocator gives memory, by [`Depot::give`].
#[cfg(not(loom))]
pub fn defer_depot() -> &'static Depot {
    &DEPOT
}

// SAFETY: a cache is its P's, and used inside only, by closures that do not come back.
#[cfg(not(loom))]
unsafe impl<P: Platform> Local for Defers<P> {
    #[inline(always)]
    fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        use crate::exec::{enter, switch};
        // SAFETY: Ms are never freed.
        let m = unsafe { P::current().as_ref() }?;
        m.running()?;
        enter::reenter::<P>(m);
        // SAFETY: inside, with a P, and nobody else has its cache.
        let result = unsafe { switch::proc_of(m).defers.with_mut(|cache| f(&mut *cache)) };
        enter::leave(m);
        Some(result)
    }

    #[cold]
    fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        use crate::exec::g0::on_g0;
        use crate::exec::{enter, switch};
        // SAFETY: Ms are never freed.
        let m = match unsafe { P::current().as_ref() } {
            Some(m) if m.running().is_some() => m,
            _ => return Some(f(None, &DEPOT)),
        };
        enter::reenter::<P>(m);
        // SAFETY: as above, on a goroutine's stack.
        let result = unsafe {
            on_g0(m, || switch::proc_of(m).defers.with_mut(|cache| f(Some(&mut *cache), &DEPOT)))
        };
        enter::leave(m);
        Some(result)
    }

    fn fatal(reason: &'static str) -> ! {
        // SAFETY: Ms are never freed.
        fatal::<P>(unsafe { P::current().as_ref() }.and_then(|m| m.curg()), reason)
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
    #[allow(clippy::not_unsafe_ptr_arg_deref, reason = "it is stored, and not followed")]
    fn set_innermost(catch: *const Catch) {
        // SAFETY: as above.
        unsafe { goroutine::<P>().as_ref().catches.set(catch) }
    }
}

#[cfg(not(loom))]
#[inline(always)]
fn goroutine<P: Platform>() -> NonNull<G> {
    // SAFETY: Ms are never freed.
    match unsafe { P::current().as_ref() }.and_then(|m| m.curg()) {
        Some(g) => g,
        None => fatal::<P>(None, "panics that need no unwinder are for goroutines: this is none"),
    }
}

/// A platform whose programs may throw panics over frames without running their destructors:
/// [`g0_defer::Own`]`<Defers<P>>` then is a [`Throw`](g0_defer::Throw), for `goexit` too.
///
/// # Safety
///
/// As [`g0_defer::Forgets`]: no frame of a goroutine of this platform holds a value of which something depends
/// on its being dropped, while something may be thrown over it. A goroutine that is thrown over holds no
/// guard of a lock and no [`scope`](crate::generic::scope).
pub unsafe trait PlainFrames: Platform {}

// SAFETY: the platform's promise.
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
