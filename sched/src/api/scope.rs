//! Goroutines that borrow: all of them end before the scope does.

use core::marker::PhantomData;

use g0_arch::sync::atomic::{AtomicUsize, Ordering};
use g0_defer::Unwind;

use super::go::{Go, spawn_raw};
use super::join::JoinHandle;
use crate::exec::enter::{caller, enter_uncut};
use crate::exec::suspend::suspend_here_uncut;
use crate::objects::scope_state::{ScopeState, WAITING};
use crate::objects::waiter::Waiter;
use crate::parts::error::Error;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// Where goroutines that borrow from `'env` are started; see [`scope`].
pub struct Scope<'scope, 'env: 'scope, P: Platform> {
    state: ScopeState,
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
    _platform: PhantomData<P>,
}

/// A goroutine of a scope that can be waited for; the scope waits for it in any case.
pub struct ScopedJoinHandle<'scope, T, P: Platform> {
    handle: JoinHandle<T, P>,
    _scope: PhantomData<&'scope ()>,
}

impl<T, P: Platform> ScopedJoinHandle<'_, T, P> {
    /// As [`JoinHandle::join`].
    pub fn join(self) -> crate::platform::Outcome<T, P> {
        self.handle.join()
    }

    /// As [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

/// A goroutine that is counted and not started yet.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(running: &'a AtomicUsize) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'scope, 'env, P: Platform> Scope<'scope, 'env, P> {
    /// Starts a goroutine that ends before the scope does. A panic in it, if it is not joined,
    /// becomes a panic of the scope.
    ///
    /// # Panics
    ///
    /// When there is no runtime or no stack, and on the system stack. While the run ends the goroutine ends
    /// before it starts, and `f` is dropped.
    #[track_caller]
    pub fn go<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T, P>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.start(&Go::new().insists(), f) {
            Ok(handle) => handle,
            Err(error) => super::go::refuse(error),
        }
    }

    /// As [`go`](Self::go), with an error in place of the panic; `f` is dropped.
    ///
    /// # Errors
    ///
    /// See [`Error`]; there is no runtime or no stack, or the end of the run unwinds the caller.
    #[track_caller]
    pub fn try_go<F, T>(&'scope self, f: F) -> Result<ScopedJoinHandle<'scope, T, P>, Error>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(&Go::new(), f)
    }

    #[track_caller]
    fn start<F, T>(&'scope self, how: &Go, f: F) -> Result<ScopedJoinHandle<'scope, T, P>, Error>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // Counted before, for it may end before this function goes on; not started, it is not
        // counted, also when this panics on the system stack.
        let counted = Counted::new(&self.state.running);
        // SAFETY: `scope` does not return before the goroutine has ended, so what it borrows
        // outlives it; its result is dropped by then, or belongs to a handle of this lifetime.
        let spawned = unsafe { spawn_raw::<P, F, T>(how, f, &raw const self.state) };
        if spawned.is_ok() {
            core::mem::forget(counted);
        }
        spawned.map(|handle| ScopedJoinHandle { handle, _scope: PhantomData })
    }

    fn wait(&self) {
        // Uncut: the end of the run must not end the goroutine here.
        if self.state.running.load(Ordering::Acquire) == 0 {
            return suspend_here_uncut::<P>();
        }
        let caller = enter_uncut::<P>();
        let waiter = Waiter::new(&caller, false, WaitReason::Scope);
        // SAFETY: it is read only after WAITING has been set below.
        unsafe { self.state.set_waiter(&raw const waiter) };
        let running = &self.state.running;
        // AcqRel: publishes the waiter; sees what the last goroutine did.
        let publish = move || running.fetch_or(WAITING, Ordering::AcqRel) != 0;
        // The end of the run must not cut the wait of a scope while goroutines of it live: the
        // scope waits on.
        let withdraw = || false;
        // SAFETY: the last goroutine wakes the owner once; waiter and state live until then.
        unsafe { waiter.wait::<P>(caller, None, publish, withdraw) };
        running.fetch_and(!WAITING, Ordering::Relaxed);
    }
}

/// Runs `f`, which may start goroutines that borrow from outside the scope, and waits for them all. On a
/// thread that is no M nothing can be started.
///
/// A panic or a Goexit in `f` is held until the goroutines have ended, and goes on then, as with
/// `std::thread::scope`. Meanwhile the goroutine does not unwind: it waits as any other does, and goroutines
/// of its thread run.
///
/// # Panics
///
/// When `f` does, or when a goroutine that was not joined did; of the two, the panic of `f` goes on. On the
/// system stack, where the scope could not wait: before `f` runs.
pub fn scope<'env, P: Platform, F, R>(f: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, P>) -> R,
{
    // For an unwinding that the platform's unwinder does not catch.
    struct Wait<'a, 'scope, 'env, P: Platform>(&'a Scope<'scope, 'env, P>);
    impl<P: Platform> Drop for Wait<'_, '_, '_, P> {
        fn drop(&mut self) {
            self.0.wait();
        }
    }
    let is_goroutine = caller::<P>().is_some();
    let scope = Scope {
        state: ScopeState::new(),
        _scope: PhantomData,
        _env: PhantomData,
        _platform: PhantomData,
    };
    let wait = Wait(&scope);
    // A goroutine that unwinds keeps its thread for itself, and those that are bound to that thread would
    // never end. Any other thread blocks in any case, and not every unwinder catches there.
    let ended = if is_goroutine { P::Unwind::catch(|| f(&scope)) } else { Ok(f(&scope)) };
    if ended.is_err() {
        P::Unwind::holding(true);
    }
    drop(wait);
    match ended {
        Ok(result) => {
            assert!(
                !scope.state.panicked.load(Ordering::Relaxed),
                "g0: a goroutine of the scope panicked and was not joined"
            );
            result
        }
        Err(payload) => {
            P::Unwind::holding(false);
            P::Unwind::resume(payload)
        }
    }
}
