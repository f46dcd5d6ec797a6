//! Starting goroutines.

use core::panic::Location;
use core::ptr;

use super::join::JoinHandle;
use crate::exec::spawn::start;
use crate::objects::scope_state::ScopeState;
use crate::parts::error::Error;
use crate::platform::Platform;

/// How a goroutine is to be started.
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing is started before `spawn`"]
pub struct Go {
    name: &'static str,
}

impl Go {
    /// Without a name.
    pub const fn new() -> Self {
        Self { name: "" }
    }

    /// Names the goroutine in messages.
    pub const fn name(self, name: &'static str) -> Self {
        Self { name }
    }

    /// Starts `f` as a goroutine of the running one's scheduler.
    ///
    /// # Errors
    ///
    /// See [`Error`]; `f` is dropped.
    ///
    /// # Panics
    ///
    /// On the system stack.
    #[track_caller]
    #[inline]
    pub fn spawn<P: Platform, F, T>(&self, f: F) -> Result<JoinHandle<T, P>, Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: nothing is borrowed.
        unsafe { spawn_raw(self, f, ptr::null()) }
    }
}

impl Default for Go {
    fn default() -> Self {
        Self::new()
    }
}

/// What `go` does in place of returning an error: while the runtime is shut down the goroutine ends
/// by Goexit, as at any other operation; else it panics.
#[cold]
#[inline(never)]
#[track_caller]
pub fn refuse<P: Platform>(error: Error) -> ! {
    if error == Error::ShutDown
        && let Some((m, g)) = crate::exec::enter::caller::<P>()
    {
        crate::exec::cancel::obey::<P>(m, g);
    }
    panic!("g0: no goroutine started: {error}")
}

/// As [`Go::spawn`].
///
/// # Safety
///
/// The goroutine ends before anything that `F` and `T` borrow; `scope` is null or lives as long.
#[track_caller]
#[inline]
pub(crate) unsafe fn spawn_raw<P: Platform, F, T>(
    go: &Go,
    f: F,
    scope: *const ScopeState,
) -> Result<JoinHandle<T, P>, Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let site = Location::caller();
    // SAFETY: the caller's promise; the handle is the goroutine's one.
    unsafe {
        let (g, result) = start::<P, F, T>(f, go.name, site, scope)?;
        Ok(JoinHandle::new(g, result))
    }
}
