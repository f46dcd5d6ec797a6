//! The running goroutine: its handle, its park token, its end.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use g0_arch::sync::atomic::{AtomicU32, Ordering};
use g0_defer::Throw;

use crate::exec::enter::{Caller, caller, enter, leave};
use crate::exec::park::{go_on, gopark, ready_from};
use crate::g::G;
use crate::platform::Platform;

const EMPTY: u32 = 0;
const TOKEN: u32 = 1;
const PARKED: u32 = 2;

/// A goroutine that somebody may wake; it keeps the goroutine's memory, not the goroutine.
pub struct Goroutine<P: Platform> {
    g: NonNull<G>,
    _platform: PhantomData<fn() -> P>,
}

// SAFETY: all that is reached through it is atomic, or written before the goroutine started.
unsafe impl<P: Platform> Send for Goroutine<P> {}
// SAFETY: as above.
unsafe impl<P: Platform> Sync for Goroutine<P> {}

impl<P: Platform> Goroutine<P> {
    fn this(&self) -> &G {
        // SAFETY: a counted handle keeps the G.
        unsafe { self.g.as_ref() }
    }

    /// Its number: unique in its runtime, never used again.
    pub fn id(&self) -> u64 {
        // SAFETY: written before the goroutine started.
        unsafe { self.this().id.get() }
    }

    /// Its name, empty if it was given none.
    pub fn name(&self) -> &'static str {
        // SAFETY: as in `id`.
        unsafe { self.this().name.get() }
    }

    /// Gives the goroutine its one token: [`park`] returns. Any thread; a goroutine that has
    /// ended does not mind.
    ///
    /// # Panics
    ///
    /// On the system stack of an M.
    pub fn unpark(&self) {
        let who = enter::<P>();
        // AcqRel: what was done before the unpark is visible after the park.
        let parked = self.this().token.swap(TOKEN, Ordering::AcqRel) == PARKED;
        let m = match who {
            Caller::Goroutine(m, _) => Some(m),
            Caller::Thread => None,
        };
        if parked {
            // SAFETY: it is parked, and the swap makes us the one to wake it.
            unsafe { ready_from::<P>(m, crate::shutdown::home(self.g), self.g) };
        }
        if let Some(m) = m {
            leave(m);
        }
    }
}

impl<P: Platform> Clone for Goroutine<P> {
    fn clone(&self) -> Self {
        // Relaxed: as for any reference count.
        self.this().refs.fetch_add(1, Ordering::Relaxed);
        Self { g: self.g, _platform: PhantomData }
    }
}

impl<P: Platform> Drop for Goroutine<P> {
    fn drop(&mut self) {
        crate::join::unrefer::<P>(self.g);
    }
}

impl<P: Platform> fmt::Debug for Goroutine<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goroutine").field("id", &self.id()).field("name", &self.name()).finish()
    }
}

/// The running goroutine; `None` on a thread that is no M.
///
/// # Panics
///
/// On the system stack.
pub fn current<P: Platform>() -> Option<Goroutine<P>> {
    let (_, g) = caller::<P>()?;
    // SAFETY: the running goroutine is alive.
    unsafe { g.as_ref().refs.fetch_add(1, Ordering::Relaxed) };
    Some(Goroutine { g, _platform: PhantomData })
}

/// Waits for the goroutine's token and takes it; it may also return for no reason.
///
/// # Panics
///
/// On the system stack, and on a thread that is no M.
pub fn park<P: Platform>() {
    let Caller::Goroutine(m, g) = enter::<P>() else {
        panic!("g0: park on a thread that runs no goroutine");
    };
    // SAFETY: the running goroutine's own.
    let token = unsafe { &g.as_ref().token };
    // Acquire: pairs with `unpark`.
    if token.swap(EMPTY, Ordering::Acquire) == TOKEN {
        return leave(m);
    }
    // SAFETY: whoever turns PARKED into TOKEN wakes us, once.
    let (m, cancelled) = unsafe { gopark::<P>(m, g, commit, core::ptr::null_mut()) };
    if cancelled {
        let alone = token.compare_exchange(PARKED, EMPTY, Ordering::AcqRel, Ordering::Acquire);
        let m = match alone {
            Ok(_) => m,
            Err(_) => crate::shutdown::await_late::<P>(m, g),
        };
        leave(m);
        return crate::shutdown::unwind::<P>(g);
    }
    token.store(EMPTY, Ordering::Relaxed);
    leave(m);
    go_on::<P>(g);
}

/// The parking side's unlock function.
///
/// # Safety
///
/// As [`crate::g::Unlock`].
unsafe fn commit(_arg: *mut u8, g: NonNull<G>) -> bool {
    // SAFETY: a G that is just parking is alive.
    let token: &AtomicU32 = unsafe { &g.as_ref().token };
    let parked = token.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok();
    if !parked {
        token.store(EMPTY, Ordering::Relaxed);
    }
    parked
}

/// Ends the running goroutine after its deferred calls have run; its [`JoinHandle`] gets `Err`
/// with [`g0_defer::Goexit`]. In the main goroutine, the others go on, and the runtime ends with
/// the last of them. It cannot be recovered.
///
/// # Panics
///
/// On the system stack, and on a thread that is no M.
///
/// [`JoinHandle`]: crate::generic::JoinHandle
pub fn goexit<P: Platform>() -> !
where
    P::Unwind: Throw,
{
    let Some((_, g)) = caller::<P>() else {
        panic!("g0: goexit on a thread that runs no goroutine");
    };
    // SAFETY: the running goroutine's own field.
    unsafe { g.as_ref().exiting.set(true) };
    P::Unwind::goexit()
}
