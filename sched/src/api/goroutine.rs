//! The running goroutine: its handle, its park token, its end.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use g0_defer::Throw;

use crate::exec::enter::{caller, enter};
use crate::exec::handles::unrefer;
use crate::exec::inside::Caller;
use crate::exec::refs::refer;
use crate::objects::g::G;
use crate::parts::exiting::Exiting;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::wait::park_token;

/// A handle by which a goroutine may be woken; it keeps the goroutine's memory, not the goroutine.
pub struct Goroutine<P: Platform> {
    g: NonNull<G>,
    _platform: PhantomData<fn() -> P>,
}

// SAFETY: all that is reached through it is atomic, or written before the goroutine started.
unsafe impl<P: Platform> Send for Goroutine<P> {}
// SAFETY: all that is reached through it is atomic, or written before the goroutine started.
unsafe impl<P: Platform> Sync for Goroutine<P> {}

impl<P: Platform> Goroutine<P> {
    fn this(&self) -> &G {
        // SAFETY: a counted handle keeps the G.
        unsafe { self.g.as_ref() }
    }

    /// Returns its number: unique in its runtime, never used again.
    pub fn id(&self) -> u64 {
        self.this().ident.id()
    }

    /// Returns its name, which is empty if it was given none.
    pub fn name(&self) -> &'static str {
        // SAFETY: this handle keeps the G.
        unsafe { self.this().ident.name() }
    }

    /// Gives the goroutine its one token: [`park`] returns. Any thread and any interrupt handler
    /// may call it; when the goroutine has ended it does nothing.
    ///
    /// # Panics
    ///
    /// On the system stack of an M.
    pub fn unpark(&self) {
        if !P::in_interrupt() {
            // The caller does not matter, only that this is not the system stack.
            let _ = caller::<P>();
        }
        // SAFETY: this handle keeps the G.
        unsafe { park_token::give::<P>(self.g, &self.this().token) };
    }
}

impl<P: Platform> Clone for Goroutine<P> {
    fn clone(&self) -> Self {
        // SAFETY: this handle keeps the G.
        unsafe { refer::<P>(self.g) };
        Self { g: self.g, _platform: PhantomData }
    }
}

impl<P: Platform> Drop for Goroutine<P> {
    fn drop(&mut self) {
        // SAFETY: this handle, which is not used again.
        unsafe { unrefer::<P>(self.g) };
    }
}

impl<P: Platform> fmt::Debug for Goroutine<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goroutine").field("id", &self.id()).field("name", &self.name()).finish()
    }
}

/// Returns the running goroutine; `None` on a thread that is no M.
///
/// # Panics
///
/// On the system stack.
pub fn current<P: Platform>() -> Option<Goroutine<P>> {
    let (_, g) = caller::<P>()?;
    // SAFETY: the running goroutine is alive.
    unsafe { refer::<P>(g) };
    Some(Goroutine { g, _platform: PhantomData })
}

/// Waits for the goroutine's token and takes it; it may also return for no reason.
///
/// # Panics
///
/// On the system stack, and on a thread that is no M.
pub fn park<P: Platform>() {
    let Caller::Goroutine(inside) = enter::<P>() else {
        panic!("g0: park on a thread that runs no goroutine");
    };
    if inside.g().token.take() {
        inside.leave();
        return;
    }
    inside.g().waits_for(WaitReason::Park, inside.core().coarse());
    // SAFETY: the running goroutine is alive for the length of its wait.
    let token = unsafe { &(*inside.goroutine().as_ptr()).token };
    park_token::wait::<P>(inside, token);
}

/// Ends the running goroutine after its deferred calls have run; its [`JoinHandle`] gets `Err` with
/// [`g0_defer::Goexit`]. When the main goroutine calls it, the remaining goroutines go on, and the
/// runtime ends with the last of them. A Goexit cannot be recovered.
///
/// # Panics
///
/// On the system stack, and on a thread that is no M.
///
/// [`JoinHandle`]: super::join::JoinHandle
pub fn goexit<P: Platform>() -> !
where
    P::Unwind: Throw,
{
    let Some((_, g)) = caller::<P>() else {
        panic!("g0: goexit on a thread that runs no goroutine");
    };
    // SAFETY: the running goroutine's own field.
    unsafe { g.as_ref().exiting.set(Exiting::Goexit) };
    P::Unwind::goexit()
}
